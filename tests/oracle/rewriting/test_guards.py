"""Code that prints, warns, or never ends."""

import time
import warnings

import pytest

from oracle.rewriting import TookTooLong, quiet, within


def test_what_takes_too_long_ends():
    start = time.monotonic()
    with pytest.raises(TookTooLong), within(0.05):
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # as user code does
                pass
    assert time.monotonic() - start < 5


def test_what_ends_in_time_is_left_alone():
    with within(0.02):
        pass
    time.sleep(0.05)


def test_nothing_is_printed_or_warned_of(capsys):
    with quiet():
        print("loss", 1.0)
        warnings.warn("an overflow", RuntimeWarning, stacklevel=1)
    assert capsys.readouterr() == ("", "")
