"""Mutation operators for array code: the mistakes people make in a backward pass by hand, one operator for each kind.

An operator is a function from a node of the parso tree to the texts that may stand in its place; `operator` makes it
one of cosmic-ray's. Beside ours stand those of cosmic-ray's own that say something about such code: numbers,
comparisons, booleans, loops. Its matrix of binary operators is left out: ours change the same places as people do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from cosmic_ray.operators import (
    boolean_replacer,
    break_continue,
    exception_replacer,
    number_replacer,
    remove_decorator,
    zero_iteration_for_loop,
)
from cosmic_ray.operators import comparison_operator_replacement as comparison
from cosmic_ray.operators import unary_operator_replacement as unary
from cosmic_ray.operators.operator import Operator
from parso.python.tree import Name
from parso.tree import NodeOrLeaf, search_ancestor

Alternatives = Callable[[NodeOrLeaf], Iterator[str]]

OPERATORS: dict[str, Operator] = {}


class ArrayOperator(Operator):
    """An operator of cosmic-ray's, made of a function that gives the texts which may replace a node."""

    def __init__(self, alternatives: Alternatives) -> None:
        self.alternatives = alternatives

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        for _ in self.alternatives(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        text = list(self.alternatives(node))[index]
        return Name(text, node.start_pos, node.get_first_leaf().prefix)  # a leaf is its text, whatever it says

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()  # mutants/tests/test_operators.py has them, with every mutant of each


def operator(alternatives: Alternatives) -> Alternatives:
    OPERATORS[alternatives.__name__] = ArrayOperator(alternatives)
    return alternatives


MATRIX_PRODUCTS = ("np.dot", "np.matmul")

# Layout: transposes, the order of operands, matrix product or elementwise


@operator
def drop_transpose(node: NodeOrLeaf) -> Iterator[str]:
    """a.T -> a"""
    if node.type == "atom_expr":
        for k, trailer in enumerate(node.children):
            if code(trailer) == ".T":
                yield join(node.children, {k: ""})


@operator
def add_transpose(node: NodeOrLeaf) -> Iterator[str]:
    """a @ b -> a.T @ b, a @ b.T; np.dot and np.matmul likewise"""
    if node.type == "term":
        signs = ["", *map(code, node.children), ""]  # signs[k] and signs[k + 2] stand on either side of child k
        for k in range(0, len(node.children), 2):
            if "@" in (signs[k], signs[k + 2]) and not code(node.children[k]).endswith(".T"):
                yield join(node.children, {k: transposed(node.children[k])})
    for call in calls(node, *MATRIX_PRODUCTS):
        for k in (0, 1):
            if not code(call.arguments[k]).endswith(".T"):
                arguments = list(call.arguments)
                arguments[k] = transposed(arguments[k])
                yield call.text(arguments=arguments)


@operator
def swap_operands(node: NodeOrLeaf) -> Iterator[str]:
    """a @ b -> b @ a; a - b -> b - a; a / b -> b / a; np.dot, np.matmul and np.subtract likewise"""
    if node.type in ("term", "arith_expr"):
        for k, sign in enumerate(node.children):
            if code(sign) in ("@", "-", "/", "//"):
                left, right = node.children[k - 1], node.children[k + 1]
                yield join(node.children, {k - 1: code(right), k + 1: code(left)})
    for call in calls(node, *MATRIX_PRODUCTS, "np.subtract"):
        first, second, *others = call.arguments
        yield call.text(arguments=[second, first, *others])


@operator
def exchange_product(node: NodeOrLeaf) -> Iterator[str]:
    """a @ b -> a * b; a * b -> a @ b; np.dot and np.matmul <-> np.multiply"""
    if node.type == "term":
        for k, sign in enumerate(node.children):
            if code(sign) in ("@", "*") and "number" not in (node.children[k - 1].type, node.children[k + 1].type):
                yield join(node.children, {k: "*" if code(sign) == "@" else "@"})
    for call in calls(node, *MATRIX_PRODUCTS):
        yield call.text(function="np.multiply")
    for call in calls(node, "np.multiply"):
        yield call.text(function="np.dot")


# Time and axes


@operator
def shift_index(node: NodeOrLeaf) -> Iterator[str]:
    """h[t] -> h[t - 1], h[t + 1], where t is a loop's variable; x[start:stop] likewise in either bound"""
    if node.type != "name" or not (in_slice(node) or (in_subscript(node) and is_loop_variable(node))):
        return
    yield f"{node.value} - 1"
    yield f"{node.value} + 1"


@operator
def exchange_slice(node: NodeOrLeaf) -> Iterator[str]:
    """a[1:] -> a[:-1], a[:]; a[:k] -> a[k:], a[:]; a[::-1] -> a[:]"""
    if node.type != "subscript":
        return
    low, high, step = slice_bounds(node)
    if step:
        yield f"{low}:{high}"
    if low:
        yield f":{high}" + (f":{step}" if step else "")
    if high:
        yield f"{low}:" + (f":{step}" if step else "")
    if bool(low) != bool(high):
        opposite = {"1": ":-1", "-1": "1:"}.get(low or high, f":{low}" if low else f"{high}:")
        yield opposite + (f":{step}" if step else "")


@operator
def change_axis(node: NodeOrLeaf) -> Iterator[str]:
    """axis=0 -> axis=1; axis=-1 -> axis=0; axis=(0, 1) -> axis=0, axis=1"""
    if node.type == "argument" and code(node.children[0]) == "axis":
        for other in {"0": ["1"], "1": ["0"], "-1": ["0"], "(0, 1)": ["0", "1"]}.get(code(node.children[2]), []):
            yield f"axis={other}"


@operator
def reverse_loop(node: NodeOrLeaf) -> Iterator[str]:
    """reversed(steps) -> steps; for t in range(n) -> for t in reversed(range(n))"""
    for call in calls(node, "reversed"):
        yield code(call.arguments[0])
    if node.type == "for_stmt":
        for _ in calls(node.children[3], "range"):
            yield join(node.children, {3: f"reversed({code(node.children[3])})"})


@operator
def shorten_loop(node: NodeOrLeaf) -> Iterator[str]:
    """range(n) -> range(n - 1), range(1, n); range(a, b, step) -> range(a, b)"""
    for call in calls(node, "range"):
        if len(call.arguments) == 1:
            (stop,) = call.arguments
            yield call.text(arguments=[f"{code(stop)} - 1"])
            yield call.text(arguments=["1", stop])
        else:
            yield call.text(arguments=call.arguments[:2])


# Accumulation, terms, factors, signs


@operator
def change_assignment(node: NodeOrLeaf) -> Iterator[str]:
    """a += b -> a = b, a -= b; a *= b -> a = b, a += b, a /= b; a[t] = b -> a[t] += b, and for a name in a loop"""
    if node.type != "expr_stmt" or len(node.children) != 3:
        return
    target, sign, _ = node.children
    others = {"+=": ["=", "-="], "*=": ["=", "+=", "/="], "/=": ["=", "*="], "|=": ["="]}.get(code(sign), [])
    if code(sign) == "=":
        in_loop = target.type == "name" and search_ancestor(node, "for_stmt") and had_value(target)
        others = ["+="] if is_element(target) or in_loop else []
    for other in others:
        yield join(node.children, {1: other})


@operator
def drop_term(node: NodeOrLeaf) -> Iterator[str]:
    """a + b - c -> b - c, a - c, a + b; np.add and np.subtract likewise"""
    if node.type == "arith_expr":
        operands = len(node.children) // 2 + 1
        for k in range(operands):
            if k > 0:
                yield join(node.children, {2 * k - 1: "", 2 * k: ""})
            else:
                yield join(node.children, {0: "", 1: "-" if code(node.children[1]) == "-" else ""}).strip()
    for call in calls(node, "np.add", "np.subtract"):
        first, second, *others = call.arguments
        yield call.text(arguments=["0", second, *others])
        yield call.text(arguments=[first, "0", *others])


@operator
def drop_factor(node: NodeOrLeaf) -> Iterator[str]:
    """a * b @ c -> b @ c, a @ c, a * b; a / b -> a; a ** b -> a; np.multiply likewise"""
    if node.type == "term":
        for k in range(0, len(node.children), 2):
            if k > 0:
                yield join(node.children, {k - 1: "", k: ""})
            elif code(node.children[1]) in ("*", "@"):
                yield join(node.children, {0: "", 1: ""}).strip()
    if node.type == "power":
        yield code(node.children[0])
    for call in calls(node, "np.multiply"):
        first, second, *others = call.arguments
        yield call.text(arguments=["1", second, *others])
        yield call.text(arguments=[first, "1", *others])


@operator
def flip_sign(node: NodeOrLeaf) -> Iterator[str]:
    """a + b -> a - b; a - b -> a + b; a * b -> a / b; a / b -> a * b; np.add <-> np.subtract"""
    others = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "*"}
    if node.type in ("arith_expr", "term"):
        for k, sign in enumerate(node.children[1::2]):
            if code(sign) in others:
                yield join(node.children, {2 * k + 1: others[code(sign)]})
    for call in calls(node, "np.add"):
        yield call.text(function="np.subtract")
    for call in calls(node, "np.subtract"):
        yield call.text(function="np.add")


