"""What a gradient function may give back, and what is said of everything else."""

import random
import sys

import numpy as np
import pytest
import torch

from oracle.capture import Recovered
from oracle.returned import (
    NotChecked,
    RecordingGenerator,
    called,
    first_not_finite,
    our_mistake,
    read,
    same_random_numbers,
    total_loss,
    user_traceback,
)

W, B = np.arange(6.0).reshape(2, 3), np.ones(2)
PARAMETERS = {"weight": W, "bias": B}
RIGHT = {"weight": W + 1, "bias": B + 1}


def returned(loss=1.0, **gradients):
    return read((loss, {**RIGHT, **gradients}), PARAMETERS, "f")


@pytest.mark.parametrize(
    "loss", [1.0, 1, np.float64(1), np.float32(1), np.array(1.0), np.ones((1, 1)), np.matrix, [1.0], torch.ones(1, 1)]
)
def test_losses_that_are_numbers(loss):
    if loss is np.matrix:
        with pytest.warns(PendingDeprecationWarning):
            loss = np.matrix([[1.0]])
    found = returned(loss).loss
    assert found == 1 and type(found) is float


@pytest.mark.parametrize(
    "gradient",
    [
        (W + 1).tolist(),
        torch.tensor(W + 1),
        torch.tensor(W + 1, requires_grad=True),
        np.asfortranarray(W + 1),
        (W + 1).astype(int),
        (W + 1)[::-1][::-1],
    ],
)
def test_gradients_in_whatever_they_are_kept(gradient):
    found = returned(weight=gradient)
    assert type(found.gradients["weight"]) is np.ndarray
    assert np.array_equal(found.gradients["weight"], W + 1)
    assert found.shared == ()


def test_a_matrix_becomes_an_array():
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(W)
    assert type(returned(weight=matrix).gradients["weight"]) is np.ndarray


def test_float32_stays_float32():
    assert returned(weight=W.astype(np.float32)).gradients["weight"].dtype == np.float32


def test_a_copy_is_kept():
    mine = W + 1
    found = returned(weight=mine)
    mine[:] = 0
    assert np.array_equal(found.gradients["weight"], W + 1)


def test_recovered_gradients_carry_their_rounding():
    found = returned(weight=Recovered(W + 1, 1e-9))
    assert found.rounding == {"weight": 1e-9} and np.array_equal(found.gradients["weight"], W + 1)
    assert returned().rounding == {}


def test_no_gradient_is_a_missing_one():
    assert returned(weight=None).gradients.keys() == {"bias"}
    assert read((1.0, {"bias": B}), PARAMETERS, "f").gradients.keys() == {"bias"}


def test_a_zero_that_nothing_was_added_to():
    assert np.array_equal(returned(weight=0).gradients["weight"], np.zeros((2, 3)))
    assert returned(weight=1).gradients["weight"].shape == ()  # any other number is no gradient of a matrix


WANTED = r"but should return \(loss, gradients\), the gradients a dict with 'weight', 'bias'"


class Unread(dict):
    """A class of the user's that lets nobody look into it."""

    def __iter__(self):
        raise RuntimeError("not you")

    def __array__(self, *args, **kwargs):
        raise RuntimeError("not you")


