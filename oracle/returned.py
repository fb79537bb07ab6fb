"""What a gradient function gave back, read and held against what it should be, before anything is judged."""

from __future__ import annotations

import inspect
import linecache
import random
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ContextDecorator, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from oracle.capture import Recovered
from oracle.frames import LIBRARIES, OURS
from oracle.loading.imports import left_out
from rnn_manual.network import did_you_mean

MOST = 200  # characters of an exception of this tool's own that are told


class NotChecked(Exception):
    """Why there is no verdict; the text is for the user."""


@dataclass(frozen=True)
class Returned:
    """One call's loss and gradients, as arrays of their own.

    gradients   by name; a parameter whose gradient is missing is not in it
    rounding    for a gradient that was recovered from an update, how far its rounding may have moved it
    shared      in words, which gradients are views of parameters or of one another
    """

    loss: float
    gradients: dict[str, np.ndarray]
    rounding: dict[str, float]
    shared: tuple[str, ...]


class ObservedGenerator(np.random.Generator):
    """A Generator that draws what NumPy's draws from a seed, each of its methods as `_observed` makes it."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.PCG64(seed))

    def __getattribute__(self, name: str) -> object:
        method = super().__getattribute__(name)
        if name.startswith("_") or name in ("bit_generator", "shuffle", "spawn") or not callable(method):
            return method
        return self._observed(name, method)

    def _observed(self, name: str, method: Callable) -> Callable:
        raise NotImplementedError


class RecordingGenerator(ObservedGenerator):
    """A Generator that keeps a copy of every array it draws, to see afterwards which were written to."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.drawn: list[tuple[str, np.ndarray, np.ndarray]] = []

    def _observed(self, name: str, method: Callable) -> Callable:
        def recorded(*args: object, **kwargs: object) -> object:
            drawn = method(*args, **kwargs)
            if isinstance(drawn, np.ndarray):
                self.drawn.append((name, drawn, drawn.copy()))
            return drawn

        return recorded

    def changed(self) -> list[str]:
        """The draws that were written to, such as "normal (3, 4)"."""
        changed = [(name, array) for name, array, copy in self.drawn if not np.array_equal(array, copy)]
        return [f"{name} {array.shape}" for name, array in changed]


def read(result: object, parameters: Mapping[str, np.ndarray], name: str, stepwise: bool = False) -> Returned:
    """The loss and the gradients in what a gradient function returned.

    stepwise   whether the loss comes step by step; it is summed

    Raises NotChecked, naming what came back and what should have, where it is not (loss, gradients by name).
    """
    wanted = f"but should return (loss, gradients), the gradients a dict with {', '.join(map(repr, parameters))}"
    if inspect.iscoroutine(result):
        result.close()  # else Python warns that nobody waited for it
    if not isinstance(result, (tuple, list)):
        raise NotChecked(f"{name} returned {_kind(result)}, {wanted}")
    if len(result) != 2:
        raise NotChecked(f"{name} returned {len(result)} things, {wanted}")
    loss, gradients = result
    if not isinstance(gradients, Mapping):
        raise NotChecked(f"{name} returned {_kind(gradients)} for the gradients, {wanted}")
    try:
        gradients = {key: gradients[key] for key in gradients}
    except Exception as error:  # a class of the user's own
        raise NotChecked(f"{name} returned {_kind(gradients)} that cannot be read: {_in_words(error)}") from error
    for key in gradients:
        if key not in parameters:
            raise NotChecked(
                f"{name} returned a gradient {key!r}, but there is no such parameter, "
                f"only {', '.join(parameters)}{did_you_mean(key, parameters)}"
            )
    arrays, rounding = {}, {}
    for key, gradient in gradients.items():
        if gradient is None:
            continue
        if isinstance(gradient, Recovered):
            rounding[key] = float(gradient.rounding)
            gradient = gradient.gradient
        if isinstance(gradient, (int, float)) and gradient == 0:  # where nothing was ever added to it
            gradient = np.zeros(np.shape(parameters[key]))
        arrays[key] = _array(gradient, f"the gradient of {key}")
        if arrays[key].dtype.kind == "c":
            raise NotChecked(f"the gradient of {key} is complex, but should be real")
    shared = _shared(arrays, parameters)
    copies = {key: array.copy() for key, array in arrays.items()}
    return Returned(_number(total_loss(loss, stepwise)), copies, rounding, shared)


def total_loss(loss: object, stepwise: bool = False) -> np.ndarray:
    """The loss as an array of no axes; (1, 1), which x @ y gives, counts as a number.

    Raises NotChecked for several numbers, unless they are the losses of the steps; and for a single one if they should
    be.
    """
    if stepwise and isinstance(loss, (list, tuple)):
        loss = np.stack([_array(one, "the loss of a step").reshape(-1) for one in loss]) if loss else np.empty(0)
    array = _array(loss, "the loss")
    if stepwise:
        if array.ndim == 0 or array.size == 0 or array.size != max(array.shape):
            raise NotChecked(
                f"the loss has shape {array.shape}, but where truncation is declared it should be a list with the loss "
                "of every step"
            )
        return array.sum()[()].reshape(())
    if array.size != 1:
        raise NotChecked(f"the loss has shape {array.shape}, but should be a number")
    return array.reshape(())


