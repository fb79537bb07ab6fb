"""Which product the values say is right: the lines in which it is said, and what must not happen on the way."""

import gc
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from oracle import check_gradients
from oracle.gradient_check import check_function, functions_in, subject_at
from oracle.mismatch import explain, settled
from oracle.mismatch.explanation import explanation_of
from oracle.mismatch.wanted import name_in
from oracle.returned import NotChecked
from oracle.sizes import points
from oracle.subject import call

ROOT = Path(__file__).parents[3]

RNN = """
import numpy as np
from oracle import gradient_function, load

@gradient_function(W="input hidden", R="hidden hidden", b="hidden", V="hidden output", c="output")
def rnn(p, sizes, rng):
    W, R, b, V, c = p.W, p.R, p.b, p.V, p.c
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    y = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    h, o = [rng.normal(size=(sizes.batch, sizes.hidden))], []
    for t in range(sizes.time):
        h.append(np.tanh(x[t] @ W + h[t] @ R + b))
        o.append(h[-1] @ V + c)
    loss = 0.5 * np.sum((np.stack(o) - y) ** 2)
    dW, dR, db, dV, dc = (np.zeros_like(one) for one in (W, R, b, V, c))
    dh_next = np.zeros_like(h[0])
    for t in reversed(range(sizes.time)):
        do = o[t] - y[t]
        dV += h[t + 1].T @ do
        dc += do.sum(axis=0)
        dh = do @ V.T + dh_next
        dz = dh * (1 - h[t + 1] ** 2)
        dW += x[t].T @ dz
        dR += h[t].T @ dz
        db += dz.sum(axis=0)
        dh_next = dz @ R.T
    return loss, dict(W=dW, R=dR, b=db, V=dV, c=dc)
"""
CARRY = ("dz @ R.T", "R @ dz")
GRADIENT = ("h[t].T @ dz", "h[t] @ dz")


def spoilt(*changes, program=RNN):
    for right, mistake in changes:
        assert program.count(right) == 1
        program = program.replace(right, mistake)
    return program


@pytest.fixture
def raised(tmp_path):
    """From the text of a program to its function, the subject at one case, and the arguments of `explain`."""

    def of(program, **modules):
        path = tmp_path / "program.py"
        path.write_text(program)
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        (function,) = functions_in(str(path)).values()
        case, other, *_ = points(function.shapes)
        subject, sizes = subject_at(function, case)
        with pytest.raises(NotChecked) as caught:
            call(subject, subject.parameters)
        return function, subject, (caught.value, function.shapes, sizes, lambda: subject_at(function, other))

    return of


@pytest.fixture
def said(raised):
    """The lines of an explanation from what balances on."""

    def of(program, **modules):
        _, subject, arguments = raised(program, **modules)
        found = explain(subject, *arguments)
        print(found)
        lines = [line.strip() for line in found.lines()]
        start = next((k for k, line in enumerate(lines) if "that balance" in line), len(lines))
        return lines[start:]

    return of


def test_what_is_carried(said):
    assert said(spoilt(CARRY)) == [
        "the product that balances: dz @ R.T   (batch, hidden) @ (hidden, hidden)",
        "by size dz @ R fits as well, because R is square; backward it is transposed, as the forward pass has h[t] @ R",
        "shapes cannot tell them apart, the values can: with dz @ R.T every gradient agrees, "
        "with dz @ R those of W, R and b are wrong",
    ]


def test_the_gradient_of_the_recurrent_matrix(said):
    assert said(spoilt(GRADIENT)) == [
        "the product that balances: h[t].T @ dz   (hidden(t-1), batch) @ (batch, hidden(t))",
        "by size dz.T @ h[t] fits as well; by meaning R is (hidden(t-1), hidden(t)), as in h[t] @ R",
        "shapes cannot tell them apart, the values can: with h[t].T @ dz every gradient agrees, "
        "with dz.T @ h[t] that of R is wrong",
    ]


