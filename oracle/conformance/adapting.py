"""An implementation from outside: found, and held to the interface before anything is judged."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

from rnn_manual import Network
from rnn_manual.checks import a_type, describe
from rnn_manual.network import did_you_mean

NAMES = ("forward", "backward", "loss_and_gradients")
SHOULD = "an implementation offers forward and backward, or loss_and_gradients, see oracle.conformance.Implementation"


class NotFound(ValueError):
    """No implementation of that name, or one that cannot be imported, or that offers none of the functions."""


class NotConforming(TypeError):
    """What an implementation returned is not what the interface says."""


class NotOffered(Exception):
    """The implementation declares that it does not support this network."""


def find(name: str, folder: Path) -> ModuleType:
    """The module of a dotted name or a path, its folder (for a name: `folder`) first on sys.path, as python -m has it.

    Raises NotFound that says what is there.
    """
    is_path = "/" in name or "\\" in name or name.endswith(tuple(importlib.machinery.all_suffixes()))
    try:
        return _from_path(Path(folder, name).resolve()) if is_path else _from_name(name, folder)
    except NotFound:
        raise
    except BaseException as error:  # a script may call sys.exit, a C extension raise what it likes
        if isinstance(error, KeyboardInterrupt):
            raise
        raise NotFound(
            f"--implementation is {name!r}, but importing it raised {type(error).__name__}: {error}{_where(error)}"
        ) from error


def _from_name(name: str, folder: Path) -> ModuleType:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise  # something that it imports in its turn
        near = did_you_mean(name, [path.stem for path in folder.glob("*.py")])
        raise NotFound(
            f"--implementation is {name!r}, but should be a module that can be imported, or the path of one: "
            f"there is no module {error.name!r} in {folder} or on sys.path{near}"
        ) from None


def _from_path(path: Path) -> ModuleType:
    if not path.exists():
        near = did_you_mean(path.name, [other.name for other in path.parent.glob("*.py")])
        raise NotFound(f"--implementation is {str(path)!r}, but there is no such file{near}")
    if path.is_dir():
        return _from_name(path.name, path.parent)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    name = path.name.partition(".")[0]
    if (loaded := sys.modules.get(name)) is not None:
        if getattr(loaded, "__file__", None) and Path(loaded.__file__).resolve() == path:
            return loaded
        name = f"implementation_under_test.{name}"  # the last part is what a C extension is looked up by
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise NotFound(f"--implementation is {str(path)!r}, but should be a Python module: .py or a compiled one")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _where(error: BaseException) -> str:
    """The innermost lines of the traceback that are not of the import machinery."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    return "".join(f"\n    {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}" for frame in frames[-3:])


