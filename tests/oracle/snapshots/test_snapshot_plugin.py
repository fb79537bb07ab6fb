"""Snapshots as pytest runs them: what is told of each file that is amiss, and when one is written."""

import shutil

import pytest
import torch

import oracle.snapshots.recording  # noqa: F401, before pytester remembers which modules there are, and forgets the others

from .conftest import LAYER

pytest_plugins = "pytester"

WRONG = LAYER.replace("b=d.sum(0)", "b=d[0]")
SNAPSHOT = "__gradients__/check_layer/layer.npz"
UPDATE = "pytest check_layer.py::layer --gradient-snapshots --snapshot-update"


def run(pytester, *arguments):
    assert torch.__version__
    return pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "--gradient-snapshots", *arguments)


@pytest.fixture
def layer(pytester, data):
    """LAYER with its snapshot; gives the path of that."""
    pytester.makepyfile(check_layer=LAYER)
    snapshot = pytester.path / SNAPSHOT
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(data)
    return snapshot


def failure(result):
    """The lines of the one failure."""
    result.assert_outcomes(failed=1)
    lines = result.outlines
    begin = next(k for k, line in enumerate(lines) if line.startswith("____"))
    end = next(k for k, line in enumerate(lines) if k > begin and line.startswith(("----", "====")))
    return lines[begin + 1 : end]


def test_without_the_option_nothing_is_different(pytester, layer):
    result = pytester.runpytest_inprocess("--collect-only", "-q", "check_layer.py")
    assert len([line for line in result.outlines if line.startswith("check_layer.py::layer::")]) == 6
    assert not any("unused" in line for line in result.outlines)


def test_one_test_for_each_function(pytester, layer):
    pytester.makepyfile(check_layer=LAYER + "\nagain = layer\n")  # another name of the same
    result = run(pytester, "check_layer.py", "-W", "error")
    result.assert_outcomes(passed=1)
    assert "1 snapshot passed." in result.stdout.str()


def test_a_changed_gradient_fails(pytester, layer):
    pytester.makepyfile(check_layer=WRONG)
    lines = failure(run(pytester, "check_layer.py"))
    assert lines[0].startswith("b changed: by ")
    assert lines[-1] == f"if it is right and meant to differ, record it anew, which needs torch: {UPDATE}"
    assert lines[-2] == "whether it is wrong, and where: bptt-oracle check check_layer.py::layer"


def test_a_missing_snapshot(pytester, layer):
    layer.unlink()
    assert failure(run(pytester, "check_layer.py")) == [
        f"layer has no snapshot: there is no {SNAPSHOT}",
        f"record it, which needs torch: {UPDATE}",
    ]
    assert not layer.exists()  # a run that does not update writes nothing


@pytest.mark.parametrize(
    "damage, says",
    [
        (lambda data: data[:1000], "is no whole snapshot: "),
        (lambda data: b"", "is no whole snapshot: "),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
    ],
)
def test_a_damaged_snapshot(pytester, layer, data, damage, says):
    layer.write_bytes(damage(data))
    first, second = failure(run(pytester, "check_layer.py"))
    assert first.startswith(f"the snapshot of layer, layer.npz, {says}")
    assert second == f"take the file from version control, or record it anew, which needs torch: {UPDATE}"


def test_a_wrong_gradient_is_never_recorded(pytester, layer, data):
    pytester.makepyfile(check_layer=WRONG)
    layer.write_bytes(data[:1000])  # amiss, and to be replaced if it could be
    lines = failure(run(pytester, "check_layer.py", "--snapshot-update"))
    assert lines[0].startswith("nothing is recorded of layer: b wrong: ")
    assert layer.read_bytes() == data[:1000]


def test_what_raises_keeps_its_snapshot(pytester, layer, data):
    pytester.makepyfile(check_layer=LAYER.replace("    x = ", "    raise OSError('gone')\n    x = "))
    lines = failure(run(pytester, "check_layer.py", "--snapshot-update"))
    assert lines[0].startswith("layer was not compared: layer raised OSError: gone")
    assert layer.read_bytes() == data


def test_a_right_gradient_is_recorded_and_compared(pytester, layer, data):
    twice = LAYER.replace("0.5 * np.sum(y**2)", "np.sum(y**2)").replace("d = y *", "d = 2 * y *")
    pytester.makepyfile(check_layer=twice)
    assert "stale" in "\n".join(failure(run(pytester, "check_layer.py")))
    run(pytester, "check_layer.py", "--snapshot-update").assert_outcomes(passed=1)
    assert layer.read_bytes() != data
    assert [path.name for path in layer.parent.iterdir()] == ["layer.npz"]
    run(pytester, "check_layer.py").assert_outcomes(passed=1)
    pytester.makepyfile(check_layer=LAYER)
    assert failure(run(pytester, "check_layer.py"))[0].split(" changed")[0] in ("W", "b", "the loss")


