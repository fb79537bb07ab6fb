"""Names survive: for every function the axes of what it gives are those of what it was given."""

import numpy as np
import pytest

from oracle.alignment.made import made_named
from oracle.alignment.named import Named, NamedFloat, named
from oracle.alignment.record import CURRENT, Record
from oracle.alignment.rules import COMPOSED, FUNCTIONS


@pytest.fixture
def record():
    found = Record(60.0)
    token = CURRENT.set(found)
    with made_named():
        yield found
    CURRENT.reset(token)


SIZES = dict(T=3, B=4, H=5, I=6, o=1)


class Arrays:
    """Arrays by the letters of their axes, which are the same labels in all of them."""

    def __init__(self, record):
        self.record = record
        self.letters = {letter: record.labels.new(size) for letter, size in SIZES.items()}

    def __call__(self, letters):
        shape = tuple(SIZES[letter] for letter in letters)
        values = np.random.default_rng(0).normal(size=shape)
        return named(np.ndarray.view(values, np.ndarray), tuple(self.letters[one] for one in letters), None)

    def of(self, result):
        """The letters of a result: 1 for an axis of size 1 that was put in, ? for another one, (TB) for merged axes."""
        back = {label: letter for letter, label in self.letters.items()}

        def letter(label):
            known = self.record.labels[label]
            if known.parts:
                return "(" + "".join(map(letter, known.parts)) + ")"
            return back.get(label, "1" if known.meant else "?")

        return "".join(map(letter, result.labels))


