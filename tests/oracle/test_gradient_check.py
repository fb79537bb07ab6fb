"""Declared functions at several sizes, and live functions at one set of arrays."""

import functools
import textwrap

import numpy as np
import pytest

from oracle import GradientError, assert_gradients, check_gradients, gradient_function
from oracle.gradient_check import check_function, functions_in, pick
from oracle.oracles import AUTOGRAD
from oracle.verdict import AGREES, CANNOT_TELL, WRONG

RNN = """
import numpy as np
from oracle import gradient_function

@gradient_function(W_x="hidden input", W_h="hidden hidden", b="hidden")
def rnn(p, sizes, rng):
    xs = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    up = rng.normal(size=(sizes.batch, sizes.hidden))
    hs = [rng.normal(size=(sizes.batch, sizes.hidden))]
    for x in xs:
        hs.append(np.tanh(x @ p.W_x.T + hs[-1] @ p.W_h.T + p.b))
    g, dh = {name: np.zeros_like(value) for name, value in p.items()}, up
    for t in reversed(range(sizes.time)):
        d = dh * (1 - hs[t + 1] ** 2)
        g["W_x"] += d.T @ xs[t]
        g["W_h"] += d.T @ hs[t]
        g["b"] += d.sum(0)
        dh = d @ p.W_h
    return np.sum(up * hs[-1]), g
"""


@pytest.fixture
def report(tmp_path):
    """source, options -> report on its only function."""

    def checked(source, **options):
        path = tmp_path / "check_it.py"
        path.write_text(source)
        (function,) = functions_in(str(path)).values()
        return check_function(function, **options)

    return checked


def test_right(report):
    found = report(RNN)
    assert found.outcome == AGREES and found.shrunk is None and found.worst is found.findings[0]
    assert found.name == "rnn" and found.filename.endswith("check_it.py") and found.line == 5
    assert found.parameters == ("W_x", "W_h", "b")
    assert [finding.oracle for finding in found.findings] == [AUTOGRAD] * 3
    for finding in found.findings:  # sizes that cannot hide a mistake
        assert len(set(finding.sizes.values())) == 4 and finding.sizes["time"] >= 3 and finding.sizes["batch"] >= 2


@pytest.mark.parametrize(
    "right, wrong, gradients, says",
    [
        (
            "dh = d @ p.W_h",
            "dh = d @ p.W_h.T",
            {"W_x", "W_h", "b"},
            "right at time=1, wrong at time=2: look at what flo",
        ),
        ("d.sum(0)", "d[0]", {"b"}, "right at batch=1, wrong at batch=2: look for a sum or a mean over the batch"),
        ("(1 - hs[t + 1] ** 2)", "(1 - hs[t + 1])", {"W_x", "W_h", "b"}, "wrong at time=1 already: look at a single"),
        ('g["W_h"] += d.T @ hs[t]', 'g["W_h"] += (d.T @ hs[t]).T', {"W_h"}, "wrong at hidden=2"),
    ],
)
def test_wrong_and_where_it_is_right(report, right, wrong, gradients, says):
    assert right in RNN
    found = report(RNN.replace(right, wrong))
    assert found.outcome == WRONG and set(found.worst.wrong) == gradients
    assert any(says in line for line in found.shrunk.says), found.shrunk
    assert found.shrunk.parameter in gradients and max(found.shrunk.sizes.values()) <= 2


def test_the_users_own_sizes(report):
    found = report(RNN, sequence_lengths=[1, 4], hidden_sizes=[3])
    assert [(f.sizes["time"], f.sizes["hidden"]) for f in found.findings] == [(1, 3), (4, 3)]
    with pytest.raises(ValueError, match="no axis is called hidden; the shapes have width"):
        check_function(gradient_function(b="width")(lambda p, sizes, rng: 0), hidden_sizes=[3])


def test_done_is_told_of_every_case(report):
    done = []
    report(RNN, done=done.append)
    assert len(done) == 3


