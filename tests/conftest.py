"""What several test files share."""

import pytest

from rnn_manual import elman


@pytest.fixture
def untransposed(monkeypatch):
    """Elman's gradient of W_hh comes out transposed: a mistake no shape shows."""
    right = elman.backward

    def wrong(cache, *upstream):
        d_x, d_initial, gradients = right(cache, *upstream)
        gradients["weight_hh"] = gradients["weight_hh"].T.copy()  # wrong on purpose
        return d_x, d_initial, gradients

    monkeypatch.setattr(elman, "backward", wrong)


@pytest.fixture(autouse=True)
def not_on_ci():
    """The runs of pytest inside tests print the same anywhere: on CI its summary repeats the whole of a message."""
    with pytest.MonkeyPatch.context() as environment:  # of its own: the fixture's is undone after those of the tests
        environment.delenv("CI", raising=False)
        environment.delenv("BUILD_NUMBER", raising=False)
        yield
