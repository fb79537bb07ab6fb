"""The named run: the gradient function once more, a name for every axis, to find what is lined up by mistake."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from oracle.alignment.judging import Found, Judge
from oracle.alignment.made import NamingGenerator, made_named
from oracle.alignment.named import named
from oracle.alignment.record import CURRENT, Abandoned, Record
from oracle.alignment.words import Misaligned, Speaker
from oracle.capture import Recovered
from oracle.mismatch.axes import Names, sizes_asked_for
from oracle.returned import same_random_numbers
from oracle.shapes import Shape
from oracle.sizes import Parameters
from oracle.subject import Subject, run

SECONDS = 2.0
UNTRACED = "the first line (the loss is computed in torch or in plain Python)"


@dataclass(frozen=True)
class Alignment:
    """What a named run found.

    reports   operations that line up axes of different meaning, in the order in which they ran
    blind     "my_rnn.py:40 (np.fft.fft)": where names of axes were lost
    """

    reports: tuple[Misaligned, ...] = ()
    blind: tuple[str, ...] = ()


def aligned(
    subject: Subject,
    shapes: Mapping[str, Shape] = MappingProxyType({}),
    sizes: Mapping[str, int] | None = None,
    elsewhere: Callable[[], tuple[Subject, Mapping[str, int]]] | None = None,
) -> Alignment:
    """Which operations of a gradient function line up two axes of different meaning.

    shapes      of the parameters as declared, which name the axes
    sizes       by name, the subject's own where none are given
    elsewhere   gives the same function at other sizes, with these: what is reported is reported at both

    Never raises: what goes wrong here, or takes too long, costs the reports.
    """
    try:
        return alignment_of(subject, shapes, sizes, elsewhere)
    except Exception:
        return Alignment()


def alignment_of(
    subject: Subject,
    shapes: Mapping[str, Shape] = MappingProxyType({}),
    sizes: Mapping[str, int] | None = None,
    elsewhere: Callable[[], tuple[Subject, Mapping[str, int]]] | None = None,
) -> Alignment:
    """As `aligned`, and what goes wrong here raises."""
    judge = _run(subject, shapes)
    if judge is None:
        return Alignment()
    found = judge.verdict()
    blind = tuple(_in_words(one) for one in judge.record.blind)
    if not judge.forward:
        return Alignment((), blind or (UNTRACED,))
    if not found:
        return Alignment((), blind)
    own = sizes_asked_for(subject.sizes if sizes is None else sizes, shapes)
    twins: dict[tuple, Found] = {}
    again, every = None, (own,)
    if elsewhere is not None:
        other, other_sizes = elsewhere()
        again = _run(other, shapes)
        if again is None:
            return Alignment((), blind)
        twins = {_key(one): one for one in reversed(again.verdict())}
        found = [one for one in found if _key(one) in twins]
        every = (own, sizes_asked_for(other_sizes, shapes))
    speaker = Speaker(judge, again, Names(shapes, every))
    first = {_key(one): one for one in reversed(found)}
    ordered = sorted(first.values(), key=lambda one: one.event.serial)
    return Alignment(tuple(speaker.told(one, twins.get(_key(one))) for one in ordered), blind)


def _key(found: Found) -> tuple:
    return found.kind, found.event.code, found.event.at, found.parameter


def _forgotten(subject: Subject) -> None:
    """A plain run, so that no named array is left in what the function keeps from one call to the next."""
    with _unheard(), contextlib.suppress(Exception, SystemExit):
        run(subject, subject.parameters)


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    with (
        same_random_numbers(), warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()),
    ):  # fmt: skip
        warnings.simplefilter("ignore")
        yield


def _run(subject: Subject, shapes: Mapping[str, Shape]) -> Judge | None:
    """The named run; None where it raises or takes too long."""
    record = Record(SECONDS)
    token = CURRENT.set(record)
    try:
        parameters, axes = Parameters(), {}
        for name, array in subject.parameters.items():
            axes[name] = tuple(
                record.labels.new(size, parameter=name, axis=axis) for axis, size in enumerate(array.shape)
            )
            parameters[name] = named(array.copy(), axes[name], None, of=name)
        with _unheard(), made_named(subject.plain):
            try:
                loss, gradients = subject.plain(parameters, NamingGenerator(subject.seed))
            except (Exception, Abandoned, SystemExit):
                return None
    finally:
        CURRENT.reset(token)
        _forgotten(subject)
    given = {
        name: one.gradient if isinstance(one, Recovered) else one
        for name, one in (gradients.items() if isinstance(gradients, Mapping) else ())
    }
    return Judge(record, shapes, axes, loss, given)


def _in_words(blind: str) -> str:
    """The file without its folder."""
    return Path(blind).name if "/" in blind.partition(" (")[0] else blind


__all__ = ["Alignment", "Misaligned", "aligned"]
