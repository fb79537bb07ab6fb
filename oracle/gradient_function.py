"""What a user declares: a gradient function, with the shapes of its parameters by name.

@gradient_function(Wxh="hidden vocab", Whh="hidden hidden", bh="hidden 1")
def char_rnn(p, sizes, rng):
    ...
    return loss, dict(Wxh=dWxh, Whh=dWhh, bh=dbh)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from oracle.deviations import Deviation, Truncation
from oracle.shapes import Shape, parse
from rnn_manual.network import did_you_mean

DTYPES = ("float64", "float32")
ARGUMENTS = ("p", "sizes", "rng")

DECLARED: ContextVar[list[GradientFunction] | None] = ContextVar("DECLARED", default=None)
"""Where a file that is read for gradient functions leaves those it declares."""


@dataclass(frozen=True)
class GradientFunction:
    """A function of (p, sizes, rng) that returns (loss, gradients by name), and what is known about it.

    function     the user's
    shapes       of each parameter
    deviations   what it does to the gradient on purpose
    reference    the loss in torch, where the code cannot be lifted: reference(p, sizes, rng), p being torch tensors
    dtype        of the parameters it is given, and what it computes in
    """

    function: Callable
    shapes: Mapping[str, Shape]
    deviations: tuple[Deviation, ...] = ()
    reference: Callable | None = None
    dtype: str = "float64"
    name: str = field(init=False, default="")
    filename: str = field(init=False, default="")
    line: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        code = inspect.unwrap(self.function).__code__
        object.__setattr__(self, "name", self.function.__name__)
        object.__setattr__(self, "filename", code.co_filename)
        object.__setattr__(self, "line", code.co_firstlineno)

    @property
    def window(self) -> int | None:
        """Over how many steps truncated BPTT reaches, if that is declared."""
        return next((one.window for one in self.deviations if isinstance(one, Truncation)), None)

    def called(self, name: str) -> GradientFunction:
        """The same under the name by which its module knows it."""
        object.__setattr__(self, "name", name)
        return self

    def __call__(self, p: object, sizes: object, rng: object) -> object:
        return self.function(p, sizes, rng)


def gradient_function(
    shapes: Mapping[str, str] | None = None,
    /,
    *,
    deviation: Deviation | Sequence[Deviation] = (),
    reference: Callable | None = None,
    dtype: str = "float64",
    **named_shapes: str,
) -> Callable[[Callable], GradientFunction]:
    """Declare a gradient function; each keyword is a parameter's name, its value the parameter's shape.

    shapes      the same as a dict, for names that are no keywords ("W.hh", "deviation")
    deviation   what the code does to its gradient on purpose: clip(-5, 5), clip_norm(1), factor(1 / 3),
                weight_decay(0.01), truncation(5), or a list of them in their order. With truncation the loss is
                returned as a list, the loss of each step
    reference   the same loss in torch, reference(p, sizes, rng) with p holding torch tensors: for code that is not
                NumPy at all
    dtype       "float32" for code that is meant to be given float32

    The function gets p, a dict of fresh arrays (also p.Whh); sizes, with every name of the shapes and time and batch as
    attributes; and rng, a numpy Generator that is the same at every call. It returns the loss, a number, and a dict
    with the gradient of every parameter.

    Raises TypeError and ValueError for shapes that cannot be read, see `oracle.shapes`, and for anything that is no
    function of three arguments.

    >>> import numpy as np
    >>> @gradient_function(W="output input", b="output")
    ... def dense(p, sizes, rng):
    ...     x = rng.normal(size=sizes.input)
    ...     y = p.W @ x + p.b
    ...     return 0.5 * y @ y, dict(W=np.outer(y, x), b=y)
    >>> str(dense.shapes["W"])
    '(output, input)'
    """
    __tracebackhide__ = True  # under pytest the user's own line is what matters
    if callable(shapes):
        raise TypeError(
            "gradient_function needs the shapes of the parameters: @gradient_function(W='hidden hidden', b='hidden')"
        )
    if shapes is not None and not isinstance(shapes, Mapping):
        raise TypeError(f"the shapes are {shapes!r}, but should be a dict from names to strings, or keywords")
    every = {**(shapes or {}), **named_shapes}
    if not every:
        raise TypeError("gradient_function is given no parameter: @gradient_function(W='hidden hidden', b='hidden')")
    for name in every:
        if not isinstance(name, str):
            raise TypeError(f"a parameter's name is {name!r}, but should be a string such as 'Whh'")
        if not name or not name.isprintable():
            raise ValueError(f"a parameter's name is {name!r}, but should be a text that can be printed, such as 'Whh'")
    parsed: dict[str, Shape] = {}
    for name, text in every.items():
        parsed[name] = parse(name, text)
    deviations = checked_deviations(deviation, parsed)
    if reference is not None and not callable(reference):
        raise TypeError(f"reference is {reference!r}, but should be a function of (p, sizes, rng) in torch")
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}, but should be one of {', '.join(DTYPES)}")

    def declare(function: Callable) -> GradientFunction:
        __tracebackhide__ = True
        if not inspect.isfunction(inspect.unwrap(function)):
            raise TypeError(f"gradient_function decorates {function!r}, but should decorate a function")
        given = list(inspect.signature(function).parameters.values())
        positional = [one for one in given if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        needed = [one for one in given if one.default is one.empty and one.kind is one.KEYWORD_ONLY]
        if len([one for one in positional if one.default is one.empty]) > 3 or len(positional) < 3 or needed:
            raise TypeError(
                f"{function.__name__}{inspect.signature(function)} should take three arguments: {', '.join(ARGUMENTS)}"
            )
        declared = GradientFunction(function, parsed, deviations, reference, dtype)
        if (every_one := DECLARED.get()) is not None:
            every_one.append(declared)
        return declared

    return declare


def checked_deviations(deviation: object, names: Collection[str]) -> tuple[Deviation, ...]:
    """One deviation or several as a tuple.

    Raises TypeError for what is no deviation, ValueError for one that is for a parameter that there is not.
    """
    __tracebackhide__ = True
    deviations = tuple(deviation) if isinstance(deviation, (list, tuple)) else (deviation,)
    for one in deviations:
        if not isinstance(one, Deviation):
            raise TypeError(f"deviation holds {one!r}, but should hold clip(...), clip_norm(...), factor(...) and such")
        for name in one.names:
            if name not in names:
                raise ValueError(
                    f"the deviation {one.words!r} is for {name!r}, but there is no such parameter, "
                    f"only {', '.join(names)}{did_you_mean(name, names)}"
                )
    return deviations
