"""All edits of a backward pass that are worth a try, the likeliest first."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence

from oracle.repair.edit import Edit, Slot, slots
from oracle.repair.loops import Loop
from oracle.repair.material import Material
from oracle.repair.place import ADJOINT, Inserted, Moved, Place, Proposal, Rearranged, Shapes, makes_array, texts_kept
from oracle.repair.templates import EXPRESSIONS, STATEMENTS
from oracle.rewriting import Definition

UNSUSPECTED = 3.0  # what the cost of an edit is multiplied by where nothing is known of its line
KNOWN = 0.4  # what the cost of an edit is multiplied by that undoes a kind of mistake known to be there
SKIPPED = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.arguments, ast.arg, ast.keyword)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)


@texts_kept()  # no tree changes meanwhile
def candidates(
    definitions: Sequence[Definition],
    materials: Mapping[Definition, Material],
    shapes: Mapping[ast.AST, Shapes],
    forward: frozenset[tuple[str, int]],
    suspicion: Mapping[ast.stmt, float],
    recurrent: Mapping[Definition, frozenset[str]],
    parameters: frozenset[tuple[int, ...]],
    kinds: frozenset[str] = frozenset(),
    suspicious: Collection[ast.stmt] = (),
    only: Collection[ast.stmt] | None = None,
    early: Collection[ast.stmt] = (),
) -> list[Edit]:
    """The edits, ordered by how often the mistake is made and how suspicious the line is.

    forward    the lines that compute the loss: they stay as they are
    kinds      of mistakes that are known to be there
    suspicious the statements of the first wrong values
    only       the statements whose edits are wanted; None for all
    early      the statements that run before the loss is there: what they compute is no adjoint
    suspicion  of a statement, from 1 for the first that is wrong to what multiplies the cost of all others
    """
    found: list[tuple[float, Edit]] = []
    forms: dict[ast.AST, int] = {}
    for definition in definitions:
        around = slots(definition)
        cheapest: dict[tuple, tuple[float, Edit]] = {}
        statements = list(backward_statements(definition, forward))
        late = [one for one in statements if one not in early]
        computed = _computed(late, _stored(definition, forward)) - materials[definition].given
        for statement in statements if only is None else [one for one in statements if one in only]:
            for node in _nodes(statement):
                material = materials[definition].within(_bound_around(node, around))
                known = material, shapes, recurrent[definition], parameters, computed
                place = Place(node, definition, around, *known, statement in suspicious)
                for edit in _edits(place, node is statement, forms):
                    cost = weighted(edit, suspicion, kinds)
                    if edit.key not in cheapest or cost < cheapest[edit.key][0]:
                        cheapest[edit.key] = cost, edit
        found += cheapest.values()
    found.sort(key=lambda one: one[0])
    return [edit for _, edit in found]


def weighted(edit: Edit, suspicion: Mapping[ast.stmt, float], kinds: frozenset[str]) -> float:
    """What the candidates are ordered by."""
    return edit.cost * suspicion.get(edit.statement, UNSUSPECTED) * (KNOWN if edit.kind in kinds else 1.0)


def affected(made: Sequence[Edit], definitions: Sequence[Definition]) -> set[ast.stmt]:
    """The statements whose edits are to be thought of again once some edits are made.

    These that are changed, and the loops around them; all of a definition in which lines were put in or moved, as an
    edit of a list of statements holds the whole list as it was.
    """
    rearranged = {edit.definition for edit in made if isinstance(edit.value, list)}
    changed = {edit.statement for edit in made}
    return {
        one
        for definition in definitions
        for one in ast.walk(definition.statement)
        if isinstance(one, ast.stmt)
        if definition in rearranged or not changed.isdisjoint(ast.walk(one))
    }


def _bound_around(node: ast.AST, around: Mapping[ast.AST, Slot]) -> frozenset[str]:
    """The names that the comprehensions around a node bind."""
    found: set[str] = set()
    while node in around and not isinstance(node, ast.stmt):
        node = around[node].parent
        if isinstance(node, COMPREHENSIONS):
            found |= {one.id for each in node.generators for one in ast.walk(each.target) if isinstance(one, ast.Name)}
    return frozenset(found)


def _form(value: object, body: object, known: dict[ast.AST, int]) -> int:
    """What tells an edit from others of its place: of a list of statements only those that are new, and where.

    known    of nodes that were seen before: those that stand in the program are in thousands of edits
    """
    if not isinstance(value, list):
        return _hash(value, known)
    old = {id(one): number for number, one in enumerate(body)}
    return hash(tuple(old[id(one)] if id(one) in old else ("new", _hash(one, known)) for one in value))


def _hash(value: object, known: dict[ast.AST, int]) -> int:
    """Equal for trees that are written in the same way: ast.unparse would take five times as long."""
    if isinstance(value, ast.AST):
        if value not in known:
            known[value] = hash((type(value), *(_hash(getattr(value, name, None), known) for name in value._fields)))
        return known[value]
    if isinstance(value, list):
        return hash(tuple(_hash(one, known) for one in value))
    return hash((type(value), value))


def _stored(definition: Definition, forward: frozenset[tuple[str, int]]) -> frozenset[str]:
    """The names that the lines of the forward pass assign, or store into."""
    return frozenset(
        name
        for one in ast.walk(definition.statement)
        if isinstance(one, (ast.Assign, ast.AugAssign)) and definition.holds(one, forward)
        for name in _targets(one)
    )


def _computed(statements: Sequence[ast.stmt], stored: Collection[str] = ()) -> frozenset[str]:
    """The names that statements compute, of what they store into as well; not those under which they read others.

    stored   what the forward pass stores into: an array made for that, before, is none that these compute
    """
    found: set[str] = set()
    waiting = [
        one
        for one in statements
        if isinstance(one, ast.AugAssign)
        or (isinstance(one, ast.Assign) and not (makes_array(one.value) and set(_targets(one)) <= set(stored)))
    ]
    while True:
        new = {
            name
            for one in waiting
            for name in _targets(one)
            if ADJOINT.search(name) or not _is_reading(one.value, found)  # dy = dys[t] is what comes from above
        }
        if new <= found:
            return frozenset(found)
        found |= new


def _is_reading(value: ast.expr, computed: Collection[str]) -> bool:
    """Whether it is `hs[t - 1]`, `cache`, or `[h_0]` and np.zeros(...) that are filled later; not computed itself."""
    match value:
        case ast.Tuple(elts=inside) | ast.List(elts=inside) | ast.Dict(values=inside):
            return all(_is_reading(one, computed) for one in inside)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name.startswith(("zeros", "empty", "dict", "list"))
    return isinstance(value, (ast.Name, ast.Subscript, ast.Attribute, ast.Constant)) and _root(value) not in computed


def _root(node: ast.expr) -> str:
    return ast.unparse(node).partition("[")[0]


def _targets(statement: ast.Assign | ast.AugAssign) -> Iterator[str]:
    for root in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
        for target in root.elts if isinstance(root, ast.Tuple) else [root]:
            yield _root(target)


def backward_statements(definition: Definition, forward: frozenset[tuple[str, int]]) -> Iterator[ast.stmt]:
    """The statements that ran and do not compute the loss; of a compound one its head."""
    for statement in ast.walk(definition.statement):
        if not isinstance(statement, ast.stmt) or (
            statement is definition.statement and not isinstance(statement, SIMPLE)
        ):
            continue
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass, ast.Assert)):
            continue
        if definition.ran(statement) and not _is_held(statement, definition, forward):
            yield statement


def _is_held(statement: ast.stmt, definition: Definition, forward: frozenset[tuple[str, int]]) -> bool:
    """Whether it computes the loss, and nothing else: a loop may compute both."""
    if not definition.holds(statement, forward):
        return False
    inside = [one for one in ast.walk(statement) if isinstance(one, SIMPLE) and one is not statement]
    return not isinstance(statement, Loop) or all(definition.holds(one, forward) for one in inside)


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


def _edits(place: Place, is_statement: bool, forms: dict[ast.AST, int]) -> Iterator[Edit]:
    if is_statement and place.node not in place.around:
        return
    for template in STATEMENTS if is_statement else EXPRESSIONS:
        for proposal in template(place):
            yield _edit(place, proposal, is_statement, forms)


def _edit(place: Place, proposal: Proposal, is_statement: bool, forms: dict[ast.AST, int]) -> Edit:
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
        proposal.value if isinstance(proposal, Inserted) else None,
        _form(value, getattr(slot.parent, slot.field), forms),
    )
