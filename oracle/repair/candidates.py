"""All edits of a backward pass that are worth a try, the likeliest first."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from oracle.repair.edit import Edit, Slot, slots
from oracle.repair.material import Material
from oracle.repair.place import Moved, Place, Proposal, Rearranged, Shapes
from oracle.repair.templates import EXPRESSIONS, STATEMENTS
from oracle.rewriting import Definition

KNOWN = 0.4  # what the cost of an edit is multiplied by that undoes a kind of mistake known to be there
SKIPPED = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.arguments, ast.arg, ast.keyword)
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)


def candidates(
    definitions: Sequence[Definition],
    materials: Mapping[Definition, Material],
    shapes: Mapping[ast.AST, Shapes],
    forward: frozenset[tuple[str, int]],
    suspicion: Mapping[ast.stmt, float],
    recurrent: Mapping[Definition, frozenset[str]],
    parameters: frozenset[tuple[int, ...]],
    kinds: frozenset[str] = frozenset(),
) -> list[Edit]:
    """The edits, ordered by how often the mistake is made and how suspicious the line is.

    forward    the lines that compute the loss: they stay as they are
    kinds      of mistakes that are known to be there
    suspicion  of a statement, from 1 for the first that is wrong to what multiplies the cost of all others
    """
    found: list[tuple[float, Edit]] = []
    for definition in definitions:
        around = slots(definition)
        cheapest: dict[tuple[int, str, int | None, str], tuple[float, Edit]] = {}
        statements = list(_backward_statements(definition, forward))
        assigned = frozenset(name for one in statements for name in _assigned(one))
        for statement in statements:
            weight = suspicion.get(statement, 3.0)
            for node in _nodes(statement):
                known = materials[definition], shapes, recurrent[definition], parameters, assigned
                place = Place(node, definition, around, *known)
                for edit in _edits(place, node is statement):
                    key = id(edit.parent), edit.field, edit.index, _text(edit)
                    cost = edit.cost * weight * (KNOWN if edit.kind in kinds else 1.0)
                    if key not in cheapest or cost < cheapest[key][0]:
                        cheapest[key] = cost, edit
        found += cheapest.values()
    found.sort(key=lambda one: one[0])
    return [edit for _, edit in found]


def _text(edit: Edit) -> str:
    """What tells an edit from others of its place: of a list of statements only those that are new, and where."""
    if not isinstance(edit.value, list):
        return ast.unparse(edit.value)
    old = {id(one): f"{number}" for number, one in enumerate(getattr(edit.parent, edit.field))}
    return "\n".join(old.get(id(one)) or ast.unparse(one) for one in edit.value)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement assigns, of what it stores into as well."""
    if isinstance(statement, (ast.Assign, ast.AugAssign)):
        for root in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            for target in root.elts if isinstance(root, ast.Tuple) else [root]:
                yield ast.unparse(target).partition("[")[0]


def _backward_statements(definition: Definition, forward: frozenset[tuple[str, int]]) -> Iterator[ast.stmt]:
    """The statements that ran and do not compute the loss; of a compound one its head."""
    for statement in ast.walk(definition.statement):
        if not isinstance(statement, ast.stmt) or (
            statement is definition.statement and not isinstance(statement, SIMPLE)
        ):
            continue
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass, ast.Assert)):
            continue
        if definition.ran(statement) and not definition.holds(statement, forward):
            yield statement


def _nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The statement, and the expressions in it that are not in a statement inside it."""
    yield statement
    waiting = [statement]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, (ast.stmt, *SKIPPED)):
                if isinstance(child, ast.keyword):
                    waiting.append(child)
                continue
            if isinstance(child, ast.expr):
                yield child
            waiting.append(child)


def _edits(place: Place, is_statement: bool) -> Iterator[Edit]:
    if is_statement and place.node not in place.around:
        return
    for template in STATEMENTS if is_statement else EXPRESSIONS:
        for proposal in template(place):
            yield _edit(place, proposal, is_statement)


def _edit(place: Place, proposal: Proposal, is_statement: bool) -> Edit:
    node = place.node
    slot: Slot = place.around[node]
    index, value = slot.index, proposal.new
    if is_statement:
        if isinstance(proposal, Moved):
            slot = place.around[proposal.instead_of]
        body = getattr(slot.parent, slot.field)
        if isinstance(proposal, Rearranged):
            value = proposal.new
        else:
            at = slot.index
            value = [*body[:at], *proposal.new, *body[at + 1 :]]
        index = None
        if not value:
            value = [ast.copy_location(ast.Pass(), node)]
    return Edit(
        place.definition,
        place.slot.statement if not is_statement else node,
        slot.parent,
        slot.field,
        index,
        value,
        proposal.kind,
        proposal.sentence,
        proposal.cost,
        getattr(node, "lineno", place.slot.statement.lineno),
        proposal.line_of,
    )