# The wrong thing in the right place


@operator
def take_sibling(node: NodeOrLeaf) -> Iterator[str]:
    """delta_i -> delta_f, i -> f: the next of the names unpacked together, as copy and paste leaves it"""
    if node.type == "name" and is_value(node):
        for names in unpacked_together(search_ancestor(node, "funcdef")):
            if node.value in names and search_ancestor(node, "expr_stmt") not in names.values():
                siblings = list(names)
                yield siblings[(siblings.index(node.value) + 1) % len(siblings)]


SIMILAR_FUNCTIONS = {
    "tanh_slope": "sigmoid_slope",
    "sigmoid_slope": "tanh_slope",
    "sigmoid": "np.tanh",
    "np.tanh": "sigmoid",
    "np.negative": "np.positive",
    "np.maximum": "np.minimum",
    "np.exp": "np.expm1",
    "np.log": "np.log1p",
    "np.log1p": "np.log",
    "np.zeros": "np.ones",
    "np.zeros_like": "np.ones_like",
    "np.ones_like": "np.zeros_like",
    "min": "max",
    "max": "min",
}
SIMILAR_ATTRIBUTES = {".slope": ".function", ".function": ".slope", ".min": ".max", ".max": ".min"}
SIMILAR_NAMES = {"_reverse": "_forward", "_forward": "_reverse"}


