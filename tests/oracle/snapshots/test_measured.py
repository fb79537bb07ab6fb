"""The digests tell what was asked and what was drawn apart, and overlook last digits."""

import numpy as np
import pytest

from oracle.snapshots import NotMeasured
from oracle.snapshots.measured import DigestingGenerator, digest

from .test_snapshot import HOSTILE


def drawn(draw, seed=0):
    rng = DigestingGenerator(seed)
    draw(rng)
    return rng.digests()


def test_it_draws_what_numpy_draws():
    plain, digesting = np.random.default_rng(7), DigestingGenerator(7)
    for rng_draws in zip(*(draws(rng) for rng in (plain, digesting))):
        assert np.array_equal(*rng_draws)


def draws(rng):
    order = np.arange(5)
    rng.shuffle(order)
    return [rng.normal(size=(2, 3)), rng.integers(9, size=4), rng.random(), rng.permutation(6), order, rng.choice(5)]


@pytest.mark.parametrize(
    "one, other",
    [
        (lambda rng: rng.normal(size=3), lambda rng: rng.normal(size=4)),
        (lambda rng: rng.normal(size=3), lambda rng: rng.normal(0, 0.1, size=3)),
        (lambda rng: rng.normal(size=3), lambda rng: rng.uniform(size=3)),
        (lambda rng: rng.normal(size=(2, 3)), lambda rng: [rng.normal(size=3) for _ in range(2)]),
        (lambda rng: None, lambda rng: rng.shuffle([1, 2])),
        (lambda rng: rng.choice(np.arange(3)), lambda rng: rng.choice(np.arange(1, 4))),
    ],
)
def test_another_call_is_another_call(one, other):
    assert drawn(one)[0] != drawn(other)[0]
    assert drawn(one) == drawn(one)


def test_another_seed_is_the_same_calls_with_other_numbers():
    for draw in (lambda rng: rng.normal(size=3), lambda rng: rng.random(), lambda rng: rng.permutation(20)):
        (calls, numbers), (same_calls, other_numbers) = drawn(draw), drawn(draw, seed=1)
        assert calls == same_calls and numbers != other_numbers


def test_last_digits_are_overlooked_and_others_are_not():
    array = np.random.default_rng(0).normal(size=1000)
    assert digest({"W": array}) == digest({"W": array * (1 + 2.0**-52)})
    assert digest({"W": array}) != digest({"W": array * (1 + 1e-8)})
    for other in ({"V": array}, {"W": array[::-1]}, {"W": array.reshape(10, 100)}, {"W": array.astype(np.float32)}):
        assert digest({"W": array}) != digest(other)


def test_what_is_not_finite_and_hostile_names():
    assert digest({"W": np.array([np.nan, np.inf, 1.0])}) == digest({"W": np.array([np.nan, np.inf, 1.0])})
    assert len({digest({name: np.ones(2)}) for name in HOSTILE}) == len(HOSTILE)


def test_code_that_gives_nothing(code):
    source = """
import time
import numpy as np
from oracle import gradient_function

@gradient_function(W="hidden")
def raises(p, sizes, rng):
    raise RuntimeError("no such thing")

@gradient_function(W="hidden")
def leaves(p, sizes, rng):
    import os
    os._exit(3)

@gradient_function(W="hidden")
def lists(p, sizes, rng):
    return 1.0, [p.W]
"""
    for name, says in (
        ("raises", "raises raised RuntimeError: no such"),
        ("leaves", "leaves "),
        ("lists", "gradients"),
    ):
        with pytest.raises(NotMeasured, match=says):
            code(source, name).measure()
