"""Which hypotheses, and how few of them, give the code's gradients: all parameters together, to the last digits.

1. One parameter at a time, the deltas being right: what is paired, how it is summed.
2. One other backward pass; what it leaves, one parameter at a time.
3. Two other backward passes at once, first those that make more parameters match, then all; what they leave, likewise.

The reading with the fewest mistakes counts. Nothing is said where nothing matches. All of it keeps to a time limit:
what is common is tried first, and pairs get what time is left.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from oracle.hypotheses.backward import Adjoints, Backward
from oracle.hypotheses.blocks import Block, hidden_sizes, split_blocks, whole_blocks
from oracle.hypotheses.flows import adjoint_swaps, clips, cuts, elementwise, node_parts, places, products
from oracle.hypotheses.output import output_deltas
from oracle.hypotheses.reading import Flow, Mistake, Reading
from oracle.hypotheses.series import series_of
from oracle.hypotheses.slopes import slopes
from oracle.hypotheses.stale import stale
from oracle.hypotheses.states import states
from oracle.hypotheses.tape import recorded
from oracle.hypotheses.weights import Deltas, matching
from oracle.hypotheses.words import listed
from oracle.subject import Subject

Gradients = Mapping[str, np.ndarray]
ROUNDING = 16  # a wrong pass rounds differently from ours: this many times the tolerance
MOST = 4  # mistakes in a reading; more would fit by chance
SECONDS = 3.0
SINGLE, PAIRED = 0.75, 0.9  # shares of the time after which no more single hypotheses are tried, and no more pairs
TIED = 4  # readings shown


@dataclass(frozen=True)
class Found:
    """Hypotheses that explain all: the flows by key, and for each parameter that they leave the local ones."""

    flows: tuple[Flow, ...]
    locals: Mapping[str, Mapping[Hashable, Mistake]]
    residual: float = 0.0

    @property
    def keys(self) -> frozenset[Hashable]:
        """Of the local hypotheses that are mistakes of their own."""
        return frozenset(key for one in self.locals.values() for key in one if not is_implied(self.flows, key))

    @property
    def count(self) -> int:
        return len(self.flows) + len(self.keys)


def _is_rare(key: Hashable) -> bool:
    """Whether it is of one of the families that pair every place with every other value: there are many of those."""
    if not isinstance(key, tuple):
        return False
    return key[0] in ("factor", "adjoint", "stale", "clip", "clip before")


def is_implied(flows: Iterable[Flow], key: Hashable) -> bool:
    """Whether a local hypothesis belongs to the mistake of one of the flows."""
    return isinstance(key, tuple) and any(key[0] in flow.implied for flow in flows)


@dataclass
class Case:
    """One subject with the gradients its code gave, and the seconds that may be spent on it."""

    subject: Subject
    given: Gradients
    tolerance: Mapping[str, float]
    seconds: float = SECONDS
    begun: float = field(init=False)

    def __post_init__(self) -> None:
        self.begun = time.monotonic()
        self.backward = Backward(recorded(self.subject))
        self.base = self.backward.adjoints()
        self.right = self.backward.gradients(self.base)
        self.names = [name for name in self.right if self._comparable(name)]
        self.scale = {name: float(np.abs(self.right[name]).max(initial=0)) or np.inf for name in self.right}
        self.wrong = [name for name in self.names if not self.agrees(name, self.right[name])]
        self.series = series_of(self.backward)
        self.hidden = hidden_sizes(self.backward)
        sizes = dict(self.subject.sizes)
        sizes.setdefault("time", self.backward.tape.steps)
        self.sizes = {name: size for name, size in sizes.items() if size > 1}

    @property
    def unknown(self) -> bool:
        """Whether a gradient is not there to be compared: none given, of another shape, with NaN or inf."""
        return len(self.names) < len(self.right)

    def late(self, share: float = 1.0) -> bool:
        """Whether this share of the time has passed."""
        return time.monotonic() - self.begun > share * self.seconds

    def _comparable(self, name: str) -> bool:
        given = self.given.get(name)
        return given is not None and given.shape == self.right[name].shape and bool(np.all(np.isfinite(given)))

    def allowed(self, name: str, predicted: np.ndarray) -> float:
        return ROUNDING * self.tolerance[name] * max(1.0, float(np.abs(predicted).max(initial=0)) / self.scale[name])

    def agrees(self, name: str, predicted: np.ndarray) -> bool:
        return bool(np.abs(predicted - self.given[name]).max(initial=0) <= self.allowed(name, predicted))

    def matched(self, gradients: Gradients) -> frozenset[str]:
        return frozenset(name for name in self.names if self.agrees(name, gradients[name]))

    def residual(self, gradients: Gradients, names: Iterable[str]) -> float:
        return max(
            (
                float(np.abs(gradients[n] - self.given[n]).max() / max(np.abs(self.given[n]).max(), 1e-300))
                for n in names
            ),
            default=0.0,
        )

    def flows(self) -> Iterator[Flow]:
        """The hypotheses about what flows, the most common first."""
        rare = []
        for flow in self._flows():
            if _is_rare(flow.key):
                rare.append(flow)
            else:
                yield flow
        yield from rare

    def _flows(self) -> Iterator[Flow]:
        backward = self.backward
        every = places(backward)
        yield from products(backward, every)
        yield from cuts(backward, every)
        yield from slopes(backward, self.series)
        yield from output_deltas(backward)
        yield from states(backward, every)
        yield from stale(backward)
        yield from elementwise(backward, every, self.series)
        yield from node_parts(backward)
        yield from adjoint_swaps(backward, every)
        yield from clips(backward, every)

    def alone(self, adjoints: Adjoints, names: Iterable[str]) -> dict[str, list[dict[Hashable, Mistake]]]:
        """For each parameter the hypotheses about it alone, with these adjoints; without an entry where there is none.

        Each is a dict, of one hypothesis or of one for each block.
        """
        deltas = Deltas(self.backward, adjoints)
        gradients = self.backward.gradients(adjoints)
        found = {}
        for name in names:
            if self.late():
                break
            options = self._alone(name, gradients[name], adjoints, deltas)
            if options:
                found[name] = options
        return found

    def _alone(self, name: str, right: np.ndarray, adjoints: Adjoints, deltas: Deltas) -> list[dict]:
        parts = self.backward.parts_for(name)
        whole = whole_blocks(parts, adjoints)
        covered = sum((part.embedded(np.ones(part.shape)) for part in parts), np.zeros_like(right))
        if covered.max(initial=0) > 1:  # used in several places: one of them may be wrong, or a factor
            return self._one_of(name, whole, right, deltas)
        if common := self._common(name, whole, deltas):
            return [{key: mistake} for key, mistake in common.items()]
        wrong = [
            block
            for block in split_blocks(whole, self.hidden)
            if np.abs(block.gradient() - block.taken(self.given[name])).max() > self.allowed(name, right)
        ]
        return self._by_blocks(name, wrong, deltas)

    def _match(self, name: str, block: Block, given: np.ndarray, deltas: Deltas) -> dict[Hashable, Mistake]:
        parameter = block.taken(np.asarray(self.subject.parameters[name], np.float64))
        tolerance = ROUNDING * self.tolerance[name]
        return dict(matching(block, given, tolerance, parameter, self.sizes, self.series, deltas))

    def _common(self, name: str, blocks: list[Block], deltas: Deltas) -> dict[Hashable, Mistake]:
        """The hypotheses that hold for all blocks."""
        found: dict[Hashable, Mistake] | None = None
        for block in blocks:
            matches = self._match(name, block, block.taken(self.given[name]), deltas)
            found = matches if found is None else {key: one for key, one in found.items() if key in matches}
            if not found:
                return {}
        return found or {}

    def _by_blocks(self, name: str, blocks: list[Block], deltas: Deltas) -> list[dict]:
        """One hypothesis for each wrong block, as few different ones as can be."""
        each = [self._match(name, block, block.taken(self.given[name]), deltas) for block in blocks]
        if not each or not all(each):
            return []
        return [chosen(each)]

    def _one_of(self, name: str, blocks: list[Block], right: np.ndarray, deltas: Deltas) -> list[dict]:
        found = []
        for block in blocks:
            others = right - block.part.embedded(block.gradient())
            matches = self._match(name, block, block.taken(self.given[name] - others), deltas)
            found += [{(key, block.part.line): mistake} for key, mistake in matches.items()]
        return found


def chosen(options: list[Mapping[Hashable, Mistake]]) -> dict[Hashable, Mistake]:
    """One key of each of the options, as few as can be: the one that serves most first, then the earliest."""
    left, found = list(options), {}
    while left:
        counts: dict[Hashable, int] = defaultdict(int)
        for one in left:
            for key in one:
                counts[key] += 1
        best = max(counts, key=counts.get)
        found[best] = next(one[best] for one in left if best in one)
        left = [one for one in left if best not in one]
    return found


def found_in(case: Case) -> list[Found]:
    """The explanations with the fewest mistakes, the likelier first."""
    if not case.wrong or case.unknown:
        return []
    with np.errstate(all="ignore"):  # a hypothesis may divide by zero: then it matches nothing
        return _found_in(case)


def _found_in(case: Case) -> list[Found]:
    best: list[Found] = []

    def offer(flows: tuple[Flow, ...], adjoints: Adjoints, gradients: Gradients) -> None:
        left = [name for name in case.wrong if not case.agrees(name, gradients[name])]
        best.extend(one for one in _with_locals(case, flows, adjoints, gradients, left) if one.count <= MOST)

    offer((), case.base, case.right)
    alone = best[0].count if best else MOST + 1
    tried = _tried(case, case.flows())
    full = [one for one in tried if one[2] >= set(case.wrong)]
    best += [Found((flow,), {}, case.residual(gradients, case.wrong)) for flow, gradients, _ in full]
    if full or alone == 1:
        return _fewest(best)
    helping = _most_helpful(tried)
    for flow, gradients, _ in helping:
        if case.late():
            break
        offer((flow,), flow.adjoints(case.backward), gradients)
    if any(one.count <= 2 for one in best):
        return _fewest(best)
    partial: list[tuple[tuple[Flow, Flow], Adjoints, Gradients, frozenset[str]]] = []
    for first, second, matched, adjoints, gradients in _pairs(case, helping, tried):
        if matched >= set(case.wrong):
            best.append(Found((first, second), {}, case.residual(gradients, case.wrong)))
        elif matched:
            partial.append(((first, second), adjoints, gradients, matched))
    if any(one.count <= 2 for one in best):
        return _fewest(best)
    partial.sort(key=lambda one: -len(one[3]))
    for flows, adjoints, gradients, _ in partial[:4]:
        if case.late():
            break
        offer(flows, adjoints, gradients)
    return _fewest(best)


def _with_locals(
    case: Case, flows: tuple[Flow, ...], adjoints: Adjoints, gradients: Gradients, left: list[str]
) -> list[Found]:
    options = case.alone(adjoints, left)
    if len(options) < len(left):
        return []
    for name, ones in options.items():
        if own := [one for one in ones if all(is_implied(flows, key) for key in one)]:
            options[name] = own
    if left and all(is_implied(flows, key) for name in left for one in options[name] for key in one):
        return [Found(flows, {name: options[name][0] for name in left})]
    first = [{key: mistake for one in options[name] for key, mistake in one.items()} for name in left]
    single = {name: {key for one in options[name] if len(one) == 1 for key in one} for name in left}
    explained = [name for name in case.wrong if name not in left]
    residual = case.residual(gradients, explained)
    if left and (shared := [key for key in single[left[0]] if all(key in single[name] for name in left)]):
        order = [key for key in first[0] if key in shared]
        return [Found(flows, {n: {key: mine[key]} for n, mine in zip(left, first)}, residual) for key in order]
    picked = chosen(first)
    found = {}
    for name, mine in zip(left, first):
        shared = [key for key in picked if key in single[name]]
        found[name] = {shared[0]: mine[shared[0]]} if shared else options[name][0]
    return [Found(flows, found, residual)]


def _tried(case: Case, flows: Iterable[Flow]) -> list[tuple[Flow, Gradients, frozenset[str]]]:
    """Each flow that changes a wrong gradient and no right one: what it predicts, and which wrong ones it explains."""
    kept, seen = [], set()
    right = set(case.names) - set(case.wrong)
    for flow in flows:
        if case.late(SINGLE):
            break
        adjoints = flow.adjoints(case.backward)
        gradients = {}
        for name in sorted(right):
            gradients |= case.backward.gradients(adjoints, (name,))
            if not case.agrees(name, gradients[name]):
                break
        else:
            gradients |= case.backward.gradients(adjoints, case.wrong)
        if len(gradients) < len(case.names):
            continue
        matched = case.matched(gradients)
        changed = [n for n in case.wrong if np.abs(gradients[n] - case.right[n]).max() > 1e-9 * case.scale[n]]
        explained = matched & set(changed)
        mark = tuple(np.round(gradients[n].ravel()[:7] / case.scale[n], 9).tobytes() for n in case.wrong)
        if changed and (mark not in seen or explained):
            seen.add(mark)
            kept.append((flow, gradients, frozenset(explained)))
    return kept


def _most_helpful(tried: list[tuple]) -> list[tuple]:
    """Those that explain something, and none whose explained parameters another explains and more; a few of each."""
    helping = [one for one in tried if one[2]]
    helping = [one for one in helping if not any(one[2] < other[2] for other in helping)]
    counts: dict[frozenset[str], int] = defaultdict(int)
    few = []
    for one in helping:
        counts[one[2]] += 1
        if counts[one[2]] <= 3:
            few.append(one)
    return few


def _pairs(case: Case, helping: list[tuple], tried: list[tuple]):
    """Two flows at once, first with one that explains something alone, until time is up."""
    right = set(case.names) - set(case.wrong)
    done = set()
    for firsts in (helping, tried):
        complete = False
        for first, _, _ in firsts:
            for second, _, _ in tried:
                if first is second or (id(second), id(first)) in done or (id(first), id(second)) in done:
                    continue
                if case.late(PAIRED):
                    return
                done.add((id(first), id(second)))
                both = first.together(second)
                if both is None:
                    continue
                adjoints = both.adjoints(case.backward)
                gradients = case.backward.gradients(adjoints)
                matched = case.matched(gradients)
                if right <= matched and matched & set(case.wrong):
                    complete = complete or matched >= set(case.wrong)
                    yield first, second, matched & frozenset(case.wrong), adjoints, gradients
        if complete:
            return


def _fewest(found: list[Found]) -> list[Found]:
    if not found:
        return []
    least = min(one.count for one in found)
    return sorted((one for one in found if one.count == least), key=_is_coincidence)


def _is_coincidence(found: Found) -> bool:
    """Whether several gradients lack the same steps, or all of them: one path that is cut does that at once."""
    cut = {key for key in found.keys if key == "zeros" or str(key).startswith("only the")}
    return len(found.locals) > 1 and found.keys == cut and bool(cut)


def holds(case: Case, found: Found) -> bool:
    """Whether the same hypotheses explain another case."""
    with np.errstate(all="ignore"):
        return _holds(case, found)


def _holds(case: Case, found: Found) -> bool:
    wanted = {flow.key for flow in found.flows}
    by_key: dict[Hashable, Flow] = {}
    if wanted:
        for flow in case.flows():
            if flow.key in wanted:
                by_key[flow.key] = flow
            if len(by_key) == len(wanted):
                break
    if wanted - by_key.keys():
        return False
    flow = None
    for one in found.flows:
        flow = by_key[one.key] if flow is None else flow.together(by_key[one.key])
        if flow is None:
            return False
    adjoints = case.base if flow is None else flow.adjoints(case.backward)
    gradients = case.backward.gradients(adjoints)
    left = [name for name in case.names if not case.agrees(name, gradients[name])]
    options = case.alone(adjoints, left)
    for name in left:
        keys = {key for one in options.get(name, []) for key in one}
        if name not in found.locals or not keys & set(found.locals[name]):
            return False
    return True


def as_reading(case: Case, found: Found) -> Reading:
    """In words."""
    mistakes = [flow.mistake for flow in found.flows]
    names: dict[Hashable, list[str]] = defaultdict(list)
    said: dict[Hashable, Mistake] = {}
    for name, ones in found.locals.items():
        for key, mistake in ones.items():
            names[key].append(name)
            said.setdefault(key, mistake)
    for key, mistake in said.items():
        if is_implied(found.flows, key):
            continue
        others = [f"d{name}" for name in dict.fromkeys(names[key][1:])]
        likewise = f"; likewise {listed(others)}" if others else ""
        mistakes.append(replace(mistake, sentence=mistake.sentence + likewise))
    return Reading(tuple(mistakes), tuple(case.wrong), found.residual)
