"""The examples of `bptt-oracle check` say what they are there to say, and spoilt they say otherwise."""

import ast
import functools
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from oracle.examination import examine
from oracle.finding import Finding
from oracle.gradient_check import FunctionReport, check_function, functions_in, subject_at
from oracle.gradient_function import GradientFunction
from oracle.oracles import AUTOGRAD, DIFFERENCES, REFERENCE
from oracle.sizes import points
from oracle.verdict import AGREES, CANNOT_TELL, WRONG

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = {path.stem: path for path in sorted(EXAMPLES.glob("check_*.py"))}
MOST_LINES = 15

pytestmark = [
    pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning"),  # what NumPy says of log(0)
    pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning"),
]


@dataclass(frozen=True)
class Expected:
    """What should come of a gradient function.

    wrong    the parameters whose gradients are wrong, at every case
    oracle   which one speaks, at every case
    says     what stands in the words
    shrunk   what stands in the words about the smallest sizes
    """

    outcome: str = AGREES
    wrong: frozenset[str] = frozenset()
    oracle: str = AUTOGRAD
    says: tuple[str, ...] = ()
    shrunk: tuple[str, ...] = ()
    precision: str = "float64"


def wrong(names: str, *says: str, shrunk: tuple[str, ...] = ()) -> Expected:
    return Expected(WRONG, frozenset(names.split()), says=says, shrunk=shrunk)


def unchecked(*says: str) -> Expected:
    return Expected(CANNOT_TELL, oracle="", says=("not checked: ", *says))


AGREE = Expected()
ACROSS_STEPS = "right at time=1, wrong at time=2: look at what flows between steps"

EXPECTED = {
    "check_right": {
        "module_globals": AGREE,
        "lstm_class": AGREE,
        "object_per_step": AGREE,
        "cell_unrolled_here": AGREE,
        "many_to_one": AGREE,
        "update_only": AGREE,
        "local_variables": AGREE,
        "handed_to_an_optimizer": AGREE,
        "np_matrix": AGREE,
        "row_vectors": AGREE,
        "float32_inside": Expected(precision="float32"),
        "overwrites_its_caches": AGREE,
        "several_modules": AGREE,
    },
    "check_deviating": {
        "elementwise_clip": Expected(says=("declared: clipped to [-2, 2]",)),
        "norm_clip": Expected(says=("declared: scaled to a joint norm of at most 1.5",)),
        "decayed": Expected(says=("declared: plus 0.01 times the parameter",)),
        "decayed_then_clipped": Expected(says=("declared: plus 0.01 times", "declared: clipped to [-2, 2]")),
        "mean_against_sum": AGREE,
        "mean_over_a_fixed_batch": Expected(says=("declared: times 0.0625",)),
        "ascent": Expected(says=("declared: times -1",)),
    },
    "check_torch": {
        "manual_backward": AGREE,
        "function_called_directly": AGREE,
        "function_with_reference": Expected(oracle=REFERENCE),
        "function_by_itself": Expected(oracle=DIFFERENCES, says=("torch.autograd.grad cannot be lifted",)),
    },
    "check_notebook": {"counting": AGREE},
    "check_beyond_rnn": {"dense_network": AGREE, "normalisation": AGREE, "attention": AGREE},
    "check_wrong": {
        "untransposed_carry": wrong("W R b", "confirmed by the loss itself", shrunk=(ACROSS_STEPS, "transpose")),
        "state_index": wrong("R", "confirmed by the loss itself", shrunk=("wrong at time=1 already",)),
        "derivative_of_preactivation": wrong("W R b", shrunk=("wrong at time=1 already",)),
        "bias_not_summed": wrong("b", "b wrong: shape (3, 4), but should be (1, 4)", shrunk=("wrong at batch=2",)),
        "overwritten": wrong("W", "confirmed by the loss itself", shrunk=(ACROSS_STEPS,)),
        "three_mistakes": wrong("V R b", "exactly 1/batch = 0.333333 times the right one"),
        "undeclared_clip": wrong("W R V b", "W wrong", "exactly clip(the right one, -1, 1)"),
        "raises": unchecked("ValueError: ", "operands could not be broadcast", 'faulty_elman.py"', 'g["V"] +='),
        "wrong_gate": wrong("Wr Wz Wn", "confirmed by the loss itself", shrunk=("wrong at time=1 already",)),
        "accumulates": wrong("", "called twice", "two gradients of w, r: are they set to zero"),
        "modifies_its_inputs": Expected(says=("also: arrays drawn from rng are written to: normal (",)),
        "log_of_zero": unchecked("the loss is nan", "log_of_zero.py:10 in divergence", "np.log(target)"),
        "returns_a_list": unchecked("a list for the gradients, but should return (loss, gradients)", "a dict with 'W'"),
        "misspelt": unchecked("returned a gradient 'dW', but there is no such parameter, only W, R, V, b"),
        "forgets_one": wrong("W", "W wrong: there is no such gradient"),
        "raises_at_the_carry": unchecked('faulty_elman.py"', 'with delta @ p["R"].T every gradient agrees'),
    },
}
ALL = [(file, name) for file, functions in EXPECTED.items() for name in functions]


