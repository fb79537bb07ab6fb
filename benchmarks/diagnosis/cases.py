"""The cases of the benchmark: right programs, programs with one mistake, and with two and three drawn at random.

Five whole programs are put aside, at least one of each family: what is tuned on the other programs is measured on
these. They decide whether the diagnosis has learnt the programs or the mistakes.

A program is put aside until it has been looked at: one whose failures were read while the diagnosis was worked on tells
nothing new any more. Twenty-five of the programs for development had been put aside before, and came to them that way,
the last ten five at a time; three more (chord_predictor, spam_detector, tide_tables) were measured once, unseen, and
never stood here. The five were written afterwards, each in a style of its own, and without running the
diagnosis on them or reading how it works. So ASIDE is a plain tuple, and no rule draws it: whoever looks at one of them
takes it out and writes another. (These five were, once the first runs of docs/diagnosis.md had been measured.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from benchmarks.diagnosis.gradients import difference, function_in, run, wrong_parameters
from benchmarks.diagnosis.mistake import Misplaced, Mistake, Planted, plant, source_of
from benchmarks.diagnosis.mistakes import MISTAKES
from oracle.kinds import KINDS
from oracle.sizes import points

FAMILIES = {
    "binary_adder": "elman",
    "char_rnn": "elman",
    "decision_circuit": "elman",
    "deltas_buffer": "elman",
    "elman_class": "elman",
    "elman_rows": "elman",
    "event_detector": "elman",
    "machine_states": "elman",
    "name_origins": "elman",
    "relu_einsum": "elman",
    "review_scores": "elman",
    "rnn_textbook": "elman",
    "sequence_regressor": "elman",
    "step_functions": "elman",
    "thermostat": "elman",
    "word_classifier": "elman",
    "captions": "lstm",
    "comment_filter": "lstm",
    "heartbeats": "lstm",
    "lstm_blog": "lstm",
    "lstm_class": "lstm",
    "lstm_columns": "lstm",
    "lstm_homework": "lstm",
    "lstm_stacked_weights": "lstm",
    "lstm_tagger": "lstm",
    "server_load": "lstm",
    "spam_detector": "lstm",
    "chord_predictor": "gru",
    "gru_class": "gru",
    "gru_forecast": "gru",
    "gru_function": "gru",
    "gru_fused": "gru",
    "gru_piano_roll": "gru",
    "gru_tuples": "gru",
    "voice_commands": "gru",
    "bidirectional": "several layers",
    "date_translator": "several layers",
    "encoder_decoder": "several layers",
    "keystrokes": "several layers",
    "layer_objects": "several layers",
    "stacked_elman": "several layers",
    "tide_tables": "several layers",
    "verse_writer": "several layers",
}
ASIDE = (
    "heartbeats",
    "machine_states",
    "server_load",
    "verse_writer",
    "voice_commands",
)
PARTS = ("right", "singles", "doubles", "triples")
DRAWN = {"doubles": (2, 120, 50), "triples": (3, 60, 25)}  # mistakes a case, cases for development, cases put aside
SEED = 20
MATTERS = 1e-6  # relative: what taking one of several mistakes away has to change at the least


@dataclass(frozen=True)
class Case:
    """A program with no mistake, one, two or three.

    part      one of PARTS
    planted   the source, and the lines of each mistake that count as wrong
    """

    part: str
    program: str
    mistakes: tuple[Mistake, ...]
    planted: Planted = field(repr=False)

    def __str__(self) -> str:
        return f"{self.program}: {' + '.join(mistake.name for mistake in self.mistakes) or 'right'}"

    @property
    def source(self) -> str:
        return self.planted.source

    @property
    def lines(self) -> frozenset[int]:
        """The line numbers that count as right for the first wrong one: those of any of its mistakes."""
        return frozenset().union(*self.planted.lines)

    @cached_property
    def function(self) -> str:
        """The name of the gradient function."""
        return function_in(self.source, self.program).name

    @cached_property
    def wrong(self) -> frozenset[str]:
        """The parameters whose gradients are wrong, measured against the right program's."""
        return wrong_parameters(self.program, self.source)


def put_aside() -> frozenset[str]:
    """The programs put aside: those that nobody has looked at while working on the diagnosis."""
    return frozenset(ASIDE)


def programs(aside: bool) -> tuple[str, ...]:
    """The programs for development, or those put aside."""
    hidden = put_aside()
    return tuple(program for program in sorted(FAMILIES) if (program in hidden) == aside)


def cases(parts: Sequence[str] = PARTS, of: Iterable[str] | None = None) -> list[Case]:
    """The cases of these parts and programs, in a fixed order."""
    wanted = set(FAMILIES if of is None else of)
    found = []
    for part in parts:
        if part == "right":
            found += [Case(part, name, (), Planted(source_of(name), ())) for name in sorted(wanted)]
        elif part == "singles":
            found += [Case(part, name, (one,), plant([one])) for name in sorted(wanted) for one in MISTAKES[name]]
        else:
            found += [case for case in drawn(part) if case.program in wanted]
    return found


def drawn(part: str) -> tuple[Case, ...]:
    """The doubles or the triples: those for development, then those put aside, each drawn without the others."""
    return _drawn(part, aside=False) + _drawn(part, aside=True)


@cache
def _drawn(part: str, aside: bool) -> tuple[Case, ...]:
    """Each mistake of a case still matters beside the others.

    The kinds are drawn first, each as often as any other, and then a mistake of that kind: otherwise a rare kind would
    hardly ever meet another one.
    """
    mistakes_a_case, *counts = DRAWN[part]
    count = counts[aside]
    rng = np.random.default_rng([SEED, mistakes_a_case, *[1] * aside])
    names = programs(aside)
    found: dict[frozenset[Mistake], Case] = {}
    while len(found) < count:
        program = names[rng.integers(len(names))]
        chosen = []
        for kind in rng.choice(KINDS, size=mistakes_a_case, replace=False):
            if of_kind := [mistake for mistake in MISTAKES[program] if mistake.kind == kind]:
                chosen.append(of_kind[rng.integers(len(of_kind))])
        if len(chosen) < mistakes_a_case or frozenset(chosen) in found:
            continue
        try:
            planted = plant(chosen)
            if not _each_matters(chosen, planted.source):
                continue
        except Exception as error:
            # two mistakes that cannot stand in one program, or that together raise: no case
            if not isinstance(error, (Misplaced, ValueError, TypeError, LookupError, NameError)):
                raise
            continue
        found[frozenset(chosen)] = Case(part, program, tuple(chosen), planted)
    return tuple(found.values())


def _each_matters(mistakes: Sequence[Mistake], source: str) -> bool:
    """Whether taking any one of the mistakes away changes a gradient, and none of them the loss."""
    program = mistakes[0].program
    right_losses = [loss for loss, _ in _outcomes(program, source_of(program))]
    whole = _outcomes(program, source)
    if any(abs(loss - right) > 1e-12 * abs(right) for (loss, _), right in zip(whole, right_losses)):
        return False
    for left_out in mistakes:
        rest = _outcomes(program, plant([one for one in mistakes if one is not left_out]).source)
        changes = (
            difference(gradients[name], other[name])
            for (_, gradients), (_, other) in zip(whole, rest)
            for name in gradients
        )
        if not max(changes) > MATTERS:
            return False
    return True


def _outcomes(program: str, source: str) -> list[tuple[float, dict[str, np.ndarray]]]:
    function = function_in(source, program)
    return [run(function, point) for point in points(function.shapes)[:1]]
