"""The uses of a parameter told apart, and truncated BPTT from them."""

import numpy as np
import pytest
import torch

from oracle.deviations import truncation
from oracle.gradient_check import check_gradients
from oracle.uses import EachUse

T, H = 6, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(T, H))
D = RNG.normal(size=(T, H))


def elman(p, window):
    """Losses of the steps, and the gradient that reaches back over `window` steps."""
    states = [np.zeros(H)]
    for x in X:
        states.append(np.tanh(p["W"] @ states[-1] + p["b"] * x))
    losses = [(h * d).sum() for h, d in zip(states[1:], D)]
    dW, db = np.zeros((H, H)), np.zeros(H)
    for s in range(T):
        dh = D[s]
        for t in range(s, max(-1, s - window), -1):
            delta = dh * (1 - states[t + 1] ** 2)
            dW += np.outer(delta, states[t])
            db += delta * X[t]
            dh = p["W"].T @ delta
    return losses, {"W": dW, "b": db}


PARAMETERS = {"W": RNG.normal(size=(H, H)) / 2, "b": RNG.normal(size=H)}


def test_the_gradients_of_the_uses_sum_to_the_whole():
    w = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)
    with EachUse({"w": w}) as uses:
        loss = (w * w).sum() + torch.cat([w, w]).sum()
    (whole,) = torch.autograd.grad(loss, w, retain_graph=True)
    parts = torch.autograd.grad(loss, uses.aliases["w"])
    assert len(parts) == 4 and torch.allclose(sum(parts), whole)


@pytest.mark.parametrize("window", [1, 2, 4, 6])
def test_truncated_code_agrees_with_its_window_and_no_other(window):
    def f(p):
        return elman(p, window)

    def from_one_array(p):
        losses, gradients = elman(p, window)
        return list(np.stack(losses) * 1.0), gradients

    assert check_gradients(f, PARAMETERS, deviation=truncation(window)).outcome == "agrees"
    assert check_gradients(from_one_array, PARAMETERS, deviation=truncation(window)).outcome == "agrees"
    if window < T:
        finding = check_gradients(f, PARAMETERS, deviation=truncation(window + 1))
        assert set(finding.wrong) == {"W", "b"} and finding.witness.sides_with == "oracle"


def test_a_whole_gradient_is_no_truncated_one():
    assert check_gradients(lambda p: elman(p, T), PARAMETERS, deviation=truncation(3)).outcome == "wrong"
    assert check_gradients(lambda p: elman(p, T), PARAMETERS, deviation=truncation(T)).outcome == "agrees"


def test_undeclared_it_is_said_from_which_length_on():
    finding = check_gradients(lambda p: (sum(elman(p, 3)[0]), elman(p, 3)[1]), PARAMETERS)
    assert set(finding.wrong) == {"W", "b"}


@pytest.mark.parametrize(
    "returned, reason",
    [
        (lambda p: (sum(elman(p, 2)[0]), elman(p, 2)[1]), r"the loss has shape \(\), but where truncation is declared"),
        (lambda p: ([], elman(p, 2)[1]), "with the loss of every step"),
    ],
)
def test_without_the_losses_of_the_steps(returned, reason):
    import re

    finding = check_gradients(returned, PARAMETERS, deviation=truncation(2))
    assert re.search(reason, finding.not_checked), finding.not_checked


def test_uses_in_two_loops_and_none_at_the_first_step():
    def f(p):
        states, losses = [np.zeros(H)], []
        for t, x in enumerate(X):
            states.append(np.tanh(p["W"] @ states[-1] + x) if t else np.tanh(x))
        for h, d in zip(states[1:], D):
            losses.append((p["W"] @ h) @ d)  # the same matrix reads out, in a loop of its own
        dW = np.zeros((H, H))
        for s in range(T):
            dW += np.outer(D[s], states[s + 1])
            dh = p["W"].T @ D[s]
            for t in range(s, max(0, s - 2), -1):
                delta = dh * (1 - states[t + 1] ** 2)
                dW += np.outer(delta, states[t])
                dh = p["W"].T @ delta
        return losses, {"W": dW}

    finding = check_gradients(f, {"W": PARAMETERS["W"]}, deviation=truncation(2))
    assert finding.outcome == "agrees", str(finding)


def test_uses_that_have_no_step():
    def at_once(p):
        losses, gradients = elman(p | {"b": np.zeros(H)}, 2)
        inputs = X * p["b"]
        return [loss + x.sum() for loss, x in zip(losses, inputs)], gradients

    finding = check_gradients(at_once, PARAMETERS, deviation=truncation(2))
    assert "truncation cannot be followed: in 6 steps the uses of b lie at 1;" in finding.not_checked


@pytest.mark.parametrize("window", [0, True, 2.0, "3"])
def test_bad_windows(window):
    with pytest.raises(ValueError, match="truncation is given .*, but should be given a number of steps of at least 1"):
        truncation(window)
