"""What follows a verdict of wrong, from the file to the repair; and what follows where there is nothing to find."""

import textwrap

import pytest

from oracle.diagnosis import diagnose
from oracle.hypotheses import Explanation
from oracle.repair import Repairs
from oracle.verdict import AGREES, WRONG
from tests.oracle.repair.programs import ROWS, planted

TRANSPOSED = ("carry = da @ R.T", "carry = da @ R")
STEP = ("dR += h[t - 1].T @ da", "dR += h[t].T @ da")
DECLARED = '@gradient_function(W="input hidden"'


@pytest.fixture
def diagnosed(tmp_path, monkeypatch):
    """The diagnosis of a text; the file is as it was afterwards."""
    monkeypatch.setattr("oracle.gradient_check.SHRINK_SECONDS", 0.0)  # the smallest sizes are not asked for here

    def of(text: str, name: str = "program", **options):
        path = tmp_path / "program.py"
        path.write_text(text)
        found = diagnose(str(path), name, **{"budget": 5.0, **options})
        assert path.read_text() == text
        return found

    return of


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def added(diff: str) -> list[str]:
    return [line[1:].strip() for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]


def test_a_right_function_costs_nothing(diagnosed, monkeypatch):
    def never(*_: object) -> None:
        raise AssertionError("nothing is to be searched")

    monkeypatch.setattr("oracle.diagnosis.repair", never)
    monkeypatch.setattr("oracle.diagnosis.annotate", never)
    monkeypatch.setattr("oracle.diagnosis.examine", never)
    monkeypatch.setattr("oracle.diagnosis.explained", never)
    found = diagnosed(ROWS)
    assert (found.outcome, found.wrong, found.repair, found.tried) == (AGREES, (), None, 0)
    assert (found.first_wrong, found.causes, found.said) == (None, (), ())


@pytest.mark.parametrize(
    ("mistake", "wrong", "cause"),
    [
        (STEP, {"R"}, "time index"),
        (("db += da.sum(axis=0)", "db += da.mean(axis=0)"), {"b"}, "bias sum"),
    ],
)
def test_a_mistake(diagnosed, mistake, wrong, cause):
    right, planted_line = mistake
    text = planted(ROWS, mistake)
    found = diagnosed(text)
    assert (found.outcome, set(found.wrong)) == (WRONG, wrong)
    assert found.where.line == found.first_wrong == line_of(text, planted_line)
    assert found.where.filename == found.first_wrong_file and found.first_wrong_file.endswith("program.py")
    assert found.where.reason and found.where.source and found.where.said
    assert found.causes == (cause,)
    assert found.said and all(isinstance(one, str) and one for one in found.said)
    assert len(found.repair.verified) == 3 and len(set(found.repair.verified)) == 3
    assert all("time=4, batch=3" not in one for one in found.repair.verified)  # not where it was searched
    assert added(found.repair.diff) in ([right], ["db += np.sum(da, axis=0)"])
    assert found.repair.diff not in [one.diff for one in found.alternatives]
    assert 0 < found.repair.tried <= found.tried and found.repair.seconds <= found.seconds


def test_two_mistakes(diagnosed):
    text = planted(ROWS, TRANSPOSED, STEP)
    found = diagnosed(text)
    assert sorted(added(found.repair.diff)) == ["carry = da @ R.T", "dR += h[t - 1].T @ da"]
    assert set(found.causes) == {"time index", "transposed recurrent matrix"}
    assert found.first_wrong == line_of(text, STEP[1])  # the line that comes first


@pytest.mark.parametrize("part", ["annotation", "causes"])
def test_parts_left_out(diagnosed, part):
    found = diagnosed(planted(ROWS, STEP), without={part})
    assert found.repair is not None
    assert (found.where.line is None) == (not found.where.source) == (part == "annotation")
    assert bool(found.readings) == (part != "causes")
    assert found.causes == ("time index",)


def test_without_all_parts(diagnosed):
    found = diagnosed(planted(ROWS, STEP), without={"annotation", "causes", "ordering"})
    assert found.repair is not None and found.where.source == () and found.readings == () and found.facts == ()


