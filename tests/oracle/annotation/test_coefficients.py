"""How often each step is counted."""

import sys

import numpy as np
import pytest

from oracle.annotation import coefficients
from oracle.subject import call
from tests.oracle.annotation.programs import ALL_STEPS_FORWARD, ONE_FUNCTION

ADDED = "        dR += h[t - 1].T @ da\n"


def found(examined, text, name):
    subject, _, truths = examined(text)
    return coefficients(name, call(subject, subject.parameters)[0].gradients[name], truths)


def test_a_right_gradient_counts_every_step_once(examined):
    counts = found(examined, ONE_FUNCTION, "R")
    assert counts.counts == (1, 1, 1, 1, 1)
    assert str(counts) == "R: every step is counted once"


def test_a_step_twice_and_a_step_missing(examined):
    text = ONE_FUNCTION.replace(ADDED, "        dR += (h[t - 1].T @ da) * {2: 0, 3: 2}.get(t, 1)\n")
    counts = found(examined, text, "R")
    assert counts.counts == (1, 1, 0, 2, 1)
    assert str(counts) == "R: step 2 is missing, step 3 is counted twice"
    assert counts.picture() == "R  t=0 1  t=1 1  t=2 ·  t=3 2  t=4 1"


def test_the_steps_of_one_product(examined):
    counts = found(examined, ALL_STEPS_FORWARD.replace("dW += x[t].T @ da", "dW = x[t].T @ da"), "W")
    assert str(counts) == "W: steps 0, 1, 2 and 3 are missing"


LOSSES = [
    (
        "carry = 0 * da @ p.R.T",
        """R: each step gets only its own loss: nothing is carried back
   reaches t =  0  1  2  3  4
loss of step 0  1
             1  .  1
             2  .  .  1
             3  .  .  .  1
             4  .  .  .  .  1""",
    ),
    (
        "carry = (dy @ p.V.T * (1 - h[t] ** 2)) @ p.R.T",
        """R: the loss of a step reaches back over 2 steps only, itself included: a window
   reaches t =  0  1  2  3  4
loss of step 0  1
             1  1  1
             2  .  1  1
             3  .  .  1  1
             4  .  .  .  1  1""",
    ),
    (
        "carry = da @ p.R.T if t % 2 else 0 * da",
        """R: nothing is carried back between steps 1 and 2 and 3 and 4
   reaches t =  0  1  2  3  4
loss of step 0  1
             1  1  1
             2  .  .  1
             3  .  .  1  1
             4  .  .  .  .  1""",
    ),
]


@pytest.mark.parametrize(("carry", "said"), LOSSES, ids=["no carry", "window", "blocks"])
def test_which_loss_reaches_which_step(examined, carry, said):
    text = ONE_FUNCTION.replace("carry = da @ p.R.T", carry)
    assert str(found(examined, text, "R")) == said.strip()


def test_only_the_last_loss(examined):
    text = ONE_FUNCTION.replace("dh = dy @ p.V.T + carry", "dh = dy @ p.V.T * (t == T - 1) + carry")
    counts = found(examined, text, "W")
    assert counts.words() == ["only the loss of step 4 counts"]
    assert counts.counts[4] == (1, 1, 1, 1, 1) and counts.counts[0][0] == 0 and counts.counts[0][1] is None


@pytest.mark.parametrize(
    "losses",
    [
        "loss = np.sum(np.stack([e[t] for t in range(T)]) ** 2) / 2",
        "loss = np.mean([np.sum(e[t] ** 2) for t in range(T)]) * T / 2",
    ],
)
def test_losses_that_are_added_up_in_one_go(examined, losses):
    text = ONE_FUNCTION.replace("        loss += 0.5 * np.sum(e[t] ** 2)\n", f"    {losses}\n")
    text = text.replace("carry = da @ p.R.T", "carry = 0 * da")
    assert found(examined, text, "R").words() == ["each step gets only its own loss: nothing is carried back"]


def test_a_loss_that_is_not_one_of_steps_is_not_taken_apart(examined):
    text = ONE_FUNCTION.replace("        loss += 0.5 * np.sum(e[t] ** 2)\n", "    loss = np.sum(e[T - 1] * e[0])\n")
    text = text.replace("carry = da @ p.R.T", "carry = 0 * da")
    assert found(examined, text, "R") is None


STATES = [
    ("h[t].T", "the adjoint of each step is paired with the value that is used one step later"),
    (
        "h[t - 2 if t else T - 1].T",
        "the adjoint of step 0 is paired with the last value, which is used at no step, that of each other step with "
        "the value that is used one step earlier",
    ),
    ("h[1].T", "every adjoint is paired with the value that is used at step 2"),
    ("h[t + 1 if t + 1 < T else t].T", None),
]


@pytest.mark.parametrize(("state", "said"), STATES)
def test_which_state_an_adjoint_is_paired_with(examined, state, said):
    counts = found(examined, ONE_FUNCTION.replace(ADDED.strip(), f"dR += {state} @ da"), "R")
    assert (counts and counts.words()) == (said and [said])


def test_the_picture_of_the_states(examined):
    counts = found(examined, ONE_FUNCTION.replace(ADDED.strip(), "dR += h[t].T @ da"), "R")
    assert counts.picture().splitlines() == [
        " with that of t =  0  1  2  3  4  5",
        "adjoint of step 0  .  1  .  .  .  .",
        "                1  .  .  1  .  .  .",
        "                2  .  .  .  1  .  .",
        "                3  .  .  .  .  1  .",
        "                4  .  .  .  .  .  1",
    ]
    assert counts.picture().isascii()


def test_samples_that_are_missing(examined):
    counts = found(examined, ONE_FUNCTION.replace(ADDED.strip(), "dR += h[t - 1][:1].T @ da[:1]"), "R")
    assert str(counts) == "R: samples 1 and 2 are missing"
    assert counts.picture() == "R  b=0 1  b=1 ·  b=2 ·"


def test_a_common_factor_is_no_matter_of_samples(examined):
    counts = found(examined, ONE_FUNCTION.replace(ADDED.strip(), "dR += h[t - 1].T @ da / 2"), "R")
    assert str(counts) == "R: steps 0, 1, 2, 3 and 4 are counted 0.5 times"


@pytest.mark.parametrize("wrong", ["dR += h[t - 1].T @ da ** 2", "dR += (h[t - 1].T @ da).T"])
def test_what_is_no_sum_of_contributions(examined, wrong):
    assert found(examined, ONE_FUNCTION.replace(ADDED.strip(), wrong), "R") is None


def test_a_gradient_of_another_shape(examined):
    _, _, truths = examined(ONE_FUNCTION)
    assert coefficients("R", np.zeros(3), truths) is None


def test_what_each_loss_contributes_is_found_out_once_for_each_number_of_steps(examined, monkeypatch):
    """Parameters of two loops of different lengths ask in turn."""
    from oracle.annotation import coefficients as module

    asked = []
    monkeypatch.setattr(sys.modules[module.__module__], "contributions_by_loss", lambda subject, n: asked.append(n))
    _, _, truths = examined(ONE_FUNCTION)
    by_loss = sys.modules[module.__module__]._by_loss
    for steps in (5, 3, 5, 3):
        assert by_loss(truths, steps) is None
    assert asked == [5, 3]