@functools.cache
def functions(file: str) -> dict[str, GradientFunction]:
    return functions_in(str(FILES[file]))


@functools.cache
def report(file: str, name: str) -> FunctionReport:
    return check_function(functions(file)[name])


def first_case(function: GradientFunction) -> Finding:
    """What is found at the first of its cases."""
    return examine(subject_at(function, points(function.shapes)[0])[0])


def test_every_example_is_expected_and_every_expected_one_is_there():
    assert {file: list(functions(file)) for file in FILES} == {
        file: list(expected) for file, expected in sorted(EXPECTED.items())
    }


@pytest.mark.parametrize("file, name", ALL, ids=[f"{file}-{name}" for file, name in ALL])
def test_outcome(file, name):
    expected, found = EXPECTED[file][name], report(file, name)
    assert found.outcome == expected.outcome, str(found.worst)
    for finding in found.findings:
        assert (finding.outcome, finding.oracle) == (expected.outcome, expected.oracle), str(finding)
        assert frozenset(finding.wrong) == expected.wrong, str(finding)
        assert finding.precision == expected.precision or not expected.oracle, str(finding)
    for words in expected.says:
        assert words in str(found.worst)
    if expected.outcome == AGREES and not any("also: " in words for words in expected.says):
        assert not any(finding.complaints for finding in found.findings)
    for words in expected.shrunk:
        assert any(words in said for said in found.shrunk.says), found.shrunk


UNDECLARED = {
    "elementwise_clip": ("Wx Wh Wy", "exactly clip(the right one, -2, 2)"),
    "norm_clip": ("Wx Wh Wy", " times the right one"),
    "decayed": ("Wx Wh Wy", "exactly the right one plus 0.01 times the parameter"),
    "decayed_then_clipped": ("Wx Wh Wy", None),
    "mean_over_a_fixed_batch": ("W R v", "exactly 0.0625 times the right one"),
    "ascent": ("W R A", "exactly -1 times the right one"),
}


@pytest.mark.parametrize("name, names, words", [(k, *v) for k, v in UNDECLARED.items()], ids=UNDECLARED)
def test_a_deviation_that_is_not_declared_is_wrong_and_recognised(name, names, words):
    finding = first_case(replace(functions("check_deviating")[name], deviations=()))
    assert set(finding.wrong) == set(names.split())
    for parameter in names.split():
        assert words is None or words in finding.recognised[parameter]


