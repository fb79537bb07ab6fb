"""The norms of the gradients by time step: what autograd of the same network in torch has, and what algebra says."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from oracle.child import Checked, check_isolated
from oracle.gradient_check import check_function, functions_in
from oracle.norms import described, norms, norms_isolated

HEAD = "import numpy as np\nfrom oracle import gradient_function\n\n"
LINEAR = (
    HEAD
    + """
@gradient_function(a="hidden", w="hidden")
def linear(p, sizes, rng):
    h = [rng.normal(size=sizes.hidden)]
    x = rng.normal(size=(sizes.time, sizes.hidden))
    for t in range(sizes.time):
        h.append(FACTOR * h[t] + p.w * x[t])
    h_T, w = h[LAST], rng.normal(size=sizes.hidden)
    dw = sum(FACTOR ** (LAST - 1 - t) * x[t] * w for t in range(LAST))
    return np.sum(h_T * w), dict(a=0 * p.a, w=dw)
"""
)


def measured(tmp_path, source, name, lengths=(7,)):
    path = tmp_path / "program.py"
    path.write_text(source)
    function = functions_in(str(path))[name]
    report = check_function(function, lengths)
    assert report.outcome == "agrees", [str(one) for one in report.findings]
    return norms(function, report)


def ratios(norms):
    return [after / before for before, after in itertools.pairwise(norms)]


@pytest.mark.parametrize("factor", (0.1, 30.0))
def test_what_vanishes_and_what_explodes(tmp_path, factor):
    """h_t = c h_{t-1} + …: going back, dL/dh is c times what it was at each step."""
    found = measured(tmp_path, LINEAR.replace("FACTOR", str(factor)).replace("LAST", "7"), "linear")
    assert found.sizes == {"time": 7, "hidden": 4} or found.sizes["time"] == 7
    state = next(one for one in found.series if not one.parameter)
    assert state.source == f"h.append({factor} * h[t] + p.w * x[t])" and state.line == 10
    assert ratios(state.norms) == pytest.approx([1 / factor] * 6)
    assert described(state) == "the state of line 10 of program.py"


def test_steps_that_the_loss_does_not_see_have_none(tmp_path):
    """The loss is that of step 3 of 7: nothing comes from the steps after it, and they are there."""
    found = measured(tmp_path, LINEAR.replace("FACTOR", "2.0").replace("LAST", "4"), "linear")
    state = next(one for one in found.series if not one.parameter)
    assert ratios(state.norms[:4]) == pytest.approx([0.5] * 3) and state.norms[4:] == (0, 0, 0)
    w = next(one for one in found.series if one.parameter == "w")
    assert all(w.norms[:4]) and w.norms[4:] == (0, 0, 0)


def test_an_lstm_against_torch():
    """Its two states, and the gates' weights, of which every use is one step."""
    path = Path(__file__).parents[2] / "examples" / "check_right.py"
    function = functions_in(str(path))["lstm_class"]
    found = norms(function, check_function(function, (6,)))
    states = [one for one in found.series if not one.parameter]
    assert [one.source for one in states] == ["c_prev, c = c, f * c + i * g", "h = o * tanh_c"]
    expected = lstm_in_torch(function)
    assert states[0].norms == pytest.approx(expected["c"]) and states[1].norms == pytest.approx(expected["h"])
    got = {one.parameter: one.norms for one in found.series if one.parameter}
    assert got.keys() == {kind + gate for kind in "Wb" for gate in "ifog"}
    for name in got:
        assert got[name] == pytest.approx(expected[name]), name


