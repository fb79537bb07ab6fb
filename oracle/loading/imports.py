"""One loading of a user's file: the modules it imports from beside it, and everything else from where it comes.

Nothing of it survives: every `load` makes its modules anew, sys.path is left as it was, and no file is written.

A name is looked for as Python would look for it if the file were run from its own folder:

1. what is substituted at the moment (NumPy, in a lifted run); `oracle` itself, always the real one
2. a module or package in the folder of the loaded file, of the importing file, or in the root of their packages;
   except that a file inside a package does not hide the standard library
3. what is installed
4. a module or package in the folders above, up to the top of the project (many programs put ".." on sys.path)

The packages that hold the loaded file itself are run late, when something is asked of them: Python would have run them
first, and they often import the whole project.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib.util
import linecache
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType, ModuleType

from oracle.loading import selection
from oracle.loading.placeholder import NotImported, Overlay, Placeholder
from oracle.loading.source import Source, compiled, future_flags, position, read
from oracle.substitution import CURRENT

PREFIX = "loaded:"  # of the names that user modules have in sys.modules: no import statement can say it
OWN = "oracle"
PROJECT = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")  # in a project's top folder
MOST_FOLDERS_UP = 4  # how far up is looked where nothing marks the top
INSTALLED = ("site-packages", "dist-packages")

PYTHON2_BUILTINS = {
    "xrange": range,
    "raw_input": input,
    "unicode": str,
    "basestring": str,
    "long": int,
    "unichr": chr,
    "reduce": functools.reduce,
    "cmp": lambda a, b: (a > b) - (a < b),
}

WHOLE, ONLY, IMPORTED = "whole", "only", "imported"  # the ways to run a file, see oracle.loading.selection


EXCHANGED: ContextVar[Mapping[tuple[str, str, int], CodeType] | None] = ContextVar("EXCHANGED", default=None)
"""Codes that take the place of those of the same file name, qualified name and first line."""


class UserModule(ModuleType):
    """A module of the user's. A package's __init__.py may still have to run, and some names may have been left out."""

    __slots__ = ("_pending", "_session")

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if self._pending:
            self._session.complete(self)
            return getattr(self, name)
        raise AttributeError(missing(self, name))


def missing(module: ModuleType, name: str) -> str:
    """Why the module lacks the name."""
    if place := vars(module).get("__skipped__", {}).get(name):
        return f"{name} was not set: load(only=...) does not run its assignment ({place})"
    return f"{Path(module.__file__).name} has no {name}"


class Shadow(ModuleType):
    """What sys.modules holds, so that dataclasses, type hints and pickle find a user module while it is alive."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        super().__setattr__("_module", weakref.ref(module))

    def __getattribute__(self, name: str) -> object:
        module = super().__getattribute__("__dict__")["_module"]()
        if module is not None and name == "__dict__":
            return vars(module)
        if module is not None and name in vars(module):  # not getattr: whoever goes through sys.modules runs no package
            return vars(module)[name]
        return super().__getattribute__(name)


@dataclass(frozen=True)
class Codes:
    """A file compiled: its pieces, name -> position of the assignments left out, and the imports that it expects may
    fail as (filename, line)."""

    pieces: tuple[CodeType, ...]
    skipped: Mapping[str, str]
    attempts: frozenset[tuple[str, int]]


@lru_cache(maxsize=256)
def codes(source: Source, way: str, only: frozenset[str], given: frozenset[str]) -> Codes:
    pieces: list[CodeType] = []
    skipped: dict[str, str] = {}
    attempts: set[tuple[str, int]] = set()
    flags = 0
    for unit in source.units:
        if way == WHOLE:
            chosen = selection.whole(unit.tree, given)
        elif way == ONLY:
            chosen = selection.chosen(unit.tree, only, given)
        else:
            chosen = selection.imported(unit.tree)
        pieces.append(compiled(unit, chosen.body, flags))
        flags |= future_flags(unit.tree)
        for name, line in chosen.skipped.items():
            skipped.setdefault(name, position(unit.filename, line))
        attempts |= {(unit.filename, line) for line in _attempted_imports(unit.tree)}
    return Codes(tuple(pieces), skipped, frozenset(attempts))