@pytest.mark.parametrize(
    "result, message",
    [
        (None, f"f returned None, {WANTED}"),
        (1.0, f"f returned a float, {WANTED}"),
        (RIGHT, f"f returned a dict, {WANTED}"),
        (W, rf"f returned an array of shape \(2, 3\) and dtype float64, {WANTED}"),
        ((1.0, W, B), f"f returned 3 things, {WANTED}"),
        ((), f"f returned 0 things, {WANTED}"),
        ((1.0, [W, B]), f"f returned a list for the gradients, {WANTED}"),
        ((RIGHT, 1.0), f"f returned a float for the gradients, {WANTED}"),
        (
            (1.0, {**RIGHT, "wieght": W}),
            "returned a gradient 'wieght', but there is no such parameter, only weight, bias; did you mean 'weight'",
        ),
        ((1.0, {**RIGHT, 3: W}), "returned a gradient 3, but there is no such parameter, only weight, bias$"),
        ((np.ones(3), RIGHT), r"the loss has shape \(3,\), but should be a number"),
        ((np.ones(0), RIGHT), r"the loss has shape \(0,\), but should be a number"),
        ((None, RIGHT), "the loss is None, but should be"),
        (("1.0", RIGHT), "the loss is a str, but should be"),
        ((1j, RIGHT), "the loss is the complex number 1j, but should be real"),
        ((1.0, {**RIGHT, "bias": "b"}), "the gradient of bias is a str, but should be an array of numbers"),
        ((1.0, {**RIGHT, "bias": {}}), "the gradient of bias is a dict, but should be an array of numbers"),
        (
            (1.0, {**RIGHT, "bias": [[1.0], [1.0, 2.0]]}),
            "the gradient of bias is a list, but should be an array of num",
        ),
        ((1.0, {**RIGHT, "bias": np.array([B, None], object)}), r"an array of shape \(2,\) and dtype object"),
        ((1.0, Unread(RIGHT)), "f returned an Unread that cannot be read: RuntimeError: not you"),
        ((1.0, {**RIGHT, "bias": Unread()}), "the gradient of bias is an Unread that makes no array: RuntimeError"),
        ((1.0, {**RIGHT, "bias": B + 1j}), "the gradient of bias is complex, but should be real"),
        ((1.0, {**RIGHT, "bias": np.ma.array(B, mask=[0, 1])}), "the gradient of bias is a masked array"),
    ],
)
def test_anything_else(result, message):
    with pytest.raises(NotChecked, match=message):
        read(result, PARAMETERS, "f")


def test_the_complex_step_may_have_a_complex_loss():
    assert total_loss(np.array([[1 + 2j]]))[()] == 1 + 2j


@pytest.mark.parametrize("losses", [[1.0, 2.0], (1.0, np.array([[2.0]])), np.array([1.0, 2.0]), np.ones((3, 1)), [3.0]])
def test_the_losses_of_the_steps(losses):
    assert total_loss(losses, stepwise=True)[()] == 3


@pytest.mark.parametrize("loss", [3.0, [], np.ones((2, 2))])
def test_no_losses_of_steps(loss):
    with pytest.raises(NotChecked, match="but where truncation is declared it should be a list with the loss of every"):
        total_loss(loss, stepwise=True)


def test_shared_memory():
    both = np.zeros((2, 3))
    found = returned(weight=both, bias=both[:, 0])
    assert found.shared == ("the gradients of weight and bias share memory: changing one changes the other",)
    found = returned(weight=W[::-1])
    assert found.shared == ("the gradient of weight is a view of the parameter weight: an update changes both",)
    # the two halves of one buffer overlap nowhere
    buffer = np.zeros(8)
    assert returned(weight=buffer[:6].reshape(2, 3), bias=buffer[6:]).shared == ()


def test_inputs_that_are_written_to():
    rng = RecordingGenerator(0)
    x, h, index = rng.normal(size=(3, 4)), rng.uniform(size=2), rng.integers(5, size=7)
    assert rng.changed() == []
    h[0] = 9
    assert rng.changed() == ["uniform (2,)"]
    index += 1
    assert rng.changed() == ["uniform (2,)", "integers (7,)"]
    assert x.shape == (3, 4)


def test_the_recording_generator_draws_what_any_generator_draws():
    ours, numpys = RecordingGenerator(5), np.random.Generator(np.random.PCG64(5))
    assert isinstance(ours, np.random.Generator) and np.random.default_rng(ours) is ours
    assert np.array_equal(ours.normal(size=3), numpys.normal(size=3))
    assert ours.integers(10**9) == numpys.integers(10**9)
    mine, theirs = np.arange(9), np.arange(9)
    ours.shuffle(mine)
    numpys.shuffle(theirs)
    assert np.array_equal(mine, theirs) and np.array_equal(ours.permutation(5), numpys.permutation(5))


def test_global_random_numbers_are_the_same_and_then_as_before():
    np.random.seed(3)
    random.seed(3)
    drawn = []
    for _ in range(2):
        with same_random_numbers():
            drawn.append((np.random.normal(), random.random()))
    after = np.random.normal(), random.random()
    np.random.seed(3)
    random.seed(3)
    assert drawn[0] == drawn[1] and after == (np.random.normal(), random.random())


