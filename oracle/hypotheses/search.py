"""Which hypotheses, and how few of them, give the code's gradients: all parameters together, to the last digits.

1. One parameter at a time, the deltas being right: what is paired, how it is summed.
2. One other backward pass; what it leaves, one parameter at a time.
3. Several other backward passes at once, each of which makes more entries match than those before it; what they leave,
   likewise. They begin anywhere, or with what explains the same function at one step, where nothing is carried.
4. Any two other backward passes at once.

The reading with the fewest mistakes counts. Nothing is said where nothing matches. All of it keeps to a time limit:
what is common is tried first, and pairs get what time is left.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from oracle.hypotheses.backward import Adjoints, Backward
from oracle.hypotheses.beginning import at_the_first_step
from oracle.hypotheses.blocks import Block, hidden_sizes, split_blocks, whole_blocks
from oracle.hypotheses.flows import (
    CLIPS,
    adjoint_swaps,
    clips,
    cuts,
    elementwise,
    node_parts,
    none_transposed,
    places,
    products,
)
from oracle.hypotheses.output import output_deltas
from oracle.hypotheses.parts import COLUMNS, ROWS
from oracle.hypotheses.reading import Flow, Mistake, Reading, unbroken
from oracle.hypotheses.series import series_of
from oracle.hypotheses.slopes import slopes
from oracle.hypotheses.stale import stale
from oracle.hypotheses.states import states
from oracle.hypotheses.tape import recorded
from oracle.hypotheses.weights import Deltas, matching
from oracle.hypotheses.words import in_columns, listed
from oracle.kinds import STATE
from oracle.returned import our_mistake
from oracle.subject import Subject

Gradients = Mapping[str, np.ndarray]
Elsewhere = Callable[..., tuple[Subject, Gradients, Mapping[str, float]]]  # (**sizes) -> what a Case is made of
ROUNDING = 16  # a wrong pass rounds differently from ours: this many times the tolerance
MOST = 4  # mistakes in a reading; more would fit by chance
SECONDS = 3.0
SINGLE, PAIRED = 0.75, 0.9  # shares of the time after which no more single hypotheses are tried, and no more pairs
TIED = 4  # readings shown
MANY, WIDTH = 8, 3  # nodes of a level that are looked at with one parameter at a time, and with another flow


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


@dataclass(frozen=True, eq=False)
class Node:
    """Flows at once: what they predict, and which entries of the wrong gradients they explain."""

    flows: tuple[Flow, ...]
    all: Flow | None
    gradients: Gradients
    entries: np.ndarray

    @property
    def count(self) -> int:
        return int(self.entries.sum())

    def adjoints(self, backward: Backward) -> Adjoints:
        return backward.adjoints() if self.all is None else self.all.adjoints(backward)


@dataclass
class Case:
    """One subject with the gradients its code gave, and the seconds that may be spent on it.

    elsewhere   the same function at other sizes, as keyword arguments, if it can be had
    broken      hypotheses that do not fit the program, in words
    tried       the single flows that change a wrong gradient and no right one
    """

    subject: Subject
    given: Gradients
    tolerance: Mapping[str, float]
    seconds: float = SECONDS
    elsewhere: Elsewhere | None = None
    begun: float = field(init=False)
    broken: list[str] = field(init=False, default_factory=list)
    tried: list[Node] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.begun = time.monotonic()
        self.backward = Backward(recorded(self.subject))
        self.base = self.backward.adjoints()
        self.right = self.backward.gradients(self.base)
        self.names = [name for name in self.right if self._comparable(name)]
        self.scale = {name: float(np.abs(self.right[name]).max(initial=0)) or np.inf for name in self.right}
        self.bound = np.inf
        self.wrong = [name for name in self.names if not self.agrees(name, self.right[name])]
        self.bound = self._bound()
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

    def _bound(self) -> float:
        """To what all gradients are clipped, of those known; inf where they are not."""
        given = np.concatenate([np.abs(self.given[name]).ravel() for name in self.names] or [np.zeros(1)])
        largest = float(given.max(initial=0))
        return largest if largest in CLIPS and np.count_nonzero(given == largest) > 1 else np.inf

    def clipped(self, predicted: np.ndarray) -> np.ndarray:
        """As the code hands it out."""
        return predicted if np.isinf(self.bound) else np.clip(predicted, -self.bound, self.bound)

    def allowed(self, name: str, predicted: np.ndarray) -> float:
        return ROUNDING * self.tolerance[name] * max(1.0, float(np.abs(predicted).max(initial=0)) / self.scale[name])

    def agrees(self, name: str, predicted: np.ndarray) -> bool:
        off = np.abs(self.clipped(predicted) - self.given[name]).max(initial=0)
        return bool(off <= self.allowed(name, predicted))

    def adjoints(self, flow: Flow) -> Adjoints | None:
        """The adjoints under a flow; None where a hypothesis does not fit this program: that costs itself alone."""
        try:
            return flow.adjoints(self.backward)
        except Exception as error:
            self.broken.append(our_mistake(error))
            return None

    def explains(self, gradients: Gradients) -> bool:
        """Whether every gradient is the code's."""
        return all(self.agrees(name, gradients[name]) for name in self.names)

    def entries(self, gradients: Gradients) -> np.ndarray:
        """Which entries of the wrong gradients are the code's, one after another; of zeros that says nothing."""
        same = [
            (np.abs(self.clipped(gradients[name]) - self.given[name]) <= self.allowed(name, gradients[name]))
            & (self.given[name] != 0)
            & (np.abs(self.given[name]) != self.bound)
            for name in self.wrong
        ]
        return np.concatenate([one.ravel() for one in same]) if same else np.zeros(0, dtype=bool)

    def residual(self, gradients: Gradients, names: Iterable[str]) -> float:
        return max(
            (
                float(np.abs(self.clipped(gradients[name]) - self.given[name]).max())
                / max(float(np.abs(self.given[name]).max()), 1e-300)
                for name in names
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
        families = [
            *(products(backward, [place]) for place in every),
            none_transposed(backward, every),
            cuts(backward, every),
            slopes(backward, self.series),
            output_deltas(backward, self.sizes),
            states(backward, every),
            at_the_first_step(backward, every),
            stale(backward),
            *(elementwise(backward, [place], self.series) for place in every),
            node_parts(backward),
            *(adjoint_swaps(backward, [place]) for place in every),
            *(clips(backward, [place]) for place in every),
        ]
        for family in families:
            yield from unbroken(family, self.broken)

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
        found = matching(block, given, tolerance, parameter, self.sizes, self.series, deltas, self.broken, self.bound)
        return dict(found)

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
            line = block.part.line  # of the other uses nothing is said
            found += [
                {(key, line): replace(one, sentence=f"{one.sentence}, as far as it comes from line {line}")}
                for key, one in matches.items()
            ]
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

    def offer(node: Node) -> None:
        left = [name for name in case.wrong if not case.agrees(name, node.gradients[name])]
        found = _with_locals(case, node.flows, node.adjoints(case.backward), node.gradients, left)
        best.extend(one for one in found if one.count <= MOST)

    right = Node((), None, case.right, case.entries(case.right))
    offer(right)
    alone = best[0].count if best else MOST + 1
    tried = case.tried = _tried(case, case.flows())
    full = [one for one in tried if case.explains(one.gradients)]
    if alone == 1:  # one factor for all gradients is named as that already
        full = [one for one in full if not is_common_factor(one)]
    best += [_found(case, one) for one in full]
    if full or alone <= 1:
        return _fewest(best)
    level = _most_helpful([one for one in tried if one.count > right.count])
    for node in level:
        if case.late():
            break
        offer(node)
    if any(one.count <= 2 for one in best):
        return _fewest(best)
    begun, further = _within_a_step(case, tried)
    best += _chains(case, right, further, begun, offer) or _chains(case, right, tried, level, offer)
    if best:
        return _fewest(best)
    partial = []
    for node in _pairs(case, tried):
        if case.explains(node.gradients):
            best.append(_found(case, node))
        else:
            partial.append(node)
    for node in _most_helpful(partial) if not best else []:
        if case.late():
            break
        offer(node)
    return _fewest(best)


def is_common_factor(node: Node) -> bool:
    return all(isinstance(flow.key, tuple) and flow.key[0] == "all times" for flow in node.flows)


def _found(case: Case, node: Node) -> Found:
    return Found(node.flows, {}, case.residual(node.gradients, case.wrong))


def _chains(case: Case, right: Node, tried: list[Node], level: list[Node], offer: Callable) -> list[Found]:
    """Flows one after another, each of which makes more entries of the gradients match; what they leave is offered.

    Of two mistakes the second is seen once the first is known: some steps, gates or parameters have only one of them.
    """
    while level and len(level[0].flows) < MOST:
        longer = []
        for node in level[:WIDTH]:
            for other in tried:
                if case.late(PAIRED):
                    break
                both = _both(case, node, other)
                if both is not None and both.count > max(node.count, right.count):
                    longer.append(both)
        if full := [one for one in longer if case.explains(one.gradients)]:
            return [_found(case, one) for one in full]
        level = _most_helpful(longer)
        for node in level:
            if case.late():
                return []
            offer(node)
    return []


def _within_a_step(case: Case, tried: list[Node]) -> tuple[list[Node], list[Node]]:
    """What explains the same function at one step, where nothing is carried: the mistakes within a step.

    And of the flows tried those that would not show there: of these are the others.
    """
    if case.elsewhere is None or case.backward.tape.steps < 2:
        return [], []
    try:
        alone = Case(*case.elsewhere(time=1), case.seconds / 4)
    except Exception:  # the function is not made for one step: then nothing is learnt from it
        return [], []
    if alone.unknown or not alone.wrong:
        return [], []
    wanted = [{flow.key for flow in one.flows} for one in _found_in(alone) if one.flows][:WIDTH]
    by_key = {flow.key: flow for flow in case.flows() if any(flow.key in keys for keys in wanted)}
    nodes = []
    for keys in wanted:
        if keys <= by_key.keys() and (node := _together(case, [by_key[key] for key in keys])) is not None:
            nodes.append(node)
    shown = {flow.key for node in alone.tried for flow in node.flows}
    return nodes, [node for node in tried if not any(flow.key in shown for flow in node.flows)]


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


def _tried(case: Case, flows: Iterable[Flow]) -> list[Node]:
    """Each flow that changes a wrong gradient and no right one."""
    kept, seen = [], set()
    right = set(case.names) - set(case.wrong)
    for flow in flows:
        if case.late(SINGLE):
            break
        adjoints = case.adjoints(flow)
        if adjoints is None:
            continue
        gradients: dict[str, np.ndarray] = {}
        for name in sorted(right):
            gradients |= case.backward.gradients(adjoints, (name,))
            if not case.agrees(name, gradients[name]):
                break
        else:
            gradients |= case.backward.gradients(adjoints, case.wrong)
        if len(gradients) < len(case.names):
            continue
        node = Node((flow,), flow, gradients, case.entries(gradients))
        changed = [n for n in case.wrong if np.abs(gradients[n] - case.right[n]).max() > 1e-9 * case.scale[n]]
        mark = tuple(np.round(gradients[n].ravel()[:7] / case.scale[n], 9).tobytes() for n in case.wrong)
        if changed and (mark not in seen or any(case.agrees(name, gradients[name]) for name in changed)):
            seen.add(mark)
            kept.append(node)
    return kept


def _most_helpful(nodes: list[Node]) -> list[Node]:
    """Those that explain most, and none whose entries another explains and more; a few of each."""
    counts: dict[bytes, int] = defaultdict(int)
    few: list[Node] = []
    for one in sorted(nodes, key=lambda node: -node.count):
        mark = one.entries.tobytes()
        if any(other.count > one.count and not np.any(one.entries & ~other.entries) for other in few):
            continue
        counts[mark] += 1
        if counts[mark] <= 3:
            few.append(one)
    return few[:MANY]


def _together(case: Case, flows: list[Flow]) -> Node | None:
    """Flows at once; None where two of them meet in one place, or where a gradient that is right would be wrong."""
    flow = flows[0]
    for other in flows[1:]:
        flow = flow.together(other)
        if flow is None:
            return None
    adjoints = case.adjoints(flow)
    if adjoints is None:
        return None
    gradients = case.backward.gradients(adjoints)
    if not all(case.agrees(name, gradients[name]) for name in case.names if name not in case.wrong):
        return None
    return Node(tuple(flows), flow, gradients, case.entries(gradients))


def _both(case: Case, first: Node, second: Node) -> Node | None:
    if any(one in first.flows for one in second.flows):
        return None
    return _together(case, [*first.flows, *second.flows])


def _pairs(case: Case, tried: list[Node]) -> Iterator[Node]:
    """Two flows at once that explain something, until time is up."""
    none = case.entries(case.right).sum()
    for first, second in itertools.combinations(tried, 2):
        if case.late(PAIRED):
            return
        both = _both(case, first, second)
        if both is not None and both.count > none:
            yield both


def _fewest(found: list[Found]) -> list[Found]:
    if not found:
        return []
    least = min(one.count for one in found)
    once = {(frozenset(flow.key for flow in one.flows), one.keys): one for one in reversed(found) if one.count == least}
    return sorted(reversed(once.values()), key=_is_coincidence)


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
    if not np.isinf(case.bound):
        sentence = f"every gradient is clipped to ±{case.bound:g}: what is clipped is no gradient"
        mistakes.append(Mistake(STATE, sentence, f"G; the code computes clip(G, −{case.bound:g}, {case.bound:g})"))
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
    if {part.form for part in case.backward.parts} & {ROWS, COLUMNS} == {COLUMNS}:
        mistakes = [replace(one, algebra=in_columns(one.algebra)) for one in mistakes]
    return Reading(tuple(mistakes), tuple(case.wrong), found.residual)
