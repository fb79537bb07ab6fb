"""Names survive: for every function the axes of what it gives are those of what it was given."""

import numpy as np
import pytest

from oracle.alignment.made import made_named
from oracle.alignment.named import Named, NamedFloat, named
from oracle.alignment.record import CURRENT, Record
from oracle.alignment.rules import functions
from oracle.alignment.rules.functions import COMPOSED, FUNCTIONS


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
    ("add", lambda a: a(TBH) + a(H), "TBH"),
    ("ufunc with one argument", lambda a: np.tanh(a(TBH)), "TBH"),
    ("ufunc.outer", lambda a: np.multiply.outer(a("T"), a("BH")), "TBH"),
    ("ufunc.accumulate", lambda a: np.add.accumulate(a(TB)), "TB"),
    ("ufunc.reduce", lambda a: np.add.reduce(a(TBH), axis=1), "TH"),
    ("a number", lambda a: 2 * a(TB) / 3.0, "TB"),
    ("@", lambda a: a(BH) @ a(HI), "BI"),
    ("@, batched", lambda a: a(TBH) @ a(HI), "TBI"),
    ("@ of a vector", lambda a: a(H) @ a(HI), "I"),
    ("@ by a vector", lambda a: a(HI) @ a("I"), "H"),
    ("dot", lambda a: np.dot(a(BH), a(HI)), "BI"),
    ("dot, method", lambda a: a(BH).dot(a(H)), "B"),
    ("inner", lambda a: np.inner(a(BH), a("IH")), "BI"),
    ("outer", lambda a: np.outer(a("H"), a("I")), "HI"),
    ("einsum", lambda a: np.einsum("tbh,hi->bti", a(TBH), a(HI)), "BTI"),
    ("einsum, implicit", lambda a: np.einsum("ij,jk", a(BH), a(HI)), "BI"),
    ("tensordot", lambda a: np.tensordot(a(TBH), a(TB), axes=([0, 1], [0, 1])), "H"),
    ("tensordot, a number of axes", lambda a: np.tensordot(a(TBH), a(HI), 1), "TBI"),
    ("method sum", lambda a: a(TBH).sum(axis=0), "BH"),
    ("sum, function", lambda a: np.sum(a(TBH), axis=(0, 2)), "B"),
    ("sum, keepdims", lambda a: np.sum(a(TBH), axis=1, keepdims=True), "T1H"),
    ("prod", lambda a: np.prod(a(TB), axis=0), "B"),
    ("mean", lambda a: a(TBH).mean(axis=-1), "TB"),
    ("mean, keepdims", lambda a: np.mean(a(TB), axis=0, keepdims=True), "1B"),
    ("method max", lambda a: a(TB).max(1), "T"),
    ("min", lambda a: np.min(a(TB), axis=1), "T"),
    ("amax", lambda a: np.amax(a(TB), axis=1), "T"),
    ("std", lambda a: np.std(a(TB), axis=0), "B"),
    ("var", lambda a: a(TB).var(axis=0), "B"),
    ("any", lambda a: np.any(a(TB) > 0, axis=0), "B"),
    ("method all", lambda a: (a(TB) > 0).all(axis=0), "B"),
    ("argmax", lambda a: np.argmax(a(TB), axis=1), "T"),
    ("argmin, method", lambda a: a(TB).argmin(0), "B"),
    ("cumsum", lambda a: np.cumsum(a(TB), axis=0), "TB"),
    ("cumprod, method", lambda a: a(TB).cumprod(axis=0), "TB"),
    ("transpose", lambda a: a(TBH).transpose(1, 0, 2), "BTH"),
    ("transpose, function", lambda a: np.transpose(a(TBH), (2, 0, 1)), "HTB"),
    ("T", lambda a: a(TBH).T, "HBT"),
    ("swapaxes", lambda a: np.swapaxes(a(TBH), 0, 1), "BTH"),
    ("swapaxes, method", lambda a: a(TBH).swapaxes(-1, 0), "HBT"),
    ("moveaxis", lambda a: np.moveaxis(a(TBH), 0, -1), "BHT"),
    ("reshape, merged", lambda a: a(TBH).reshape(12, 5), "(TB)H"),
    ("reshape, merged by -1", lambda a: a(TBH).reshape(-1, 5), "(TB)H"),
    ("reshape, split again", lambda a: (a(TBH).reshape(-1, 5) @ a(HI)).reshape(3, 4, 6), "TBI"),
    ("reshape, a column", lambda a: a(H).reshape(-1, 1), "H1"),
    ("reshape, function", lambda a: np.reshape(a(TB), (1, 3, 4)), "1TB"),
    ("reshape, of a column", lambda a: a("Ho").reshape(5), "H"),
    ("ravel", lambda a: np.ravel(a(TB)), "(TB)"),
    ("flatten", lambda a: a(TB).flatten(), "(TB)"),
    ("squeeze", lambda a: np.squeeze(a("ToB")), "TB"),
    ("squeeze, an axis", lambda a: a("ToB").squeeze(axis=1), "TB"),
    ("expand_dims", lambda a: np.expand_dims(a(TB), 1), "T1B"),
    ("None", lambda a: a(TB)[:, None], "T1B"),
    ("atleast_2d", lambda a: np.atleast_2d(a(H)), "1H"),
    ("index", lambda a: a(TBH)[1], "BH"),
    ("index of the second axis", lambda a: a(TBH)[:, 2], "TH"),
    ("index, ...", lambda a: a(TBH)[..., 0], "TB"),
    ("slice", lambda a: a(TBH)[1:], "TBH"),
    ("slice, backwards", lambda a: a(TBH)[::-1], "TBH"),
    ("slice, a part", lambda a: a("I")[:2], "?"),
    ("index by a list", lambda a: a(TBH)[:, [0, 2]], "T?H"),
    ("index by a mask", lambda a: a(TB)[a(TB) > 0], "?"),
    ("loop", lambda a: next(iter(a(TBH))), "BH"),
    ("concatenate", lambda a: np.concatenate([a("BH"), a("BI")], axis=1), "B?"),
    ("concatenate, one more in front", lambda a: np.concatenate([a("oBH"), a(TBH)]), "TBH"),
    ("stack", lambda a: np.stack([a("BH"), a("BH")]), "?BH"),
    ("stack, axis", lambda a: np.stack([a("BH"), a("BH")], axis=1), "B?H"),
    ("hstack", lambda a: np.hstack([a("BH"), a("BI")]), "B?"),
    ("vstack", lambda a: np.vstack([a("BH"), a("TH")]), "?H"),
    ("append", lambda a: np.append(a("BH"), a("TH"), axis=0), "?H"),
    ("split", lambda a: np.split(a("BI"), 3, axis=1)[0], "B?"),
    ("hsplit", lambda a: np.hsplit(a("BI"), 3)[1], "B?"),
    ("array_split", lambda a: np.array_split(a("BI"), 2, axis=0)[0], "?I"),
    ("zeros_like", lambda a: np.zeros_like(a(TB)), "TB"),
    ("ones_like", lambda a: np.ones_like(a(TB)), "TB"),
    ("empty_like", lambda a: np.empty_like(a(TB)), "TB"),
    ("full_like", lambda a: np.full_like(a(TB), 3.0), "TB"),
    ("copy", lambda a: a(TB).copy(), "TB"),
    ("copy, function", lambda a: np.copy(a(TB)), "TB"),
    ("astype", lambda a: a(TB).astype(np.float32), "TB"),
    ("array", lambda a: np.array(a(TB)), "TB"),
    ("asarray", lambda a: np.asarray(a(TB)), "TB"),
    ("array of a list", lambda a: np.array([a(BH), a(BH)]), "?BH"),
    ("nan_to_num", lambda a: np.nan_to_num(a(TB)), "TB"),
    ("where", lambda a: np.where(a(TB) > 0, a(TB), 0.1), "TB"),
    ("clip", lambda a: np.clip(a(TB), -1, 1), "TB"),
    ("method clip", lambda a: a(TB).clip(-1, 1), "TB"),
    ("maximum", lambda a: np.maximum(a(TB), 0), "TB"),
    ("repeat", lambda a: np.repeat(a(TB), 2, axis=1), "T?"),
    ("tile", lambda a: np.tile(a(TB), (2, 1)), "?B"),
    ("flip", lambda a: np.flip(a(TB), 0), "TB"),
    ("flipud", lambda a: np.flipud(a(TB)), "TB"),
    ("fliplr", lambda a: np.fliplr(a(TB)), "TB"),
    ("roll", lambda a: np.roll(a(TB), 1, axis=0), "TB"),
    ("sort", lambda a: np.sort(a(TB), axis=0), "TB"),
    ("argsort", lambda a: np.argsort(a(TB), axis=0), "TB"),
    ("diag", lambda a: np.diag(a(H)), "HH"),
    ("diagonal", lambda a: np.diagonal(a("HH")), "H"),
    ("average", lambda a: np.average(a(TB), axis=0), "B"),
    ("average, weighted", lambda a: np.average(a(TB), axis=0, weights=a("T")), "B"),
    ("permute_dims", lambda a: np.permute_dims(a(TBH), (1, 0, 2)), "BTH"),
    ("rollaxis", lambda a: np.rollaxis(a(TBH), 2), "HTB"),
    ("matrix_transpose", lambda a: np.matrix_transpose(a(TBH)), "THB"),
    ("copyto", lambda a: [buffer := a(TB), np.copyto(buffer, a("B"))][0], "TB"),
    ("vdot", lambda a: np.full_like(a("B"), np.vdot(a(TB), a(TB))), "B"),
    ("matmul, function", lambda a: np.linalg.matmul(a(BH), a(HI)), "BI"),
    ("matvec", lambda a: np.matvec(a("BHI"), a("BI")), "BH"),
    ("matvec, one matrix", lambda a: np.matvec(a("HI"), a("BI")), "BH"),
    ("vecmat", lambda a: np.vecmat(a("BH"), a("BHI")), "BI"),
    ("vecdot", lambda a: np.vecdot(a("TBH"), a("BH")), "TB"),
    ("norm", lambda a: np.linalg.norm(a(BH), axis=1), "B"),
    ("norm, keepdims", lambda a: np.linalg.norm(a(BH), axis=0, keepdims=True), "1H"),
    ("row_stack", lambda a: np.row_stack([a("BH"), a("TH")]), "?H"),
    ("dstack", lambda a: np.dstack([a("BH"), a("BH")]), "BH?"),
    ("column_stack", lambda a: np.column_stack([a("BH"), a("B")]), "B?"),
    ("column_stack, vectors", lambda a: np.column_stack([a("B"), a("B")]), "B?"),
    ("atleast_1d", lambda a: np.atleast_1d(a("H")), "H"),
    ("atleast_3d", lambda a: np.atleast_3d(a("BH")), "BH1"),
    ("vsplit", lambda a: np.vsplit(a("BI"), 2)[0], "?I"),
    ("amin", lambda a: np.amin(a(TB), axis=0), "B"),
    ("max, function", lambda a: np.max(a(TB), axis=0), "B"),
    ("all, function", lambda a: np.all(a(TB) > 0, axis=0), "B"),
    ("round", lambda a: np.round(a(TB), 2), "TB"),
    ("around", lambda a: np.around(a(TB), 2), "TB"),
    ("tril", lambda a: np.tril(a(TB)), "TB"),
    ("triu", lambda a: np.triu(a(TB), 1), "TB"),
    ("pad", lambda a: np.pad(a(TB), ((1, 0), (0, 0))), "?B"),
    ("diff", lambda a: np.diff(a(TB), axis=0), "?B"),
    ("delete", lambda a: np.delete(a(TB), 0, axis=1), "T?"),
    ("broadcast_to", lambda a: np.broadcast_to(a("oB"), (7, 3, 4)), "??B"),
    ("take", lambda a: np.take(a("HI"), np.array([[0, 1, 1]]), axis=0), "??I"),
    ("take, method", lambda a: a("BI").take([0, 2], axis=1), "B?"),
    ("sort, of all", lambda a: np.multiply(np.sort(a("T"), axis=None), 2), "T"),
]  # fmt: skip


