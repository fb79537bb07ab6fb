"""The benchmark of the diagnosis: its programs are right, its mistakes are mistakes, and it counts what it should."""

import difflib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks is no installed package, and its workers inherit this

from benchmarks.diagnosis import report
from benchmarks.diagnosis.__main__ import main
from benchmarks.diagnosis.cases import DRAWN, FAMILIES, cases, drawn, programs, put_aside
from benchmarks.diagnosis.gradients import SAME, differences, function_in, is_right, right_at, run
from benchmarks.diagnosis.mistake import CHANGED, PROGRAMS, Misplaced, Mistake, plant, source_of
from benchmarks.diagnosis.mistakes import MISTAKES
from benchmarks.diagnosis.patches import BadPatch, apply
from benchmarks.diagnosis.running import Answer, NoDiagnosis, ask, measure
from benchmarks.diagnosis.scoring import score
from oracle.diagnosis import diagnose
from oracle.examination import examine
from oracle.gradient_check import functions_in, subject_at
from oracle.kinds import KINDS
from oracle.sizes import points
from oracle.verdict import AGREES

EVERY = sorted(FAMILIES)


def test_every_program_has_a_family_and_mistakes():
    files = sorted(path.stem for path in PROGRAMS.glob("*.py"))
    assert files == EVERY == sorted(MISTAKES)


@pytest.mark.parametrize("program", EVERY)
def test_program_is_right(program):
    (function,) = functions_in(str(PROGRAMS / f"{program}.py")).values()
    point = points(function.shapes)[0]
    assert len({size for _, size in point.sizes}) == len(point.sizes)
    assert examine(subject_at(function, point)[0]).outcome == AGREES


@pytest.mark.parametrize("program", EVERY)
def test_every_mistake_keeps_the_loss_and_spoils_a_gradient(program):
    for mistake in MISTAKES[program]:
        planted = plant([mistake])
        in_loss, in_gradients = differences(program, planted.source, cases=1)
        assert in_loss < 1e-12, mistake
        assert max(in_gradients.values()) > 1e-6, mistake
        assert all(planted.lines), mistake
        assert mistake.program == program and mistake.kinds <= set(KINDS), mistake


def test_counts():
    names = [str(mistake) for mistakes in MISTAKES.values() for mistake in mistakes]
    assert len(names) == len(set(names)) >= 240
    assert all(len(mistakes) >= (40 if program in put_aside() else 20) for program, mistakes in MISTAKES.items())
    assert {mistake.kind for mistakes in MISTAKES.values() for mistake in mistakes} == set(KINDS)


@pytest.mark.parametrize("part", DRAWN)
def test_drawn_cases(part):
    many, *counts = DRAWN[part]
    found = drawn(part)
    assert len({case.mistakes for case in found}) == sum(counts)
    assert [sum((case.program in put_aside()) == aside for case in found) for aside in (False, True)] == counts
    assert all(len({mistake.kind for mistake in case.mistakes}) == many for case in found)
    for case in found[::10]:
        whole = run(function_in(case.source), points(function_in(case.source).shapes)[0])[1]
        for left_out in case.mistakes:
            rest = plant([one for one in case.mistakes if one is not left_out]).source
            without = run(function_in(rest), points(function_in(rest).shapes)[0])[1]
            assert any(
                whole[name].shape != without[name].shape or not np.allclose(whole[name], without[name], rtol=0)
                for name in whole
            ), case


def test_five_programs_are_put_aside():
    assert {FAMILIES[program] for program in put_aside()} == set(FAMILIES.values())
    assert len(put_aside()) == 5
    assert sorted(programs(aside=False) + programs(aside=True)) == EVERY
    assert not {case.program for case in cases(of=programs(aside=False))} & put_aside()


@pytest.mark.parametrize("part, at_least", [("right", 5), ("singles", 240), ("doubles", 40), ("triples", 20)])
def test_enough_is_put_aside(part, at_least):
    aside = cases([part], programs(aside=True))
    assert len(aside) >= at_least
    assert {case.program for case in aside} == put_aside()


