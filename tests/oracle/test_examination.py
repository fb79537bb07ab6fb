"""One set of arrays: which oracle speaks, what it says, and how it is kept honest."""

import re
import struct
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from oracle import check_gradients, clip, clip_norm, factor, oracles, recovered
from oracle.examination import examine, verdicts_of
from oracle.lifting import NotLifted, swapped
from oracle.noise import rounding_noise
from oracle.oracles import AUTOGRAD, COMPLEX, DIFFERENCES, REFERENCE
from oracle.subject import Subject
from oracle.verdict import AGREES, CANNOT_TELL, WRONG

RNG = np.random.default_rng(4)
X = RNG.normal(size=(5, 4))
PARAMETERS = {"W": RNG.normal(size=(3, 4)), "b": RNG.normal(size=3)}


def dense(p):
    y = np.tanh(X @ p["W"].T + p["b"])
    d = y * (1 - y**2)
    return 0.5 * np.sum(y**2), {"W": d.T @ X, "b": d.sum(0)}


def changed(function, **how):
    """The same with some gradients changed."""

    def wrong(p):
        loss, gradients = function(p)
        return loss, {name: how.get(name, lambda g: g)(g) for name, g in gradients.items()}

    return wrong


def through_bytes(p):
    """Half of the loss takes a way on which autograd loses it, and the loss does not tell."""
    y = np.tanh(X @ p["W"].T + p["b"])
    d = y * (1 - y**2)
    again = np.frombuffer(bytes(np.ascontiguousarray(y))).reshape(y.shape)
    return 0.5 * np.sum(y * again), {"W": d.T @ X, "b": d.sum(0)}


def through_fractions(p):
    """What no tensor and no complex number goes through."""
    squares = [Fraction(struct.unpack("d", struct.pack("d", v))[0]) ** 2 for v in p["W"].ravel()]
    return 0.5 * float(sum(squares)), {"W": p["W"].copy(), "b": np.zeros(3)}


def test_right():
    finding = check_gradients(dense, PARAMETERS)
    assert finding.outcome == AGREES and finding.oracle == AUTOGRAD and finding.precision == "float64"
    assert finding.complaints == finding.notes == () and finding.witness is None
    assert finding.loss == dense(PARAMETERS)[0]


@pytest.mark.parametrize("size", [1e-2, 1e-7, 1e-11])
def test_an_error_in_one_element(size):
    def one(g):
        g = g.copy()
        g[1, 2] += size * np.abs(g).max()
        return g

    finding = check_gradients(changed(dense, W=one), PARAMETERS)
    assert finding.wrong == ("W",) and finding["W"].worst == (1, 2) and finding["b"].outcome == AGREES


def test_the_loss_itself_confirms():
    finding = check_gradients(changed(dense, W=lambda g: 1.001 * g), PARAMETERS)
    assert finding.witness.sides_with == "oracle"
    assert finding.witness.by_oracle != finding.witness.by_code
    assert abs(finding.witness.measured.value - finding.witness.by_oracle) < 10 * finding.witness.measured.error


def test_what_is_too_small_for_the_loss_to_confirm_is_still_wrong():
    finding = check_gradients(changed(dense, W=lambda g: g * (1 + 1e-11)), PARAMETERS)
    assert finding.wrong == ("W",) and finding.witness.sides_with == "nobody"


def planted(monkeypatch, change):
    right = oracles._autograd

    def wrong(loss, leaves):
        gradients = right(loss, leaves)
        gradients["W"] = change(gradients["W"])  # wrong on purpose
        return gradients

    monkeypatch.setattr(oracles, "_autograd", wrong)


def test_an_oracle_that_is_wrong_is_not_believed(monkeypatch):
    planted(monkeypatch, lambda g: 1.5 * g)
    finding = check_gradients(dense, PARAMETERS)
    assert finding.outcome == AGREES and finding.oracle == COMPLEX
    assert "autograd could not follow the code: along a random direction the plain loss changes by" in finding.notes[0]
    assert check_gradients(changed(dense, W=lambda g: 1.5 * g), PARAMETERS).wrong == ("W",)


def test_an_oracle_that_the_loss_contradicts_makes_way(monkeypatch):
    planted(monkeypatch, lambda g: g + 1e-7)
    monkeypatch.setattr(oracles, "_mistrusted", lambda *_: "")  # as if the directions had not seen it
    finding = check_gradients(dense, PARAMETERS)
    assert finding.outcome == AGREES and finding.oracle == COMPLEX
    assert finding.notes[0].startswith("autograd was not trusted: along the direction in which they differ")
    assert check_gradients(changed(dense, W=lambda g: 1.5 * g), PARAMETERS).wrong == ("W",)