def lstm_in_torch(function):
    """The same network and numbers, with a leaf of its own for each step's parameters."""
    from oracle.gradient_check import subject_at
    from oracle.sizes import Parameters, asked_for, points

    point = points(function.shapes, (6,))[0]
    subject, sizes = subject_at(function, point)
    kept = {}

    class Recording:
        """What the function draws, in the order in which it draws."""

        def __init__(self):
            self.rng, self.drawn = np.random.default_rng(point.seed), []

        def normal(self, *args, **kwargs):
            self.drawn.append(self.rng.normal(*args, **kwargs))
            return self.drawn[-1]

    rng = Recording()
    loss, _ = function(Parameters(subject.parameters), sizes, rng)
    assert asked_for(sizes, function.shapes)["time"] == 6
    (h, c), x, upstream = (torch.tensor(one) for one in rng.drawn)
    leaves = [{n: torch.tensor(v, requires_grad=True) for n, v in subject.parameters.items()} for _ in range(6)]
    hs = []
    for x_t, p in zip(x, leaves):
        z = torch.cat([x_t, h], 1)
        i, f, o = (torch.sigmoid(z @ p["W" + gate] + p["b" + gate]) for gate in "ifo")
        g = torch.tanh(z @ p["Wg"] + p["bg"])
        c = f * c + i * g
        h = o * torch.tanh(c)
        c.retain_grad(), h.retain_grad()
        kept.setdefault("c", []).append(c)
        hs.append(h)
    total = (torch.stack(hs) * upstream).sum()
    assert float(total.detach()) == pytest.approx(float(loss))
    total.backward()
    found = {name: [float(p[name].grad.norm()) for p in leaves] for name in leaves[0]}
    return found | {"h": [float(one.grad.norm()) for one in hs], "c": [float(one.grad.norm()) for one in kept["c"]]}


def test_of_many_programs_the_state_is_the_state():
    """Lines by hand: the lines of the forward passes in which the states are made, and no others."""
    path = Path(__file__).parents[2] / "examples" / "check_right.py"
    functions = functions_in(str(path))
    for name, sources in {
        "module_globals": ["hs[t] = np.tanh("],
        "object_per_step": ["self.h = (1 - self.z)"],
        "many_to_one": ["self.h[t] = np.tanh("],
        "row_vectors": ["self.states.append(np.tanh("],
        "float32_inside": ["self.hs[:, t + 1] = np.tanh("],
    }.items():
        found = norms(functions[name], check_function(functions[name], (4,)))
        states = [one.source for one in found.series if not one.parameter]
        assert len(states) == len(sources) and all(a.startswith(b) for a, b in zip(states, sources)), (name, states)


ALL_AT_ONCE = (
    HEAD
    + """
@gradient_function(W="input hidden", b="hidden")
def dense(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.time, sizes.input))
    d = rng.normal(size=(sizes.batch, sizes.time, sizes.hidden)) * 10.0 ** np.arange(sizes.time)[:, None]
    return np.sum((x @ p.W + p.b) * d), dict(W=np.einsum("bti,bth->ih", x, d), b=d.sum((0, 1)))
"""
)


def test_one_product_for_all_steps(tmp_path):
    """Time is the second axis there, and is found by its size."""
    found = measured(tmp_path, ALL_AT_ONCE, "dense")
    (one,) = found.series
    assert one.parameter == "W" and len(one.norms) == 7
    assert np.log10(ratios(one.norms)) == pytest.approx(np.ones(6), abs=0.6)


def test_why_there_are_none(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        HEAD
        + '@gradient_function(w="hidden")\ndef still(p, sizes, rng):\n    return np.sum(p.w ** 2), dict(w=2 * p.w)\n'
        + '@gradient_function(w="hidden")\ndef raises(p, sizes, rng):\n    raise ValueError("no")\n'
    )
    still = norms_isolated(check_isolated(path, "still"))
    assert still.series == () and still.reason == "nothing in it happens step by step"
    assert norms_isolated(check_isolated(path, "raises")).reason == "it could not be checked"
    assert norms_isolated(Checked(path, "still", None, "why", "")).reason == "it could not be checked"
    checked = check_isolated(path, "still")
    path.write_text(HEAD)
    assert norms_isolated(checked).reason == "program.py no longer has a function still"
    path.write_text("import time\ntime.sleep(60)\n")
    assert "0.3 s" in norms_isolated(checked, seconds=0.3).reason
