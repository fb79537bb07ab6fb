"""The right passes, and every mistake planted in them."""

from __future__ import annotations

from types import ModuleType

from tests.planted import elman, elman_mistakes, gru, gru_mistakes, lstm, lstm_mistakes
from tests.planted.kinds import ELMAN_KINDS, GATED_KINDS
from tests.planted.mistake import Mistake

PASSES: dict[str, ModuleType] = {"elman": elman, "lstm": lstm, "gru": gru}

KINDS: dict[str, tuple[str, ...]] = {"elman": ELMAN_KINDS, "lstm": GATED_KINDS, "gru": GATED_KINDS}

MISTAKES: dict[str, tuple[Mistake, ...]] = {
    "elman": elman_mistakes.MISTAKES,
    "lstm": lstm_mistakes.MISTAKES,
    "gru": gru_mistakes.MISTAKES,
}