def test_an_update_leaves_what_agrees(pytester, layer, data, monkeypatch):
    monkeypatch.setattr("oracle.snapshots.recording.verified", None)  # would raise if it were called
    run(pytester, "check_layer.py", "--snapshot-update").assert_outcomes(passed=1)
    assert layer.read_bytes() == data


def test_only_verified_bytes_are_written(tmp_path):
    from syrupy.data import Snapshot, SnapshotCollection

    from oracle.presentation.syrupy_extension import GradientSnapshots

    collection = SnapshotCollection(location=str(tmp_path / "a.npz"))
    collection.add(Snapshot(name="a", data=("code", "today")))
    with pytest.raises(TypeError, match="should be verified and bytes"):
        GradientSnapshots.write_snapshot_collection(snapshot_collection=collection)
    assert not list(tmp_path.iterdir())


def test_orphans_are_reported_and_removed_by_an_update(pytester, layer, data):
    orphan = layer.with_name("renamed.npz")
    of_a_file = layer.parent.with_name("check_removed") / "layer.npz"
    of_a_file.parent.mkdir()
    for path in (orphan, of_a_file):
        path.write_bytes(data)
    pytester.makeini("[pytest]\npython_files = check_*.py\n")
    result = run(pytester, "--snapshot-details")
    assert result.ret != 0
    assert "1 snapshot passed. 2 snapshots unused." in result.stdout.str()
    assert "renamed" in result.stdout.str() and orphan.exists()
    run(pytester, "--snapshot-update")
    assert layer.exists() and not orphan.exists() and not of_a_file.exists()


def test_a_users_own_snapshots_are_left_alone(pytester, layer, data):
    """Neither kind takes the other's files for unused."""
    pytester.makepyfile(test_text="def test_text(snapshot):\n    assert 'text' == snapshot\n")
    pytester.makeini("[pytest]\npython_files = check_*.py test_*.py\n")
    own = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "test_text.py", "--snapshot-update")
    own.assert_outcomes(passed=1)
    assert layer.read_bytes() == data
    run(pytester).assert_outcomes(passed=2)
    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "test_text.py", "--snapshot-update")
    assert layer.read_bytes() == data and (pytester.path / "__snapshots__" / "test_text.ambr").exists()


def test_under_xdist(pytester, layer, data):
    for name in ("one", "two"):
        pytester.makepyfile(**{f"check_{name}": LAYER})
        shutil.copytree(layer.parent, layer.parent.with_name(f"check_{name}"))
    layer.with_name("orphan.npz").write_bytes(data)
    files = [f"check_{name}.py" for name in ("layer", "one", "two")]
    result = pytester.runpytest_subprocess("-q", "-n", "2", "--gradient-snapshots", *files)
    result.assert_outcomes(passed=3)
    assert "3 snapshots passed. 1 snapshot unused." in result.stdout.str() and result.ret != 0


def test_the_file_is_named_from_where_pytest_is_run(pytester, layer):
    folder = pytester.mkdir("sub folder")
    shutil.move(pytester.path / "check_layer.py", folder / "check_layer.py")
    lines = failure(run(pytester, "sub folder/check_layer.py"))
    assert lines[1].endswith("pytest 'sub folder/check_layer.py::layer' --gradient-snapshots --snapshot-update")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("-p", "no:syrupy"), "--gradient-snapshots needs syrupy, which is not loaded: pip install syrupy"),
        (("--gradient-hidden-sizes", "3"), "--gradient-hidden-sizes has no meaning with --gradient-snapshots"),
    ],
)
def test_what_is_no_use(pytester, layer, arguments, says):
    result = run(pytester, "check_layer.py", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR and says in result.stderr.str()


def test_a_function_in_a_class_is_told(pytester, layer):
    inside = "\n".join(f"    {line}" for line in LAYER.partition("\n\n\n")[2].splitlines())
    pytester.makepyfile(check_layer=f"{LAYER.partition(chr(10) * 3)[0]}\n\nclass Test:\n{inside}\n")
    result = run(pytester, "check_layer.py")
    assert "layer stands in a class; gradient functions stand at the top of their file" in result.stdout.str()


def test_one_that_is_imported_is_a_test_in_its_own_file_alone(pytester, layer):
    pytester.makepyfile(check_other="from check_layer import layer\n")
    pytester.syspathinsert()
    run(pytester, "check_other.py").assert_outcomes()