@operator
def take_similar_function(node: NodeOrLeaf) -> Iterator[str]:
    """sigmoid_slope <-> tanh_slope, .slope <-> .function, min <-> max, zeros <-> ones, _reverse <-> _forward ..."""
    for call in calls(node, *SIMILAR_FUNCTIONS):
        yield call.text(function=SIMILAR_FUNCTIONS[call.function])
    if node.type == "trailer" and code(node) in SIMILAR_ATTRIBUTES:
        yield SIMILAR_ATTRIBUTES[code(node)]
    if node.type == "name" and is_value(node) and node.value in SIMILAR_NAMES:
        yield SIMILAR_NAMES[node.value]


DROPPED_METHODS = (".copy", ".swapaxes", ".astype", ".reshape", ".sum")
DROPPED_FUNCTIONS = (
    *("sigmoid", "sigmoid_slope", "tanh_slope", "flatten_time", "time_first", "read"),
    *("np.exp", "np.log", "np.abs"),
)


@operator
def drop_call(node: NodeOrLeaf) -> Iterator[str]:
    """a.copy() -> a, and so for swapaxes, astype, reshape, sum; sigmoid_slope(a) -> a, and so for the others"""
    if node.type == "atom_expr":
        for k, trailer in enumerate(node.children[:-1]):
            if code(trailer) in DROPPED_METHODS:
                yield join(node.children, {k: "", k + 1: ""})
    for call in calls(node, *DROPPED_FUNCTIONS):
        if all(argument.type != "argument" for argument in call.arguments):
            yield code(call.arguments[-1])