def with_exchanged(code: CodeType, exchange: Mapping[tuple[str, str, int], CodeType]) -> CodeType:
    """The same code with others in place of some that are defined in it."""
    made = []
    for one in code.co_consts:
        if isinstance(one, CodeType):
            key = one.co_filename, one.co_qualname, one.co_firstlineno
            one = exchange[key] if key in exchange else with_exchanged(one, exchange)
        made.append(one)
    if all(new is old for new, old in zip(made, code.co_consts)):
        return code
    return code.replace(co_consts=tuple(made))


class Session:
    """The modules of one `load`.

    main    the file that was asked for
    only    the names wanted of it, or None for the whole file
    """

    def __init__(self, main: Path, only: frozenset[str] | None) -> None:
        self.main = main
        self.only = only
        self.modules: dict[Path, UserModule] = {}
        self.attempts: set[tuple[str, int]] = set()
        self.folders_above = _folders_above(main.parent)
        self.path_before = list(sys.path)
        self.added: tuple[Path, ...] = ()  # what the user's code put on sys.path

    def run(self, given: Mapping[str, object]) -> ModuleType:
        """The module of the main file, run with the given names."""
        installed = {name: module for name, module in sys.modules.items() if not name.startswith(PREFIX)}
        try:
            return self.execute(self.main, WHOLE if self.only is None else ONLY, given)
        finally:
            for name, module in installed.items():  # whoever takes one away takes it from everybody
                sys.modules.setdefault(name, module)
            self.note_path()
            sys.path[:] = self.path_before

    def note_path(self) -> None:
        new = (Path(entry).resolve() for entry in sys.path if entry not in self.path_before)
        self.added = tuple(dict.fromkeys((*self.added, *new)))

    # modules

    def user_module(self, path: Path) -> ModuleType:
        """The module of a file, or of a package's folder; run once in this session."""
        if path in self.modules:
            return self.modules[path]
        if not path.is_dir():
            return self.execute(path, self.way, {})
        module = self.new_module(path, path / "__init__.py")
        module.__path__ = [str(path)]
        module.__package__ = module.__name__
        module._pending = (path / "__init__.py").is_file()
        if path not in self.main.parents:
            self.complete(module)
        return module

    @property
    def way(self) -> str:
        return WHOLE if self.only is None else IMPORTED

    def execute(self, path: Path, way: str, given: Mapping[str, object]) -> ModuleType:
        source = read(path)
        module = self.new_module(path, path)
        module.__package__ = module.__name__.rpartition(".")[0]
        module.__dict__.update(given)
        try:
            self.fill(module, source, way, frozenset(given))
        except BaseException:
            del self.modules[path]
            raise
        return module

    def complete(self, module: UserModule) -> None:
        """Run the __init__.py of a package that has not been run."""
        if module._pending:
            module._pending = False
            self.fill(module, read(Path(module.__file__)), self.way, frozenset())

    def new_module(self, path: Path, file: Path) -> UserModule:
        module = UserModule(PREFIX + _dotted_name(path))
        module._session = self
        module._pending = False
        module.__file__ = str(file)
        self.modules[path] = module
        sys.modules[module.__name__] = Shadow(module)
        if path.parent in self.modules:
            setattr(self.modules[path.parent], path.stem, module)
        return module

    def fill(self, module: UserModule, source: Source, way: str, given: frozenset[str]) -> None:
        code = codes(source, way, self.only or frozenset(), given)
        self.attempts |= code.attempts
        substitutes = CURRENT.get()
        module.__dict__["__builtins__"] = {
            **vars(builtins),
            **(PYTHON2_BUILTINS if source.python2 else {}),
            **(substitutes.builtins if substitutes else {}),
            selection.DECIDED: _decided,
            selection.UNDEFINED: _undefined,
            "__import__": self.importer(Path(module.__file__)),
        }
        module.__skipped__ = code.skipped
        module.__notes__ = list(source.notes)
        for unit in source.units:
            if unit.text is not None:
                linecache.cache[unit.filename] = (len(unit.text), None, unit.text.splitlines(True), unit.filename)
        exchange = EXCHANGED.get()
        for piece in code.pieces:
            exec(piece if exchange is None else with_exchanged(piece, exchange), module.__dict__)

    # imports

    def importer(self, file: Path):
        """The __import__ of one user module."""

        def import_(name, globals=None, locals=None, fromlist=(), level=0):
            return self.import_from(file, sys._getframe(1), name, fromlist or (), level)

        return import_

    def import_from(self, file: Path, frame: FrameType, name: str, fromlist: Sequence[str], level: int) -> object:
        top, *rest = name.split(".")
        if level:
            if level > len(file.parents):
                raise ImportError("attempted relative import beyond top-level package")
            base = file.parents[level - 1]
            self.user_module(base)
            return self.import_user(base, name.split(".") if name else [], fromlist, frame, name)
        substitutes = CURRENT.get()
        if substitutes and any(known.partition(".")[0] == top for known in substitutes.modules):
            return self.import_substitute(substitutes.modules, name, fromlist)
        path = None if top == OWN else self.find(top, file.parent)
        if path is None:
            return self.import_installed(name, fromlist, frame)
        return self.import_user(path, rest, fromlist, frame, name)

    def import_user(self, path: Path, rest: list[str], fromlist: Sequence[str], frame: FrameType, name: str) -> object:
        first = module = self.user_module(path)
        for part in rest:
            found = _module_in(path, part, namespace=True) if path.is_dir() else None
            if found is None:
                raise ModuleNotFoundError(f"No module named {name!r} ({part} is not in {path})", name=name)
            path, module = found, self.user_module(found)
        if not fromlist:
            return first
        absent = []
        for wanted in self.names_for_star(module, path) if fromlist[0] == "*" else fromlist:
            found = _module_in(path, wanted, namespace=True) if path.is_dir() else None
            if wanted in vars(module) or (not (found and module._pending) and hasattr(module, wanted)):
                continue
            if found is None:
                absent.append(wanted)
            else:
                setattr(module, wanted, self.user_module(found))
        if absent and self.may_be_missing(frame):
            where = position(frame.f_code.co_filename, frame.f_lineno)
            return Overlay(
                module, {name: Placeholder(f"{missing(module, name)} (imported at {where})") for name in absent}
            )
        return module

    def names_for_star(self, module: UserModule, path: Path) -> Sequence[str]:
        self.complete(module)
        return vars(module).get("__all__", ())

    def import_substitute(self, modules: Mapping[str, object], name: str, fromlist: Sequence[str]) -> object:
        top, *rest = name.split(".")
        inner = {
            known.split(".")[1]: value
            for known, value in modules.items()
            if known.count(".") == 1 and known.startswith(f"{top}.")
        }
        first = modules[top] if top in modules else Overlay(_really_import(top, ()), inner)
        module, path = first, top
        for part in rest:
            path = f"{path}.{part}"
            if path in modules:
                module = modules[path]
            elif isinstance(module, Overlay):
                module = _really_import(path, ("*",))
            else:
                module = getattr(module, part)
        return module if fromlist else first

    def import_installed(self, name: str, fromlist: Sequence[str], frame: FrameType) -> object:
        if not self.may_be_missing(frame):
            return _really_import(name, fromlist)
        where = position(frame.f_code.co_filename, frame.f_lineno)
        try:
            module = _really_import(name, fromlist)
        except Exception as error:  # a package that breaks when it is imported is as good as none
            top, *rest = name.split(".")
            reason = "is not installed"
            if not (isinstance(error, ModuleNotFoundError) and error.name == top):
                reason = f"cannot be imported: {type(error).__name__}: {error}"
            placeholder = Placeholder(f"{top if reason == 'is not installed' else name} {reason} (imported at {where})")
            if fromlist or len(rest) != 1 or reason == "is not installed":
                return placeholder
            return Overlay(_really_import(top, ()), {rest[0]: placeholder})
        absent = [wanted for wanted in fromlist if wanted != "*" and not hasattr(module, wanted)]
        if not absent:
            return module
        return Overlay(
            module,
            {wanted: Placeholder(f"the installed {name} has no {wanted} (imported at {where})") for wanted in absent},
        )

    def may_be_missing(self, frame: FrameType) -> bool:
        """Whether an import at this place may lead to a placeholder: at top level, not tried in a `try`."""
        code = frame.f_code
        return not code.co_flags & CO_OPTIMIZED and (code.co_filename, frame.f_lineno) not in self.attempts

    def find(self, top: str, folder: Path) -> Path | None:
        """The user's file or package of this name, or None."""
        if top in sys.builtin_module_names:
            return None
        near = dict.fromkeys((self.main.parent, folder, _package_root(self.main.parent), _package_root(folder)))
        for place in near:
            found = _module_in(place, top)
            if found and not (top in sys.stdlib_module_names and (place / "__init__.py").is_file()):
                return found
        self.note_path()
        above = [place for place in (*self.added, *self.folders_above) if place not in near]
        installed = _installed(top, tuple(sys.path))
        if installed is not None:
            for place in above:  # installed as editable, or in a folder on sys.path: it is the user's all the same
                if place in installed.parents and not set(INSTALLED) & set(installed.parts):
                    return installed.parent if installed.name == "__init__.py" else installed
            return None
        for namespace in (False, True):
            for place in (*near, *above):
                if found := _module_in(place, top, namespace):
                    return found
        return None