def test_oracles_that_the_loss_contradicts_are_this_tools_problem(monkeypatch):
    planted(monkeypatch, lambda g: g + 1e-7)
    monkeypatch.setattr(oracles, "_mistrusted", lambda *_: "")
    right = oracles.complex_step
    monkeypatch.setattr(
        oracles, "complex_step", lambda *arguments: {name: g + 1e-7 for name, g in right(*arguments).items()}
    )
    finding = check_gradients(dense, PARAMETERS)
    assert finding.outcome == CANNOT_TELL and finding.verdicts == () and finding.witness.sides_with == "code"
    assert finding.not_checked.startswith(f"this tool contradicts itself, and does not blame the code: {COMPLEX} says")
    assert finding.not_checked.endswith("Please report it")


def rounded(digits):
    def f(p):
        loss, gradients = dense(p)
        return round(float(loss), digits), gradients

    return f


@pytest.mark.parametrize("digits", [2, 3, 4, 5, 6, 8])
def test_a_rounded_loss_has_no_derivative_and_blames_nobody(digits):
    assert check_gradients(rounded(digits), PARAMETERS).outcome != WRONG
    finding = check_gradients(rounded(2), PARAMETERS)
    assert re.match(r"the loss moves in steps of about \S+: it is rounded on the way", finding.not_checked)


def test_rounded_states_are_no_mistake_either():
    def f(p):
        h = np.round(np.tanh(p["W"] @ np.arange(1, p["W"].shape[1] + 1) / 9), 4)
        return h.sum(), {"W": np.ones_like(p["W"])}

    assert check_gradients(f, {"W": PARAMETERS["W"]}).outcome == CANNOT_TELL


def test_float32_where_autograd_cannot_follow_is_judged_as_float32():
    def f(p):
        identity = np.frompyfunc(float, 1, 1)
        h = np.tanh(p["W"])
        loss = identity(h).astype(np.float32).sum()
        return float(loss), {"W": 1 - h**2}

    finding = check_gradients(f, {"W": PARAMETERS["W"]})
    assert finding.outcome != WRONG and finding.oracle == DIFFERENCES, str(finding)


def test_a_deviation_that_is_declared_and_not_done():
    finding = check_gradients(dense, PARAMETERS, deviation=factor(0.5))
    assert set(finding.wrong) == {"W", "b"}
    assert finding.recognised["W"] == "it is the gradient as it is, without what is declared"
    assert "by the code" not in str(finding)


def test_a_lost_path_too_small_for_the_directions_still_makes_nobody_wrong():
    def f(p):
        penalty = 1e-6 * float(str(np.sum(p["W"] ** 2)))  # through a text: the graph ends
        loss, gradients = dense(p)
        return loss + penalty, gradients | {"W": gradients["W"] + 2e-6 * p["W"]}

    assert check_gradients(f, PARAMETERS).outcome == AGREES
    assert check_gradients(changed(f, W=lambda g: g * (1 + 1e-4)), PARAMETERS).outcome == WRONG


def test_a_lost_path_that_the_loss_does_not_show():
    finding = check_gradients(through_bytes, PARAMETERS)
    assert finding.outcome == AGREES and finding.oracle in (COMPLEX, DIFFERENCES)
    assert finding.notes[0].startswith("autograd could not follow the code: ")
    wrong = check_gradients(changed(through_bytes, W=lambda g: 1.001 * g), PARAMETERS)
    assert wrong.wrong == ("W",)


def test_the_last_oracle():
    finding = check_gradients(through_fractions, PARAMETERS)
    assert finding.outcome == AGREES and finding.oracle == DIFFERENCES
    lifting, complex_step = finding.notes
    assert lifting.startswith("autograd could not follow the code: ")
    assert complex_step.startswith("nor could the complex step: ")
    assert 1e-15 < finding.sharpness < 1e-8
    assert check_gradients(changed(through_fractions, W=lambda g: 1.0001 * g), PARAMETERS).wrong == ("W",)


def subject(plain=dense, lifted=None, **options):
    return Subject("f", PARAMETERS, lambda p, rng: plain(p), lifted or (lambda run: plain(run.parameters)), **options)


def test_the_complex_step_speaks_where_lifting_cannot():
    def refused(run):
        raise NotLifted("scipy.special.expit", "it is C code", "rnn.py", 12)

    finding = examine(subject(lifted=refused))
    assert finding.outcome == AGREES and finding.oracle == COMPLEX and finding.sharpness < 1e-13
    assert finding.notes == (
        "autograd could not follow the code: rnn.py, line 12: scipy.special.expit cannot be lifted: it is C code",
    )
    assert examine(subject(changed(dense, b=lambda g: g + 1e-9), refused)).wrong == ("b",)