def test_where_the_source_misleads_the_values_decide(said):
    """R is the transpose here, and so is its gradient."""
    program = spoilt(GRADIENT, ("p.W, p.R, p.b", "p.W, p.R.T, p.b"))
    assert said(program) == [
        "the product that balances: dz.T @ h[t]   (hidden, batch) @ (batch, hidden)",
        "by size h[t].T @ dz fits as well",
        "shapes cannot tell them apart, the values can: with dz.T @ h[t] every gradient agrees, "
        "with h[t].T @ dz that of R is wrong",
    ]


def test_two_that_the_source_does_not_tell_apart(said):
    forward = ("h[t] @ R +", 'np.einsum("bi,ij->bj", h[t], R) +')
    assert said(spoilt(CARRY, forward)) == [
        "the product that balances: dz @ R.T   (batch, hidden) @ (hidden, hidden)",
        "by size dz @ R fits as well",
        "shapes cannot tell them apart, the values can: with dz @ R.T every gradient agrees, "
        "with dz @ R those of W, R and b are wrong",
    ]


def test_columns(said):
    program = """
import numpy as np
from oracle import gradient_function

@gradient_function(R="hidden hidden", V="hidden hidden")
def column(p, sizes, rng):
    h, y = rng.normal(size=(sizes.hidden, 1)), rng.normal(size=(sizes.hidden, 1))
    one = np.tanh(p.R @ h)
    two = np.tanh(p.V @ one)
    dz = (two - y) * (1 - two**2)
    dV = dz @ one.T
    d_one = dz @ p.V
    dR = (d_one * (1 - one**2)) @ h.T
    return 0.5 * np.sum((two - y) ** 2), dict(R=dR, V=dV)
"""
    assert said(program) == [
        "the product that balances: p.V.T @ dz   (hidden, hidden) @ (hidden, 1)",
        "by size p.V @ dz fits as well, because p.V is square; "
        "backward it is transposed, as the forward pass has p.V @ one",
        "shapes cannot tell them apart, the values can: with p.V.T @ dz every gradient agrees, "
        "with p.V @ dz that of R is wrong",
    ]


def test_single_vectors(said):
    program = spoilt(
        ("(sizes.time, sizes.batch, sizes.input)", "(sizes.time, sizes.input)"),
        ("(sizes.time, sizes.batch, sizes.output)", "(sizes.time, sizes.output)"),
        ("(sizes.batch, sizes.hidden)", "sizes.hidden"),
        ("do.sum(axis=0)", "do"),
        ("dz.sum(axis=0)", "dz"),
        ("h[t + 1].T @ do", "np.outer(h[t + 1], do)"),
        ("x[t].T @ dz", "np.outer(x[t], dz)"),
        ("h[t].T @ dz", "h[t][:3] @ dz"),
    )
    assert said(program) == [
        "the product that balances: np.outer(h[t], dz)   (hidden(t-1),) by (hidden(t),)",
        "by size np.outer(dz, h[t]) fits as well; by meaning R is (hidden(t-1), hidden(t)), as in h[t] @ R",
        "shapes cannot tell them apart, the values can: with np.outer(h[t], dz) every gradient agrees, "
        "with np.outer(dz, h[t]) that of R is wrong",
    ]


def test_what_is_carried_keeps_its_shape(raised):
    program = spoilt(CARRY).replace("dh_next", "carry")
    _, subject, arguments = raised(program)
    assert explain(subject, *arguments).wanted == "carry (batch, hidden), the shape that it has"


def test_a_name_that_tells_nothing(said):
    """Nothing says what is wanted, and the product is tried both ways all the same."""
    assert said(spoilt(("dh_next = dz @ R.T", "back = R @ dz\n        dh_next = back"))) == [
        "the product that balances: dz @ R.T   (batch, hidden) @ (hidden, hidden)",
        "shapes cannot tell them apart, the values can: with dz @ R.T every gradient agrees, "
        "with dz @ R those of W, R and b are wrong",
    ]


