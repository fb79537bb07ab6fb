"""The examples in the docstrings of rnn_manual do what they say."""

import doctest
import importlib
import pkgutil

import pytest

import rnn_manual

MODULES = ["rnn_manual", *(f"rnn_manual.{module.name}" for module in pkgutil.iter_modules(rnn_manual.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    """Of the front door, at least: a run that finds none would pass the test above."""
    with_examples = {
        test.name
        for name in MODULES
        for test in doctest.DocTestFinder().find(importlib.import_module(name))
        if test.examples
    }  # fmt: skip
    front_door = {"gradients.loss_and_gradients", "gradients.forward", "network.Network", "state_dict.to_state_dict"}
    assert {f"rnn_manual.{name}" for name in front_door} <= with_examples


@pytest.mark.parametrize("name", rnn_manual.__all__)
def test_every_public_name_is_documented(name):
    assert len(getattr(rnn_manual, name).__doc__.strip()) > 40
