"""Which statements of a file are run: with `only`, nothing that could train, read a file or take long.

A file is run in one of three ways:

    whole       everything, except assignments to the names that the caller gives; their updates in loops stay
    only        imports, definitions, and assignments that bind a wanted name
    imported    a user's module that a file loaded with `only` imports: imports, definitions and constants. A constant
                is an assignment whose right side calls nothing but NumPy, the pure builtins and pure modules of the
                standard library, and depends on nothing that was left out
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

THROWAWAY = "_given_"  # takes what a tuple assignment would have bound to a name that the caller gives
DECIDED = "_decided_"  # the builtin that evaluates the condition of a top-level `if`
UNDEFINED = "_undefined_"  # the builtin that stands in for a definition that fails and that nobody asked for

Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Import = (ast.Import, ast.ImportFrom)
Assignment = (ast.Assign, ast.AnnAssign, ast.AugAssign)
Try = (ast.Try, ast.TryStar)

PURE_BUILTINS = frozenset(dir(builtins)) - frozenset(
    "__import__ breakpoint compile eval exec exit globals help input locals open print quit vars".split()
)
PURE_MODULES = frozenset(
    "cmath collections copy dataclasses decimal enum fractions functools itertools math numpy operator re string types "
    "typing typing_extensions warnings".split()
)
READING = frozenset(
    "fromfile genfromtxt fromregex load loadtxt memmap open_memmap DataSource save savetxt savez tofile".split()
)


@dataclass
class Selection:
    """The statements to run, and what was left out: name -> line of its assignment."""

    body: list[ast.stmt]
    skipped: dict[str, int] = field(default_factory=dict)


def bindings(tree: ast.Module) -> dict[str, int]:
    """The names a file binds at its top level, loops and conditions included -> line of the first binding."""
    found: dict[str, int] = {}
    for statement in _top_level(tree.body):
        for name in _bound(statement):
            found.setdefault(name, statement.lineno)
    return found


def reachable(tree: ast.Module) -> set[str]:
    """The names that `only` can choose: those not bound in a loop alone."""
    return {name for statement in _top_level(tree.body, loops=False) for name in _bound(statement)}


def has_star_import(tree: ast.Module) -> bool:
    return any(
        isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*" for statement in _top_level(tree.body)
    )


def whole(tree: ast.Module, given: frozenset[str]) -> Selection:
    """Every statement, less the assignments, definitions and imports of the names that the caller gives."""
    return Selection(_without(tree.body, given))


def chosen(tree: ast.Module, only: frozenset[str], given: frozenset[str]) -> Selection:
    """Imports, definitions, and the assignments that bind a name in `only`."""
    wanted = only | _needed_by_conditions(tree)
    chooser = _Chooser(wanted, only)
    body = _without(chooser.select(tree.body, top=True), given)
    return Selection(body, {name: line for name, line in chooser.skipped.items() if name not in given})


def imported(tree: ast.Module) -> Selection:
    """Imports, definitions and constants of a module that is imported by a file of which only some names are wanted."""
    chooser = _Constants()
    body = chooser.select(tree.body, top=True)
    return Selection(body, chooser.skipped)


class _Chooser:
    def __init__(self, wanted: frozenset[str], named: frozenset[str]) -> None:
        self.wanted = wanted
        self.named = named
        self.skipped: dict[str, int] = {}

    def select(self, statements: Iterable[ast.stmt], top: bool = False, attempted: bool = False) -> list[ast.stmt]:
        """The statements that are kept. `attempted`: they stand in a `try`, where constants and bare names decide
        which of two imports or definitions holds, so that these are kept as well."""
        kept: list[ast.stmt] = []
        for position, statement in enumerate(statements):
            if isinstance(statement, Import):
                kept.append(statement)
            elif isinstance(statement, Definition):
                unwanted = statement.name not in self.named and not attempted
                kept.append(_guarded(statement) if unwanted else statement)
            elif isinstance(statement, Assignment):
                if self.keeps(statement) or (attempted and _is_plain(statement.value)):
                    kept.append(statement)
                else:
                    self.leave_out(statement)
            elif isinstance(statement, ast.Expr):
                docstring = top and position == 0 and isinstance(statement.value, ast.Constant)
                if docstring or (attempted and _is_plain(statement.value)):
                    kept.append(statement)
            elif isinstance(statement, ast.If):
                kept.extend(self.condition(statement, attempted))
            elif isinstance(statement, Try):
                kept.extend(self.attempt(statement))
            elif isinstance(statement, ast.With):
                kept.extend(self.context(statement, attempted))
            elif isinstance(statement, ast.Pass) and attempted:
                kept.append(statement)
            else:
                self.leave_out(statement)
        return kept

    def keeps(self, statement: ast.stmt) -> bool:
        return not self.wanted.isdisjoint(_bound(statement))

    def leave_out(self, statement: ast.stmt) -> None:
        for inner in _top_level([statement]):
            for name in _bound(inner):
                self.skipped.setdefault(name, inner.lineno)

    def condition(self, statement: ast.If, attempted: bool) -> list[ast.stmt]:
        if _is_main_guard(statement):
            body = _named(statement.body, self.named)
            return [*body, *self.select(statement.orelse, attempted=attempted)]
        body = self.select(statement.body, attempted=attempted)
        orelse = self.select(statement.orelse, attempted=attempted)
        if not body and not orelse:
            return []
        chosen = copy.copy(statement)
        chosen.body, chosen.orelse = body or [_pass(statement)], orelse
        chosen.test = _decided(statement.test)
        return [chosen]

    def attempt(self, statement: ast.Try) -> list[ast.stmt]:
        chosen = copy.copy(statement)
        chosen.body = self.select(statement.body, attempted=True)
        chosen.orelse = self.select(statement.orelse, attempted=True)
        chosen.finalbody = self.select(statement.finalbody)
        if not chosen.body:
            return [*chosen.orelse, *chosen.finalbody]
        chosen.handlers = []
        for handler in statement.handlers:
            handler = copy.copy(handler)
            handler.body = self.select(handler.body, attempted=True) or [_pass(handler)]
            chosen.handlers.append(handler)
        return [chosen]

    def context(self, statement: ast.With, attempted: bool) -> list[ast.stmt]:
        body = self.select(statement.body, attempted=attempted)
        if not any(isinstance(inner, Assignment) for inner in _top_level(body)):
            return body  # imports and definitions need no open file and no session around them
        chosen = copy.copy(statement)
        chosen.body = body
        return [chosen]


class _Constants(_Chooser):
    """Keeps the constants of a module, in the order of the file."""

    def __init__(self) -> None:
        super().__init__(frozenset(), frozenset())
        self.pure: set[str] = set()  # what imports of pure modules are called here
        self.constants: set[str] = set()  # kept so far

    def select(self, statements: Iterable[ast.stmt], top: bool = False, attempted: bool = False) -> list[ast.stmt]:
        if top:
            statements = list(statements)
            for statement in _top_level(statements):
                self.pure.update(_pure_imports(statement))
        return super().select(statements, top, attempted)

    def keeps(self, statement: ast.stmt) -> bool:
        roots = set(_bound(statement))
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        changes = isinstance(statement, ast.AugAssign) or any(
            isinstance(target, (ast.Attribute, ast.Subscript)) for target in targets
        )
        if changes and not roots <= self.constants:  # config["T"] = 5 may be kept, os.environ["T"] = "5" may not
            return False
        if statement.value is not None and not self.is_constant(statement.value):
            return False
        self.constants |= roots
        return True

    def context(self, statement: ast.With, attempted: bool) -> list[ast.stmt]:
        for name in _bound(statement):  # the open file, which is not opened
            self.skipped.setdefault(name, statement.lineno)
        return self.select(statement.body, attempted=attempted)

    def is_constant(self, value: ast.expr) -> bool:
        own = {node.id for node in ast.walk(value) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        for node in ast.walk(value):
            if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom)):
                return False
            if isinstance(node, ast.Name) and node.id in self.skipped:
                return False
            if isinstance(node, ast.Call) and not self.is_pure(node.func, own):
                return False
        return True

    def is_pure(self, function: ast.expr, own: set[str]) -> bool:
        """A pure builtin or module's function, or a method of a constant: "a b".split(), np.ones(3).astype(int)."""
        if isinstance(function, ast.Name):
            return function.id in PURE_BUILTINS or function.id in self.pure
        if not isinstance(function, ast.Attribute) or function.attr in READING:
            return False
        receiver = function.value
        while isinstance(receiver, (ast.Attribute, ast.Subscript)):
            receiver = receiver.value
        return not isinstance(receiver, ast.Name) or receiver.id in self.pure | self.constants | own