@dataclass(frozen=True)
class Adapted:
    """An implementation as `oracle.check` takes it: its arrays are NumPy's, and its shapes have been looked at.

    Raises NotFound for what offers none of the functions, or forward without backward.
    """

    module: object
    name: str

    def __post_init__(self) -> None:
        offered = self.offered
        for name in NAMES:
            if hasattr(self.module, name) and name not in offered:
                raise NotFound(f"{self.name}.{name} is {a_type(getattr(self.module, name))}, but should be a function")
        for one, other in (("forward", "backward"), ("backward", "forward")):
            if one in offered and other not in offered:
                raise NotFound(f"{self.name} offers {one} but no {other}; {SHOULD}")
        if not offered:
            there = [name for name, value in vars(self.module).items() if callable(value) and not name.startswith("_")]
            raise NotFound(f"{self.name} offers none of {', '.join(NAMES)}, only {_listed(there)}; {SHOULD}")

    @property
    def offered(self) -> tuple[str, ...]:
        return tuple(name for name in NAMES if callable(getattr(self.module, name, None)))

    def __deepcopy__(self, memo: dict) -> Adapted:
        return self

    def forward(
        self, network: Network, parameters: Mapping[str, np.ndarray], x: np.ndarray, **states: np.ndarray | None
    ) -> SimpleNamespace:
        run = self._call("forward", network, parameters, x, **states)
        features = ("directions*state", network.directions * network.state_size)
        steps = tuple(zip(("batch", "time") if network.batch_first else ("time", "batch"), x.shape))
        wanted = {"outputs": (*steps, features)}
        for state, axes in network.state_axes(dict(steps)["batch"]).items():
            wanted[f"{state[0]}_n"] = axes
        arrays = {}
        for name, axes in wanted.items():
            if getattr(run, name, None) is None:
                raise NotConforming(
                    f"{self.name}.forward returned {a_type(run)} without {name}, but should return an object with "
                    f"{', '.join(f'{one} {describe(axes)}' for one, axes in wanted.items())}"
                )
            array = as_numpy(getattr(run, name), f"{name} of {self.name}.forward")
            if type(array) is not np.ndarray:
                raise NotConforming(f"{name} is {a_type(array)}, but should be an array {describe(axes)}")
            if array.shape != tuple(size for _, size in axes):
                raise NotConforming(f"{name} has shape {array.shape}, but should be {describe(axes)}")
            if array.dtype != x.dtype:
                raise NotConforming(f"{name} has dtype {array.dtype}, but should be {x.dtype}, as x is")
            arrays[name] = array
        return SimpleNamespace(theirs=run, **{"c_n": None, **arrays})

    def backward(
        self, run: SimpleNamespace, d_outputs: np.ndarray, d_h_n: np.ndarray, d_c_n: np.ndarray | None
    ) -> object:
        return self._gradients(self._call("backward", run.theirs, d_outputs, d_h_n, d_c_n))

    def loss_and_gradients(self, *arguments: object, **states: np.ndarray | None) -> tuple[object, object]:
        returned = self._call("loss_and_gradients", *arguments, **states)
        if not isinstance(returned, tuple) or len(returned) != 2:
            what = f"a tuple of {len(returned)}" if isinstance(returned, tuple) else a_type(returned)
            raise NotConforming(
                f"{self.name}.loss_and_gradients returned {what}, but should return (loss, gradients by name)"
            )
        loss, gradients = returned
        return as_numpy(loss, f"the loss of {self.name}.loss_and_gradients"), self._gradients(gradients)

    def _gradients(self, gradients: object) -> object:
        if not isinstance(gradients, Mapping):
            return gradients
        return {name: as_numpy(value, f"the gradient of {name}") for name, value in gradients.items()}

    def _call(self, name: str, *arguments: object, **states: object) -> object:
        function: Callable | None = getattr(self.module, name, None)
        if function is None:
            kind = "networks with" if name == "loss_and_gradients" else "networks without"
            raise NotOffered(f"{self.name} offers no {name}, which {kind} a readout need")
        try:
            return function(*arguments, **states)
        except NotImplementedError as error:
            raise NotOffered(str(error) or f"{self.name}.{name} raised NotImplementedError without a reason") from error


def as_numpy(value: object, what: str) -> object:
    """An array of another library as NumPy's; what is none stays as it is, for the verdict to name.

    Raises NotConforming for an array that NumPy cannot read, with the reason.
    """
    if value is None or isinstance(value, (np.ndarray, np.generic, float, int)):
        return value
    refusals = []
    for protocol, read in (("__array__", np.asarray), ("__dlpack__", np.from_dlpack)):
        if hasattr(type(value), protocol):
            try:
                return read(value)
            except Exception as error:
                refusals.append(f"{type(error).__name__}: {error}")
    if refusals:
        raise NotConforming(
            f"{what} is {a_type(value)} that NumPy cannot read ({'; '.join(refusals)}), "
            "but should be a NumPy array, or one on the CPU that NumPy can read by __array__ or DLPack"
        )
    return value


def _listed(names: list[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing that can be called") + more