@pytest.mark.parametrize(
    "changes, product, words",
    [
        ([("h[t + 1].T @ do", "do.T @ h[t + 1]")], "h[t + 1].T @ do", "every gradient agrees"),
        ([("x[t].T @ dz", "x[t] @ dz")], "x[t].T @ dz", "every gradient agrees"),
        ([("dz.sum(axis=0)", "dz")], "dz.sum(axis=0)", "every gradient agrees"),
        ([("do @ V.T", "do @ V")], "do @ V.T", "every gradient agrees"),
        # what stands beside the product stays
        ([("x[t].T @ dz", "-(dz @ x[t])"), ("dW +=", "dW -=")], "x[t].T @ dz", "every gradient agrees"),
        (
            [("h[t + 1].T @ do", "0.0 + 2 * (do.T @ h[t + 1]) / 4"), ("V=dV", "V=2 * dV")], "h[t + 1].T @ do",
            "every gradient agrees",
        ),
        ([("dV += h[t + 1].T @ do", "dV -= -(do.T @ h[t + 1])")], "h[t + 1].T @ do", "every gradient agrees"),
        (
            [("h[t + 1].T @ do", "0 * dV + do.T @ h[t + 1]")], "(0 * dV) + (do.T @ h[t + 1]).T",
            "every gradient agrees",
        ),
        (
            [("dV += h[t + 1].T @ do", "dVs[t] = do.T @ h[t + 1]"), ("V=dV", "V=dVs.sum(axis=0)"),
             ("dh_next = np.zeros_like(h[0])", "dh_next, dVs = np.zeros_like(h[0]), np.zeros((sizes.time, *V.shape))")],
            "h[t + 1].T @ do", "every gradient agrees",
        ),
        # more is wrong
        (
            [("x[t].T @ dz", "x[t] @ dz"), ("dz.sum(axis=0)", "dz.mean(axis=0)")], "x[t].T @ dz",
            "the gradients of W, R, V and c agree, that of b is wrong",
        ),
        (
            [("x[t].T @ dz", "x[t] @ dz"), ("b=db, V=dV, ", "")], "x[t].T @ dz",
            "the gradients of W, R and c agree, those of b and V are missing",
        ),
        (
            [("x[t].T @ dz", "x[t] @ dz"), ("h[t].T @ dz", "h[t] @ dz")], "x[t].T @ dz",
            "the code raises further on: program.py:24 in rnn",
        ),
        ([("x[t].T @ dz", "(x[t] if t else x[t].T) @ dz")], "(x[t] if t else x[t].T).T @ dz",
         "the code raises in the same line again"),
        ([("x[t].T @ dz", "x[t] @ dz"), ("return loss,", "return 'loss',")], "x[t].T @ dz",
         "the code runs, but is not checked: the loss is a str, but should be an array of numbers"),
    ],
)  # fmt: skip
def test_one_product(said, changes, product, words):
    lines = said(spoilt(*changes))
    assert lines[0].startswith(f"the product that balances: {product}   ")
    assert lines[-1] == f"with it {words}"


def test_another_mistake_beside_it(said):
    decided = "shapes cannot tell them apart, the values can: with dz @ R.T the gradients of W, R, V and c agree, "
    assert said(spoilt(CARRY, ("dz.sum(axis=0)", "dz.mean(axis=0)")))[-1] == (
        f"{decided}that of b is wrong, with dz @ R only those of V and c agree"
    )


def test_another_mistake_that_hides_which_is_right(said):
    assert said(spoilt(CARRY, ("do @ V.T", "2 * do @ V.T")))[-2:] == [
        "only the values tell the two apart: check the gradient again",
        "with dz @ R.T or dz @ R the gradients of V and c agree, those of W, R and b are wrong: "
        "something else is wrong as well, and hides which of them is right",
    ]


def test_values_that_do_not_tell_them_apart(said):
    """What is carried from the first step is not used."""
    program = spoilt(
        CARRY, ("range(sizes.time):\n        h.app", "range(1):\n        h.app"), ("stack(o) - y", "stack(o) - y[:1]")
    )
    program = program.replace("reversed(range(sizes.time))", "range(1)")
    assert said(program)[1:] == [
        "by size dz @ R fits as well, because R is square; backward it is transposed, as the forward pass has h[t] @ R",
        "with dz @ R.T or dz @ R every gradient agrees: the values do not tell them apart here",
    ]