@pytest.mark.parametrize("without", [{"anotation"}, ["causes", "everything"]])
def test_a_part_that_there_is_not(diagnosed, without):
    with pytest.raises(ValueError, match=r"should hold some of annotation, causes, ordering"):
        diagnosed(planted(ROWS, STEP), without=without)
    with pytest.raises(ValueError, match=r"annotation, causes, ordering"):
        diagnosed(ROWS, without=without)


CLIPPED = planted(
    ROWS,
    ("from oracle import gradient_function", "from oracle import clip, gradient_function"),
    ('b="hidden")\n', 'b="hidden", deviation=clip(-1, 1))\n'),
    (
        "    return loss, dict(",
        "    for one in (dW, dR, dV, db):\n        np.clip(one, -1, 1, out=one)\n    return loss, dict(",
    ),
)
TRUNCATED = """
    import numpy as np
    from oracle import gradient_function, truncation

    @gradient_function(W="input hidden", R="hidden hidden", b="hidden", deviation=truncation(2))
    def program(p, sizes, rng):
        T, B = sizes.time, sizes.batch
        x, y = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, sizes.hidden))
        h = {-1: rng.normal(size=(B, sizes.hidden))}
        losses = []
        for t in range(T):
            h[t] = np.tanh(x[t] @ p.W + h[t - 1] @ p.R + p.b)
            losses.append(0.5 * np.sum((h[t] - y[t]) ** 2))
        dW, dR, db = np.zeros_like(p.W), np.zeros_like(p.R), np.zeros_like(p.b)
        for s in range(T):
            dh = h[s] - y[s]
            for t in range(s, max(s - 2, -1), -1):
                da = dh * (1 - h[t] ** 2)
                dW += x[t].T @ da
                dR += h[t - 1].T @ da
                db += da.sum(axis=0)
                dh = da @ p.R.T
        return losses, dict(W=dW, R=dR, b=db)
"""
TORCH = planted(
    ROWS,
    ("import numpy as np\n", "import numpy as np\nimport torch\n"),
    (
        "h[t] = np.tanh(x[t] @ W + h[t - 1] @ R + b)",
        "h[t] = np.asarray([[float(v) for v in r] for r in np.tanh(x[t] @ W + h[t - 1] @ R + b)])",
    ),
    (
        DECLARED,
        '''def reference(p, sizes, rng):
    T, B = sizes.time, sizes.batch
    x, y = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, sizes.output))
    h = torch.tensor(rng.normal(size=(B, sizes.hidden)))
    loss = 0
    for t in range(T):
        h = torch.tanh(torch.tensor(x[t]) @ p.W + h @ p.R + p.b)
        loss = loss + 0.5 * ((h @ p.V - torch.tensor(y[t])) ** 2).sum()
    return loss


@gradient_function(reference=reference, W="input hidden"''',
    ),
)
SINGLE = planted(
    ROWS,
    (DECLARED, '@gradient_function(dtype="float32", W="input hidden"'),
    (
        "x, y, rng.normal(size=(B, sizes.hidden)))",
        'x.astype("f"), y.astype("f"), rng.normal(size=(B, sizes.hidden)).astype("f"))',
    ),
)


@pytest.mark.parametrize(
    ("right", "mistake", "unread"),
    [
        (CLIPPED, STEP, "the cause was not looked for: a deviation is declared, clipped to [-1, 1]"),
        (textwrap.dedent(TRUNCATED), STEP, "a deviation is declared, truncated to 2 steps"),
        (TORCH, STEP, "the cause was not looked for: that takes autograd of your own forward pass, not PyTorch autogr"),
        (ROWS, STEP, ""),
    ],
)
def test_where_the_cause_is_not_looked_for_it_is_said(diagnosed, right, mistake, unread):
    found = diagnosed(planted(right, mistake), budget=0.0)
    assert unread in found.unread and bool(found.unread) == bool(unread) == (not found.readings)


def test_a_tie_is_told_apart_by_the_same_function_at_another_size(diagnosed):
    # at the four steps of the search the second last step and the step after the second are one
    found = diagnosed(planted(ROWS, ("dR += h[t - 1].T @ da", "dR += (t != 2) * h[t - 1].T @ da")), budget=0.0)
    assert len(found.readings) == 1 and found.readings[0].apart == ""
    zeros = diagnosed(planted(ROWS, ("db += da.sum(axis=0)", "db += (t > 0) * da.sum(axis=0)")), budget=0.0)
    assert len(zeros.readings) > 1
    assert {one.apart for one in zeros.readings} == {
        "these give the same gradients here and at time=9, batch=2, input=5, hidden=7, output=4: they may be one "
        "mistake in other words"
    }


