"""What was found about the functions of a session, for `--gradient-html`; pytest-xdist's workers hand it on."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from oracle.child import Checked

KEY = pytest.StashKey["Results"]()
OUTPUT = "gradient_results"
FIELDS = ("report", "diagnosis", "norms")  # of a Checked, that are data of ours


def configure(config: pytest.Config) -> None:
    if not config.option.gradient_html:
        return
    path = Path(config.invocation_params.dir, config.option.gradient_html)
    if path.is_dir():
        raise pytest.UsageError(f"--gradient-html is {str(path)!r}, a folder, but should be a file")
    from oracle.presentation.html import NotInstalled, ready  # only who asks for a page needs what makes it

    try:
        ready()
    except NotInstalled as error:
        raise pytest.UsageError(f"--gradient-html: {error}") from None
    config.stash[KEY] = Results(config, path)
    config.pluginmanager.register(config.stash[KEY], "bptt_oracle_results")


def keep(config: pytest.Config, checked: Checked) -> None:
    if (results := config.stash.get(KEY, None)) is not None:
        from oracle.norms import norms_isolated

        results.checked.append(replace(checked, norms=norms_isolated(checked)))


class Results:
    """The functions checked in one session."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self.config, self.path = config, path
        self.checked: list[Checked] = []
        self.said = ""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self.checked += map(unpacked, getattr(node, "workeroutput", {}).get(OUTPUT, ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput[OUTPUT] = list(map(packed, self.checked))
            return
        # the tests of one function may have run on several workers, and each has checked it
        found = {(str(checked.path), checked.name): checked for checked in self.checked}
        if not found:
            self.said = f"{self.path} is not written: no gradient function was checked"
            return
        from oracle.presentation.html import write_html

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_html([found[key] for key in sorted(found)], self.path)
            self.said = f"gradient functions: {self.path}"
        except OSError as error:
            self.said = f"{self.path} is not written: {error.strerror or error}"
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.said:
            terminalreporter.write_line(self.said)


def packed(checked: Checked) -> dict[str, object]:
    """As plain data that goes from process to process: arrays are the bytes of an .npy file."""
    from oracle.data import to_data

    data = {name: _mapped(to_data(getattr(checked, name)), np.ndarray, _bytes) for name in FIELDS}
    texts = {name: getattr(checked, name) for name in ("name", "not_checked", "output", "not_diagnosed")}
    asked = [checked.asked.sequence_lengths, checked.asked.hidden_sizes, checked.asked.seed]
    return data | texts | {"path": str(checked.path), "asked": asked}


def unpacked(data: dict[str, object]) -> Checked:
    from oracle.child import Asked, Checked
    from oracle.data import from_data

    values = {name: from_data(_mapped(data[name], tuple, _array)) for name in FIELDS}
    return Checked(**{**data, **values, "path": Path(data["path"]), "asked": Asked(*data["asked"])})


def _mapped(value: object, kind: type, change: Callable) -> object:
    """`to_data` leaves no tuples: here one is an array."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(one, kind, change) for name, one in value.items()}
    return [_mapped(one, kind, change) for one in value] if isinstance(value, list) else value


def _bytes(array: np.ndarray) -> tuple[bytes]:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return (file.getvalue(),)


def _array(data: tuple[bytes]) -> np.ndarray:
    return np.load(io.BytesIO(data[0]), allow_pickle=False)
