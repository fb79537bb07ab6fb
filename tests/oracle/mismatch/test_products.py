"""Which products are proposed first, and what sizes are called."""

from oracle.mismatch.axes import Names, in_brackets, shown
from oracle.mismatch.products import Factor, products
from oracle.mismatch.trace import gradient_of
from oracle.shapes import parse

DZ = Factor("dz", ("batch", "hidden"), delta=True, failing=True)
H = Factor("h", ("batch", "hidden"))
H_PREV = Factor("h_prev", ("batch", "hidden"))
R = Factor("R", ("hidden", "hidden"), parameter=True)
X = Factor("x", ("batch", "input"))


def texts(factors, wanted, **how):
    return [one.text for one in products(factors, wanted, **how)]


def test_the_earlier_state_goes_into_the_recurrent_matrix():
    found = texts([DZ, H, H_PREV], ("hidden", "hidden"), gradient=True, gradient_of_parameter=True)
    assert found[:2] == ["dz.T @ h_prev", "h_prev.T @ dz"] or found[:2] == ["h_prev.T @ dz", "dz.T @ h_prev"]
    assert set(found[2:]) == {"dz.T @ h", "h.T @ dz"}


def test_a_term_of_a_gradient_has_one_factor_that_is_a_gradient():
    assert texts([DZ, H, X], ("input", "hidden"), gradient=True) == ["x.T @ dz"]
    dx = Factor("dx", ("batch", "input"), delta=True)
    assert texts([DZ, X, dx], ("input", "hidden"), gradient=True) == ["x.T @ dz"]
    assert texts([H, X], ("input", "hidden"), gradient=True) == ["x.T @ h"]  # none is known for one
    assert set(texts([DZ, H, X], ("input", "hidden"))) == {"x.T @ dz", "x.T @ h"}


def test_no_parameter_is_in_a_parameter_s_gradient():
    wanted = ("batch", "hidden")
    assert texts([DZ, R], wanted, gradient=True, gradient_of_parameter=True) == ["dz"]
    assert texts([DZ, R], wanted, gradient=True) == ["dz @ R", "dz @ R.T"]


def test_sums():
    assert texts([DZ], ("hidden",), gradient=True) == ["dz.sum(axis=0)"]
    assert texts([DZ], ("1", "hidden"), gradient=True) == ["dz.sum(axis=0, keepdims=True)"]
    steps = Factor("dzs", ("time", "batch", "hidden"), delta=True, failing=True)
    assert texts([steps], ("hidden",), gradient=True) == ["dzs.sum(axis=(0, 1))"]
    assert texts([DZ], ("hidden",)) == []  # what is no gradient is not summed over samples


def test_names_of_sizes():
    shapes = {"W": parse("W", "hidden+input 4*hidden")}
    names = Names(shapes, ({"time": 5, "batch": 3, "hidden": 8, "input": 11},))
    sizes = [5, 3, 8, 11, 19, 32, 6, 4, 15, 1, 9, 50]
    called = "time batch hidden input hidden+input 4*hidden time+1".split()
    assert [names.of_size(size)[0] for size in sizes[:7]] == called
    assert names.of_size(4) == ("batch+1", "time-1")
    assert names.of_size(1) == ("1",) and names.of_size(50) == ("50",)
    both = Names(shapes, (names.sizes[0], {"time": 9, "batch": 2, "hidden": 4, "input": 7}))
    assert both.of_size(4, 8) == ("time-1",) and both.of_size(4, 3) == ("batch+1",)
    assert both.of_shape((5, 8), (9, 4)) == ("time", "hidden")
    assert Names({}, ()).of_size(7) == ("7",)


def test_axes_in_words():
    assert in_brackets(("hidden",)) == "(hidden,)" and in_brackets(("batch", "1")) == "(batch, 1)"
    assert shown(("batch", "1", "hidden"), (3, 1, 6)) == "batch=3, 1, hidden=6"


def test_names_of_gradients():
    names = {"dW_hh": "W_hh", "grad_W": "W", "W_grad": "W", "delta_hidden": "hidden", "dLdW": "W", "dhnext": "hnext"}
    assert {name: gradient_of(name) for name in names} == names
    assert [gradient_of(name) for name in ("W", "h", "delta", "data", "x")] == [None] * 5
