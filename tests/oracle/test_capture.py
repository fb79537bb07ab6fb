"""Gradients from local variables and from steps."""

import cProfile
import functools
import sys
import threading

import numpy as np
import pytest

from oracle.capture import recovered, with_locals


class Net:
    def backward(self, x):
        dW = 2 * x
        self.W = dW
        return dW + 1

    @staticmethod
    def still(x):
        dW = 3 * x
        return dW

    @classmethod
    def of_class(cls, x):
        dW = 4 * x
        return dW

    def __call__(self, x):
        dW = 5 * x
        return self.backward(dW)


def twice(function):
    @functools.wraps(function)
    def wrapper(*args):
        dW = "the decorator's"  # noqa: F841
        function(*args)
        return function(*args)

    return wrapper


@twice
def decorated(x, calls=[]):  # noqa: B006
    calls.append(x)
    dW = len(calls)  # noqa: F841
    return x


def factorial(n):
    smaller = factorial(n - 1) if n else 1
    return max(n, 1) * smaller


def plain(x, *, scale=1):
    dW = scale * x
    dW += 1
    return x


@pytest.mark.parametrize(
    "function, returned, dW",
    [
        (plain, 7, 8),
        (Net().backward, 15, 14),
        (Net.still, 21, 21),
        (Net().still, 21, 21),
        (Net.of_class, 28, 28),
        (Net(), 71, 35),
        (decorated, 7, 2),
        (functools.partial(plain, scale=2), 7, 15),
        (functools.lru_cache(plain), 7, 8),
    ],
    ids="function method static static-of-instance class-method callable decorated partial cached".split(),
)
def test_the_locals_at_the_return(function, returned, dW):
    result, variables = with_locals(function, 7)
    assert (result, variables.dW) == (returned, dW)


def test_arguments_go_through_and_are_among_the_locals():
    result, variables = with_locals(plain, 7, scale=10)
    assert (result, vars(variables)) == (7, dict(x=7, scale=10, dW=71))


def test_of_a_recursion_the_outermost_call_counts():
    result, variables = with_locals(factorial, 5)
    assert (result, variables.n, variables.smaller) == (120, 5, 24)


def test_an_exception_goes_through_and_the_profile_function_is_restored():
    def fails():
        raise KeyError("theirs")

    def theirs(frame, event, argument):
        pass

    sys.setprofile(theirs)
    try:
        with pytest.raises(KeyError, match="theirs"):
            with_locals(fails)
        assert sys.getprofile() is theirs
        with_locals(plain, 1)
        assert sys.getprofile() is theirs
    finally:
        sys.setprofile(None)


def test_under_a_profiler_a_tracer_and_in_a_thread():
    profiler = cProfile.Profile()
    lines = []

    def tracer(frame, event, argument):
        lines.append(event)
        return tracer

    def work():
        sys.settrace(tracer)
        with profiler:
            dWs.append(with_locals(plain, 7)[1].dW)
            factorial(3)
        sys.settrace(None)

    dWs = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert dWs == [8] and "line" in lines
    assert any("factorial" in str(entry.code) for entry in profiler.getstats())  # it goes on after us


def test_what_has_no_locals_to_give_is_refused():
    def generator():
        yield 1

    async def coroutine():
        pass

    for function in (generator, coroutine):
        with pytest.raises(TypeError, match="a generator or coroutine, but should be a function that runs to its end"):
            with_locals(function)
    for function in (len, np.dot, 3, Net):
        with pytest.raises(TypeError, match="but should be a function or method written in Python"):
            with_locals(function)
    cached = functools.lru_cache(plain)
    cached(7)
    with pytest.raises(ValueError, match="plain was not run: what was called did not call it"):
        with_locals(cached, 7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_recovered_gradient_is_right_up_to_its_rounding(dtype):
    rng = np.random.default_rng(0)
    W, dW = rng.normal(size=(2, 40, 30)).astype(dtype)
    rate = 1e-3
    found = recovered(W, W - dtype(rate) * dW, rate)
    error = np.abs(found.gradient - dW).max()
    assert 0 < error < found.rounding < 40 * error
    assert found.gradient.dtype == dtype
    with_mistake = recovered(W, W - dtype(rate) * dW * (1 + 1e-3), rate)
    assert np.abs(with_mistake.gradient - dW).max() > with_mistake.rounding


def test_recovered_takes_what_only_has_operators():
    class Lifted:
        shape = (2,)

        def __init__(self, text):
            self.text = text

        def __sub__(self, other):
            return Lifted(f"({self.text} - {other.text})")

        def __truediv__(self, other):
            return f"{self.text} / {other}"

        def __array__(self, *args, **kwargs):
            raise AssertionError("made a NumPy array of a lifted one")

    found = recovered(Lifted("before"), Lifted("after"), 0.5)
    assert (found.gradient, found.rounding) == ("(before - after) / 0.5", 0.0)


def test_numbers_and_complex_arrays_are_recovered():
    assert recovered(3.0, 1.0, 0.5).gradient == 4
    assert recovered(np.float64(2), np.float64(2), 0.5).gradient == 0
    step = np.array([1 + 2j])
    assert recovered(step, step - 0.5j, 0.5).gradient == 1j
    assert recovered(np.zeros(0), np.zeros(0), 1).rounding == 0


def test_bad_input_is_named():
    W = np.ones((2, 3))
    for rate in (0, 0.0, np.nan, np.inf, np.float32(0)):
        with pytest.raises(ValueError, match="rate is .*, but should be a finite number other than 0"):
            recovered(W, W - 1, rate)
    with pytest.raises(ValueError, match=r"rate has shape \(2, 3\), but should be one number"):
        recovered(W, W - 1, W)
    with pytest.raises(ValueError, match=r"before has shape \(2, 3\) and after \(3,\), but they should be the same"):
        recovered(W, W[0], 1)
    with pytest.raises(TypeError, match="before is a list, but should be an array"):
        recovered([1.0], W, 1)
    for after in (W, W[:]):
        with pytest.raises(ValueError, match="the same array, changed in place; before should be a copy"):
            recovered(W, after, 1)