def test_both_raise_further_on(said):
    assert said(spoilt(CARRY, ("return loss", "dc = dc @ V\n    return loss")))[-2:] == [
        "only the values tell the two apart: check the gradient again",
        "with dz @ R.T or dz @ R the code raises further on: program.py:27 in rnn",
    ]


@pytest.mark.parametrize("more", [(), (CARRY,)], ids=["right but for it", "and the backward pass raises"])
def test_of_a_forward_pass_nothing_is_said(said, more):
    """Autograd would differentiate the one as well as the other."""
    assert said(spoilt(("h[t] @ R", "R @ h[t]"), *more)) == [
        "the product that balances: h[t] @ R   (batch, hidden) @ (hidden, hidden)"
    ]


def test_an_earlier_line_is_mended_first(said):
    """No product of what has a wrong shape is right, and that the line raises again is no news."""
    wrong = "delta_hidden = dz @ W.T\n        dR += h[t] @ delta_hidden"
    lines = said(spoilt(("dR += h[t].T @ dz", wrong)))
    assert lines[0].startswith("the product that balances: h[t].T @ delta_hidden")
    assert not any(line.startswith("with ") for line in lines) and "mend it first" in lines[-1]


def test_a_method_of_a_class_in_a_module(said):
    layer = """
    import numpy as np

    class Layer:
        def __init__(self, R):
            self.R = R

        def forward(self, x):
            self.x, self.y = x, np.tanh(x @ self.R)
            return self.y

        def backward(self, d):
            dz = d * (1 - self.y**2)
            self.dR = dz @ self.x
            return dz @ self.R.T
    """
    program = """
from oracle import gradient_function, load

@gradient_function(R="hidden hidden")
def layered(p, sizes, rng):
    layer = load("layer.py").Layer(p.R)
    y = layer.forward(rng.normal(size=(sizes.batch, sizes.hidden)))
    layer.backward(y)
    return 0.5 * (y * y).sum(), dict(R=layer.dR)
"""
    assert said(program, layer=layer)[-1] == (
        "shapes cannot tell them apart, the values can: with self.x.T @ dz the gradient of R agrees, "
        "with dz.T @ self.x that of R is wrong"
    )


def test_a_live_function():
    x, d = np.random.default_rng(0).normal(size=(2, 3, 4))

    def live(p):
        h = x @ p["R"]
        dh = h - d
        return 0.5 * np.sum(dh**2), {"R": dh @ x}

    finding = check_gradients(live, {"R": np.random.default_rng(1).normal(size=(4, 4))})
    assert finding.explanation.splitlines()[-1].strip() == (
        "shapes cannot tell them apart, the values can: with x.T @ dh the gradient of R agrees, "
        "with dh.T @ x that of R is wrong"
    )
    with pytest.raises(ValueError):  # and it is as it was
        live({"R": np.ones((4, 4))})


def test_the_report_has_it(raised):
    function, *_ = raised(spoilt(CARRY))
    assert "with dz @ R.T every gradient agrees, with dz @ R those of W, R and b are wrong" in str(
        check_function(function).worst
    )


def test_the_users_file_and_functions_stay_as_they_are(raised, tmp_path):
    function, subject, arguments = raised(spoilt(CARRY))
    before = function.function.__code__, (tmp_path / "program.py").read_text(), sys.gettrace(), sys.stdout
    state, kept = np.random.get_state()[1].copy(), {name: one.copy() for name, one in subject.parameters.items()}
    assert "every gradient agrees" in str(explain(subject, *arguments))
    assert (function.function.__code__, (tmp_path / "program.py").read_text(), sys.gettrace(), sys.stdout) == before
    assert np.array_equal(np.random.get_state()[1], state)
    assert all(np.array_equal(kept[name], one) for name, one in subject.parameters.items())
    with pytest.raises(NotChecked):
        call(subject, subject.parameters)


def test_nothing_is_printed(raised, capfd):
    program = spoilt(CARRY, ("    return loss", '    print("at the end")\n    np.log(np.zeros(1))\n    return loss'))
    _, subject, arguments = raised(program)
    capfd.readouterr()
    assert "every gradient agrees" in str(explain(subject, *arguments))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("spoil", ["compiled", "definitions_run", "run", "_told"])