ONLY_LATE = planted(ROWS, ("carry = da @ R.T", "carry = da @ R.T if T < 5 or t > 3 else 0 * carry"))


@pytest.mark.parametrize(
    ("right", "mistake"),
    [
        pytest.param(CLIPPED, ("dR += h[t - 1].T @ da", "dR += h[t].T @ da"), id="clip declared"),
        pytest.param(TRUNCATED, ("dh = da @ p.R.T", "dh = da @ p.R"), id="truncation declared"),
        pytest.param(TORCH, ("dR += h[t - 1].T @ da", "dR += h[t].T @ da"), id="reference"),
        pytest.param(SINGLE, ("dR += h[t - 1].T @ da", "dR += h[t].T @ da"), id="float32"),
    ],
)
def test_beside_what_is_declared(diagnosed, right, mistake):
    right = textwrap.dedent(right)
    text = planted(right, mistake)
    found = diagnosed(text)
    assert found.outcome == WRONG
    assert found.repair is not None and found.repair.verified
    assert found.repair.changes[0].line == line_of(text, mistake[1])
    (patched,) = found.repair.patched.values()
    again = diagnosed(patched)
    assert (again.outcome, again.repair) == (AGREES, None)


def test_wrong_only_where_the_sequence_is_long(diagnosed):
    """At the small sizes of the search it is right: it is searched at those of the check."""
    found = diagnosed(ONLY_LATE, budget=1.0)
    assert (found.outcome, set(found.wrong)) == (WRONG, {"W", "R", "b"})
    assert found.first_wrong == line_of(ONLY_LATE, "carry = da @ R.T if")


def test_it_is_searched_where_most_is_wrong(diagnosed):
    """At the small sizes only b is: what mends that alone is no repair."""
    text = planted(
        ROWS, ("carry = da @ R.T", "carry = da @ R.T if T < 5 else da @ R"), ("db += da.sum(", "db += da.mean(")
    )
    found = diagnosed(text)
    assert set(found.wrong) == {"W", "R", "b"}
    assert found.repair is not None and len(found.repair.changes) == 2


def test_a_repair_is_verified_at_even_and_at_odd_sizes(diagnosed):
    """What is right where a size is even, for `if size % 2`, is no repair."""
    verified = diagnosed(planted(ROWS, STEP)).repair.verified
    sizes = [dict(one.split("=") for one in case.split(", ")) for case in verified]
    for name in sizes[0]:
        assert {int(one[name]) % 2 for one in sizes} == {0, 1}


def raising(text: str) -> str:
    """The same in a function that raises at larger sizes."""
    return text.replace("    T = len(x)\n", "    T = len(x)\n    assert T < 9\n", 1)


HOPELESS = {
    "no gradient of a parameter": planted(ROWS, ("return loss, dict(W=dW, ", "return loss, dict(")),
    "the wrong shape": planted(ROWS, ("return loss, dict(W=dW,", "return loss, dict(W=dW.T,")),
    "not a number": planted(ROWS, ("dh = e[t] @ V.T + carry", "dh = e[t] @ V.T + carry * np.nan")),
    "it raises": planted(ROWS, ("dW += x[t].T @ da", "dW += x[t] @ da")),
    "it raises at some sizes": raising(planted(ROWS, TRANSPOSED)),
    "nothing is computed": planted(
        ROWS, ("carry = np.zeros_like(h0)\n", "return loss, dict(W=dW, R=dR, V=dV, b=db)\n")
    ),
    "what comes back is no pair": planted(ROWS, ("return loss, dict(W=dW, R=dR, V=dV, b=db)", "return loss")),
    "a generated function": planted(ROWS, TRANSPOSED)
    .replace("def loss_and", "exec('''def loss_and", 1)
    .replace("\n\n\n@grad", "''')\n\n\n@grad", 1),
}


