"""Which wrong value is the first: the line to blame.

The first value in the order of execution that is no true adjoint need not be the mistake. What it is made of may be a
true adjoint in the wrong place, a state of another step, a gradient that is not all added up yet, an argument.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from oracle.annotation.classification import NEUTRAL, RIGHT, TRANSIT, WRONG, Classified
from oracle.annotation.events import LOADS, Event
from oracle.annotation.recording import INCREMENT, PART, Site
from oracle.annotation.recording import VALUE as VALUE_OF_STATEMENT
from oracle.annotation.truths import CONTRIBUTION, EDGE, NODE, PATHS, SLICE, SUM, WHOLE, Truth
from oracle.rewriting import Definition

CHAIN = (ast.Mult, ast.Div)
VIEWS = frozenset(("reshape", "transpose", "swapaxes", "copy", "ravel", "squeeze", "flatten", "astype"))


@dataclass(frozen=True)
class Blame:
    """The first wrong line.

    line      of the expression or the statement
    event     whose value is wrong there; None where it is a value that is missing
    reason    what kind of wrong it is, as a word of this module
    expected  what should have come out, where it can be told
    """

    filename: str
    line: int
    event: Event | None
    reason: str
    expected: Truth | None = None


VALUE, OPERAND, ONLY_A_PART, OTHER_STEP, OVERWRITTEN, NOT_ADDED, CHANGED_SINCE, NOT_REACHED, NEVER_WRITTEN = (
    "the value",
    "an operand",
    "only a part",
    "another step",
    "overwritten",
    "not added",
    "changed since",
    "not reached",
    "never written",
)
UNFINISHED, ARGUMENT, STALE = "unfinished", "argument", "stale"


class Judged(Classified):
    """The events of a run, and which of them is to blame."""

    def first_wrong(self) -> Blame | None:
        if not self.wrong:
            return None
        wrong = [one for one in self.run.events if self.status[one] == WRONG and not one.is_inside_load]
        reaching = [event for event in wrong if event in self.reaching]
        if reaching:
            blamed = self._blame(reaching[0])
        else:
            blamed = self._blame_gradients() or (self._blame(wrong[0]) if wrong else None)
        only_read = blamed is not None and blamed.event is not None and blamed.event.is_load
        return (self._blame_output() if only_read else None) or blamed

    def _blame_output(self) -> Blame | None:
        """Where no adjoint is right at all: what is computed of the value that is nearest to the loss."""
        backward = [one for one in self.run.events if one in self.reaching and not self.is_forward(one)]
        parameters = {self.known(one) for one in self.truths.subject.parameters.values() if one.size}
        of = {self.known(t.value) for one in backward for t, _ in self.labels[one] if t.depends and t.value.size}
        if not of <= parameters:  # the decay of a weight is right before anything else is
            return None
        orders = {one: self._order_of(one) for one in backward if not one.is_load and one.value.size > 1}
        for read in backward:  # probs.copy(), and then - 1 at the labels
            made = [one for one in read.sources if not one.is_load or self.is_forward(one)]
            if read.is_load and not read.exact and len(made) > 1 and self.is_forward(made[0]):
                orders.setdefault(self._spoilt(read, made), max(map(self._order_of, made[0].within())))
        nearest = max(orders, key=lambda one: orders[one], default=None)  # the first of several
        return None if nearest is None or orders[nearest] < 0 else self._blame_of(nearest, VALUE)

    def _order_of(self, event: Event) -> int:
        """The place in the forward pass of the last of its values that an expression reads; -1 where it reads none."""
        return max((node.order for leaf in self._leaves(event) if (node := self._node_of(leaf))), default=-1)

    def _node_of(self, event: Event) -> Truth | None:
        """The value of the forward pass that an array is."""
        return self._made_first.get(self.known(event.value)) if event.value.size > 1 else None

    def _blame(self, event: Event) -> Blame:
        subtracted = event.site.kind == INCREMENT and isinstance(event.site.operator, ast.Sub)
        for rule in (self._blame_unfinished, self._blame_other_call):
            if blamed := rule(event):
                return blamed
        if event.is_load and event.sources and not subtracted:
            return self._blame_written(event)
        event = self._whole_chain(event)
        if blamed := self._blame_proven_part(event):
            return blamed
        for operand in self._leaves(event):
            blamed = None if self._is_in_place(operand, event) else self._blame_neutral(operand)
            if blamed:
                return blamed
        rules = self._blame_incomplete, self._blame_role, self._blame_renamed, self._blame_useless, self._blame_sum
        for rule in (*rules, self._blame_step):
            if blamed := rule(event):
                return blamed
        return Blame(*event.place, event, VALUE, self._expected(event))

    def _whole_chain(self, event: Event) -> Event:
        """The whole product that a wrong value is a factor of: it is the product that should be an adjoint."""
        while True:
            outer = [one for one in self.consumers.get(event, ()) if event in one.parts and _is_chain(one.site.node)]
            if not outer or self.status[outer[0]] != WRONG:
                return event
            event = outer[0]

    def _leaves(self, event: Event) -> list[Event]:
        """The outermost values that the expression reads."""
        if event.is_load:
            return [event]
        return [leaf for part in event.parts for leaf in self._leaves(part)]

    def _blame_neutral(self, operand: Event, seen: frozenset[Event] = frozenset()) -> Blame | None:
        """A value that the backward pass made of values of the forward pass, and of which nothing right is made."""
        if isinstance(operand.site.node, ast.Call):
            return None if self._helps(operand) else self._blame_call(operand)
        if self.status[operand] != NEUTRAL or not operand.value.any() or not operand.sources or operand in seen:
            if operand.parts and operand.is_load and not operand.sources:
                found = [self._blame_neutral(part, seen) for part in operand.parts]
                return next((one for one in found if one), None)
            return None
        made = [one for one in self._origins(operand.sources) if not self.is_forward(one) and not self._is_given(one)]
        if not made or self._helps(operand) or any(self._helps(one) for one in made):
            return None
        last = self._nearest(operand, made)
        for deeper in self._leaves(last):
            blamed = self._blame_neutral(deeper, seen | {operand})
            if blamed:
                return blamed
        return Blame(*last.place, last, OPERAND, self._expected(last))

    def _blame_call(self, operand: Event) -> Blame | None:
        """A call on values of the forward pass: an argument that is none of them, or a result of another shape."""
        for leaf in (leaf for part in operand.parts for leaf in self._leaves(part)):
            for made in self._origins(leaf.sources)[-1:]:
                computed = not made.is_load and made.site.target != "return" and not self._is_given(made)
                if computed and self.known(made.value) not in self._forward:
                    if not self._helps(leaf) and not self._helps(made):
                        return self._blame_of(made, OPERAND)
        given = {part.value.shape for part in operand.parts}
        for returned in operand.sources:
            helps = any(self._helps(one) for one in self.run.events if one.site is returned.site)
            if returned.site.target == "return" and returned.value.shape not in given and not helps:
                return self._blame_of(returned, OPERAND)
        return None

    def _origins(self, sources: list[Event]) -> list[Event]:
        """What was written, where it was only handed on since."""
        while len(sources) == 1 and sources[0].is_load and sources[0].sources and self._is_passed_on(sources[0]):
            sources = sources[0].sources
        return sources

    def _is_given(self, event: Event) -> bool:
        """Whether it was made before anything of the forward pass: data."""
        made_of_nothing = not event.parts and not event.sources and event.site.kind != INCREMENT
        return event.serial < self._forward_from or made_of_nothing

    def _helps(self, event: Event) -> bool:
        """Whether something right was made of it."""
        return event in self.leads

    def _nearest(self, read: Event, made: list[Event]) -> Event:
        """Of several that wrote into a value, the one to blame: the last, unless what it left is wrong too."""
        if len(made) == 1:
            return made[0]
        near = self._near(read)
        if near is None and self._scale(made[0].value) is not None:
            return self._spoilt(read, made)
        if near is None and made[-1].site.kind == INCREMENT and isinstance(made[-1].site.operator, CHAIN):
            return made[-1]
        if near is None:
            return made[0] if made[0].value.any() else made[-1]
        differs = ~np.isclose(read.value, near, rtol=1e-6, atol=1e-12)
        unchanged = made[0].value.shape == read.value.shape and np.isclose(made[0].value, read.value)
        return made[0] if made[0].value.shape == read.value.shape and (differs & unchanged).any() else made[-1]

    def _scale(self, value: np.ndarray) -> float | None:
        """By which most elements of a value have to be multiplied to be those of an adjoint."""
        if not value.any():
            return None
        for truth in self._use:
            if truth.adjoint.shape == value.shape and truth.kind in (NODE, EDGE, SLICE) and value.size > 2:
                ratios = truth.adjoint / np.where(value == 0, np.nan, value)
                middle = float(np.nanmedian(ratios))
                if middle and 2 * np.isclose(ratios, middle, rtol=1e-6, atol=0).sum() > value.size:
                    return middle
        return None

    def _spoilt(self, read: Event, made: list[Event]) -> Event:
        """Of the changes in place of what was right but for a factor, the one that is wrong."""
        factors = [one for one in made[1:] if one.site.kind == INCREMENT and isinstance(one.site.operator, CHAIN)]
        others = [one for one in made[1:] if one not in factors]
        scale = self._scale(read.value)
        same = others and factors and scale is not None and np.isclose(scale, self._scale(made[0].value))
        if factors and (not others or (scale is not None and not same and not np.isclose(abs(scale), 1))):
            return factors[-1]
        return (others or factors or made)[-1]

    def _near(self, event: Event) -> np.ndarray | None:
        """The adjoint that has most elements in common with a value."""
        best, most = None, 0
        for truth in self._use:
            if truth.adjoint.shape == event.value.shape and truth.kind not in (CONTRIBUTION, WHOLE, SUM):
                same = int(np.isclose(truth.adjoint, event.value, rtol=1e-6, atol=1e-12).sum())
                if same > most:
                    best, most = truth.adjoint, same
        return best if 2 * most >= event.value.size else None

    def _blame_written(self, read: Event) -> Blame:
        """A variable is read and is wrong, though what was written to it is right, or cannot be told."""
        written = [one for one in self._origins(read.sources) if not self.is_forward(one)]
        if not written:
            return Blame(*read.place, read, VALUE)
        bad = [one for one in written if self.status[one] == WRONG]
        if bad:
            return self._blame(bad[0]) if not bad[0].is_load else Blame(*bad[0].place, bad[0], VALUE)
        for name in self.wrong:
            if all(self._contributes(one, name) for one in written if one.value.any()):
                return self._blame_accumulated(written, name)
        if blamed := self._blame_term(read, written):
            return blamed
        if blamed := self._blame_index(written):
            return blamed
        last = self._handed_on(self._nearest(read, written))
        return Blame(*last.place, last, CHANGED_SINCE)

    def _blame_index(self, written: list[Event]) -> Blame | None:
        """True adjoints that are added to the wrong items: the loop that gives the index."""
        added = [one for one in written if one.site.kind == INCREMENT]
        if not added or not all(self.labels[one] or not one.value.any() for one in added):
            return None
        if any(one.value.any() for one in written if one.site.kind != INCREMENT):  # changed in place, not added up
            return None
        site = added[-1].site
        if not isinstance(site.statement.target, ast.Subscript):
            return None
        names = {one.id for one in ast.walk(site.statement.target.slice) if isinstance(one, ast.Name)}
        for loop in reversed(_around(site.definition.statement, site.statement)):
            if isinstance(loop, ast.For) and names & {o.id for o in ast.walk(loop.target) if isinstance(o, ast.Name)}:
                return Blame(site.definition.filename, loop.lineno, None, NOT_REACHED)
        return None

    def _zero_since(self, event: Event) -> Event:
        """Where a value that is zero became so."""
        for leaf in self._leaves(event):
            for maker in self._makers(leaf)[-1:]:
                if not leaf.value.any() and not maker.value.any() and maker.site.kind != INCREMENT:
                    return self._zero_since(maker)
        return event

    def _handed_on(self, event: Event, name: str = "") -> Event:
        """What a function made, where its caller only handed it on; of several that are equal, what is called so."""
        while event.is_load and event.exact and len(event.sources) == 1:
            source = event.sources[0]
            twins = [one for one in self.run.events if one.number == source.number and not one.is_load]
            named = [one for one in twins if name and name in _key(one)]
            source = named[-1] if named else source
            if event.site.definition is source.site.definition and not named:
                break
            event = source
        return event

    def _blame_term(self, read: Event, written: list[Event]) -> Blame | None:
        """Of terms that are all true adjoints but add up to none, the one that is of another value than the rest."""
        before = [one.serial for one in self.run.events if one.site is read.site and one.serial < read.serial]
        terms = [one for one in written if one.serial > max(before, default=-1) and one.value.any()]
        adds = [isinstance(one.site.operator, ast.Add) for one in terms if one.site.kind == INCREMENT]
        if len(terms) < 2 or not adds or not all(adds) or not all(self.labels[one] for one in terms):
            return None
        values = [{self.known(truth.value) for truth, _ in self.labels[one] if truth.kind == EDGE} for one in terms]
        common = max(set().union(*values), key=lambda value: sum(value in each for each in values), default=None)
        odd = [one for one, each in zip(terms, values) if common not in each]
        if len(terms) > 2 and 0 < len(odd) < len(terms) - 1:
            return self._blame_of(odd[0], NOT_ADDED)
        return self._blame_of(terms[0], CHANGED_SINCE)

    # --- what adds up ---

    def _blame_gradients(self) -> Blame | None:
        """Every value is right or neutral, and yet a gradient is wrong."""
        for name in self.wrong:
            if blamed := self._blame_never_written(name):
                return blamed
        found = []
        for name in self.wrong:
            sources = self.run.sources.get(name, [])
            written = self._written_to(sources)
            if not written:
                continue
            blamed = self._blame_contributions(name, written)
            if blamed:
                found.append((len(self._ancestors(written)), blamed))
        return min(found, key=lambda one: one[0])[1] if found else None

    def _blame_never_written(self, name: str) -> Blame | None:
        """A gradient that is zero as it was made."""
        gradient = self.run.returned.gradients.get(name)
        if gradient is None or gradient.any():
            return None
        made = [
            one
            for one in self.run.events
            if one.site.kind == VALUE_OF_STATEMENT and not one.value.any() and one.value.shape == gradient.shape
        ]
        written = {one.site.target for one in self.run.events if one.site.kind == INCREMENT}
        made = [one for one in made if one.site.target not in (*written, "return")]
        added = [one for one in self.run.events if one.site.kind == INCREMENT and one.value.shape == gradient.shape]
        silent = [one for one in added if not any(other.value.any() for other in added if other.site is one.site)]
        if silent:
            zero = self._zero_since(silent[0])
            return Blame(*zero.place, zero, NEVER_WRITTEN)
        named = [one for one in made if name in one.site.target] or made
        if named:
            return Blame(*named[0].place, named[0], NEVER_WRITTEN)
        if len(self.wrong) > 1:
            return None
        for definition in {one.site.definition for one in self.run.events}:
            for node in ast.walk(definition.statement):
                if isinstance(node, ast.DictComp) and "zeros" in ast.unparse(node.value):
                    return Blame(definition.filename, node.lineno, None, NEVER_WRITTEN)
        return None

    def _written_to(self, sources: list[Event]) -> list[Event]:
        """What the statements wrote that made a gradient."""
        if len(sources) != 1:
            return sources
        event, seen = sources[0], set()
        while event.is_load and event.sources and event not in seen and self._is_passed_on(event):
            seen.add(event)
            if len(event.sources) > 1:
                return [one for one in event.sources if one.value.any() or one.site.kind == INCREMENT]
            event = event.sources[0]
        return [event]

    @staticmethod
    def _is_passed_on(event: Event) -> bool:
        return event.site.kind == PART or event.site.target == "return"

    def _ancestors(self, events: list[Event]) -> set[int]:
        found: set[int] = set()
        waiting, seen = list(events), set()
        while waiting:
            event = waiting.pop()
            if event not in seen and not self.is_forward(event):
                seen.add(event)
                found.add(id(event.site.statement))
                waiting += [*event.parts, *event.sources]
        return found

    def _blame_contributions(self, name: str, written: list[Event]) -> Blame | None:
        for one in written:
            if self.status[one] == NEUTRAL and one.value.any():
                for leaf in self._leaves(one):
                    blamed = self._blame_neutral(leaf)
                    if blamed:
                        return blamed
                return Blame(*one.place, one, VALUE, self._expected(one))
        added = [one for one in written if one.value.any()]
        foreign = [one for one in added if not self._contributes(one, name)]
        if foreign and len(foreign) == len(added):
            made = self._handed_on(foreign[0], name)
            return Blame(*made.place, made, NOT_ADDED)
        return self._blame_accumulated(written, name)

    def _contributes(self, event: Event, name: str) -> bool:
        uses = [one for one in self._use if one.kind == CONTRIBUTION and one.parameter == name]
        several = len({one.order for one in uses}) > 1
        return any(
            (truth.parameter == name and not turned) or (not several and truth.kind not in (CONTRIBUTION, WHOLE))
            for truth, turned in self.labels[event]
        )

    def _blame_accumulated(self, written: list[Event], name: str) -> Blame | None:
        """Right contributions that are not added up as they should be."""
        last = written[-1]
        site = last.site
        same = [one for one in self.run.events if one.site is site]
        if site.kind != INCREMENT and len({one.number for one in same}) > 1:
            return Blame(*last.place, last, OVERWRITTEN)
        if site.kind == INCREMENT and isinstance(site.operator, ast.Sub):
            return Blame(*last.place, last, VALUE)
        weights, right = self.matcher.weights, self.truths.gradients[name]
        apart = abs(sum(one.number for one in same) - weights.number_of(right))
        if site.kind == INCREMENT and apart <= 1e-8 * float(np.linalg.norm(right)) * np.sqrt(right.size):
            return Blame(site.definition.filename, site.definition.statement.lineno, None, STALE)
        foreign = [one for one in same if one.value.any() and not self._contributes(one, name)]
        skipped = [one for one in same if not one.value.any()]
        if skipped and not foreign:
            made = self._zero_since(skipped[0])
            return Blame(*made.place, made, VALUE)
        if foreign or skipped:
            return Blame(*(foreign or skipped)[0].place, (foreign or skipped)[0], VALUE)
        around = _around(site.definition.statement, site.statement)
        loops = [one for one in around if isinstance(one, (ast.For, ast.While, ast.If))]
        if loops:
            return Blame(site.definition.filename, loops[-1].lineno, None, NOT_REACHED)
        return Blame(*last.place, last, VALUE)

    # --- the role of an operand ---

    def _blame_role(self, event: Event) -> Blame | None:
        """An operand that is a true adjoint, but the same as at another step, where the expression is right."""
        good = [one for one in self.run.events if one.site is event.site and self.status[one] in (RIGHT, TRANSIT)]
        for now, then in zip(self._leaves(event), self._leaves(good[0]) if good else ()):
            if now.site is not then.site:
                continue
            made = self._makers(now)
            if not self.labels[then] and now.number == then.number and self.steps.of_value(now.value):
                if blamed := self._blame_choice(now, event):
                    return blamed
            if not self.labels[then] or not self.labels[now]:
                continue
            if made and {id(one) for one, _ in self.labels[now]} == {id(one) for one, _ in self.labels[then]}:
                read = now if isinstance(now.site.node, ast.Subscript) else made[-1]
                return self._blame_of(read, OTHER_STEP)
        return None

    def _blame_incomplete(self, event: Event) -> Blame | None:
        """An operand that is one part of an adjoint, where only the whole can be used."""
        if not _is_chain(event.site.node):
            return None
        for leaf in self._leaves(event):
            makers = self._makers(leaf)
            if makers and not _is_term(leaf) and self._is_only_a_part(leaf):
                return self._blame_part(makers[-1])
        return None

    def _blame_proven_part(self, event: Event) -> Blame | None:
        """As before, of a product that is right as soon as the whole adjoint stands in it."""
        if len(event.parts) != 2:
            return None
        for part, other in (event.parts, event.parts[::-1]):
            makers = self._makers(part)
            if not makers or self.status[other] != NEUTRAL or not self._is_only_a_part(part):
                continue
            for whole in self._wholes(part):
                if whole.size == part.value.size:
                    if self._is_an_adjoint(_products(whole.reshape(part.value.shape), other.value)):
                        return self._blame_part(self._computed(makers[-1]))
        return None

    def _computed(self, event: Event) -> Event:
        """Where the value of a name was computed, which other names were given since."""
        while event.is_load and event.exact and len(event.sources) == 1 and not self.is_forward(event.sources[0]):
            event = event.sources[0]
        return event

    def _wholes(self, event: Event) -> list[np.ndarray]:
        """The whole adjoints of the values of which it is a part of one."""
        values = {self.known(truth.value) for truth, _ in self.labels[event] if truth.value.size}
        return [self._made_first[value].adjoint for value in values if value in self._made_first]

    def _is_an_adjoint(self, arrays: Iterable[np.ndarray]) -> bool:
        return any(one.any() and self.matcher.match(one / self.factor) is not None for one in arrays)

    def _is_only_a_part(self, event: Event) -> bool:
        labels = [truth for truth, _ in self.labels[event]]
        if not labels or not all(truth.kind in (EDGE, SLICE, NODE, PATHS) and truth.depends for truth in labels):
            return False
        values = {self.known(truth.value) for truth in labels if truth.value.size}
        whole = [self._made_first[value] for value in values if value in self._made_first]
        return bool(whole) and not any(one in labels for one in whole)

    def _makers(self, read: Event) -> list[Event]:
        """What the backward pass wrote that an expression reads."""
        if not read.sources:
            return [maker for part in read.parts for maker in self._makers(part)]
        return [one for one in read.sources if not self.is_forward(one) and not self._is_given(one)]

    def _blame_of(self, event: Event, reason: str) -> Blame:
        return Blame(*event.place, event, reason, self._expected(event))

    def _blame_part(self, event: Event) -> Blame:
        """A sum that lacks a term: the term itself, where it is zero and is not so at other steps."""
        for leaf in self._leaves(event):
            made = self._makers(leaf)
            if made and (lost := self._blame_lost(made[0])):
                return lost
            for maker in made[-1:]:
                others = [one for one in self.run.events if one.site is maker.site and one.value.any()]
                if not leaf.value.any() and not maker.value.any() and others:
                    return self._blame_of(maker, ONLY_A_PART)
        return self._blame_of(event, ONLY_A_PART)

    def _blame_unfinished(self, event: Event) -> Blame | None:
        """A gradient that is read before all of it is added up."""
        for leaf in self._leaves(event):
            for read in leaf.within():
                added = [one for one in read.sources if one.site.kind == INCREMENT]
                if added and isinstance(read.site.node, LOADS) and self._grows_after(added[-1].site, read):
                    return Blame(*read.place, event, UNFINISHED)
        return None

    def _grows_after(self, site: Site, read: Event) -> bool:
        """Whether what is added up to a gradient there is not complete when it is read."""
        gradients = {one.site for name in self.run.sources for one in self._written_to(self.run.sources[name])}
        inside = read.site.statement is not site.statement and read.site.target != "return"
        return (
            site in gradients
            and inside
            and any(one.site is site and one.serial > read.serial and one.value.any() for one in self.run.events)
        )

    def _blame_other_call(self, event: Event) -> Blame | None:
        """A function that is right where another statement calls it: so its arguments are wrong here."""
        if event.is_load:
            return None
        here = self._call_of(event)
        if here is None:
            return None
        for one in self.run.events:
            if one.site is event.site and self.status[one] == RIGHT:
                there = self._call_of(one)
                if there is not None and there[1] is not here[1] and self._is_right_in(event.site.definition, there[1]):
                    if given := self._foreign_argument(here[1]):
                        return self._blame_of(given, VALUE)
                    return Blame(here[0], here[1].lineno, None, ARGUMENT)
        return None

    def _foreign_argument(self, call: ast.Call) -> Event | None:
        """What made an adjoint that is given to a call without the value that it is of, and is of use nowhere else."""
        nodes = {id(node) for node in ast.walk(call)}
        given = [one for one in self.run.events if id(one.site.node) in nodes]
        values = {self.known(one.value) for one in given}
        for one in given:
            of = {self.known(truth.value) for truth, _ in self.labels[one] if truth.kind == NODE and truth.value.size}
            made = [maker for maker in self._makers(one)[-1:] if maker not in self.proven]
            if of and not of & values and made and made[0].site.kind == VALUE_OF_STATEMENT:
                return made[0]
        return None

    def _is_right_in(self, definition: Definition, call: ast.Call) -> bool:
        inside = [one for one in self.run.events if one.site.definition is definition]
        return not any(
            self.status[one] == WRONG and (at := self._call_of(one)) is not None and at[1] is call for one in inside
        )

    def _call_of(self, event: Event) -> tuple[str, ast.Call] | None:
        """The file and the call by which its function was entered: the last before it that a value was made for."""
        name = event.site.definition.name.rpartition(".")[2]
        for one in reversed(self.run.events[: event.serial]):
            if one.site.definition is not event.site.definition:
                for node in ast.walk(one.site.statement):
                    if isinstance(node, ast.Call) and _called(node) == name:
                        return one.site.definition.filename, node
        return None

    def _is_in_place(self, operand: Event, event: Event) -> bool:
        """Whether a value of the forward pass is of the step at which it is used, so that not it is wrong."""
        if self.labels[operand] or operand is event:
            return False
        for name in self.wrong:
            if self.steps.stands_beside(operand.value, name) and event in self._made_for(name):
                return True
        if not _is_chain(event.site.node):
            return False
        steps = self.steps.of_value(operand.value)
        return bool(set(steps) & self._steps_of(event))

    def _made_for(self, name: str) -> set[Event]:
        """All that is made for this gradient, and for no other."""
        if name not in self._only_for:
            others = [other for other in self.truths.gradients if other != name]
            self._only_for[name] = self._made_from([name]) - self._made_from(others)
        return self._only_for[name]

    def _steps_of(self, event: Event) -> set[int]:
        """The steps of the adjoints that an expression reads."""
        steps = {self.steps.of_adjoint(truth) for leaf in self._leaves(event) for truth, _ in self.labels[leaf]}
        return steps - {None}

    def _blame_step(self, event: Event) -> Blame | None:
        """A value of the forward pass of another step than the adjoint that it is multiplied with."""
        steps = self._steps_of(event)
        if not steps or not _is_chain(event.site.node):
            return None
        for leaf in self._leaves(event):
            own = set(self.steps.of_value(leaf.value))
            if self.labels[leaf] or not own or own & steps:
                continue
            if blamed := self._blame_choice(leaf, event):
                return blamed
        return None

    def _blame_choice(self, leaf: Event, event: Event) -> Blame | None:
        """Where a value of another step was chosen: by an index, by a statement before, or by the caller."""
        if any(isinstance(one.site.node, ast.Subscript) for one in leaf.within()):
            return self._blame_of(leaf, OTHER_STEP)
        if made := self._makers(leaf):
            return self._blame_of(made[-1], OTHER_STEP)
        here = self._call_of(event)
        return None if here is None else Blame(here[0], here[1].lineno, None, ARGUMENT)

    def _blame_renamed(self, event: Event) -> Blame | None:
        """An adjoint that was only given another name, and of which nothing right is made under that one."""
        if isinstance(event.site.node, ast.BinOp) and isinstance(event.site.node.op, (ast.Add, ast.Sub)):
            return None
        leaves = self._leaves(event)
        parameters = {self.steps.parameter(leaf.value) for leaf in leaves if not self.labels[leaf]} - {""}
        for leaf in leaves:
            if any(self.steps.is_of_product_with(leaf.value, name) for name in parameters):
                continue
            for maker in self._makers(leaf)[-1:]:
                maker = self._first_name(maker)
                renamed = maker.site.target.isidentifier() and maker.site.target != "return"
                if not renamed or not isinstance(maker.site.node, (ast.Name, ast.Attribute)):
                    continue
                if self.labels[maker] and not any(self._is_good(one) for one in self._uses(maker)):
                    return self._blame_of(maker, VALUE)
        return None

    def _first_name(self, event: Event) -> Event:
        """Where a value that was only handed on since got its first name."""
        while event.is_load and event.exact and len(event.sources) == 1:
            source = event.sources[0]
            same = source.site.definition is event.site.definition and source.site.kind == VALUE_OF_STATEMENT
            if not same or not source.is_load or source.site.target == "return" or self.is_forward(source):
                break
            event = source
        return event

    def _blame_useless(self, event: Event) -> Blame | None:
        """An operand that is some true adjoint, but nothing right is made of it anywhere: it should be another one."""
        for leaf in self._leaves(event):
            for maker in map(self._first_name, self._makers(leaf)[-1:]):
                used = [one for one in self._uses(maker) if one is not maker]
                statements = {id(one.site.statement) for one in used}
                if self.labels[maker] and len(statements) > 1 and not any(self._is_good(one) for one in used):
                    return self._blame_of(maker, VALUE)
        return None

    def _uses(self, event: Event) -> list[Event]:
        """What is computed from a value directly."""
        found = []
        for one in self.consumers.get(event, ()):
            found += self._uses(one) or [one] if one.is_load or _is_view(one.site.node) else [one]
        return found

    def _is_good(self, event: Event) -> bool:
        labels = self.labels[event]
        if event in self.proven:
            return True
        kinds = {truth.kind for truth, _ in labels}
        return bool(kinds & {CONTRIBUTION, WHOLE}) or SUM not in kinds if labels else event in self.leads

    def _blame_sum(self, event: Event) -> Blame | None:
        """A sum of adjoints of several values, or one that lacks a part: then what is carried in is to blame."""
        if not isinstance(event.site.node, ast.BinOp) or not isinstance(event.site.node.op, ast.Add):
            return None
        for leaf in self._leaves(event):
            for maker in self._makers(leaf)[-1:]:
                if maker.site is event.site:  # what adds up
                    return None
                if leaf.exact and maker.site.kind == INCREMENT and not self.labels[leaf]:
                    if blamed := self._blame_term(leaf, self._makers(leaf)):
                        return blamed
                    return self._blame_of(maker, CHANGED_SINCE)
                carried = maker.site.definition is event.site.definition and maker.line > event.line
                if carried and leaf in event.parts and self.labels[leaf]:
                    return self._blame_of(maker, ONLY_A_PART)
        return None

    def _blame_lost(self, first: Event) -> Blame | None:
        """An assignment over a true adjoint that nothing was made of."""
        for one in self.run.events[: first.serial]:
            same = one.site.target == first.site.target and one.site.definition is first.site.definition
            if same and one.site is not first.site and one.site.kind == first.site.kind == VALUE_OF_STATEMENT:
                if self.labels[one] and one not in self.consumers:
                    return self._blame_of(first, ONLY_A_PART)
        return None

    def _expected(self, event: Event) -> Truth | None:
        """What the same expression is at a step where it is right; of what adds up nothing can be said."""
        if any(ast.unparse(leaf.site.node) == event.site.target for leaf in self._leaves(event)):
            return None
        for one in self.run.events:
            if one.site is event.site and one is not event and self.labels[one]:
                return self.labels[one][0][0]
        return None


def _key(event: Event) -> str:
    """What it is called where it is put into a dict; else what it is assigned to."""
    site = event.site
    if isinstance(site.parent, ast.Dict) and site.field == "values":
        return ast.unparse(site.parent.keys[site.index])
    return "" if site.kind == PART else site.target


def _products(a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """Element by element, and as matrices."""
    if a.shape == b.shape:
        yield a * b
    for left, right in ((a, b), (b, a)):
        if left.ndim and right.ndim and left.shape[-1] == right.shape[-2:][0]:
            yield left @ right


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_view(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in VIEWS


def _is_term(event: Event) -> bool:
    """Whether it is added to something in its expression."""
    while event.whole is not None and event.whole.is_load:
        event = event.whole
    node = None if event.whole is None else event.whole.site.node
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


def _is_chain(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, CHAIN)
    return isinstance(node, ast.UnaryOp)


def _around(tree: ast.AST, statement: ast.stmt) -> list[ast.stmt]:
    """The statements that a statement stands in, the outermost first."""
    for child in ast.iter_child_nodes(tree):
        if child is statement:
            return [tree] if isinstance(tree, ast.stmt) else []
        found = _around(child, statement)
        if found:
            return [tree, *found] if isinstance(tree, ast.stmt) else found
    return []