TBH, TB, BH, HI, H = "TBH", "TB", "BH", "HI", "H"
CASES = [
    ("add", TBH, lambda a, f: a(TBH) + a(H), "TBH"),
    ("ufunc with one argument", TBH, lambda a, f: np.tanh(a(TBH)), "TBH"),
    ("ufunc.outer", TB, lambda a, f: np.multiply.outer(a("T"), a("BH")), "TBH"),
    ("ufunc.accumulate", TB, lambda a, f: np.add.accumulate(a(TB)), "TB"),
    ("ufunc.reduce", TB, lambda a, f: np.add.reduce(a(TBH), axis=1), "TH"),
    ("a number", TB, lambda a, f: 2 * a(TB) / 3.0, "TB"),
    ("matmul", BH, lambda a, f: a(BH) @ a(HI), "BI"),
    ("matmul, batched", TBH, lambda a, f: a(TBH) @ a(HI), "TBI"),
    ("matmul of a vector", HI, lambda a, f: a(H) @ a(HI), "I"),
    ("matmul by a vector", HI, lambda a, f: a(HI) @ a("I"), "H"),
    ("dot", BH, lambda a, f: np.dot(a(BH), a(HI)), "BI"),
    ("dot, method", BH, lambda a, f: a(BH).dot(a(H)), "B"),
    ("inner", BH, lambda a, f: np.inner(a(BH), a("IH")), "BI"),
    ("outer", H, lambda a, f: np.outer(a("H"), a("I")), "HI"),
    ("einsum", TBH, lambda a, f: np.einsum("tbh,hi->bti", a(TBH), a(HI)), "BTI"),
    ("einsum, implicit", BH, lambda a, f: np.einsum("ij,jk", a(BH), a(HI)), "BI"),
    ("tensordot", TBH, lambda a, f: np.tensordot(a(TBH), a(TB), axes=([0, 1], [0, 1])), "H"),
    ("tensordot, a number of axes", TBH, lambda a, f: np.tensordot(a(TBH), a(HI), 1), "TBI"),
    ("sum", TBH, lambda a, f: a(TBH).sum(axis=0), "BH"),
    ("sum, function", TBH, lambda a, f: np.sum(a(TBH), axis=(0, 2)), "B"),
    ("sum, keepdims", TBH, lambda a, f: np.sum(a(TBH), axis=1, keepdims=True), "T1H"),
    ("prod", TB, lambda a, f: np.prod(a(TB), axis=0), "B"),
    ("mean", TBH, lambda a, f: a(TBH).mean(axis=-1), "TB"),
    ("mean, keepdims", TB, lambda a, f: np.mean(a(TB), axis=0, keepdims=True), "1B"),
    ("max", TB, lambda a, f: a(TB).max(1), "T"),
    ("min", TB, lambda a, f: np.min(a(TB), axis=1), "T"),
    ("amax", TB, lambda a, f: np.amax(a(TB), axis=1), "T"),
    ("std", TB, lambda a, f: np.std(a(TB), axis=0), "B"),
    ("var", TB, lambda a, f: a(TB).var(axis=0), "B"),
    ("any", TB, lambda a, f: np.any(a(TB) > 0, axis=0), "B"),
    ("all", TB, lambda a, f: (a(TB) > 0).all(axis=0), "B"),
    ("argmax", TB, lambda a, f: np.argmax(a(TB), axis=1), "T"),
    ("argmin, method", TB, lambda a, f: a(TB).argmin(0), "B"),
    ("cumsum", TB, lambda a, f: np.cumsum(a(TB), axis=0), "TB"),
    ("cumprod, method", TB, lambda a, f: a(TB).cumprod(axis=0), "TB"),
    ("transpose", TBH, lambda a, f: a(TBH).transpose(1, 0, 2), "BTH"),
    ("transpose, function", TBH, lambda a, f: np.transpose(a(TBH), (2, 0, 1)), "HTB"),
    ("T", TBH, lambda a, f: a(TBH).T, "HBT"),
    ("swapaxes", TBH, lambda a, f: np.swapaxes(a(TBH), 0, 1), "BTH"),
    ("swapaxes, method", TBH, lambda a, f: a(TBH).swapaxes(-1, 0), "HBT"),
    ("moveaxis", TBH, lambda a, f: np.moveaxis(a(TBH), 0, -1), "BHT"),
    ("reshape, merged", TBH, lambda a, f: a(TBH).reshape(12, 5), "(TB)H"),
    ("reshape, merged by -1", TBH, lambda a, f: a(TBH).reshape(-1, 5), "(TB)H"),
    ("reshape, split again", TBH, lambda a, f: (a(TBH).reshape(-1, 5) @ a(HI)).reshape(3, 4, 6), "TBI"),
    ("reshape, a column", H, lambda a, f: a(H).reshape(-1, 1), "H1"),
    ("reshape, function", TB, lambda a, f: np.reshape(a(TB), (1, 3, 4)), "1TB"),
    ("reshape, of a column", "Ho", lambda a, f: a("Ho").reshape(5), "H"),
    ("ravel", TB, lambda a, f: np.ravel(a(TB)), "(TB)"),
    ("flatten", TB, lambda a, f: a(TB).flatten(), "(TB)"),
    ("squeeze", "To", lambda a, f: np.squeeze(a("ToB")), "TB"),
    ("squeeze, an axis", "To", lambda a, f: a("ToB").squeeze(axis=1), "TB"),
    ("expand_dims", TB, lambda a, f: np.expand_dims(a(TB), 1), "T1B"),
    ("None", TB, lambda a, f: a(TB)[:, None], "T1B"),
    ("atleast_2d", H, lambda a, f: np.atleast_2d(a(H)), "1H"),
    ("index", TBH, lambda a, f: a(TBH)[1], "BH"),
    ("index of the second axis", TBH, lambda a, f: a(TBH)[:, 2], "TH"),
    ("index, ...", TBH, lambda a, f: a(TBH)[..., 0], "TB"),
    ("slice", TBH, lambda a, f: a(TBH)[1:], "TBH"),
    ("slice, backwards", TBH, lambda a, f: a(TBH)[::-1], "TBH"),
    ("slice, a part", "I", lambda a, f: a("I")[:2], "?"),
    ("index by a list", TBH, lambda a, f: a(TBH)[:, [0, 2]], "T?H"),
    ("index by a mask", TB, lambda a, f: a(TB)[a(TB) > 0], "?"),
    ("loop", TBH, lambda a, f: next(iter(a(TBH))), "BH"),
    ("concatenate", BH, lambda a, f: np.concatenate([a("BH"), a("BI")], axis=1), "B?"),
    ("concatenate, one more in front", TBH, lambda a, f: np.concatenate([a("oBH"), a(TBH)]), "TBH"),
    ("stack", BH, lambda a, f: np.stack([a("BH"), a("BH")]), "?BH"),
    ("stack, axis", BH, lambda a, f: np.stack([a("BH"), a("BH")], axis=1), "B?H"),
    ("hstack", BH, lambda a, f: np.hstack([a("BH"), a("BI")]), "B?"),
    ("vstack", BH, lambda a, f: np.vstack([a("BH"), a("TH")]), "?H"),
    ("append", BH, lambda a, f: np.append(a("BH"), a("TH"), axis=0), "?H"),
    ("split", TBH, lambda a, f: np.split(a("BI"), 3, axis=1)[0], "B?"),
    ("hsplit", TBH, lambda a, f: np.hsplit(a("BI"), 3)[1], "B?"),
    ("array_split", TBH, lambda a, f: np.array_split(a("BI"), 2, axis=0)[0], "?I"),
    ("zeros_like", TB, lambda a, f: np.zeros_like(a(TB)), "TB"),
    ("ones_like", TB, lambda a, f: np.ones_like(a(TB)), "TB"),
    ("empty_like", TB, lambda a, f: np.empty_like(a(TB)), "TB"),
    ("full_like", TB, lambda a, f: np.full_like(a(TB), 3.0), "TB"),
    ("copy", TB, lambda a, f: a(TB).copy(), "TB"),
    ("copy, function", TB, lambda a, f: np.copy(a(TB)), "TB"),
    ("astype", TB, lambda a, f: a(TB).astype(np.float32), "TB"),
    ("array", TB, lambda a, f: np.array(a(TB)), "TB"),
    ("asarray", TB, lambda a, f: np.asarray(a(TB)), "TB"),
    ("array of a list", BH, lambda a, f: np.array([a(BH), a(BH)]), "?BH"),
    ("nan_to_num", TB, lambda a, f: np.nan_to_num(a(TB)), "TB"),
    ("where", TB, lambda a, f: np.where(a(TB) > 0, a(TB), 0.1), "TB"),
    ("clip", TB, lambda a, f: np.clip(a(TB), -1, 1), "TB"),
    ("clip, method", TB, lambda a, f: a(TB).clip(-1, 1), "TB"),
    ("maximum", TB, lambda a, f: np.maximum(a(TB), 0), "TB"),
    ("repeat", TB, lambda a, f: np.repeat(a(TB), 2, axis=1), "T?"),
    ("tile", TB, lambda a, f: np.tile(a(TB), (2, 1)), "?B"),
    ("flip", TB, lambda a, f: np.flip(a(TB), 0), "TB"),
    ("flipud", TB, lambda a, f: np.flipud(a(TB)), "TB"),
    ("fliplr", TB, lambda a, f: np.fliplr(a(TB)), "TB"),
    ("roll", TB, lambda a, f: np.roll(a(TB), 1, axis=0), "TB"),
    ("sort", TB, lambda a, f: np.sort(a(TB), axis=0), "TB"),
    ("argsort", TB, lambda a, f: np.argsort(a(TB), axis=0), "TB"),
    ("diag", "HH", lambda a, f: np.diag(a(H)), "HH"),
    ("diagonal", "HH", lambda a, f: np.diagonal(a("HH")), "H"),
    ("average", TB, lambda a, f: np.average(a(TB), axis=0), "B"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "given", "call", "axes"), CASES, ids=[case[0] for case in CASES])