def test_what_goes_wrong_here_costs_what_it_adds(raised, monkeypatch, spoil):
    _, subject, arguments = raised(spoilt(CARRY))
    before = str(explanation_of(subject, *arguments))
    monkeypatch.setattr(settled, spoil, lambda *args: 1 / 0)
    assert str(explain(subject, *arguments)) == before


def test_what_takes_too_long_says_nothing(raised, monkeypatch):
    _, subject, arguments = raised(spoilt(CARRY, ("    return loss", "    while True:\n        pass\n    return loss")))
    monkeypatch.setattr(settled, "SECONDS", 0.3)
    before = str(explanation_of(subject, *arguments))
    start = time.monotonic()
    assert str(explain(subject, *arguments)) == before
    assert time.monotonic() - start < 2


def test_what_was_tried_in_time_is_said_if_it_is_right(raised, monkeypatch):
    _, subject, arguments = raised(spoilt(CARRY))
    tried = settled._tried

    def slow(choices, subject):
        (first, *_) = tried(choices, subject)
        yield first
        time.sleep(5)

    monkeypatch.setattr(settled, "_tried", slow)
    monkeypatch.setattr(settled, "SECONDS", 1.5)
    assert str(explain(subject, *arguments)).splitlines()[-1] == "    with dz @ R.T every gradient agrees"


def test_another_clock_goes_on(raised):
    _, subject, arguments = raised(spoilt(CARRY))
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 30.0)
    try:
        assert "every gradient agrees" in str(explain(subject, *arguments))
        assert 20 < signal.getitimer(signal.ITIMER_REAL)[0] < 30
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not rung


def test_in_another_thread_there_is_no_clock_and_nothing_is_said(raised):
    _, subject, arguments = raised(spoilt(CARRY))
    found = []
    thread = threading.Thread(target=lambda: found.append(explain(subject, *arguments)))
    thread.start()
    thread.join()
    assert "only the values tell the two apart" in str(found[0]) and "every gradient" not in str(found[0])


def test_the_time_it_takes(raised):
    _, subject, arguments = raised(spoilt(CARRY))
    explain(subject, *arguments)  # which imports
    gc.collect()  # one of all that the session holds could fall between the two looks at the clock
    start = time.process_time()
    assert "every gradient agrees" in str(explain(subject, *arguments))
    assert time.process_time() - start < 2


def test_what_stands_there_already_is_not_tried(raised):
    buffer = "dh_next = np.zeros_like(h[0])"
    _, subject, arguments = raised(spoilt((buffer, f"{buffer}\n    dW = np.zeros((sizes.hidden, sizes.input))")))
    found = explanation_of(subject, *arguments)
    assert [text for text, _ in found.products] == ["x[t].T @ dz"] and found.choices == ()


@pytest.mark.parametrize("text, name", [("R", "R"), ("p.R", "R"), ('p["R"]', "R"), ('grads["R"]', 'grads["R"]')])
def test_the_name_that_a_value_is_known_by(text, name):
    assert name_in(text) == name


def test_where_a_product_would_stand(raised):
    _, subject, arguments = raised(spoilt(GRADIENT))
    found = explanation_of(subject, *arguments)
    assert [one.text for one in found.choices] == ["h[t].T @ dz", "dz.T @ h[t]"]
    assert all(one.where.place[0] == 24 for one in found.choices)


def test_the_page_shows_what_is_printed():
    page = (ROOT / "docs" / "balancing.md").read_text(encoding="utf-8")
    ((target, shown),) = re.findall(r"^`bptt-oracle check (\S+::\w+)` [^\n]*\n\n((?:    .*\n)+)", page, re.MULTILINE)
    run = subprocess.run(
        [Path(sys.executable).with_name("bptt-oracle"), "check", target], cwd=ROOT, capture_output=True,
        encoding="utf-8", env={"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    printed = [line.strip() for line in run.stdout.splitlines()]
    lines = [line.strip() for line in shown.splitlines()]
    start = printed.index(lines[0])
    assert printed[start : start + len(lines)] == lines
    assert run.returncode == 3