@pytest.fixture
def went_through(monkeypatch):
    """The names of the functions and methods whose rules were asked."""
    found = set()

    def spied(name, name_of):
        real = getattr(functions, name)

        def spy(*args):
            found.add(name_of(args[0]))
            return real(*args)

        monkeypatch.setattr(functions, name, spy)

    spied("called", lambda func: func.__name__)
    spied("by_name", lambda name: name)
    return found


@pytest.mark.filterwarnings("ignore:`row_stack` alias")
@pytest.mark.parametrize(("what", "call", "axes"), CASES, ids=[case[0] for case in CASES])
def test_names_survive(record, went_through, what, call, axes):
    arrays = Arrays(record)
    result = call(arrays)
    assert type(result) is Named and len(result.labels) == result.ndim
    assert arrays.of(result) == axes
    assert not record.blind
    function = what.partition(",")[0]
    assert function not in EVERY or function in went_through


EVERY = set(FUNCTIONS) | COMPOSED


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_function_has_a_case(name):
    assert name in {case[0].partition(",")[0] for case in CASES}


def test_an_axis_of_all_elements_is_none_of_theirs(record):
    arrays = Arrays(record)
    for result in (np.sort(arrays("TB"), axis=None), np.repeat(arrays("TB"), 2), np.append(arrays("TB"), arrays("B"))):
        assert arrays.of(result) in ("?", "(TB)")


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