def _pure_imports(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.name.partition(".")[0] in PURE_MODULES:
                yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(statement, ast.ImportFrom) and not statement.level:
        if (statement.module or "").partition(".")[0] in PURE_MODULES:
            for alias in statement.names:
                if alias.name not in READING:
                    yield alias.asname or alias.name


def _needed_by_conditions(tree: ast.Module) -> frozenset[str]:
    """Constants that the conditions around imports and definitions read: `GPU = False` above `if GPU: import cupy`."""
    read = {
        node.id
        for statement in _top_level(tree.body)
        if isinstance(statement, ast.If) and not _is_main_guard(statement)
        for node in ast.walk(statement.test)
        if isinstance(node, ast.Name)
    }
    return frozenset(
        name
        for statement in tree.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value and _is_plain(statement.value)
        for name in _bound(statement)
        if name in read
    )


def _top_level(statements: Iterable[ast.stmt], loops: bool = True) -> Iterator[ast.stmt]:
    """The statements that run at top level, those inside if, try, with and loops included."""
    for statement in statements:
        yield statement
        if isinstance(statement, Definition):
            continue
        if not loops and isinstance(statement, (ast.For, ast.AsyncFor, ast.While)):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _top_level(getattr(statement, part, ()), loops)
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _top_level(part.body, loops)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names one statement binds, or whose items or attributes it assigns."""
    if isinstance(statement, Definition):
        yield statement.name
    elif isinstance(statement, Import):
        for alias in statement.names:
            if alias.name != "*":
                yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _roots(target)
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        yield from _roots(statement.target)
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        for item in statement.items:
            if item.optional_vars:
                yield from _roots(item.optional_vars)


def _roots(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from _roots(element)
    elif isinstance(target, (ast.Starred, ast.Attribute, ast.Subscript)):
        yield from _roots(target.value)


def _named(statements: list[ast.stmt], names: frozenset[str]) -> list[ast.stmt]:
    """What `if __name__ == "__main__"` holds of the names asked for, with its imports; nothing if it holds none."""
    kept = [s for s in statements if isinstance(s, (*Definition, *Assignment)) and not names.isdisjoint(_bound(s))]
    return [s for s in statements if s in kept or isinstance(s, Import)] if kept else []


def _without(statements: list[ast.stmt], given: frozenset[str], in_loop: bool = False) -> list[ast.stmt]:
    """The statements, less what binds a name that the caller gives.

    `W -= rate * dW` and `W = W - rate * dW` in a loop are no bindings but what the program does with the value; outside
    of one, `W *= 0.01`, they belong to its first value.
    """
    if not given:
        return statements
    kept = []
    for statement in statements:
        if isinstance(statement, Definition):
            if statement.name not in given:
                kept.append(statement)
            continue
        if isinstance(statement, (*Import, *Assignment)):
            statement = statement if in_loop and _updates(statement, given) else _unbound(statement, given)
            if statement is not None:
                kept.append(statement)
            continue
        changed = copy.copy(statement)
        looping = in_loop or isinstance(statement, (ast.For, ast.AsyncFor, ast.While))
        for part in ("body", "orelse", "finalbody"):
            if inner := getattr(statement, part, None):
                empty = [_pass(statement)] if part == "body" else []
                setattr(changed, part, _without(inner, given, looping) or empty)
        for part in ("handlers", "cases"):
            if inner := getattr(statement, part, None):
                setattr(changed, part, [_handler_without(handler, given, looping) for handler in inner])
        kept.append(changed)
    return kept


def _handler_without(handler: ast.ExceptHandler | ast.match_case, given: frozenset[str], in_loop: bool):
    changed = copy.copy(handler)
    changed.body = _without(handler.body, given, in_loop) or [_pass(handler.body[0])]
    return changed


def _unbound(statement: ast.stmt, given: frozenset[str]) -> ast.stmt | None:
    """The statement without the given names, or None where it binds nothing else."""
    if given.isdisjoint(_bound(statement)):
        return statement
    changed = copy.copy(statement)
    if isinstance(statement, Import):
        changed.names = [a for a in statement.names if (a.asname or a.name.partition(".")[0]) not in given]
        return changed if changed.names else None
    if isinstance(statement, ast.Assign):
        changed.targets = [t for t in map(lambda t: _target_without(t, given), statement.targets) if t is not None]
        return changed if changed.targets else None
    return None if _target_without(statement.target, given) is None else statement


def _updates(statement: ast.stmt, given: frozenset[str]) -> bool:
    if isinstance(statement, ast.AugAssign):
        return True
    if not isinstance(statement, ast.Assign):
        return False
    read = {node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name)}
    return any(isinstance(target, ast.Name) and target.id in given & read for target in statement.targets)


def _target_without(target: ast.expr, given: frozenset[str]) -> ast.expr | None:
    """The target with given names replaced by a throwaway; None where nothing else is bound."""
    roots = list(_roots(target))
    if given.isdisjoint(roots):
        return target
    if given.issuperset(roots):
        return None
    return _ThrowAway(given).visit(copy.deepcopy(target))


class _ThrowAway(ast.NodeTransformer):
    def __init__(self, given: frozenset[str]) -> None:
        self.given = given

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in self.given and isinstance(node.ctx, ast.Store):
            return ast.copy_location(ast.Name(THROWAWAY, node.ctx), node)
        return node

    def _whole(self, node: ast.expr) -> ast.expr:
        if self.given.isdisjoint(_roots(node)):
            return node
        return ast.copy_location(ast.Name(THROWAWAY, node.ctx), node)

    visit_Attribute = visit_Subscript = _whole


def _is_plain(value: ast.expr | None) -> bool:
    """Nothing is called in it."""
    active = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    return value is None or not any(isinstance(node, active) for node in ast.walk(value))


def _is_main_guard(statement: ast.If) -> bool:
    """if __name__ == "__main__", either way round."""
    test = statement.test
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = (test.left, test.comparators[0])
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    values = [side.value for side in sides if isinstance(side, ast.Constant)]
    return names == ["__name__"] and values == ["__main__"]


def _guarded(statement: ast.stmt) -> ast.stmt:
    """A definition whose defaults, decorators or bases may need what was left out, without stopping the file."""
    call = ast.Call(
        ast.Name(UNDEFINED, ast.Load()), [ast.Constant(statement.name), ast.Constant(f"line {statement.lineno}")], []
    )
    failed = ast.ExceptHandler(
        ast.Name("Exception", ast.Load()), None, [ast.Assign([ast.Name(statement.name, ast.Store())], call)]
    )
    guarded = ast.Try([statement], [failed], [], [])
    for node in (guarded, *ast.walk(failed)):
        ast.copy_location(node, statement)
    return guarded


def _decided(test: ast.expr) -> ast.expr:
    """The condition, False where it reads a name that was left out (as the arguments of a command line are)."""
    empty = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    call = ast.Call(ast.Name(DECIDED, ast.Load()), [ast.Lambda(empty, test)], [])
    return ast.fix_missing_locations(ast.copy_location(call, test))


def _pass(node: ast.AST) -> ast.Pass:
    return ast.copy_location(ast.Pass(), node)