@pytest.mark.parametrize(
    "lifted, note",
    [
        (lambda run: 1 / 0, "lifted, it raises ZeroDivisionError: division by zero, test_examination.py:"),
        (lambda run: 5, "f cannot be lifted: lifted, it returns something else than in NumPy"),
        (lambda run: (run.parameters["W"], {}), r"the loss cannot be lifted: lifted, it has shape \(3, 4\)"),
        (lambda run: (run.parameters["W"].sum(), {}), "its loss became .* instead of"),
        (lambda run: (1.0, {}), "its loss became 1.0 instead of"),
    ],
)
def test_lifted_runs_that_come_to_nothing(lifted, note):
    finding = examine(subject(lifted=lifted))
    assert finding.outcome == AGREES and finding.oracle == COMPLEX
    assert re.search(note, finding.notes[0])


def counting(function):
    def counted(p, rng=None):
        counted.calls += 1
        return function(p)

    counted.calls = 0
    return counted


@pytest.mark.parametrize("copies", [1, 12])
def test_what_a_right_function_costs(copies):
    """However many parameters: at most ten plain calls and one lifted one."""
    parameters = {f"{name}{k}": value for k in range(copies) for name, value in PARAMETERS.items()}

    def many(p):
        every = [dense({"W": p[f"W{k}"], "b": p[f"b{k}"]}) for k in range(copies)]
        gradients = {f"{name}{k}": g for k, (_, gs) in enumerate(every) for name, g in gs.items()}
        return sum(loss for loss, _ in every), gradients

    plain, lifted = counting(many), counting(lambda run: swapped_dense(run, many))
    finding = examine(Subject("f", parameters, plain, lifted))
    assert finding.outcome == AGREES and finding.oracle == AUTOGRAD
    assert plain.calls <= 10 and lifted.calls == 1


def swapped_dense(run, function):
    with swapped(function, run):
        return function(run.parameters)


def test_float32_inside_is_judged_by_its_own_rounding():
    def narrow(p):
        return dense({name: value.astype(np.float32) for name, value in p.items()})

    finding = check_gradients(narrow, PARAMETERS)
    assert finding.outcome == AGREES and finding.precision == "float32"
    assert check_gradients(changed(narrow, W=lambda g: g * 1.001), PARAMETERS).wrong == ("W",)


def test_float32_given():
    arrays = {name: value.astype(np.float32) for name, value in PARAMETERS.items()}
    assert check_gradients(dense, arrays).precision == "float32"
    assert check_gradients(dense, arrays).outcome == AGREES


def chaotic(steps):
    """Of order e^(steps / 2): soon no difference of losses has anything to do with it."""

    def logistic(p):
        x, slope = p["x"], np.ones(())
        for _ in range(steps):
            slope = slope * 3.99 * (1 - 2 * x)
            x = 3.99 * x * (1 - x)
        return x, {"x": slope}

    return logistic


@pytest.mark.parametrize("steps", [5, 30, 45, 60, 90])
def test_chaos_is_no_reason_to_call_a_right_gradient_wrong(steps):
    finding = check_gradients(chaotic(steps), {"x": np.array(0.3)})
    assert finding.oracle == AUTOGRAD and finding.outcome != WRONG


def test_what_rounding_drowns_cannot_be_told():
    finding = check_gradients(chaotic(45), {"x": np.array(0.3)})
    assert finding.outcome == CANNOT_TELL and "rounding noise alone moves the oracle" in str(finding)


def test_nor_can_what_no_difference_comes_near():
    def real(returned):
        return float(np.real(returned[0])), returned[1]

    refused = Subject("f", {"x": np.array(0.3)}, lambda p, rng: real(chaotic(60)(p)), lambda run: 1 / 0)
    finding = examine(refused)
    assert finding.outcome == CANNOT_TELL and finding.oracle == DIFFERENCES


def test_declared_deviations():
    clipped = changed(dense, W=lambda g: np.clip(g, -0.5, 0.5), b=lambda g: np.clip(g, -0.5, 0.5))
    finding = check_gradients(clipped, PARAMETERS, deviation=clip(-0.5, 0.5))
    assert finding.outcome == AGREES and finding.notes == ("judged after what is declared: clipped to [-0.5, 0.5]",)
    assert check_gradients(dense, PARAMETERS, deviation=clip(-0.5, 0.5)).outcome == WRONG
    scaled = check_gradients(clipped, PARAMETERS, deviation=[clip(-0.5, 0.5), factor(2)])
    assert scaled.wrong and scaled.witness.sides_with == "oracle"