def test_lines_follow_the_changes():
    source = source_of("elman_rows").splitlines()
    two = [
        one for one in MISTAKES["elman_rows"] if one.name in ("h_t for h_{t-1}", "readout updated before it is used")
    ]
    planted = plant(two)
    texts = [[planted.source.splitlines()[line - 1].strip() for line in sorted(lines)] for lines in planted.lines]
    assert [["dW_hh += h[t + 1].T @ da"], ["W_hy = W_hy - 0.1 * dW_hy", "dh = dy @ W_hy.T + dh_next"]] == texts
    assert len(planted.source.splitlines()) == len(source) + 1


@pytest.mark.parametrize(
    "edits, lines, says",
    [
        ((("no such text", ""),), (), "occurs 0 times"),
        ((("h[t]", "h[0]"),), (), "occurs 2 times"),
        ((("        dh_next = da @ W_hh.T\n", ""),), (), "lines= must say"),
        ((("da @ W_hh.T", "da"),), ("dh",), "but should be in one"),
        ((("da @ W_hh.T", "da"),), (CHANGED, "no such line"), "is in 0 lines"),
    ],
)
def test_misplaced(edits, lines, says):
    with pytest.raises(Misplaced, match=says):
        plant([Mistake("elman_rows", "wrong on purpose", "carry", edits, lines)])


def test_two_changes_of_one_line_are_no_case():
    one, other = (m for m in MISTAKES["elman_rows"] if m.name in ("h_t for h_{t-1}", "transposed weight gradient"))
    with pytest.raises(Misplaced):
        plant([one, other])


DIFF = """--- a
+++ b
@@ -1,3 +1,3 @@
 one
-two
+2
 three
@@ -5 +5,2 @@
 five
+six
"""


def test_a_diff_is_applied():
    assert apply("one\ntwo\nthree\nfour\nfive\n", DIFF) == "one\n2\nthree\nfour\nfive\nsix\n"
    with pytest.raises(BadPatch, match="line 2 is 'zwei', but the diff has 'two'"):
        apply("one\nzwei\nthree\nfour\nfive\n", DIFF)
    with pytest.raises(BadPatch, match="no @@ line"):
        apply("one\n", "nothing")


def some_case(part="singles", number=0):
    return cases([part], ["elman_rows"])[number]


def all_knowing(case, **changes):
    """A diagnosis that knows the answer to this case, but for the changes."""
    repair = SimpleNamespace(diff="", patched={f"{case.program}.py": source_of(case.program)}, tried=3, seconds=0.1)
    right = dict(
        outcome="wrong" if case.mistakes else "agrees",
        wrong=tuple(case.wrong),
        first_wrong=min(case.lines, default=None),
        first_wrong_file=f"{case.program}.py",
        causes=tuple(mistake.kind for mistake in case.mistakes),
        said=(),
        repair=SimpleNamespace(**vars(repair), verified=True) if case.mistakes else None,
        seconds=0.1,
    )
    return lambda path, name, budget: SimpleNamespace(**right | changes)


@pytest.mark.parametrize("part", ["right", "singles", "doubles", "triples"])
def test_the_right_answer_scores_everywhere(part, tmp_path):
    case = next(case for case in cases([part]) if part == "right" or not any(m.or_kinds for m in case.mistakes))
    answer = ask(case, all_knowing(case), tmp_path)
    assert not score(case, answer).failed
    assert (tmp_path / f"{case.program}.py").read_text() == case.source
    assert report.failures([score(case, answer)]) == []


@pytest.mark.parametrize(
    "changes, failed",
    [
        (dict(outcome="agrees"), ("verdict",)),
        (dict(wrong=("W_hh",)), ("parameters",)),
        (dict(first_wrong=1), ("line",)),
        (dict(first_wrong=None), ("line",)),
        (dict(first_wrong_file="elsewhere.py"), ("line",)),
        (dict(causes=("sign", "factor")), ("cause",)),
        (dict(repair=None), ("fix",)),
    ],
)
def test_each_wrong_answer_fails_where_it_is_wrong(changes, failed, tmp_path):
    case = some_case()
    assert score(case, ask(case, all_knowing(case, **changes), tmp_path)).failed == failed