SPOILT = {
    "check_right-module_globals": ("char_rnn.py", "dhnext = Whh.T @ da", "dhnext = Whh @ da", "Wxh Whh bh"),
    "check_right-lstm_class": (
        "lstm_class.py", 'dc_next = dc * k["f"]', 'dc_next = dc * k["i"]', "Wi bi Wf bf Wo bo Wg bg"
    ),
    "check_right-object_per_step": ("gru_steps.py", "(da_n, self.r * self.h_prev)", "(da_n, self.h_prev)", "U"),
    "check_right-cell_unrolled_here": ("one_cell.py", "np.dot(self.W.T, delta)", "np.dot(self.W.T, grad)", "W b h_0"),
    "check_right-many_to_one": ("sentiment.py", "d_scores[label] -= 1", "d_scores[label] -= 2", "U W V b c"),
    "check_right-update_only": (
        "binary_adder.py", "future_delta = delta\n", "future_delta += delta\n", "synapse_0 synapse_h"
    ),
    "check_right-local_variables": ("trainer.py", "np.outer(delta, hs[t])", "np.outer(delta, hs[t - 1])", "W_rec"),
    "check_right-handed_to_an_optimizer": (
        "tagger.py", "np.add.at(dE, words[t - 1], da)", "dE[words[t - 1]] = da", "E"
    ),
    "check_right-np_matrix": ("matrix_elman.py", "gV += e * s[t + 1].T", "gV += 2 * e * s[t + 1].T", "V"),
    "check_right-row_vectors": ("row_elman.py", "g_h += d_h", "g_h = d_h", "b_h"),
    "check_right-float32_inside": (
        "float32_layer.py", "db += da.sum(axis=0)", "db += 1.001 * da.sum(axis=0)", "b"
    ),
    "check_right-overwrites_its_caches": ("reused_buffers.py", "if t else self.h0", "if t else 0 * self.h0", "R"),
    "check_right-several_modules": ("word_rnn/model.py", "dW += d_scores.T", "dW = d_scores.T", "E"),
    "check_deviating-mean_against_sum": ("batch_average.py", "h[t].T @ delta / B", "h[t].T @ delta", "R"),
    "check_torch-manual_backward": ("torch_elman.py", "delta @ self.w_hh.t()", "delta @ self.w_hh", "w_ih w_hh b_h"),
    "check_torch-function_called_directly": ("torch_function.py", "carry = delta @ r.T", "carry = delta", "w r h_0"),
    "check_torch-function_with_reference": ("torch_function.py", "d_w += x[t]", "d_w += 1.0001 * x[t]", "w"),
    "check_torch-function_by_itself": ("torch_function.py", "d_w += x[t]", "d_w += 1.0001 * x[t]", "w"),
    "check_notebook-counting": ("counting.ipynb", "g = g * r", "g = g * r * r", "w r"),
    "check_beyond_rnn-dense_network": ("mlp.py", "return da @ self.W.T", "return d_out @ self.W.T", "W0 b0"),
    "check_beyond_rnn-normalisation": ("layer_norm.py", " - mean - ", " - ", "x"),
    "check_beyond_rnn-attention": ("attention.py", "d_k = d_scores.swapaxes(1, 2)", "d_k = d_scores", "x Wk"),
}  # fmt: skip


def test_every_right_example_is_spoilt_once():
    right = {f"{file}-{name}" for file, name in ALL if EXPECTED[file][name].outcome == AGREES}
    declared = {f"check_deviating-{name}" for name in UNDECLARED}
    assert set(SPOILT) == right - declared - {"check_wrong-modifies_its_inputs"}


@pytest.mark.parametrize("example, program, right, mistake, names", [(k, *v) for k, v in SPOILT.items()], ids=SPOILT)
def test_a_right_example_that_is_spoilt_is_wrong(example, program, right, mistake, names, tmp_path):
    folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
    spoilt = folder / "programs" / program
    source = spoilt.read_text()
    assert source.count(right) == 1
    spoilt.write_text(source.replace(right, mistake))
    file, name = example.split("-")
    finding = first_case(functions_in(str(folder / f"{file}.py"))[name])
    assert set(finding.wrong) == set(names.split()), str(finding)


@pytest.mark.parametrize("file", FILES)
def test_adapters_are_short_and_say_which_pattern_they_show(file):
    tree = ast.parse(FILES[file].read_text())
    assert "bptt-oracle check examples/" + FILES[file].name in ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            assert node.end_lineno - first + 1 <= MOST_LINES, node.name
            assert ast.get_docstring(node) and "\n" not in ast.get_docstring(node), node.name


def test_every_program_is_used():
    adapters = "".join(path.read_text() for path in FILES.values())
    programs = [path.relative_to(EXAMPLES) for path in (EXAMPLES / "programs").rglob("*") if path.is_file()]
    helpers = {"layers.py", "losses.py"}  # which word_rnn/model.py imports
    unused = [path for path in programs if path.as_posix() not in adapters and path.name not in helpers]
    assert [path for path in unused if "__pycache__" not in path.parts] == []


@pytest.mark.parametrize(
    "target, code, mark", [("right.py::module_globals", 0, "✓"), ("wrong.py::state_index", 1, "✗")]
)
def test_the_command(target, code, mark):
    command = "from oracle.presentation.command import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", command, "check", f"examples/check_{target}"],
        cwd=EXAMPLES.parent, capture_output=True, text=True, encoding="utf-8", timeout=60,
        env={"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (code, ""), run.stdout
    assert run.stdout.startswith(f"{mark} {target.partition('::')[2]} at check_")
