"""docs/ci.md and the files it offers: the workflows are what a CI system reads, and their commands do what is said."""

import importlib.resources
import json
import os
import re
import shlex
import subprocess
import sys
from itertools import chain
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from junitparser import JUnitXml
from ruamel.yaml import YAML

from oracle.presentation.command import main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / "docs" / "ci").glob("*.yml"))
BESIDE = Path(sys.executable).parent  # where the commands of this environment are
RIGHT = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="output input")
def layer(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    return np.sum(x @ p.W.T), dict(W=np.tile(x.sum(axis=0), (sizes.output, 1)))
"""
WRONG = RIGHT.replace("x.sum", "x.mean").replace("layer", "mean")


def read(path: Path) -> dict:
    return YAML(typ="safe", pure=True).load(path)


def steps(path: Path) -> list[dict]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def command_of(workflow: str, name: str) -> str:
    """What the step of that name runs."""
    (step,) = [one for one in steps(ROOT / "docs" / "ci" / workflow) if one.get("name") == name]
    return step["run"]


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """As GitHub does: bash that ends at the first command that fails."""
    everything = {**os.environ, "PATH": f"{BESIDE}{os.pathsep}{os.environ['PATH']}", **environment}
    arguments = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command]
    return subprocess.run(arguments, cwd=folder, env=everything, capture_output=True, text=True)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_one(path):
    schemas = importlib.resources.files("check_jsonschema.builtin_schemas.vendor")
    schema = json.loads((schemas / "github-workflows.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(read(path))


def test_actions_are_pinned_by_major_version_and_the_same_everywhere():
    used = {step["uses"] for path in WORKFLOWS for step in steps(path) if "uses" in step}
    assert len(WORKFLOWS) == 2 and len(used) == len({one.partition("@")[0] for one in used}) == 5
    assert all(re.fullmatch(r"(actions|github)/[\w/-]+@v\d+", one) for one in used)


def test_the_page_names_every_file_and_every_option():
    for path in WORKFLOWS:
        assert f"](ci/{path.name})" in PAGE
    for option in ("--sarif", "--summary", "--junitxml", "--splits", "--group", "--glob", "--gradient-snapshots"):
        assert option in PAGE
        assert any(option in step.get("run", "") for path in WORKFLOWS for step in steps(path))


def test_the_check_of_the_workflow(tmp_path):
    (tmp_path / "check_right.py").write_text(RIGHT)
    (tmp_path / "check_wrong.py").write_text(WRONG)
    summary = tmp_path / "step summary.md"
    ran = run(command_of("check.yml", "Check"), tmp_path, GITHUB_STEP_SUMMARY=str(summary))
    assert ran.returncode == 1, ran.stderr
    assert summary.read_text(encoding="utf-8").startswith("## Gradients: 1 wrong, 1 agrees\n")
    (one,) = json.loads((tmp_path / "gradients.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "check_wrong.py"


def test_the_tests_of_the_workflow(tmp_path):
    (tmp_path / "check_right.py").write_text(RIGHT)
    ran = run(command_of("check.yml", "Test"), tmp_path)
    assert ran.returncode == 0, ran.stdout
    report = JUnitXml.fromfile(str(tmp_path / "gradients.xml"))
    assert (report.tests, report.failures) == (3, 0)


def ids(path: Path) -> list[tuple[str, str]]:
    return sorted((case.classname, case.name) for suite in JUnitXml.fromfile(str(path)) for case in suite)


def test_shards_are_the_whole_and_merge_into_one_report(tmp_path):
    """With the commands of the workflow, on a part of the smoke grid, three machines one after the other."""
    few = f"--grid smoke --cells gru --rootdir {ROOT} -c {ROOT / 'pyproject.toml'} -n 0 -p no:cacheprovider "
    test = command_of("grid.yml", "Test").replace("tests/test_gradients.py", str(ROOT / "tests" / "test_gradients.py"))
    test = test.replace("--grid full -n auto --dist worksteal", few)
    assert few in test and "--splits 8" in test
    whole = set()
    for group in "123":
        ran = run(test.replace("--splits 8", "--splits 3").replace("${{ matrix.group }}", group), tmp_path)
        assert ran.returncode == 0, ran.stdout
        counts = re.findall(r"(\d+) (?:passed|skipped|deselected)", ran.stdout.splitlines()[-1])
        whole.add(sum(map(int, counts)))
    ran = run(command_of("grid.yml", "Merge") + command_of("grid.yml", "Verify"), tmp_path)
    assert ran.returncode == 0, ran.stderr
    parts = [ids(tmp_path / "junit" / f"grid-{group}.xml") for group in "123"]
    merged = ids(tmp_path / "grid.xml")
    assert sorted(chain(*parts)) == merged and {len(merged)} == whole, "each collects the same, and runs its part"
    assert len(set(merged)) == len(merged) > 500 and all(len(part) > len(merged) // 4 for part in parts)
    report = JUnitXml.fromfile(str(tmp_path / "grid.xml"))
    assert report.tests == len(merged) and report.failures == report.errors == 0
    assert (tmp_path / "grid.html").read_text(encoding="utf-8").count("weight_hh-") > 100


def test_every_shard_of_the_workflow_is_a_machine():
    shard = read(ROOT / "docs" / "ci" / "grid.yml")["jobs"]["shard"]
    groups = shard["strategy"]["matrix"]["group"]
    command = shlex.split(command_of("grid.yml", "Test"))
    assert groups == list(range(1, int(command[command.index("--splits") + 1]) + 1))


def test_the_hook_takes_the_files_that_the_page_says():
    (hook,) = read(ROOT / ".pre-commit-hooks.yaml")
    local = YAML(typ="safe", pure=True).load(re.search(r"```yaml\n(# without.*?)```", PAGE, re.DOTALL)[1])
    (same,) = local["repos"][0]["hooks"]
    assert same["language"] == "system" and {**same, "language": hook["language"]}.items() <= hook.items()
    for name, taken in (
        ("check_rnn.py", True),
        ("models/check_rnn.py", True),
        ("recheck_rnn.py", False),
        ("check_rnn.pyc", False),
        ("check_rnn/model.py", False),
    ):
        assert bool(re.search(hook["files"], name)) == taken, name


def test_the_hook_fails_on_a_wrong_gradient(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (hook,) = read(ROOT / ".pre-commit-hooks.yaml")
    (tmp_path / "check_right.py").write_text(RIGHT)
    (tmp_path / "check_wrong.py").write_text(WRONG)
    command, *arguments = hook["entry"].split()
    assert command == "bptt-oracle"
    ran = CliRunner().invoke(main, [*arguments, "--budget", "0", "check_right.py", "check_wrong.py"])
    assert ran.exit_code == 1 and "✗ mean at check_wrong.py:5" in ran.output