@operator
def drop_argument(node: NodeOrLeaf) -> Iterator[str]:
    """f(a, out=b) -> f(a), and so for every keyword argument; np.empty(shape, dtype) -> np.empty(shape)"""
    for call in calls(node):
        for k, argument in enumerate(call.arguments):
            keyword = argument.type == "argument" and code(argument.children[1]) == "="
            if keyword or (k > 0 and code(argument).split(".")[-1] == "dtype"):
                yield call.text(arguments=call.arguments[:k] + call.arguments[k + 1 :])


@operator
def delete_statement(node: NodeOrLeaf) -> Iterator[str]:
    """A call, a raise, an update, an assignment to an element or to a name that had a value -> pass"""
    if node.type == "raise_stmt" or (node.type == "atom_expr" and node.parent.type == "simple_stmt"):
        yield "pass"
    if node.type == "expr_stmt" and len(node.children) == 3:
        target, sign, _ = node.children
        if code(sign) != "=" or is_element(target) or (target.type == "name" and had_value(target)):
            yield "pass"


# Reading the tree


def code(node: NodeOrLeaf | str) -> str:
    """The text of a node, without the blanks and comments before it."""
    return node if isinstance(node, str) else node.get_code(include_prefix=False)


def join(nodes: list[NodeOrLeaf], replaced: dict[int, str]) -> str:
    """The text of adjoining nodes with some of them replaced; a replacement keeps the blanks before it."""
    texts = []
    for k, node in enumerate(nodes):
        prefix = node.get_first_leaf().prefix if k > 0 else ""
        if k not in replaced:
            texts.append(prefix + code(node))
        elif replaced[k]:
            texts.append(prefix + replaced[k])
    return "".join(texts)


class Call:
    """One call within an expression: its function as text, and its arguments."""

    def __init__(self, node: NodeOrLeaf, position: int) -> None:
        self.function = "".join(map(code, node.children[:position]))
        self.after = "".join(map(code, node.children[position + 1 :]))
        inside = node.children[position].children[1:-1]
        if inside and inside[0].type == "arglist":
            inside = inside[0].children
        self.arguments = [argument for argument in inside if code(argument) != ","]

    def text(self, function: str | None = None, arguments: list[NodeOrLeaf | str] | None = None) -> str:
        given = self.arguments if arguments is None else arguments
        return f"{function or self.function}({', '.join(map(code, given))}){self.after}"


def calls(node: NodeOrLeaf, *functions: str) -> Iterator[Call]:
    """The calls of `functions`, or of any function, whose expression is this node."""
    if node.type == "atom_expr":
        for k, trailer in enumerate(node.children):
            if trailer.type == "trailer" and trailer.children[0].value == "(":
                call = Call(node, k)
                if not functions or call.function in functions:
                    yield call


def transposed(operand: NodeOrLeaf) -> str:
    simple = operand.type in ("name", "atom", "atom_expr")
    return f"{code(operand)}.T" if simple else f"({code(operand)}).T"


def in_subscript(node: NodeOrLeaf) -> bool:
    """Whether it stands alone as an index: a[node], a[node, :]."""
    outer = node.parent.parent if node.parent.type == "subscriptlist" else node.parent
    return outer.type == "trailer" and outer.children[0].value == "["


def in_slice(node: NodeOrLeaf) -> bool:
    """Whether it stands alone as a bound of a slice: a[node:], a[:node]."""
    return node.parent.type == "subscript"


def slice_bounds(node: NodeOrLeaf) -> tuple[str, str, str]:
    """low, high and step of a slice, each empty where it is not given."""
    bounds, k = ["", "", ""], 0
    for child in node.children:
        if child.type == "sliceop":
            bounds[2] = "".join(code(part) for part in child.children[1:])
        elif code(child) == ":":
            k = 1
        else:
            bounds[k] = code(child)
    return tuple(bounds)


def is_loop_variable(name: NodeOrLeaf) -> bool:
    """Whether it counts the steps of a loop around it: t in range(...), k in enumerate(...)."""
    loop = search_ancestor(name, "for_stmt")
    while loop is not None:
        counted = any(calls(loop.children[3], "range", "reversed", "enumerate"))
        if counted and name.value in names_in(loop.children[1]):
            return True
        loop = search_ancestor(loop, "for_stmt")
    return False


