"""A check as SARIF 2.1.0: a code review then shows the first wrong line, the cause, and the change that is suggested.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; numbers of sections in here are those of that text.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from oracle import kinds
from oracle.child import Checked
from oracle.finding import in_words
from oracle.presentation.patching import CELL, LINE, Fixed, NotPatched, fixed_files
from oracle.verdict import AGREES, WRONG

if TYPE_CHECKING:
    from oracle.diagnosis import Diagnosis
    from oracle.hypotheses import Mistake
    from oracle.repair import Change, Repair

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "SRCROOT"
ERROR, WARNING = "error", "warning"
FINGERPRINT = "bpttOracle/v1"
BOM = "\ufeff"


@dataclass(frozen=True)
class Rule:
    """What a result is an instance of.

    says   what is wrong, in one sentence
    help   what to look at
    """

    identifier: str
    level: str
    says: str
    help: str


def _of_kind(kind: str, says: str, help: str) -> Rule:
    return Rule(kind.replace(" ", "-"), ERROR, says, help)


BY_KIND = {
    kind: _of_kind(kind, says, help)
    for kind, says, help in (
        (
            kinds.LAYOUT,
            "An array of the backward pass has its axes in another order than the forward pass has.",
            "Write the axes beside each operand. dL/dW of y = x W is xᵀ δ: it has the axes of W, and sums over time "
            "and batch alone.",
        ),
        (
            kinds.DERIVATIVE,
            "The derivative of an activation is another function, or is taken at another value.",
            "For y = tanh(a) it is 1 - y², for y = σ(a) it is y (1 - y), for y = relu(a) it is a > 0. Look whether the "
            "variable holds a or y.",
        ),
        (
            kinds.TIME_INDEX,
            "A value of the wrong time step is used.",
            "dL/dW_hh = Σ_t h_{t-1}ᵀ δ_t: the state before the step, the adjoint of the step itself.",
        ),
        (
            kinds.CARRY,
            "What flows back from step t + 1 to step t is left out, or is another.",
            "dL/dh_t has two parts: that of the loss of step t, and δ_{t+1} W_hhᵀ from the step after it.",
        ),
        (
            kinds.OPERAND,
            "A product or a sum has another operand than it should.",
            "For each use of a value in the forward pass the backward pass has one term, made of the other operands of "
            "that use.",
        ),
        (
            kinds.FACTOR,
            "A constant factor is missing, or is one too many.",
            "If the loss is a mean, so are its gradients; a factor 1/2 cancels the 2 of a square, and does so once.",
        ),
        (
            kinds.ACCUMULATION,
            "The contributions of the time steps are not added up, each once.",
            "A parameter that is used at every step gets a contribution of every step: `+=` inside the loop, from "
            "zeros before it.",
        ),
        (
            kinds.OUTPUT_DELTA,
            "The derivative of the loss by the outputs is another.",
            "For softmax with cross entropy it is p - onehot(target), for half the squared error y - target.",
        ),
        (
            kinds.TRANSPOSED,
            "The recurrent matrix is not transposed on the way back, or is where it should not be.",
            "For h_t = f(h_{t-1} W) the carry is δ Wᵀ. The matrix is square: both orientations fit and nothing raises.",
        ),
        (
            kinds.BIAS_SUM,
            "The gradient of a bias is not the sum of the adjoints over time and batch.",
            "A bias is added to every sample at every step, so its gradient is the sum over both, not a mean and not "
            "one of them.",
        ),
        (
            kinds.UPDATE,
            "Something is overwritten before it has been used.",
            "On the way back a value may be changed only after every line that needs its old one.",
        ),
        (
            kinds.BRANCH,
            "A path from a value to the loss is left out.",
            "The adjoint of a value that is used several times is the sum over its uses.",
        ),
        (
            kinds.SIGN,
            "A sign is wrong.",
            "Look at 1 - y², at differences in the loss, and at whether the ascent direction is meant; that one is "
            "declared with factor(-1).",
        ),
        (
            kinds.INJECTION,
            "The gradient that the loss of a step sends into its state is added at the wrong place, or not at all.",
            "It is added to the carry before the derivative of the activation, at every step that has a loss.",
        ),
        (
            kinds.STATE,
            "The gradient of the initial state, or the state that a step begins with, is another.",
            "dL/dh_0 is what is carried out of the first step; the state before it is h_0 and not the last one.",
        ),
    )
}
UNKNOWN_CAUSE = Rule(
    "wrong-gradient",
    ERROR,
    "A gradient is not that of the loss.",
    "It differs from autograd of the code's own forward pass by more than rounding. No known kind of mistake gives it.",
)
FAULT = Rule(
    "fault",
    ERROR,
    "The gradient function does something that no gradient function may.",
    "It gives another result at a second call, or its forward pass is not that of the cell it is held against.",
)
CANNOT_TELL = Rule(
    "cannot-tell",
    WARNING,
    "Whether a gradient is right cannot be told, which is no pass.",
    "Rounding noise is as large as the gradient: check a shorter or calmer case, or in float64.",
)
NOT_CHECKED = Rule(
    "not-checked",
    WARNING,
    "A gradient function could not be checked, which is no pass.",
    "The message has the reason.",
)
RULES = (*BY_KIND.values(), UNKNOWN_CAUSE, FAULT, CANNOT_TELL, NOT_CHECKED)


@dataclass(frozen=True)
class Spot:
    """A place to show: a line of a file, a whole file where there is no line, or a cell of a notebook.

    line   of the file, of the cell if it is one, counted from 1
    says   what is to be seen there; may be empty
    """

    filename: str
    line: int | None
    says: str = ""

    @property
    def path(self) -> Path:
        cell = CELL.fullmatch(self.filename)
        return Path(cell[1] if cell else self.filename)

    @property
    def cell(self) -> str:
        """'rnn.ipynb, cell 3, line 5'; empty for a file that is no notebook."""
        if not CELL.fullmatch(self.filename):
            return ""
        return Path(self.filename).name + (f", line {self.line}" if self.line else "")

    @property
    def words(self) -> str:
        return self.cell or f"{self.path.name}:{self.line}"


def write(results: Sequence[Checked], path: Path) -> None:
    """Write the log of a check that is complete. Raises OSError where that cannot be done."""
    text = json.dumps(log(results, repository()), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def repository() -> Path:
    """The folder to which the addresses are relative: the checkout that the current one is in, else the current one."""
    here = Path.cwd()
    return next((one for one in (here, *here.parents) if (one / ".git").exists()), here)


def log(results: Sequence[Checked], root: Path) -> dict[str, object]:
    """The SARIF log as plain data.

    root   the folder that the addresses of files are relative to; what is outside of it has an absolute one
    """
    found = [one for checked in results for one in _results(checked, root.resolve())]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "bptt-oracle",
                        "version": version("bptt-oracle"),
                        "rules": [_rule(rule) for rule in RULES],
                    }
                },
                # where the root is on this machine is nobody's business, and would differ from run to run
                "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
                "invocations": [{"executionSuccessful": True}],
                "columnKind": "unicodeCodePoints",
                "newlineSequences": ["\r\n", "\n", "\r"],  # as Python reads a file
                "results": found,
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.identifier,
        "name": "".join(part.capitalize() for part in rule.identifier.split("-")),
        "shortDescription": _message(rule.says),
        "fullDescription": _message(f"{rule.says} {rule.help}"),
        "help": _message(rule.help),
        "defaultConfiguration": {"level": rule.level},
        "properties": {"tags": ["correctness", "gradient"], "problem.severity": rule.level, "precision": "very-high"},
    }


def _results(checked: Checked, root: Path) -> Iterator[dict[str, object]]:
    report, found = checked.report, checked.diagnosis
    function = Spot(report.filename, report.line) if report else Spot(str(checked.path), None)
    outcome = report.outcome if report else ""
    if outcome == AGREES:
        return
    if outcome != WRONG:
        reason = checked.not_checked or (report.worst.not_checked if report else "")
        rule = NOT_CHECKED if reason else CANNOT_TELL
        said = f"not checked: {reason}" if reason else in_words(report.worst)[0]
        yield _result(rule, f"{checked.name}: {said}", [function], checked, root)
        return
    verdict = f"{checked.name}: {in_words(report.worst)[0]}"
    if found is None or not found.wrong:
        rule = FAULT if report.worst.faults else UNKNOWN_CAUSE
        beside = [f"It could not be diagnosed: {checked.not_diagnosed}"] if checked.not_diagnosed else []
        yield _result(rule, "\n".join([verdict, *beside]), [function], checked, root)
        return
    declared = replace(function, says=f"the gradient function {checked.name}")
    if found.repair is None:
        first = [] if found.where.line is None else [Spot(found.where.filename, found.where.line)]
        rule = BY_KIND.get(next(iter(found.causes), ""), UNKNOWN_CAUSE)
        said = [*_why(found), *_part(found), verdict]
        yield _result(rule, "\n".join(said), [*first, declared], checked, root)
        return
    fixes, why_not = _fixes(checked, found, root)
    changes = found.repair.changes
    for change, mistake in zip(changes, _mistakes(found)):
        others = [Spot(one.filename, one.line, one.sentence) for one in changes if one is not change]
        said = [mistake.sentence if mistake else change.sentence]
        if mistake:
            said += [more for more in (mistake.algebra, mistake.shapes, f"Suggested: {change.sentence}") if more]
        if others:
            said.append(
                f"This is one of {len(changes)} changes that belong together: the others are at "
                + " and ".join(one.words for one in others)
            )
        them = "them" if others else "it"
        said += [verdict, f"Verified: with {them} every gradient agrees, at {' and at '.join(found.repair.verified)}"]
        said += [f"The change is not attached: {why_not}"] if why_not else []
        kind = mistake.kind if mistake else change.kind
        made = _result(
            BY_KIND.get(kind, UNKNOWN_CAUSE),
            "\n".join(said),
            [Spot(change.filename, change.line), *others, declared],
            checked,
            root,
        )
        # a fix is applied as a whole: attached to each of its changes it would be applied as often
        yield made | ({"fixes": fixes} if fixes and change is changes[0] else {})


def _why(found: Diagnosis) -> Iterator[str]:
    if len(found.readings) > 1:
        yield f"{len(found.readings)} mistakes would give exactly this:"
    for reading in found.readings:
        for mistake in reading.mistakes:
            yield from filter(None, (mistake.sentence, mistake.algebra, mistake.shapes))
    if not found.readings:
        yield from found.facts
    if found.where.line is not None:
        yield f"{Spot(found.where.filename, found.where.line).words}: {found.where.reason}"


def _part(found: Diagnosis) -> Iterator[str]:
    if found.part is not None:
        yield f"A part of the fix: {_sentences(found.part)}; verified: {', '.join(found.mended)} then right"
    for reading in found.rest:
        yield f"The rest then: {'; '.join(mistake.sentence for mistake in reading.mistakes)}"


def _mistakes(found: Diagnosis) -> list[Mistake | None]:
    """For each change of the repair the mistake of the reading that it undoes, where that can be told."""
    changes = found.repair.changes
    mistakes = list(found.readings[0].mistakes) if len(found.readings) == 1 else []
    if len(mistakes) != len(changes):
        return [None] * len(changes)
    paired: list[Mistake | None] = []
    for change in changes:
        alike = [one for one in mistakes if one.kind == change.kind]
        alone = sum(one.kind == change.kind for one in changes) == 1
        paired.append(alike[0] if len(alike) == 1 and alone else None)
    left = [one for one in mistakes if all(one is not other for other in paired)]
    return [left[0] if one is None and len(left) == 1 else one for one in paired]


def _result(rule: Rule, text: str, spots: Sequence[Spot], checked: Checked, root: Path) -> dict[str, object]:
    # one that a review can show goes first
    first = next((one for one in spots if _relative(one.path, root) is not None), spots[-1])
    others = [one for one in spots if one is not first and (one.filename, one.line) != (first.filename, first.line)]
    made: dict[str, object] = {
        "ruleId": rule.identifier,
        "ruleIndex": RULES.index(rule),
        "level": rule.level,
        "message": _message(text),
        "locations": [_location(first, root)],
        "partialFingerprints": {FINGERPRINT: _fingerprint(rule, first, checked, root)},
    }
    if others:
        made["relatedLocations"] = [_location(one, root) | {"id": number} for number, one in enumerate(others, 1)]
    return made


def _location(spot: Spot, root: Path) -> dict[str, object]:
    """A cell of a notebook has no lines in its file: the file is the place, and the cell is named beside it."""
    place: dict[str, object] = {"artifactLocation": _address(spot.path, root)}
    if not spot.cell and spot.line is not None:
        place["region"] = _region(spot)
    made: dict[str, object] = {"physicalLocation": place}
    if spot.cell:
        made["logicalLocations"] = [{"name": _readable(spot.cell), "fullyQualifiedName": _readable(spot.cell)}]
    said = ": ".join(part for part in (spot.cell, spot.says) if part)
    return made | ({"message": _message(said)} if said else {})


def _region(spot: Spot) -> dict[str, object]:
    """The line without its indent."""
    lines = _lines_of(spot.path)
    if spot.line > len(lines):
        return {"startLine": spot.line}
    text = lines[spot.line - 1].rstrip("\r\n").rstrip()
    start = len(text) - len(text.lstrip()) + 1
    return {
        "startLine": spot.line,
        "startColumn": start,
        "endLine": spot.line,
        "endColumn": max(len(text) + 1, start),
        "snippet": {"text": text[start - 1 :]},
    }


def _relative(path: Path, root: Path) -> Path | None:
    """The path below the root, links followed where they do not lead out of it; None for one outside."""
    for one in (path.resolve(), Path(os.path.abspath(path))):
        if one.is_relative_to(root):
            return one.relative_to(root)
    return None


def _address(path: Path, root: Path) -> dict[str, str]:
    relative = _relative(path, root)
    if relative is None:
        return {"uri": Path(os.path.abspath(path)).as_uri()}
    return {"uri": "/".join(quote(os.fsencode(part), safe="") for part in relative.parts), "uriBaseId": ROOT}


def _fingerprint(rule: Rule, spot: Spot, checked: Checked, root: Path) -> str:
    """The same when lines above move: made of what the line says, and which of the lines that say so it is."""
    line, number = "", 0
    if spot.line is not None and not spot.cell:
        said = [" ".join(one.split()) for one in _lines_of(spot.path)[: spot.line]]
        if len(said) == spot.line:
            line, number = said[-1], said.count(said[-1])
    parts = (rule.identifier, _address(spot.path, root)["uri"], checked.name, spot.cell, line, str(number))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


def _fixes(checked: Checked, found: Diagnosis, root: Path) -> tuple[list[dict[str, object]], str]:
    """The repair, then the alternatives to it; and why there is none, in words."""
    made: list[dict[str, object]] = []
    why_not = ""
    for repair in (found.repair, *found.alternatives):
        try:
            files, left_out = fixed_files([replace(checked, diagnosis=replace(found, repair=repair))])
            changes = [_artifact_change(one, root) for one in files]
        except (NotPatched, UnicodeDecodeError) as reason:
            files, left_out, changes = [], [str(reason)], []
        if changes:
            said = _sentences(repair)
            fix = {"description": _message(said), "artifactChanges": changes}
            made += [fix] if all(fix["artifactChanges"] != one["artifactChanges"] for one in made) else []
        if repair is found.repair:
            why_not = "; ".join(left_out)
    return made, why_not


def _sentences(repair: Repair) -> str:
    def said(change: Change) -> str:
        return f"{Spot(change.filename, change.line).words}: {change.sentence}"

    return "; ".join(map(said, repair.changes))


def _artifact_change(fixed: Fixed, root: Path) -> dict[str, object]:
    """Whole lines give way to whole lines, so that the file is afterwards what `--apply` makes of it."""
    before, after = _lines(fixed.before), _lines(fixed.after)

    def place(line: int) -> tuple[int, int]:
        """Line and column at which a line begins; of what follows a last line that is not ended, the end of that."""
        if line == len(before) and before and not before[-1].endswith(("\r", "\n")):
            return line, len(before[-1]) + 1
        return line + 1, 1

    replacements = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            (line, column), (end_line, end_column) = place(i), place(j)
            region = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
            inserted = {"insertedContent": {"text": "".join(after[k:m])}} if m > k else {}
            replacements.append({"deletedRegion": region} | inserted)
    return {"artifactLocation": _address(fixed.path, root), "replacements": replacements}


def _lines(content: bytes) -> list[str]:
    """The text of a file line by line with its line ends, without a byte order mark: that is no character of it."""
    raw = LINE.findall(content)
    encoding, _ = tokenize.detect_encoding(iter([*raw, b""]).__next__)
    lines = [line.decode(encoding.removesuffix("-sig")) for line in raw]
    return [lines[0].removeprefix(BOM), *lines[1:]] if lines else []


@lru_cache(maxsize=64)
def _lines_at(path: Path, mtime_ns: int, size: int) -> tuple[str, ...]:
    return tuple(_lines(path.read_bytes()))


def _lines_of(path: Path) -> tuple[str, ...]:
    """Empty where the file cannot be read."""
    try:
        stat = path.stat()
        return _lines_at(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ()


def _readable(text: str) -> str:
    """Without lone surrogates, which file names that are no UTF-8 have, and which no JSON may hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _message(text: str) -> dict[str, str]:
    """§3.11: braces are placeholders unless doubled, and [text](address) would be a link."""
    return {"text": _readable(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")}
