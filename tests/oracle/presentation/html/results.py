"""Results of checks with everything in them that a page can show, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from oracle.annotation import Coefficients, Listed
from oracle.child import Asked, Checked
from oracle.diagnosis import Diagnosis, Where
from oracle.finding import Finding
from oracle.gradient_check import FunctionReport
from oracle.hypotheses import Mistake, Reading
from oracle.norms import Norms, Series
from oracle.repair import Change, Repair
from oracle.verdict import AGREES, CANNOT_TELL, WRONG, Verdict

HOSTILE = (
    "</script></style></title><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&amp;]]>{{7*7}}"
)
UNSEEN = "\u202e\u2066\x00\x1b[31m\u200b\ud800\x85\u2028\r"
Name = Callable[[str], str]


def wrong(name: str, right: object, gradient: object, reason: str = "") -> Verdict:
    right = np.asarray(right, np.float64)
    if reason:
        return Verdict(name, WRONG, gradient, right, reason=reason)
    return Verdict(name, WRONG, gradient, right, np.full(right.shape, 1e-12), 1e-15)


def verdicts(named: Name) -> tuple[Verdict, ...]:
    rng = np.random.default_rng(5)
    square, cube, large = rng.normal(size=(4, 4)), rng.normal(size=(2, 3, 4)), rng.normal(size=(150, 70))
    odd = cube.copy()
    odd[1, 2, 3], odd[0, 0, 0], odd[0, 1, 1] = np.nan, np.inf, -np.inf
    spoilt = large.copy()
    spoilt[149, 69] += 9.0
    return (
        wrong(named("scalar"), 1.5, np.float64(2.0)),
        wrong(named("vector"), square[0], -square[0]),
        wrong(named("matrix"), square, square.T.copy()),
        wrong(named("cube"), cube, odd, "nan at [1, 2, 3], and 3 of 24 elements are not finite"),
        wrong(named("large"), large, spoilt),
        wrong(named("folded"), rng.normal(size=(20, 2, 3)), rng.normal(size=(20, 2, 3))),
        wrong(named("shape"), square, square[0], "shape (4,), but should be (4, 4)"),
        wrong(named("missing"), square, None, "there is no such gradient"),
        wrong(named("text"), square, named("a text"), "a str, but should be a numpy array of shape (4, 4)"),
        Verdict(named("unsure"), CANNOT_TELL, square, square, reason=named("too much noise")),
        Verdict(named("right"), AGREES, square, square, np.full((4, 4), 1e-12)),
    )


def results(named: Name = str, folder: Path = Path("/tmp/programs")) -> list[Checked]:
    """A wrong function, a right one, one that was not checked. named: what makes names and texts of the user's."""
    path = folder / named("check_rnn.py").replace("/", "∕").replace("\0", "")
    sizes = {"time": 5, "batch": 3, "hidden": 4}
    finding = Finding(sizes, verdicts(named), 1.0, "PyTorch autograd", notes=(named("a note"),))
    names = tuple(one.name for one in finding.verdicts)
    report = FunctionReport(named("wrong_rnn"), str(path), 7, names, (finding, replace(finding, sizes={"time": 2})))
    return [
        Checked(
            path, named("wrong_rnn"), report, "", named("it printed this"), (), diagnosis(named, path),
            named("half of it"), norms(named, path), Asked((2, 5), (4,), 3),
        ),
        Checked(
            path, named("right_rnn"),
            replace(report, name=named("right_rnn"), parameters=names[-1:],
                    findings=(replace(finding, verdicts=finding.verdicts[-1:]),)),
            "", "", norms=Norms({}, reason=named("nothing happens step by step")),
        ),
        Checked(path, named("broken"), None, named("it raised ValueError\n    at line 3"), named("printed")),
    ]  # fmt: skip


def diagnosis(named: Name, path: Path) -> Diagnosis:
    line = lambda number, source, remark, first=False: Listed(  # noqa: E731
        str(path), named("backward"), number, source, named(remark), first
    )
    where = Where(
        (named("R is wrong and V agrees"),), (), str(path), 4, named("the first wrong value"), (),
        (
            line(2, "    for t in reversed(range(T)):", ""),
            line(3, f"        s = '''{named('in a string')}", "dL/d a[t]"),
            line(4, "        goes on''' + 1  # a comment", "the first wrong value", True),
            line(9, "        dW += x[t].T @ delta", "what W gets"),
        ),
        (
            Coefficients(named("V"), (1.0, 0.0, 2.0)),
            Coefficients(named("R"), ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), "states"),
            Coefficients(named("W"), ((1.0, None), (0.0, 1.0)), "losses"),
        ),
    )  # fmt: skip
    readings = (
        Reading(
            (Mistake("carry", named("R is not transposed"), named("dh = δ Wᵀ"), named("R (4, 4)")),),
            (),
            1e-15,
            named("another size tells"),
        ),
        Reading((Mistake("sign", named("or the sign"), "", ""),), (), 1e-15),
    )
    diff = f"--- a/{named('rnn.py')}\n+++ b/rnn.py\n@@ -1,2 +1,2 @@\n-{named('old')}\n+{named('new')}\n"
    change = Change(str(path), 4, "carry", named("p['R'] is transposed"))
    repair = Repair((change,), diff, {str(path): ""}, 12, 0.1, (named("time=5"),))
    other = replace(repair, diff=diff.replace("+", "-"))
    wrong = tuple(map(named, ("matrix", "vector")))
    failed = (named("the cause was not found"),)
    return Diagnosis(WRONG, wrong, where, readings, (), repair, (other,), 1234, 2.0, failed)


def norms(named: Name, path: Path) -> Norms:
    made = lambda parameter, line, values: Series(  # noqa: E731
        parameter, str(path), line, named("h[t] = np.tanh(a)"), values
    )
    states = [
        made("", 5, tuple(10.0 ** -(12 - t) for t in range(13))),
        made("", 6, (0.0, *(1e3 ** (t / 4) for t in range(10)), np.inf, np.nan)),
    ]
    many = [made(named(f"W{k}"), 7, tuple(1.0 + 0.1 * k * t for t in range(13))) for k in range(10)]
    return Norms({"time": 13}, (*states, *many))