def test_names_survive(record, what, given, call, axes):
    arrays = Arrays(record)
    result = call(arrays, None)
    assert type(result) is Named and len(result.labels) == result.ndim
    assert arrays.of(result) == axes
    assert not record.blind


def test_every_rule_is_tested():
    tested = " ".join(case[0] for case in CASES).replace(",", " ").split()
    untested = {"vdot", "copyto", "permute_dims"} | COMPOSED - {"hstack"}
    assert set(FUNCTIONS) - set(tested) <= untested


def test_in_place(record):
    arrays = Arrays(record)
    buffer = arrays("TBH")
    view = buffer[1]
    view += arrays("BH")
    buffer[0] = arrays("BH")
    np.add.at(buffer, [0, 1, 1], arrays("BH"))
    assert arrays.of(view) == "BH" and arrays.of(buffer) == "TBH"
    assert view.memory is buffer.memory and view.memory.last == len(record.events) - 1


def test_a_number_knows_its_operation(record):
    arrays = Arrays(record)
    total = 0
    for row in arrays("TB"):
        total += (row @ row) ** 2
    assert type(total) is NamedFloat and record.events[total.event].kind == "add"
    assert hash(total) == hash(float(total)) and total.event in record.floats


def test_a_function_without_a_rule_is_told_of(record):
    result = np.trapezoid(Arrays(record)("TB"), axis=0)
    assert result.shape == (4,) and all("test_rules.py" in one for one in record.blind)
    result = np.fft.fft(Arrays(record)("TB"))
    assert [one.rpartition(" ")[2] for one in record.blind][-1] == "(fft)"


def test_outside_a_run_they_are_plain(record):
    array = Arrays(record)("TB")
    token = CURRENT.set(None)
    try:
        assert type(array + 1) is type(array[0]) is type(np.stack([array])) is type(array.sum(axis=0)) is np.ndarray
    finally:
        CURRENT.reset(token)