def _really_import(name: str, fromlist: Sequence[str]) -> ModuleType:
    """Python's own import, which here writes no bytecode: it might be beside the user's files."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        return builtins.__import__(name, None, None, tuple(fromlist), 0)
    finally:
        sys.dont_write_bytecode = before


@lru_cache(maxsize=1024)
def _installed(top: str, path: tuple[str, ...]) -> Path | None:
    """Where Python's own import finds the name, the path "." for what has no file; None if it finds nothing."""
    try:
        spec = importlib.util.find_spec(top)
    except (ValueError, ImportError):  # made by hand, without a spec
        return Path(".")
    if spec is None or spec.loader is None:
        return None
    return Path(spec.origin or ".")


def _module_in(folder: Path, name: str, namespace: bool = False) -> Path | None:
    """The package's folder or the file of a module in this folder; with `namespace` also a folder of Python files."""
    package = folder / name
    if (package / "__init__.py").is_file():
        return package
    file = folder / f"{name}.py"
    if file.is_file():
        return file
    if namespace and package.is_dir() and any(package.glob("*.py")):
        return package
    return None


def _package_root(folder: Path) -> Path:
    """The first folder going up that is no package: what is on sys.path when Python imports a file from `folder`."""
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _folders_above(folder: Path) -> tuple[Path, ...]:
    """The folders above, up to the project's top."""
    found: list[Path] = []
    while len(found) < MOST_FOLDERS_UP and not any((folder / mark).exists() for mark in PROJECT):
        folder = folder.parent
        if folder in (Path(folder.anchor), Path.home()):
            break
        found.append(folder)
    return tuple(found)