def test_what_cannot_be_checked_is_not_tried_again(report):
    found = report(RNN.replace("    return np.sum(up * hs[-1]), g", "    raise RuntimeError"))
    assert found.outcome == CANNOT_TELL and len(found.findings) == 1
    assert "RuntimeError" in found.worst.not_checked


def test_functions_in_a_file(tmp_path):
    (tmp_path / "check_rnn.py").write_text(RNN)
    (tmp_path / "check_all.py").write_text("from check_rnn import rnn\n" + RNN.replace("def rnn", "def second"))
    assert list(functions_in(str(tmp_path / "check_all.py"))) == ["second"]
    assert list(functions_in(str(tmp_path / "check_rnn.py"))) == ["rnn"]


def test_picking_one():
    with pytest.raises(ValueError, match="a.py defines no gradient function 'rn'; it defines rnn.*did you mean 'rnn'"):
        pick({"rnn": None}, "rn", "a.py")


X = np.random.default_rng(0).normal(size=(5, 4))
W = {"W": np.random.default_rng(1).normal(size=(3, 4))}


def dense(p):
    y = np.tanh(X @ p["W"].T)
    return 0.5 * np.sum(y**2), {"W": (y * (1 - y**2)).T @ X}


class Net:
    def __init__(self):
        self.inputs, self.scale = X.copy(), 1.0

    def loss(self, p):
        y = np.tanh(self.inputs @ p["W"].T)
        return 0.5 * np.sum(y**2), {"W": self.scale * (y * (1 - y**2)).T @ self.inputs}

    __call__ = loss


def closure(scale=1.0):
    x = X.copy()

    def inner(p):
        y = np.tanh(x @ p["W"].T)
        return 0.5 * np.sum(y**2), {"W": scale * (y * (1 - y**2)).T @ x}

    return inner


def in_a_notebook(scale=1.0):
    cell = """
import numpy as n
from numpy import tanh
inputs = n.asarray(X)
def step(W):
    return tanh(n.dot(inputs, W.T))
def net(p):
    y = step(p["W"])
    return 0.5 * n.sum(y ** 2), {"W": scale * n.dot((y * (1 - y ** 2)).T, inputs)}
"""
    namespace = {"__name__": "__main__", "X": X, "scale": scale}
    exec(compile(cell, "<ipython-input-3>", "exec"), namespace)
    return namespace["net"]


def scaled_net():
    net = Net()
    net.scale = 1.01
    return net


@pytest.mark.parametrize(
    "right, wrong",
    [
        (dense, lambda p: (dense(p)[0], {"W": 1.01 * dense(p)[1]["W"]})),
        (Net().loss, scaled_net().loss),
        (Net(), scaled_net()),
        (closure(), closure(1.01)),
        (in_a_notebook(), in_a_notebook(1.01)),
        (functools.partial(lambda x, p: dense(p), 3), functools.partial(lambda c, p: closure(c)(p), 1.01)),
    ],
    ids=["function", "method", "object", "closure", "notebook", "partial"],
)
def test_live_functions(right, wrong):
    finding = check_gradients(right, W)
    assert finding.outcome == AGREES and finding.oracle == AUTOGRAD, finding
    assert_gradients(right, W)
    finding = check_gradients(wrong, W)
    assert finding.outcome == WRONG and finding.oracle == AUTOGRAD
    assert finding.recognised == {"W": "exactly 1.01 times the right one"}


def test_everything_is_bound_as_before():
    net, inner = Net(), closure()
    before = net.inputs, inner.__closure__[1].cell_contents, np
    check_gradients(net.loss, W)
    check_gradients(inner, W)
    assert before[0] is net.inputs and before[1] is inner.__closure__[1].cell_contents and np is dense.__globals__["np"]


def test_the_assertion():
    with pytest.raises(GradientError, match=r"^W wrong: .* × rounding noise, worst at \[") as caught:
        assert_gradients(scaled_net(), W)
    assert isinstance(caught.value, AssertionError) and caught.value.finding.wrong == ("W",)
    with pytest.raises(GradientError, match="^not checked: <lambda> returned None"):
        assert_gradients(lambda p: None, W)


