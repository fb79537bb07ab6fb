"""Every product that balances, held against einsum, and against a search that knows nothing of how they are found."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle import balance
from oracle.balancing import spelling
from oracle.balancing.readings import FAR_FETCHED, Reading

SIZES = {"a": 2, "b": 3, "c": 4, "d": 5}
NAMES = ("p", "q", "r", "s", "t", "u")


def expressions(*factors, to, **options):
    return [product.expression for product in balance(*factors, to=to, **options).products]


def defined(reading: Reading, arrays: list[np.ndarray]) -> np.ndarray:
    """The reading by numpy.einsum with numbers for axes: every axis of size one is one of its own."""
    numbers: dict[str, int] = {}
    operands = []
    for array, labels in zip(arrays, reading.factors):
        axes = [numbers.setdefault(label, len(numbers)) for label in labels if label != "1"]
        operands += [array.reshape([n for n, label in zip(array.shape, labels) if label != "1"]), axes]
    value = np.einsum(*operands, [numbers[label] for label in reading.result if label != "1"])
    kept = iter(value.shape)
    return value.reshape([1 if label == "1" else next(kept) for label in reading.result])


def wrong_expressions(found, sizes=SIZES) -> list[str]:
    """The expressions of all products that are not what einsum defines, run on random arrays."""
    rng = np.random.default_rng(0)
    shapes = {f.name: tuple(sizes.get(axis.base) or int(axis.base) for axis in f.axes) for f in found.factors}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    wrong = []
    for product in (*found.products[:40], *found.others[:10]):
        right = defined(product.reading, list(arrays.values()))
        for expression in (*product.expressions, product.einsum):
            try:
                value = np.asarray(eval(expression, {"np": np, **arrays}))
            except ValueError:
                value = np.asarray(None)
            if value.shape != right.shape or not np.allclose(value, right):
                wrong.append(expression)
    return wrong


@st.composite
def problems(draw, repeated: bool):
    """Factors and a result; `repeated` allows a name or a size several times in one of them."""
    axes = st.lists(st.sampled_from([*SIZES, "1"]), max_size=3 if repeated else 4, unique=not repeated)
    if repeated:
        axes = st.lists(st.sampled_from(["a", "b", "1", "3", "4"]), max_size=3)
    factors = draw(st.lists(axes, min_size=1, max_size=3 if repeated else 5))
    known = sorted({axis for factor in factors for axis in factor if axis != "1"})
    wanted = draw(st.lists(st.sampled_from([*known, "1"]), max_size=4, unique=True))
    wanted = draw(st.permutations(wanted))
    return [f"{name}: {' '.join(factor)}" for name, factor in zip(NAMES, factors)], " ".join(wanted)


@settings(deadline=None, max_examples=150)
@given(problems(repeated=False))
def test_every_expression_is_its_einsum(problem):
    factors, to = problem
    found = balance(*factors, to=to)
    assert len(found.products) + len(found.others) == 1, "names of their own leave one product"
    assert not wrong_expressions(found)


@settings(deadline=None, max_examples=100)
@given(problems(repeated=True))
def test_every_expression_is_its_einsum_where_names_and_sizes_repeat(problem):
    factors, to = problem
    found = balance(*factors, to=to)
    assert not wrong_expressions(found)
    assert len({product.einsum for product in found.products}) == len(found.products)


def test_a_wrong_expression_is_noticed(monkeypatch):
    def untransposed(one, order):
        return spelling.Spelling(one.text, order, one.ops, one.trouble, one.forms)  # wrong on purpose

    monkeypatch.setattr(spelling, "_permuted", untransposed)
    assert wrong_expressions(balance("p: a b", "q: a c", to="b c"))


def brute(shapes: list[tuple[int, ...]], wanted: tuple[int, ...]) -> set[str]:
    """Every einsum of arrays of these shapes with this result, no array with one axis twice: by trying all letters."""
    letters = "abcdefgh"[: sum(map(len, shapes))]
    found = set()
    choices = [list(itertools.permutations(letters, len(shape))) for shape in shapes]
    for terms in itertools.product(*choices):
        sizes: dict[str, int] = {}
        fits = all(sizes.setdefault(x, n) == n for term, shape in zip(terms, shapes) for x, n in zip(term, shape))
        order = "".join(dict.fromkeys(itertools.chain(*terms)))
        if not fits or order != letters[: len(order)]:  # each way once: letters in order of appearance
            continue
        for result in itertools.permutations(order, len(wanted)):
            if tuple(sizes[x] for x in result) == wanted:
                found.add(f"{','.join(map(''.join, terms))}->{''.join(result)}")
    return found


@pytest.mark.parametrize(
    "shapes, wanted",
    [
        ([(3, 4), (3, 6)], (4, 6)),
        ([(3, 3), (3, 3)], (3, 3)),
        ([(2, 3), (2, 3)], (3, 3)),
        ([(2, 3), (3, 3)], (2, 3)),
        ([(3, 3)], (3,)),
        ([(2, 2), (2,), (2,)], (2, 2)),
        ([(2, 3), (4,)], ()),
    ],
)
def test_no_product_of_sizes_is_missing(shapes, wanted):
    texts = [f"{name}: {' '.join(map(str, shape))}" for name, shape in zip(NAMES, shapes)]
    found = balance(*texts, to=" ".join(map(str, wanted)))
    ours = set()
    for product in (*found.products, *found.others):
        numbers = {label: "abcdefgh"[k] for k, label in enumerate(dict.fromkeys(sum(product.reading.factors, ())))}
        terms = ["".join(numbers[label] for label in labels) for labels in product.reading.factors]
        ours.add(f"{','.join(terms)}->{''.join(numbers[label] for label in product.reading.result)}")
    assert ours == brute(shapes, wanted)


@pytest.mark.parametrize(
    "factors, to, expression, sums",
    [
        (["x: batch input", "delta: batch hidden"], "input hidden", "x.T @ delta", "sums over batch"),
        (["x: batch input", "delta: batch hidden"], "hidden input", "delta.T @ x", "sums over batch"),
        (["x: input batch", "delta: hidden batch"], "hidden input", "delta @ x.T", "sums over batch"),
        (["dy: batch output", "W: hidden output"], "batch hidden", "dy @ W.T", "sums over output"),
        (["delta: batch hidden"], "hidden", "delta.sum(axis=0)", "sums over batch"),
        (["delta: batch hidden"], "1 hidden", "delta.sum(axis=0, keepdims=True)", "sums over batch"),
        (["delta: hidden batch"], "hidden 1", "delta.sum(axis=1, keepdims=True)", "sums over batch"),
        (["delta: time batch hidden"], "hidden", "delta.sum(axis=(0, 1))", "sums over time and batch"),
        (["W: hidden input", "x: input 1"], "hidden 1", "W @ x", "sums over input"),
        (["delta: hidden 1", "x: input 1"], "hidden input", "delta @ x.T", "sums over nothing: an outer product"),
        (["x: input", "d: hidden"], "input hidden", "np.outer(x, d)", "sums over nothing: an outer product"),
        (["x: input", "d: hidden"], "hidden input", "np.outer(d, x)", "sums over nothing: an outer product"),
        (["dh: b h", "s: b h"], "b h", "dh * s", "sums over nothing: an elementwise product"),
        (["x: b h", "b: h"], "b h", "x * b", "sums over nothing: an elementwise product"),
        (["x: b h", "m: b"], "b h", "x * m[:, None]", "sums over nothing: an elementwise product"),
        (["g: h", "d: b h"], "h", "g * d.sum(axis=0)", "sums over b, which only d has"),
        (["rate:", "d: b h"], "b h", "rate * d", "sums over nothing"),
        (["d: b h"], "", "d.sum()", "sums over b and h"),
        (["p: n", "q: n"], "", "p @ q", "sums over n"),
        (["x: t b i", "W: i h"], "t b h", "x @ W", "sums over i"),
        (["q: b t h", "k: b s h"], "b t s", "q @ k.transpose(0, 2, 1)", "sums over h"),
        (["dy: b o", "W: h o", "s: b h"], "b h", "(dy @ W.T) * s", "sums over o"),
        (["x: b i", "y: b o", "V: h o"], "i h", "x.T @ y @ V.T", "sums over b and o"),
        (["h: b 6*n", "d: b 4*n"], "6*n 4*n", "h.T @ d", "sums over b"),
        (["self.x: b i", "ds[t-1]: b h"], "i h", "self.x.T @ ds[t-1]", "sums over b"),
        (["x: b h(t - 1)", "d: b h(t)"], "h(t-1) h(t)", "x.T @ d", "sums over b"),
        (["x: b h′", "d: b h"], "h' h", "x.T @ d", "sums over b"),
    ],
)
def test_the_best_expression(factors, to, expression, sums):
    (product,) = balance(*factors, to=to).products
    assert (product.expression, product.sums) == (expression, sums)
    assert str(product) == f"{expression}    {sums}"


def test_time_and_batch_at_once():
    (product,) = balance("x: time batch input", "delta: time batch hidden", to="input hidden").products
    assert product.sums == "sums over time and batch"
    assert product.einsum == 'np.einsum("tbi,tbh->ih", x, delta)'
    assert product.expressions == (
        "np.tensordot(x, delta, axes=([0, 1], [0, 1]))",
        "x.reshape(-1, x.shape[-1]).T @ delta.reshape(-1, delta.shape[-1])",
    )


def test_the_order_of_three_follows_the_sizes():
    factors = ("u: i j", "v: j k", "w: k l")
    assert expressions(*factors, to="i l", sizes=dict(i=2, j=50, k=50, l=50)) == ["u @ v @ w"]
    assert expressions(*factors, to="i l", sizes=dict(i=50, j=50, k=50, l=2)) == ["u @ (v @ w)"]


def test_the_recurrent_matrix_needs_marks():
    plain = balance("delta: batch hidden", "W_hh: hidden hidden", to="batch hidden")
    assert [one.expression for one in plain.products] == ["delta @ W_hh", "delta @ W_hh.T"]
    assert plain.doubtful == ("hidden",)
    marked = balance("delta: batch hidden(t)", "W_hh: hidden(t-1) hidden(t)", to="batch hidden(t-1)")
    assert [one.expression for one in marked.products] == ["delta @ W_hh.T"] and not marked.doubtful
    plain = balance("h: batch hidden", "delta: batch hidden", to="hidden hidden")
    assert [one.expression for one in plain.products] == ["h.T @ delta", "delta.T @ h"]
    primed = balance("h: batch hidden", "delta: batch hidden'", to="hidden hidden'")
    assert [one.expression for one in primed.products] == ["h.T @ delta"]


@pytest.mark.parametrize(
    "factors, to",
    [
        (["delta: batch hidden", "W: hidden hidden"], "batch hidden"),
        (["h: batch hidden", "delta: batch hidden"], "hidden hidden"),
        (["delta: batch hidden(t)", "W: hidden hidden"], "batch hidden"),
        (["delta: batch hidden(t)", "W: hidden hidden"], "batch hidden(t-1)"),
        (["u: n n", "v: n n"], "n n"),
        (["u: 4*n 4*n", "v: 4*n"], "4*n"),
    ],
)
def test_the_marks_that_are_offered_leave_one_product(factors, to):
    found = balance(*factors, to=to)
    assert len(found.products) > 1 or to == "batch hidden(t-1)"
    for product in found.products:
        texts, result = product.written
        assert expressions(*texts, to=result) == [product.expression]


def test_sizes_leave_open_what_names_settle():
    assert expressions("x: 3 4", "delta: 3 6", to="4 6") == ["x.T @ delta"]
    assert len(expressions("x: 3 3", "delta: 3 3", to="3 3")) == 12
    assert expressions("h: 1 16", "delta: 1 16", to="16 16") == ["h.T @ delta", "delta.T @ h"]


def test_sums_over_what_one_factor_alone_has_come_last():
    found = balance("x: 3 4", "delta: 3 6", to="4 6")
    assert [one.expression for one in found.others] == ["np.outer(x.sum(axis=0), delta.sum(axis=0))"]
    assert found.others[0].reading.tier == FAR_FETCHED


def test_what_numpy_accepts_without_a_word():
    found = balance("delta: batch hidden(t)", "W: hidden(t-1) hidden(t)", to="batch hidden(t-1)")
    (one,) = found.silent
    assert str(one) == "delta @ W    sums hidden(t) of delta against hidden(t-1) of W"
    assert not one.same and not one.spread
    found = balance("x: batch input", "delta: batch hidden", to="input hidden")
    assert not found.silent, "at sizes all different nothing else has the shape"
    found = balance("x: batch input", "d: batch hidden", to="input hidden", sizes=dict(batch=1, input=2, hidden=16))
    assert [(one.expression, one.same) for one in found.silent] == [("x.T * d", True), ("np.outer(x, d)", True)]
    found = balance("x: batch input", "d: batch hidden", to="input hidden", sizes=dict(batch=3, input=3, hidden=4))
    assert [(one.expression, one.clash, one.same) for one in found.silent] == [
        ("x @ d", "sums input of x against batch of d", False)
    ]
    found = balance("d: batch hidden", to="hidden", sizes=dict(batch=5, hidden=5))
    assert [str(one) for one in found.silent if not one.spread] == ["d.sum(axis=1)    sums over hidden"]


def test_what_numpy_accepts_where_numbers_stand_for_names():
    found = balance("x: batch 4", "d: batch hidden", to="4 hidden", sizes=dict(batch=1, hidden=4))
    assert "d.T @ x" in [one.expression for one in found.silent]
    (one,) = balance("W: hidden(t-1) hidden(t)", to="hidden(t) hidden(t-1)").silent
    assert str(one) == "W    gives (hidden(t-1), hidden(t))"


def test_einsum_of_axes_of_size_one():
    (product,) = balance("W: hidden input", "x: input 1", to="hidden 1").products
    assert product.einsum == 'np.einsum("hi,iZ->hZ", W, x)'
    (product,) = balance("W: hidden input", "x: input", to="1 hidden").products
    assert product.einsum == 'np.einsum("hi,i->h", W, x)[None]'


def test_16x16_against_1x2():
    """As the person met it who asked whether the chain rule was wrong."""
    found = balance("W_hidden: 16 16", "delta: 1 2", to="16 16")
    assert not found.products and found.why_not == (
        "delta (1, 2): its 2 is in no other factor and not wanted",
        "W_hidden and delta share no axis, so there is nothing to sum over",
        "the result has the axes of W_hidden itself: if it is the gradient of W_hidden, its factors are what W_hidden "
        "was multiplied with and the delta of what came out, not W_hidden",
    )
    found = balance("delta: 1 2", "W_hidden: 16 16", to="1 16")
    assert found.why_not[-1] == (
        "beside W_hidden (16, 16) the other factor should have the axes (1, 16), in either order, but delta has (1, 2)"
    )


def test_an_axis_there_too_seldom():
    assert balance("x: batch hidden", to="hidden hidden").why_not == (
        "the result has hidden 2 times, the factors have it 1 time",
    )


@pytest.mark.parametrize(
    "factors, to, message",
    [
        ([], "a", "there is no factor, but should be at least one, such as 'x: batch input'"),
        ([""], "a", "a factor is empty: ''; a factor is written 'x: batch input', a scalar 'rate:'"),
        (["batch input"], "a", "the factor 'batch input' has no name with a colon; a factor is written"),
        (["x y: a"], "a", "'x y' is no name of an array, such as x, self.W or h[t-1]\n    x y: a\n    ^^^"),
        ([": a"], "a", "'' is no name of an array, such as x, self.W or h[t-1]\n    : a\n    ^"),
        (["lambda: a"], "a", "'lambda' is no name of an array"),
        (["np: a"], "a", "'np' names NumPy itself"),
        (["x: a b*"], "a", "the axes of x cannot be read at 'b*': it is no expression\n    x: a b*\n         ^^\n"),
        (["x: aa a)"], "a", "the axes of x cannot be read at 'a)': it is no expression\n    x: aa a)\n          ^^\n"),
        (["x: a(t b"], "a", "cannot be read at 'a(t b': a parenthesis is not closed\n    x: a(t b\n       ^^^^^\n"),
        (["x: a()"], "a", "cannot be read at 'a()': the mark in parentheses is empty"),
        (["x: 0"], "", "cannot be read at '0': 0 is no size"),
        (["x: 3-3"], "", "cannot be read at '3-3': 3-3 is no size of at least 1"),
        (["x: 3//0"], "", "cannot be read at '3//0': 3//0 is no size of at least 1"),
        (["x: 3'"], "", 'cannot be read at "3\'": a number has no mark'),
        (["x: 9999999999999"], "", "no array is as large as that; a size has at most 12 digits"),
        (["x: a(t) a(t)"], "a(t)", "a(t) is there twice, and two axes of one array that are the same make a diagonal"),
        (["x: a b c d e f g"], "a", "cannot be read at 'g': there are 7 axes, but should be at most 6"),
        (["x: a"], "a 2.5", "the axes of the result cannot be read at '2.5': 2.5 is no size\n    a 2.5\n      ^^^\n"),
        (["x: batch"], "batsch", "the result has an axis batsch, which no factor has; the factors have batch; did you"),
        (["x: a(t)"], "a", "the result has an axis a, which no factor has; the factors have a(t)"),
        (["x: 3"], "4", "the result has an axis 4, which no factor has; the factors have 3"),
        (["x:"], "a", "the result has an axis a, which no factor has; the factors have no axes at all"),
        (["x: a", "x: b"], "a", "there are two factors 'x', but each should have a name of its own"),
        ([f"{name}: a" for name in "tuvwxyz"], "a", "there are 7 factors, but should be at most 6: put some of them"),
    ],
)
def test_bad_input(factors, to, message):
    with pytest.raises(ValueError) as caught:
        balance(*factors, to=to)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({"a": 2}, "sizes has no hidden, but should have every name: a, hidden"),
        ({"a": 2, "hidden": 3, "hiden": 3}, "sizes has 'hiden', which is no axis; the axes have a, hidden; did you"),
        ({"a": 2, "hidden": 0}, "the size of hidden is 0, but should be a whole number of at least 1"),
        ({"a": 2, "hidden": 2.0}, "the size of hidden is 2.0, but should be a whole number of at least 1"),
        ({"a": 5, "hidden": 5}, "the axis 'hidden-5' is 0 at"),
        ({"a": 5, "hidden": 6, "b": 1}, "sizes has 'b', which is no axis"),
    ],
)
def test_bad_sizes(sizes, message):
    with pytest.raises(ValueError) as caught:
        balance("x: a hidden", "y: hidden-5", to="a", sizes=sizes)
    assert message in str(caught.value)


def test_what_is_no_string():
    with pytest.raises(TypeError, match=r"a factor is \(3, 4\), but should be a string such as 'x: batch input'"):
        balance((3, 4), to="a")
    with pytest.raises(TypeError, match="sizes is 5, but should be a dict of whole numbers by name"):
        balance("x: a", to="a", sizes=5)
    with pytest.raises(TypeError, match="to is None, but should be a string such as 'input hidden'"):
        balance("x: a", to=None)


def test_many_equal_sizes_are_bounded():
    found = balance(*(f"{name}: 5 5 5" for name in NAMES), to="5 5 5")
    assert not found.complete and len(found.products) + len(found.others) == 2000
    assert found.products[0].expression == "p * q * r * s * t * u"
    assert balance(*(f"{name}: 5" for name in NAMES), to="5").complete


def test_it_is_the_function():
    assert oracle.balance is balance and callable(balance)