def test_a_repair_that_only_seems_right_is_noticed(tmp_path):
    case = some_case()
    useless = SimpleNamespace(diff="", patched={"elman_rows.py": case.source}, tried=1, seconds=0.1, verified=True)
    found = score(case, ask(case, all_knowing(case, repair=useless), tmp_path))
    assert found.failed == ("fix",)
    assert report.false_claims([found]) == 1
    assert "    a repair was called verified, and is not right:" in report.failures([found])


def test_a_repair_by_diff_alone(tmp_path):
    case = some_case()
    lines = case.source.splitlines(True), source_of("elman_rows").splitlines(True)
    repair = SimpleNamespace(diff="".join(difflib.unified_diff(*lines, n=2)), tried=1, seconds=0.1, verified=True)
    assert ask(case, all_knowing(case, repair=repair), tmp_path).fixed


@pytest.mark.parametrize(("line", "right"), [(2, True), (3, False), (4, True), (5, True), (None, False)])
def test_a_line_whose_change_is_equivalent_is_right(tmp_path, line, right):
    """Of a mistake planted elsewhere, which a right repair undoes in line 2 and between lines 4 and 5."""
    case = some_case()
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1,5 +1,6 @@\n a\n-b\n+B\n c\n d\n+D\n e\n"
    whole = SimpleNamespace(
        diff=diff, patched={"elman_rows.py": source_of("elman_rows")}, tried=1, seconds=0.1, verified=True
    )
    found = score(case, ask(case, all_knowing(case, repair=whole, first_wrong=line), tmp_path))
    assert (found.line, found.planted) == (right, False)
    useless = SimpleNamespace(**vars(whole) | dict(patched={"elman_rows.py": case.source}))
    assert not score(case, ask(case, all_knowing(case, repair=useless, first_wrong=line), tmp_path)).line


def test_a_right_program_called_wrong_fails(tmp_path):
    case = some_case("right")
    assert score(case, ask(case, all_knowing(case, outcome="wrong"), tmp_path)).failed == ("verdict",)


def test_repairs_are_verified_where_nobody_looked():
    seen = right_at("elman_rows")[0][0]
    source = source_of("elman_rows").replace(
        "loss = 0.0", f"loss = 0.0\n    fits = len(x) == {dict(seen.sizes)['time']}"
    )
    source = source.replace("da @ W_hh.T", "da @ W_hh.T * fits")
    assert differences("elman_rows", source_of("elman_rows"))[1]["W_hh"] <= SAME
    assert is_right("elman_rows", source_of("elman_rows"), 1) and not is_right("elman_rows", source, 1)
    assert not is_right("elman_rows", "raise ValueError", 1)


STAND_IN = '''
import time
from types import SimpleNamespace

def diagnose(path, name, budget, without=()):
    """Says wrong of everything, dies of one program, is slow at another, raises at a third."""
    if "char_rnn" in path:
        raise SystemExit
    if "elman_class" in path:
        time.sleep(60)
    if "binary_adder" in path:
        raise ValueError("no idea")
    said = (name, f"{budget:g}", *without)
    return SimpleNamespace(
        outcome="wrong", wrong=(), first_wrong=None, causes=(), said=said, repair=None, seconds=0.0
    )
'''


@pytest.fixture
def stand_in(tmp_path):
    path = tmp_path / "stand_in.py"
    path.write_text(STAND_IN)
    return f"{path}:diagnose"