@pytest.mark.parametrize("text", HOPELESS.values(), ids=HOPELESS)
def test_what_is_impossible_ends_clean(diagnosed, text):
    found = diagnosed(text, budget=0.7)
    assert found.outcome != AGREES
    if found.repair is not None:  # if there is one it is right
        (patched,) = found.repair.patched.values()
        assert diagnosed(patched).outcome == AGREES


RIGHT_AT_SOME_SIZES = {
    "divided by the batch, which is 3": ("db += da.sum(axis=0)", "db += da.sum(axis=0) * B / 3"),
}


@pytest.mark.parametrize("mistake", RIGHT_AT_SOME_SIZES.values(), ids=RIGHT_AT_SOME_SIZES)
def test_right_at_the_sizes_of_the_search_is_not_right(diagnosed, mistake):
    text = planted(ROWS, ("T = len(x)", "T, B, _ = x.shape"), mistake)
    found = diagnosed(text, budget=2.0)
    assert found.outcome == WRONG and found.where.line == line_of(text, mistake[1])
    if found.repair:
        (patched,) = found.repair.patched.values()
        assert diagnosed(patched).outcome == AGREES


def test_a_larger_budget_is_given_to_the_causes_as_well_and_taken_from_the_search(diagnosed, monkeypatch):
    given, now = [], [0.0]

    def explained(*_, seconds=None):
        given.append(_[-1] if seconds is None else seconds)
        now[0] += given[-1]
        return Explanation(stopped=True)

    def repair(problem, elsewhere, budget, *_):
        given.append(budget)
        return Repairs()

    monkeypatch.setattr("oracle.diagnosis.explained", explained)
    monkeypatch.setattr("oracle.diagnosis.repair", repair)
    monkeypatch.setattr("oracle.diagnosis.time.monotonic", lambda: now[0])
    text = planted(ROWS, TRANSPOSED)
    for budget, causes, search in ((5.0, 3.0, 5.0), (100.0, 15.0, 88.0)):
        given.clear()
        found = diagnosed(text, budget=budget)
        assert given == [causes, search]
        assert found.unread == (
            f"no cause was found in {causes:g} s, and not everything known was tried: a larger budget tries more"
        )


def test_sizes_that_a_function_does_not_ask_for_are_not_said(diagnosed):
    right = """
import numpy as np
from oracle import gradient_function


@gradient_function(w="hidden", R="hidden hidden")
def program(p, sizes, rng):
    x, h, loss = rng.normal(size=(sizes.time, sizes.hidden)), [np.zeros(sizes.hidden)], 0.0
    for t in range(sizes.time):
        h.append(np.tanh(x[t] * p.w + p.R @ h[-1]))
        loss += 0.5 * h[-1] @ h[-1]
    dw, dR, carry = np.zeros_like(p.w), np.zeros_like(p.R), 0
    for t in reversed(range(sizes.time)):
        da = (h[t + 1] + carry) * (1 - h[t + 1] ** 2)
        dw += da * x[t]
        dR += np.outer(da, h[t])
        carry = p.R.T @ da
    return loss, dict(w=dw, R=dR)
"""
    assert right.count("p.R.T @ da") == 1
    found = diagnosed(right.replace("p.R.T @ da", "p.R @ da"))
    assert found.repair is not None and found.unfollowed == ()
    assert [[one.partition("=")[0] for one in sizes.split(", ")] for sizes in found.repair.verified] == [
        ["time", "hidden"]
    ] * len(found.repair.verified)


TWO_USES = """
import numpy as np
from oracle import gradient_function


@gradient_function(W="input output")
def program(p, sizes, rng):
    x, y = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.output))
    error = x @ p.W - y
    loss = 0.5 * np.sum(error**2) + 0.15 * np.sum(p.W**2)
    return loss, {"W": x.T @ error - 0.3 * p.W}
"""


def test_of_two_uses_of_a_parameter_the_wrong_one_is_named(tmp_path):
    """W ** 2 is W * W to autograd, and one use to everybody else: half of its slope is nobody's mistake."""
    path = tmp_path / "ridge.py"
    path.write_text(TWO_USES)
    found = diagnose(str(path), "program", budget=2.0)
    assert [one.sentence for one in found.readings[0].mistakes] == [
        "dW has the wrong sign, as far as it comes from line 10"
    ]
    assert found.causes == ("sign",)