def _dotted_name(path: Path) -> str:
    root = _package_root(path.parent)
    return ".".join((*path.parent.relative_to(root).parts, path.stem))


def _attempted_imports(tree: ast.Module) -> Iterator[int]:
    """The lines of the imports that stand in a `try` which catches that they fail."""
    for node in ast.walk(tree):
        if isinstance(node, selection.Try) and any(_catches_import(handler.type) for handler in node.handlers):
            for statement in node.body:
                for inner in ast.walk(statement):
                    if isinstance(inner, selection.Import):
                        yield inner.lineno


def _catches_import(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = {node.id for node in ast.walk(caught) if isinstance(node, ast.Name)}
    return not names.isdisjoint(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))


def _undefined(name: str, place: str) -> Placeholder:
    """What a definition that nobody asked for comes to when it cannot be run, in place of the definition."""
    error = sys.exc_info()[1]
    if isinstance(error, NotImported):
        return Placeholder(str(error))
    reason = left_out(error) or f"{type(error).__name__}: {error}"
    return Placeholder(f"{name} ({place}) could not be defined: {reason}")


def left_out(error: BaseException | None) -> str | None:
    """Of a NameError in a loaded file: that `only` left the name's assignment out, and where it is."""
    if not isinstance(error, NameError) or error.__traceback__ is None:
        return None
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    place = frame.f_globals.get("__skipped__", {}).get(error.name)
    return place and f"load(only=...) does not run the assignment of {error.name} ({place})"


def _decided(condition: Callable[[], object]) -> object:
    """A top-level condition, False where it reads something that was left out."""
    try:
        return condition()
    except NameError:
        return False