def deep(how):
    return how()


def test_what_raises_is_shown_in_its_own_words_and_frames():
    def raises():
        return deep(lambda: {}["dWhh"])

    with pytest.raises(NotChecked) as caught:
        called(raises, "f")
    first, *frames = str(caught.value).splitlines()
    assert first == "f raised KeyError: 'dWhh'"
    files = [line for line in frames if line.startswith("  File")]
    assert len(files) == 3 and all("test_returned.py" in line for line in files)
    assert "in raises" in files[0] and "in deep" in files[1]
    assert isinstance(caught.value.__cause__, KeyError)


def test_frames_below_the_users_last_are_left_out():
    import json

    with pytest.raises(NotChecked) as caught:
        called(lambda: json.loads("{"), "f")
    text = str(caught.value)
    assert "decoder.py" not in text and text.count("  File") == text.count("test_returned.py") == 1


def test_a_folder_that_is_only_called_like_ours_is_the_users():
    from oracle.returned import OURS

    filename = OURS.rstrip("/\\") + "_of_mine.py"
    try:
        exec(compile("1 / 0", filename, "exec"), {})
    except ZeroDivisionError as error:
        assert "oracle_of_mine.py" in user_traceback(error)


def test_without_a_frame_of_the_users_there_is_no_empty_line():
    with pytest.raises(NotChecked) as caught:
        called(3, "f")
    assert str(caught.value) == "f raised TypeError: 'int' object is not callable"


def test_a_syntax_error_shows_its_line():
    with pytest.raises(NotChecked) as caught:
        called(lambda: compile("x = 1\ndef f(:\n", "rnn.py", "exec"), "rnn.py")
    text = str(caught.value)
    assert text.startswith("rnn.py raised SyntaxError: invalid syntax (rnn.py, line 2)\n")
    assert text.endswith('  File "rnn.py", line 2\n    def f(:\n          ^')


def test_what_leaves():
    with pytest.raises(NotChecked, match=r"^f called sys.exit\(4\), test_returned.py:\d+ in <lambda>$"):
        called(lambda: sys.exit(4), "f")
    with pytest.raises(NotChecked, match=r"sys.exit\(None\)"):
        called(lambda: sys.exit(), "f")


def test_what_the_user_interrupts_is_interrupted():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        called(interrupted, "f")


def test_it_passes_through():
    assert called(lambda: 5, "f") == 5
    with pytest.raises(NotChecked, match="^no verdict$"):
        called(lambda: (_ for _ in ()).throw(NotChecked("no verdict")), "f")


def test_the_first_operation_that_is_not_finite():
    def step():
        negative = np.array([1.0, -1.0])
        return np.log(negative) + np.exp(np.array([1e9]))

    where = first_not_finite(step)
    assert where.startswith("; it arises first (invalid value encountered in log) at test_returned.py:")
    assert where.endswith("in step: return np.log(negative) + np.exp(np.array([1e9]))")
    assert first_not_finite(lambda: np.log(np.ones(2))) == ""


def test_code_that_silences_numpy_hides_nothing():
    def quiet():
        with np.errstate(all="ignore"):
            np.seterr(all="ignore")
            return np.ones(2) / np.zeros(2)

    before, errstate = np.geterr(), np.errstate
    assert "divide by zero encountered in divide" in first_not_finite(quiet)
    assert np.geterr() == before and np.errstate is errstate


def test_another_error_on_the_way_says_nothing():
    assert first_not_finite(lambda: {}["x"]) == ""


def test_a_mistake_of_ours_is_one_line_with_our_own_place():
    try:
        read((1.0, RIGHT), None, "f")
    except Exception as error:
        found = our_mistake(error)
    assert found.endswith(")") and "(returned.py:" in found
    try:
        raise KeyError("line\n" * 3000)
    except KeyError as error:
        found = our_mistake(error)
    assert "\n" not in found and len(found) < 300 and found.startswith("KeyError: 'line")