def _number(array: np.ndarray) -> float:
    if array.dtype.kind == "c":  # autograd differentiates real losses only
        raise NotChecked(f"the loss is the complex number {complex(array)}, but should be real")
    return float(array)


def _array(value: object, what: str) -> np.ndarray:
    if hasattr(value, "detach") and hasattr(value, "numpy"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ma.MaskedArray):  # what is masked would be judged unseen
        raise NotChecked(f"{what} is a masked array, but should be a plain one")
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(value, dtype=object)
    except Exception as error:  # an __array__ of the user's own
        raise NotChecked(f"{what} is {_kind(value)} that makes no array: {_in_words(error)}") from error
    if array.dtype.kind not in "fciub":
        raise NotChecked(f"{what} is {_kind(value)}, but should be an array of numbers")
    return array.view(np.ndarray) if array.dtype.kind in "fc" else array.astype(np.float64)


def _kind(value: object) -> str:
    """'a dict', 'None', 'an array of shape (3, 4)'."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _shared(gradients: Mapping[str, np.ndarray], parameters: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    found = []
    names = list(gradients)
    for k, name in enumerate(names):
        for parameter, array in parameters.items():
            if np.may_share_memory(gradients[name], array) and np.shares_memory(gradients[name], array):
                found.append(f"the gradient of {name} is a view of the parameter {parameter}: an update changes both")
        for other in names[k + 1 :]:
            if np.may_share_memory(gradients[name], gradients[other]) and np.shares_memory(
                gradients[name], gradients[other]
            ):
                found.append(f"the gradients of {name} and {other} share memory: changing one changes the other")
    return tuple(found)


_SEEDED: ContextVar[bool] = ContextVar("seeded", default=False)


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """NumPy's and Python's global generators seeded alike, and given back as they were.

    Inside another such block they are seeded again and given back by that one: to keep them takes longer than a call.
    """
    if _SEEDED.get():
        np.random.seed(0)
        random.seed(0)
        yield
        return
    numpy_state, python_state = np.random.get_state(), random.getstate()
    np.random.seed(0)
    random.seed(0)
    token = _SEEDED.set(True)
    try:
        yield
    finally:
        _SEEDED.reset(token)
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def called(run: Callable[[], object], name: str, show_warnings: bool = False) -> object:
    """What the user's code returns. Raises NotChecked with its own traceback where it raises or exits.

    Its warnings are no errors even where they are made errors for the program around it; the first call shows them.
    """
    with same_random_numbers(), warnings.catch_warnings():
        warnings.simplefilter("default" if show_warnings else "ignore")
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # that np.matrix is old-fashioned
        try:
            return run()
        except NotChecked:
            raise
        except SystemExit as error:
            raise NotChecked(f"{name} called sys.exit({error.code!r}), {place(error)}") from error
        except Exception as error:
            hint = left_out(error)
            said = f"{name} raised {_in_words(error)}{f'; {hint}' if hint else ''}"
            raise NotChecked(f"{said}\n{user_traceback(error)}".rstrip()) from error


def _in_words(error: Exception) -> str:
    """'ValueError: what it says', where the user's own class can say it."""
    try:
        text = str(error)
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    except Exception:
        return f"{type(error).__name__}, whose text cannot be had"


def our_mistake(error: BaseException) -> str:
    """An exception of this tool's own, with its place: "KeyError: 'x' (uses.py:40)"."""
    frames = traceback.extract_tb(error.__traceback__)
    at = next((frame for frame in reversed(frames) if frame.filename.startswith(OURS)), frames[-1])
    said = " ".join(str(error).split())  # of an object it may be pages
    said = said if len(said) <= MOST else f"{said[: MOST - 1]}…"
    return f"{type(error).__name__}: {said} ({Path(at.filename).name}:{at.lineno})"


def user_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of a traceback that are not ours, nor a library's below the last of the user's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(OURS)]
    while frames and frames[-1].filename.startswith(LIBRARIES):
        frames.pop()
    return frames


def user_traceback(error: BaseException) -> str:
    lines = traceback.format_list(user_frames(error))
    if isinstance(error, SyntaxError):  # where the text itself cannot be read
        lines += [line for line in traceback.format_exception_only(error) if line.startswith("  ")]
    return "".join(lines).rstrip()


def place(error: BaseException) -> str:
    """'rnn.py:88 in backward'."""
    frames = user_frames(error)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else "nowhere"


def first_not_finite(run: Callable[[], object]) -> str:
    """Where the first NaN or inf of a run arises, as NumPy tells it: ' first at rnn.py:40 in step: y = np.log(p)'."""
    try:
        with np.errstate(invalid="raise", over="raise", divide="raise"), same_random_numbers(), _never_quiet():
            run()
    except FloatingPointError as error:
        frame = (user_frames(error) or traceback.extract_tb(error.__traceback__))[-1]
        line = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
        return f"; it arises first ({error}) at {place(error)}: {line}"
    except Exception:  # with errors raised the code may take another way: then nothing is known
        return ""
    return ""


@contextmanager
def _never_quiet() -> Iterator[None]:
    """Code that silences NumPy's errors where it expects them cannot."""

    class NoErrstate(ContextDecorator):
        def __init__(self, **kwargs: object) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *error: object) -> None: ...

    with mock.patch.object(np, "errstate", NoErrstate), mock.patch.object(np, "seterr", lambda **kwargs: np.geterr()):
        yield
