"""The file of a snapshot: what goes in comes out, and nothing else is taken for it."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest

from oracle.snapshots import RecordedCase, RecordedGradient, Snapshot, Unreadable, from_bytes, to_bytes
from oracle.snapshots.snapshot import _sha256

HOSTILE = ("W", "file", "allow_pickle", "../../W", "header", "array0", "", "a\0b", "Ж" * 300, "\ud800", "W.npy", "self")


def snapshot(**gradients):
    kept = {name: RecordedGradient(np.asarray(g), 1e-16, 4e-16) for name, g in gradients.items()}
    case = RecordedCase("time=5", {"time": 5}, "p", "c", "d", 0.1, 1e-17, 4e-17, kept)
    return Snapshot({"name": "f", "shapes": {}}, "s", {"numpy": "2"}, "autograd", (case, replace(case, case="time=9")))


def same(one, other):
    assert replace(one, cases=()) == replace(other, cases=()) and len(one.cases) == len(other.cases)
    for a, b in zip(one.cases, other.cases):
        assert replace(a, gradients={}) == replace(b, gradients={})
        assert a.gradients.keys() == b.gradients.keys()
        for name, kept in a.gradients.items():
            again = b.gradients[name]
            assert (kept.noise, kept.tolerance) == (again.noise, again.tolerance)
            assert kept.gradient.dtype == again.gradient.dtype and kept.gradient.shape == again.gradient.shape
            assert np.array_equal(kept.gradient, again.gradient)


def test_round_trip():
    gradients = {
        "W": np.random.default_rng(0).normal(size=(3, 4)),
        "float32": np.float32([1 / 3, -0.0, 1e-45]),
        "scalar": np.array(1 / 3),
        "empty": np.zeros((0, 3)),
        "transposed": np.arange(6.0).reshape(2, 3).T,
    }
    before = snapshot(**gradients)
    same(before, from_bytes(to_bytes(before)))
    assert to_bytes(before) == to_bytes(before)


def test_hostile_names():
    before = snapshot(**dict.fromkeys(HOSTILE, np.ones(2)))
    same(before, from_bytes(to_bytes(before)))


def test_a_real_one(recorded, data):
    same(recorded, from_bytes(data))


def test_cut_short_anywhere(data):
    for length in (0, 1, 10, 100, len(data) // 2, len(data) - 30, len(data) - 1):
        with pytest.raises(Unreadable, match="is no whole snapshot: .*cut short"):
            from_bytes(data[:length])


def test_a_byte_changed_anywhere(data):
    before = from_bytes(data)
    for place in range(0, len(data), 97):
        changed = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        try:
            after = from_bytes(changed)
        except Unreadable:
            continue
        same(before, after)  # a byte that says nothing, such as a date in the archive


def rewritten(data, change):
    """The file with its header or arrays changed by hand, and its archive whole."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        members = dict(file)
    header = json.loads(bytes(members["header"]))
    change(header, members)
    members["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **members)
    return file.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda header, members: members["array0"].__imul__(2),
        lambda header, members: members.update(array0=members["array0"].astype(np.float32)),
        lambda header, members: members.update(array0=members["array0"].T.copy()),
        lambda header, members: header["content"]["cases"][0].update(loss_tolerance=1.0),
        lambda header, members: header["content"]["cases"][0]["gradients"]["W"].update(tolerance=1e300),
        lambda header, members: header["content"].update(source="another"),
        lambda header, members: header.update(content=None),
        lambda header, members: members.update({f"array{len(members) - 1}": np.zeros(3)}),
    ],
)
def test_edited_by_hand(data, change):
    with pytest.raises(Unreadable, match="does not hold what was recorded: .*SHA-256"):
        from_bytes(rewritten(data, change))


def test_only_rewritten(data):
    same(from_bytes(data), from_bytes(rewritten(data, lambda header, members: None)))


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format(data, number):
    with pytest.raises(Unreadable, match=f"has format {number!r}, and this version of bptt-oracle reads format 1"):
        from_bytes(rewritten(data, lambda header, members: header.update(format=number)))


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was run')",)


def test_no_pickle_is_read():
    file = io.BytesIO()
    np.savez(file, header=np.array([Trap()], dtype=object))
    with pytest.raises(Unreadable, match="is no whole snapshot"):
        from_bytes(file.getvalue())


def test_no_pickle_is_written():
    with pytest.raises(ValueError):
        to_bytes(snapshot(W=np.array([Trap()], dtype=object)))


@pytest.mark.parametrize(
    "data, says",
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a pointer of Git LFS .*: git lfs pull"),
        (b"<<<<<<< HEAD\n", "is no whole snapshot"),
        (b"\x93NUMPY", "is no whole snapshot"),
    ],
)
def test_something_else(data, says):
    with pytest.raises(Unreadable, match=says):
        from_bytes(data)


def test_an_archive_of_something_else():
    for members in ({}, {"W": np.ones(3)}, {"header": np.ones(3)}, {"header": np.frombuffer(b"[1]", np.uint8)}):
        file = io.BytesIO()
        np.savez(file, **members)
        with pytest.raises(Unreadable, match="is no whole snapshot|has format None"):
            from_bytes(file.getvalue())


def test_one_array_alone():
    file = io.BytesIO()
    np.save(file, np.ones(3))
    with pytest.raises(Unreadable, match="is no whole snapshot"):
        from_bytes(file.getvalue())


@pytest.mark.parametrize(
    "changed",
    [{"cases": "none"}, {"more": 1}, {"cases": [{"gradients": {"W": {"array": 99, "noise": 0, "tolerance": 0}}}]}],
)
def test_sealed_by_somebody_else(data, changed):
    def change(header, members):
        header["content"].update(changed)
        arrays = [members[f"array{number}"] for number in range(len(members) - 1)]
        header["sha256"] = _sha256(header["content"], arrays)

    with pytest.raises(Unreadable, match="is no whole snapshot: its content is not what is recorded"):
        from_bytes(rewritten(data, change))


def test_an_archive_that_unpacks_to_more_than_any_snapshot(data, monkeypatch):
    monkeypatch.setattr("oracle.snapshots.snapshot.MOST_BYTES", 100)
    with pytest.raises(Unreadable, match="is no whole snapshot: it unpacks to [0-9,]+ bytes"):
        from_bytes(data)