def names_in(node: NodeOrLeaf) -> list[str]:
    """The names a target binds: t; position, layer."""
    if node.type == "name":
        return [node.value]
    return [name for child in getattr(node, "children", []) for name in names_in(child)]


def is_element(target: NodeOrLeaf) -> bool:
    """Whether it is an element or a slice of an array, a[t]; not an entry of a dict, a["x"]."""
    last = target.children[-1] if target.type == "atom_expr" else target
    return last.type == "trailer" and last.children[0].value == "[" and last.children[1].type != "string"


def is_value(name: NodeOrLeaf) -> bool:
    """Whether a name is read: not an attribute, a keyword, a parameter or the target of an assignment."""
    before, after = name.get_previous_leaf(), name.get_next_leaf()
    keyword = name.parent.type == "argument" and name is name.parent.children[0] and after.value == "="
    attribute = before is not None and before.value == "."
    return not keyword and not attribute and not name.is_definition() and search_ancestor(name, "param") is None


@cache
def unpacked_together(function: NodeOrLeaf | None) -> list[dict[str, NodeOrLeaf]]:
    """For each `a, b, c = ...` of a function, its names, each with that statement."""
    found = []
    for statement in statements(function):
        target = statement.children[0]
        names = [child for child in getattr(target, "children", []) if child.type == "name" and child.value != "_"]
        if target.type == "testlist_star_expr" and len(names) >= 2 and code(statement.children[1]) == "=":
            found.append({name.value: statement for name in names})
    return found


def had_value(target: NodeOrLeaf) -> bool:
    """Whether the name is a parameter, or was assigned before, so that the function runs on without the assignment."""
    function = search_ancestor(target, "funcdef")
    if function is None:
        return False
    if target.value in [parameter.name.value for parameter in function.get_params()]:
        return True
    earlier = [statement for statement in statements(function) if statement.start_pos < target.start_pos]
    return any(target.value in names_in(statement.children[0]) for statement in earlier)


def statements(node: NodeOrLeaf | None) -> Iterator[NodeOrLeaf]:
    """Every assignment in a function, in order."""
    if node is None:
        return
    if node.type == "expr_stmt":
        yield node
    for child in getattr(node, "children", []):
        yield from statements(child)


# cosmic-ray's own

for _builtin in (
    number_replacer.NumberReplacer,
    boolean_replacer.AddNot,
    boolean_replacer.ReplaceTrueWithFalse,
    boolean_replacer.ReplaceFalseWithTrue,
    boolean_replacer.ReplaceAndWithOr,
    boolean_replacer.ReplaceOrWithAnd,
    break_continue.ReplaceBreakWithContinue,
    break_continue.ReplaceContinueWithBreak,
    exception_replacer.ExceptionReplacer,
    remove_decorator.RemoveDecorator,
    zero_iteration_for_loop.ZeroIterationForLoop,
    unary.ReplaceUnaryOperator_Delete_USub,
    unary.ReplaceUnaryOperator_Delete_Not,
    unary.ReplaceUnaryOperator_Delete_Invert,
    comparison.ReplaceComparisonOperator_Eq_NotEq,
    comparison.ReplaceComparisonOperator_NotEq_Eq,
    comparison.ReplaceComparisonOperator_Lt_LtE,
    comparison.ReplaceComparisonOperator_Lt_GtE,
    comparison.ReplaceComparisonOperator_LtE_Lt,
    comparison.ReplaceComparisonOperator_LtE_Gt,
    comparison.ReplaceComparisonOperator_Gt_GtE,
    comparison.ReplaceComparisonOperator_Gt_LtE,
    comparison.ReplaceComparisonOperator_GtE_Gt,
    comparison.ReplaceComparisonOperator_GtE_Lt,
    comparison.ReplaceComparisonOperator_Is_IsNot,
    comparison.ReplaceComparisonOperator_IsNot_Is,
):
    OPERATORS[_builtin.__name__] = _builtin()