@pytest.mark.parametrize(
    "f, parameters, kind, message",
    [
        (3, W, TypeError, "f is 3, but should be a function from a dict of arrays"),
        (dense, {}, TypeError, "parameters is dict, but should be a dict of arrays by name, not empty"),
        (dense, [1], TypeError, "parameters is list, but should be a dict"),
        (dense, {"W": np.ones(3, int)}, TypeError, r"parameters\['W'\] has dtype int64, but should be float64 or fl"),
        (dense, {"W": np.array([np.nan])}, ValueError, r"parameters\['W'\] holds NaN or inf, but should be finite"),
        (gradient_function(W="n")(lambda p, s, r: 0), W, TypeError, "<lambda> has shapes of its own: check it with"),
    ],
)
def test_arguments_that_are_none(f, parameters, kind, message):
    with pytest.raises(kind, match=message):
        check_gradients(f, parameters)


FACTORY = """
    import numpy as np
    from oracle import gradient_function

    def make(factor):
        @gradient_function(w="n")
        def check(p, sizes, rng):
            return 0.5 * p.w @ p.w, dict(w=factor * p.w)
        return check

    right = make(1.0)
    wrong = make(2.0)
    also_right = right
"""


def test_functions_have_the_names_that_their_file_gives_them(tmp_path):
    path = tmp_path / "check_factory.py"
    path.write_text(textwrap.dedent(FACTORY))
    found = functions_in(path)
    assert list(found) == [function.name for function in found.values()] == ["right", "wrong"]
    reports = {name: check_function(function) for name, function in found.items()}
    assert {name: report.outcome for name, report in reports.items()} == {"right": "agrees", "wrong": "wrong"}
    assert all(finding.oracle == AUTOGRAD for report in reports.values() for finding in report.findings)


def test_a_function_that_another_takes_the_name_of_is_not_lost_in_silence(tmp_path):
    path = tmp_path / "check_twice.py"
    path.write_text(textwrap.dedent(FACTORY).replace("wrong = make", "right = make").replace("also_right", "# "))
    with pytest.raises(ValueError, match=r"check_twice.py declares gradient functions .*: check at line 6"):
        functions_in(path)


SOFTMAX = """
    import numpy as np
    from oracle import gradient_function

    @gradient_function(V="classes hidden")
    def classifier(p, sizes, rng):
        h, target = rng.normal(size=sizes.hidden), rng.integers(sizes.classes)
        e = np.exp(p.V @ h)
        dy = e / e.sum() - np.eye(sizes.classes)[target]
        return -np.log(e[target] / e.sum()), dict(V=2 * np.outer(dy, h) + 1e-3 * np.outer(dy, h) ** 2)
"""


def test_nothing_is_called_right_where_there_is_nothing_to_see(tmp_path):
    path = tmp_path / "check_softmax.py"
    path.write_text(textwrap.dedent(SOFTMAX))
    shrunk = check_function(functions_in(path)["classifier"]).shrunk
    assert shrunk.sizes["classes"] == 2, "with one class every gradient is zero"
    assert not any("right at classes=1" in said for said in shrunk.says)


@pytest.mark.parametrize(
    "dtype, factor, outcome", [("float64", 1, AGREES), ("float32", 1, AGREES), ("float64", 1 + 3e-12, WRONG)]
)
@pytest.mark.parametrize("seed", range(3))
def test_a_long_sum_of_equal_terms_is_no_false_alarm(seed, dtype, factor, outcome):
    # the same p - y hundreds of times, added one after the other: 10 to 20 times what independent roundings predict
    rng = np.random.default_rng(seed)
    one_hot = np.eye(6, dtype=dtype)[rng.integers(6, size=3000)]

    def classes(p):
        y = np.exp(p["b"]) / np.exp(p["b"]).sum()
        return -(one_hot * np.log(y)).sum(), {"b": factor * (y - one_hot).sum(axis=0)}

    assert check_gradients(classes, {"b": rng.normal(size=6).astype(dtype)}).outcome == outcome