def test_undeclared_deviations_are_named():
    finding = check_gradients(changed(dense, W=lambda g: -g, b=lambda g: 3 * g), PARAMETERS)
    assert finding.outcome == WRONG
    assert finding.recognised["W"] == "exactly -1 times the right one"
    assert finding.recognised["b"] == "exactly 3 times the right one"
    assert check_gradients(changed(dense, W=lambda g: g + 0.01), PARAMETERS).recognised == {}


def test_a_joint_norm():
    def scaled(p):
        loss, gradients = dense(p)
        norm = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
        return loss, {name: g / norm for name, g in gradients.items()}

    assert check_gradients(scaled, PARAMETERS, deviation=clip_norm(1)).outcome == AGREES
    assert "joint norm of 1" in check_gradients(scaled, PARAMETERS).recognised["W"]


def in_torch(p):
    return 0.5 * (torch.tanh(torch.from_numpy(X) @ p["W"].T + p["b"]) ** 2).sum()


def test_a_reference():
    finding = check_gradients(dense, PARAMETERS, reference=in_torch)
    assert finding.outcome == AGREES and finding.oracle == REFERENCE
    assert check_gradients(changed(dense, b=lambda g: g * 1.01), PARAMETERS, reference=in_torch).wrong == ("b",)


@pytest.mark.parametrize(
    "reference, message",
    [
        (lambda p: 2 * in_torch(p), "the reference is another function: its loss is "),
        (lambda p: 3.0, "reference returned 3.0, but should return a loss computed from p with torch"),
        (lambda p: 2 * p["W"], "but should return a loss computed from p with torch"),
        (lambda p: torch.ones(()), "but should return a loss computed from p with torch"),
        (lambda p: 1 / 0, "reference raised ZeroDivisionError: division by zero\n"),
    ],
)
def test_references_that_are_none(reference, message):
    finding = check_gradients(dense, PARAMETERS, reference=reference)
    assert finding.outcome == CANNOT_TELL and message in finding.not_checked


def test_a_gradient_that_is_a_view_of_a_parameter():
    finding = check_gradients(lambda p: (dense(p)[0], {**dense(p)[1], "b": p["b"]}), PARAMETERS)
    assert finding.complaints == ("the gradient of b is a view of the parameter b: an update changes both",)


def test_parameters_that_are_written_to():
    finding = check_gradients(lambda p: (dense(p), p["W"].fill(0))[0], PARAMETERS)
    assert finding.outcome == AGREES and finding.notes == ("it writes to the parameters it is given: W",)


def test_inputs_that_are_written_to():
    def plain(p, rng):
        x = rng.normal(size=(5, 4))
        loss = 0.5 * np.sum((x @ p["W"].T) ** 2)
        d = (x @ p["W"].T).T @ x
        x[:] = 0
        return loss, {"W": d, "b": np.zeros(3)}

    finding = examine(Subject("f", PARAMETERS, plain, lambda run: 1 / 0))
    assert finding.complaints == ("arrays drawn from rng are written to: normal (5, 4)",)


def test_gradients_that_are_never_set_to_zero():
    kept = {"W": 0}

    def accumulates(p):
        loss, gradients = dense(p)
        kept["W"] = kept["W"] + gradients["W"]
        return loss, {**gradients, "W": kept["W"]}

    finding = check_gradients(accumulates, PARAMETERS)
    assert finding.outcome == WRONG and finding.wrong == ()
    assert finding.faults[0] == (
        "called twice with the same arrays it gives two gradients of W: are they set to zero before they are added to?"
    )


def test_random_numbers_of_its_own():
    own = np.random.default_rng()

    def noisy(p):
        mask = own.normal(size=3)
        return np.sum(p["b"] * mask), {"W": np.zeros((3, 4)), "b": mask}

    finding = check_gradients(noisy, PARAMETERS)
    assert finding.faults[0].startswith("called twice with the same arrays it gives two losses, ")
    assert finding.wrong == ()


def test_global_random_numbers_are_no_offence_and_stay_as_they_were():
    def dropout(p):
        mask = np.random.random(3) < 0.5
        return np.sum(p["b"] * mask), {"W": np.zeros((3, 4)), "b": mask * 1.0}

    np.random.seed(1)
    finding = check_gradients(dropout, PARAMETERS)
    after = np.random.random()
    np.random.seed(1)
    assert finding.outcome == AGREES and finding.complaints == () and after == np.random.random()