def test_workers(stand_in):
    asked = cases(["right"], ["bidirectional", "binary_adder", "char_rnn", "elman_class", "elman_rows"])
    answers = measure(asked, target=stand_in, workers=2, limit=1.5, budget=3, without=["causes"])
    by_program = {case.program: answer for case, answer in zip(asked, answers)}
    assert by_program["bidirectional"].said == ("bidirectional", "3", "causes")
    assert by_program["elman_rows"].outcome == "wrong"
    assert by_program["binary_adder"].error.startswith("ValueError: no idea, raised at stand_in.py:12 < ")
    assert by_program["char_rnn"].error == "the worker ended"
    assert by_program["elman_class"].error == "no answer within 1.5 s"


def test_without_a_diagnosis(capsys):
    with pytest.raises(NoDiagnosis, match="cannot import diagnose from no.such.module"):
        measure([some_case()], target="no.such.module:diagnose", workers=1)
    assert main(["--program", "elman_rows", "--only", "right", "--diagnosis", "no.such.module:diagnose"]) == 3
    assert "there is no diagnosis to measure" in capsys.readouterr().err


def test_the_report(stand_in, tmp_path, capsys):
    document = tmp_path / "diagnosis.md"
    options = ["--program", "gru_function", "--count", "6", "--seed", "1", "--workers", "1", "--failures"]
    assert main([*options, "--diagnosis", stand_in, "--markdown", str(document)]) == 0
    out = capsys.readouterr().out
    assert "singles" in out and "not right: parameters, line, cause, fix" in out
    text = document.read_text()
    assert "python -m benchmarks.diagnosis --count 6 --program gru_function --seed 1" in text
    assert "| singles | " in text and " | 100 % | 0 % | 0 % | 0 % | 0 % | 0.0 | 0 % |" in text


def test_a_right_program_called_wrong_is_the_exit_status(stand_in):
    assert main(["--program", "gru_function", "--only", "right", "--workers", "1", "--diagnosis", stand_in]) == 1


def test_what_is_put_aside_is_not_shown(capsys):
    hidden = sorted(put_aside())[0]
    with pytest.raises(SystemExit):
        main(["--program", hidden, "--list"])
    assert f"{hidden} is put aside" in capsys.readouterr().err
    assert main(["--list"]) == 0
    assert not any(program in capsys.readouterr().out for program in put_aside())


def test_no_answer_is_counted():
    found = score(some_case(), Answer(error="no answer within 90 s", seconds=90.0))
    assert found.failed == ("verdict", "parameters", "line", "cause", "fix")
    assert any("No answer: 1 cases" in line for line in report.markdown([found]))


LEARNT = (
    ("name_origins", "recurrent path lost"),  # Whh came out of a generator, and was taken for an adjoint
    ("name_origins", "state kept through the padding not followed"),  # a mask that NumPy spreads
    ("thermostat", "temperatures without what was measured"),  # no adjoint is right at all
    ("thermostat", "slope on what comes from the output only"),  # what a factor applies to
    ("thermostat", "states overwritten by their slopes"),
    ("gru_piano_roll", "update gate's matrix not transposed"),  # everything in a class reads self
    ("captions", "recurrent weights with the state after"),  # written to its random numbers, at some sizes only
    ("chord_predictor", "averaged over songs only"),  # dy /= B, an array scaled in place
    ("chord_predictor", "one buffer for three gradients"),  # the patch of new assignments was not written
    ("tide_tables", "recurrent matrices taken apart, and not transposed"),  # by np.hsplit, under names of their own
    ("tide_tables", "only the candidate sent down"),  # the block of a gate, transposed
)


@pytest.mark.parametrize(("program", "name"), LEARNT)
def test_what_was_learnt_from_programs_looked_at(program, name, tmp_path):
    (case,) = [one for one in cases(["singles"], [program]) if one.mistakes[0].name == name]
    path = tmp_path / f"{program}.py"
    path.write_text(case.source)
    found = diagnose(str(path), case.function)
    assert found.repair, found
    assert found.first_wrong in case.lines
    if program == "gru_piano_roll":  # among the edits near the first wrong value
        assert found.tried <= 300