def test_the_given_arrays_stay_as_they_were():
    before = {name: value.copy() for name, value in PARAMETERS.items()}
    check_gradients(lambda p: (dense(p), p["W"].fill(0))[0], PARAMETERS)
    assert all(np.array_equal(PARAMETERS[name], value) for name, value in before.items())


def test_recovered_from_an_update():
    def updates(p):
        before = p["W"].copy()
        loss, gradients = dense(p)
        p["W"] -= 0.1 * gradients["W"]
        return loss, {"W": recovered(before, p["W"], 0.1), "b": gradients["b"]}

    finding = check_gradients(updates, PARAMETERS)
    assert finding.outcome == AGREES and finding.complaints == ()
    twice = check_gradients(lambda p: updates(p), PARAMETERS, deviation=factor(2, "W"))
    assert twice.wrong == ("W",)


def test_not_finite():
    def nan_loss(p):
        with np.errstate(all="ignore"):
            return np.log(-np.abs(p["W"])).sum(), dense(p)[1]

    finding = check_gradients(nan_loss, PARAMETERS)
    assert finding.outcome == CANNOT_TELL
    assert "the loss is nan; it arises first (invalid value encountered in log) at test_examination" in str(finding)


@pytest.mark.parametrize("what", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite(what):
    finding = check_gradients(changed(dense, b=lambda g: np.where(g > g.min(), g, what)), PARAMETERS)
    assert finding.wrong == ("b",) and f"{what} at [" in finding["b"].reason and finding.complaints == ()


def test_where_it_arises_in_a_gradient():
    def divides(g):
        with np.errstate(all="ignore"):
            return g / np.zeros(3)

    finding = check_gradients(changed(dense, b=divides), PARAMETERS)
    assert any("the gradient of b is not finite; it arises first (divide by zero" in note for note in finding.notes)


def test_missing_and_misshapen():
    finding = check_gradients(changed(dense, W=lambda g: None, b=lambda g: g[:, None]), PARAMETERS)
    assert finding.wrong == ("W", "b") or finding.wrong == ("b", "W")
    assert finding["W"].reason == "there is no such gradient"
    assert finding["b"].reason == "shape (3, 1), but should be (3,)"
    assert finding.notes == ("the numbers in the gradient of b are right, its shape is not",)


def test_the_search_asks_one_oracle_and_not_the_loss():
    right, wrong = counting(dense), counting(changed(dense, W=lambda g: 2 * g))
    outcomes = [
        {v.name: v.outcome for v in verdicts_of(subject(f, lambda run: swapped_dense(run, dense)), AUTOGRAD)}
        for f in (right, wrong)
    ]
    assert outcomes == [{"W": AGREES, "b": AGREES}, {"W": WRONG, "b": AGREES}]
    assert right.calls == wrong.calls == 1


@pytest.mark.parametrize(("factor", "measured"), [(2.0, 0), (1 + 1e-9, 1)])
def test_noise_is_measured_where_an_error_might_be_that(monkeypatch, factor, measured):
    """The search for the smallest sizes asks a hundred times, of gradients that are plainly wrong."""
    runs = []
    monkeypatch.setattr(
        "oracle.oracles.rounding_noise", lambda *given, **more: runs.append(given) or rounding_noise(*given, **more)
    )
    f = changed(dense, W=lambda g: factor * g)
    outcomes = {v.name: v.outcome for v in verdicts_of(subject(f, lambda run: swapped_dense(run, dense)), AUTOGRAD)}
    assert outcomes == {"W": WRONG, "b": AGREES} and bool(runs) == bool(measured)


def test_a_shape_error_is_explained_and_stays_what_it_is():
    def f(p):
        return 0.0, {"W": p["W"] @ p["b"].T[None]}

    finding = check_gradients(f, PARAMETERS)
    assert finding.not_checked.startswith("f raised ValueError: matmul: ")
    assert "test_examination.py" in finding.not_checked, "the user's own traceback"
    assert finding.explanation.splitlines()[0].startswith("test_examination.py:")
    assert finding.explanation in str(finding)


def test_what_is_no_shape_error_is_not_explained():
    def f(p):
        raise KeyError("W_hidden")

    assert check_gradients(f, PARAMETERS).explanation == ""
    assert check_gradients(dense, PARAMETERS).explanation == ""


def test_a_forward_pass_that_is_another_is_another_finding():
    finding = replace(check_gradients(dense, PARAMETERS), faults=("the forward pass is not that of this LSTM",))
    assert finding.outcome == WRONG and finding.wrong == ()
