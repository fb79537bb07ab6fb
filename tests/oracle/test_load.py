"""Loading other people's files: what runs and what does not, what they import, and what is said of bad input."""

import builtins
import json
import pickle
import sys
import textwrap
import traceback
from types import SimpleNamespace

import numpy as np
import pytest

from oracle.load import load
from oracle.loading.imports import left_out
from oracle.loading.placeholder import NotImported
from oracle.substitution import CURRENT, Substitutes


@pytest.fixture
def write(tmp_path):
    """write("pkg/rnn.py", text) -> path"""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    (tmp_path / "setup.py").touch()  # the top of the project
    return write


@pytest.fixture(autouse=True)
def nothing_left(tmp_path):
    """No load writes a file, or leaves sys.path changed."""
    path = list(sys.path)
    yield
    assert sys.path == path
    assert not [file for file in tmp_path.rglob("*") if file.suffix == ".pyc" or file.name == "__pycache__"]


def notebook(*cells, version="3.11"):
    def cell(source):
        return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}

    described = {"language_info": {"name": "python", "version": version}}
    text = {"cell_type": "markdown", "source": "# Text", "metadata": {}}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 4, "metadata": described, "cells": [text, *map(cell, cells)]}
    ).encode()


SCRIPT = '''
    """A character RNN."""
    import numpy as np
    data = open("input.txt").read()
    vocab_size = len(data)
    hidden_size = 100
    Wxh, rate = np.ones((hidden_size, vocab_size)), 0.1

    def lossFun(x):
        return (Wxh @ x).sum()

    raise SystemExit("trained for ever")
'''


# what runs


def test_only_runs_imports_definitions_and_the_named_assignments(write):
    path = write("rnn.py", SCRIPT)
    m = load(path, only=["lossFun"], Wxh=np.eye(3))
    assert m.lossFun(np.ones(3)) == 3
    assert m.__doc__ == "A character RNN."
    assert not {"data", "vocab_size", "hidden_size", "rate"} & vars(m).keys()
    assert load(path, only=["Wxh", "hidden_size"], vocab_size=2).Wxh.shape == (100, 2)
    with pytest.raises(SystemExit), pytest.warns(ResourceWarning):
        write("input.txt", "abc")
        (path.parent / "rnn.py").write_text(
            path.read_text().replace('"input.txt"', repr(str(path.parent / "input.txt")))
        )
        load(path)


def test_every_kind_of_assignment_can_be_named(write):
    path = write(
        "rnn.py",
        """
        a: int = 1
        a += 1
        b, (c, *d) = 1, (2, 3)
        e = {}
        e["W"] = 5
        f = g = 7
        h = print("not run")
        """,
    )
    m = load(path, only=list("abcdefg"))
    assert (m.a, m.b, m.c, m.d, m.e, m.f, m.g) == (2, 1, 2, [3], {"W": 5}, 7, 7)
    assert not hasattr(m, "h")
    assert not hasattr(load(path, only=["a"]), "b")


def test_conditions_and_attempts_at_top_level(write, capsys):
    path = write(
        "rnn.py",
        """
        import sys, warnings
        GPU = False
        FULL = True
        if FULL:
            import string as full
        args = print("parsed the command line")
        if GPU:
            import no_such_package as xp
        else:
            import numpy as xp
        if args.gpu:
            def f(): return "gpu"
        else:
            def f(): return "cpu"
        if not args:
            print("run")
        try:
            import no_such_package
            HAVE = True
        except ImportError:
            HAVE = False
            import math as no_such_package
        try:
            xrange
        except NameError:
            xrange = range
        with warnings.catch_warnings():
            import json
        with open("nothing") as file:
            import string
        if sys.argv:
            W = 3
        if __name__ == "__main__":
            from math import pi as area
            inner = area
            print("main")
        """,
    )
    m = load(path, only=["W", "f"])
    assert m.full is m.string
    assert (m.xp, m.f(), m.HAVE, m.no_such_package.__name__) == (np, "cpu", False, "math")
    assert (m.W, m.xrange, m.json.__name__, m.string.__name__) == (3, range, "json", "string")
    assert not hasattr(m, "inner")
    assert load(path, only=["inner"]).inner == np.pi
    assert capsys.readouterr().out == ""


def test_a_definition_that_needs_what_was_left_out_stops_nobody_who_does_not_need_it(write):
    path = write(
        "rnn.py",
        """
        import tensorflow_that_nobody_has as tf
        rate = float(input())
        def update(W, rate=rate): return W - rate
        @tf.function
        def graph(): pass
        class Layer(tf.keras.Layer): pass
        def loss(x): return x
        """,
    )
    m = load(path, only=["loss"])
    assert m.loss(3) == 3
    with pytest.raises(
        NotImported, match=r"update \(line 4\) could not be defined: .*does not run the assignment of rate"
    ):
        m.update(1)
    for use in (m.graph, m.Layer, m.tf.keras.Layer):
        with pytest.raises(
            NotImported, match=r"tensorflow_that_nobody_has is not installed \(imported at rnn.py line 2\)"
        ):
            use()
    with pytest.raises(NameError, match="rate") as caught:
        load(path, only=["update"])
    assert caught.value.__notes__ == [
        "load(only=...) does not run the assignment of rate (rnn.py line 3): give rate=..., or name it in only as well"
    ]
    assert load(path, only=["update"], rate=2).update(3) == 1


def test_a_name_that_was_left_out_and_is_read_later_can_be_explained(write):
    m = load(write("rnn.py", SCRIPT), only=["lossFun"])
    with pytest.raises(NameError) as caught:
        m.lossFun(1)
    assert left_out(caught.value) == "load(only=...) does not run the assignment of Wxh (rnn.py line 7)"
    assert left_out(NameError("another")) is None


def test_the_callers_values_win_over_the_files(write):
    path = write(
        "rnn.py",
        """
        from numpy import tanh, exp
        n, (W, b) = 5, (1, 2)
        W += 10
        rate = W = 3
        W[0] = 7
        W: int = 8
        def sigmoid(x): return "theirs"
        for _ in range(3):
            b = W = 1
            n += 1
        def loss(): return W, n, b, rate, tanh, sigmoid(0)
        def step():
            global W
            W = "stepped"
        """,
    )
    for only in (None, ["loss", "b", "rate", "n", "step"]):
        m = load(path, only=only, W=100, tanh="mine", sigmoid=lambda x: "mine")
        assert m.loss() == (100, 5 if only else 8, 2 if only else 1, 3, "mine", "mine")
        m.step()
        assert m.W == "stepped"
    assert load(write("one.py", "W = 1\nW += 1\nif W:\n    W = 2\n"), W=5).W == 5


def test_what_a_loop_does_with_the_callers_values_is_done(write):
    training = """
    W = 1
    W *= 0.01
    if W:
        W *= 0.01
    for step in range(3):
        W -= 2
        while step == 2:
            if step:
                W = W * 10
            break
    """
    assert load(write("train.py", training), W=100).W == 940


def test_nothing_survives_to_the_next_load(write):
    write("cache.py", "stored = []\n")
    path = write("rnn.py", "from cache import stored\nimport cache\nstored.append(1)\ncount = len(cache.stored)\n")
    before = set(sys.modules)
    assert [load(path).count for _ in range(3)] == [1, 1, 1]
    assert all(name.startswith("loaded:") for name in set(sys.modules) - before)
    path.write_text("count = 'changed'\n")
    assert load(path).count == "changed"


# what it imports


def test_a_file_beside_it_a_package_above_it_and_one_on_the_path_that_it_extends(write, tmp_path_factory):
    write("common/functions.py", "import numpy as np\ndef softmax(x): return 'softmax'\n")
    write("common/__init__.py", "")
    write("plain/helpers.py", "def helper(): return 'no __init__'\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "far.py").write_text("def f():\n    import far\n    return far.__name__\n")
    write("ch06/layers.py", "class RNN: pass\n")
    write("ch06/copy.py", "mine = True\n")
    text = """
        import sys
        sys.path.append("%s")
        from common.functions import *
        import common.functions as F
        from common import functions
        import plain.helpers
        from layers import RNN
        import copy
        import far
        def inside():
            import common.functions
            from layers import RNN
            return common.functions, RNN
        """
    m = load(write("ch06/train.py", text % elsewhere))
    assert m.softmax(0) == "softmax" and m.F is m.functions is m.inside()[0]
    assert m.plain.helpers.helper() == "no __init__"
    assert m.RNN is m.inside()[1] and m.copy.mine and m.far.f() == "loaded:far"


def test_the_standard_library_wins_inside_a_package_and_the_users_file_over_what_is_installed(write):
    write("net/__init__.py", "raise RuntimeError('Python would run this first, and it imports everything')\n")
    write("net/copy.py", "mine = True\n")
    write("net/rich.py", "mine = True\n")
    m = load(
        write("net/rnn.py", "import copy, sys\nfrom copy import deepcopy\nimport rich\nfrom . import rich as same\n")
    )
    assert m.copy is sys.modules["copy"] and m.rich.mine and m.sys is sys


def test_what_is_installed_is_the_real_one_and_gets_no_bytecode_either(write, tmp_path, monkeypatch):
    write("site-packages/installed_here.py", "count = 0\n")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.delitem(sys.modules, "installed_here", raising=False)
    m = load(write("rnn.py", "import installed_here\n"))
    assert m.installed_here is sys.modules["installed_here"]


def test_packages_with_relative_imports_and_circles(write):
    write("net/__init__.py", "from .layers import Dense\nVERSION = 2\n")
    write("net/layers/__init__.py", "from .dense import Dense\nfrom .. import tools\nimport net.rnn\n")
    write("net/layers/dense.py", "from ..tools import scale\nimport net.layers as up\nclass Dense: s = scale\n")
    write("net/tools.py", "scale = 3\nfrom . import rnn\n")
    path = write(
        "net/rnn.py",
        """
        from __future__ import annotations
        from .layers.dense import Dense
        from . import tools, VERSION
        from . import layers as L
        import net.tools as t
        def same(): return net.rnn, L.net.rnn
        import net.rnn
        """,
    )
    m = load(path)
    assert (m.Dense.s, m.tools, m.VERSION, m.L.Dense) == (3, m.t, 2, m.Dense)
    assert m.same() == (m, m)
    other = load(write("use.py", "import net\nfrom net.layers import Dense\n"))
    assert other.net.VERSION == 2 and other.net.Dense is other.Dense


def test_with_only_an_imported_module_runs_definitions_and_constants(write, capsys):
    write(
        "config.py",
        """
        import os
        import numpy as np
        from collections import namedtuple
        T, sizes = 5, dict(H=3)
        sizes["I"] = T + 1
        W = np.random.randn(3, T).astype(np.float32)
        words = "a b".split()
        lengths = [w.upper() for w in words]
        Point = namedtuple("Point", "x y")
        text = open("corpus.txt").read()
        table = np.loadtxt("table.txt")
        vocabulary = set(text)
        V = len(vocabulary)
        os.environ["T"] = "5"
        stored = os.listdir(".")
        with open("corpus.txt") as file:
            lines = list(file)
            N = 4
        def read(): print("read")
        data = read()
        for _ in range(3):
            print("training")
        """,
    )
    path = write("rnn.py", "import config\nfrom config import T, V, data\ndef f(): return V + T\n")
    m = load(path, only=["f"])
    c = m.config
    assert (c.T, c.N, c.sizes, c.W.shape, c.lengths, c.Point(1, 2).y) == (5, 4, {"H": 3, "I": 6}, (3, 5), ["A", "B"], 2)
    assert not {"text", "table", "vocabulary", "V", "data", "stored", "lines"} & vars(c).keys()
    reason = r"V was not set: load\(only=...\) does not run its assignment \(config.py line 14\)"
    with pytest.raises(NotImported, match=reason + r" \(imported at rnn.py line 2\)"):
        m.f()
    with pytest.raises(AttributeError, match=reason):
        c.V  # noqa: B018
    assert load(path, only=["f"], V=2).f() == 7
    assert capsys.readouterr().out == ""


def test_what_is_not_installed_complains_when_it_is_used(write):
    path = write(
        "rnn.py",
        """
        import no_plots.pyplot as plt
        from no_bars import bar
        from no_stars import *
        from collections import Mapping
        import numpy.no_such_part
        import broken
        def draw(): plt.plot([1])
        def late(): import no_plots
        """,
    )
    write("broken.py", "from math import no_such_function\n")
    m = load(path)
    with pytest.raises(NotImported, match=r"^no_plots is not installed \(imported at rnn.py line 2\)$"):
        m.draw()
    for use, what in [
        (lambda: len(m.bar), "no_bars is not installed"),
        (lambda: m.bar == 1, "no_bars is not installed"),
        (lambda: isinstance(1, m.bar), "no_bars is not installed"),
        (lambda: m.Mapping(), "the installed collections has no Mapping"),
        (lambda: m.numpy.no_such_part(), "numpy.no_such_part cannot be imported: ModuleNotFoundError"),
        (lambda: m.broken.no_such_function(), r"the installed math has no no_such_function \(imported at broken.py"),
    ]:
        with pytest.raises(NotImported, match=what):
            use()
    assert m.numpy.ones(2).sum() == 2
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_plots'"):
        m.late()


def test_an_error_in_an_imported_file_is_the_users(write):
    write("helper.py", "x = 1\nboom = 1 / 0\n")
    with pytest.raises(ZeroDivisionError) as caught:
        load(write("rnn.py", "import helper\n"))
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "boom = 1 / 0"


def test_oracle_is_the_real_one_even_beside_a_file_of_that_name(write):
    write("oracle.py", "load = None\n")
    write("rnn.py", "W = 4\n")
    m = load(write("adapter.py", "from oracle.load import load\nimport oracle\nW = load('rnn.py').W\n"))
    assert m.W == 4 and m.load is load


# substitutes


def test_substitutes_reach_every_import_and_builtin(write):
    write(
        "helper.py",
        "import numpy\nfrom numpy.random import rand\ndef f(x): return float(x), getattr(numpy, 'name', 0), rand\n",
    )
    path = write(
        "rnn.py",
        """
        import numpy, numpy as np, numpy.random as r, numpy.linalg
        from numpy import random, tanh
        from numpy import *
        from helper import f
        import math, hypothesis.strategies as special
        from hypothesis.strategies import floats as expit
        import hypothesis
        def inside():
            import numpy as np
            from numpy.random import rand
            return np.name, rand
        """,
    )
    fake_random = SimpleNamespace(rand="fake rand")
    fake = SimpleNamespace(name="fake", tanh="fake tanh", random=fake_random, linalg="fake linalg", sin="fake sin")
    fake_special = SimpleNamespace(floats="fake expit")
    modules = {"numpy": fake, "numpy.random": fake_random, "hypothesis.strategies": fake_special}
    token = CURRENT.set(Substitutes(modules, {"float": lambda x: f"float of {x}"}))
    try:
        m = load(path)
        assert (m.numpy, m.np, m.r, m.random, m.tanh, m.sin) == (
            fake,
            fake,
            fake_random,
            fake_random,
            "fake tanh",
            "fake sin",
        )
        assert (m.f(1), m.inside()) == (("float of 1", "fake", "fake rand"), ("fake", "fake rand"))
        assert (m.special, m.expit, m.hypothesis.strategies) == (fake_special, "fake expit", fake_special)
        assert m.math is sys.modules["math"] and m.hypothesis.__version__
    finally:
        CURRENT.reset(token)
    m = load(path)
    assert m.np is np and m.f(1)[:2] == (1.0, 0) and m.special is sys.modules["hypothesis.strategies"]
    assert builtins.float is float


# Python features that look for the module


def test_dataclasses_type_hints_and_pickle_find_the_module(write):
    m = load(
        write(
            "layers.py",
            """
            from __future__ import annotations
            import inspect, pickle, typing
            from dataclasses import dataclass, field
            @dataclass
            class Layer:
                W: Weight
                kind: typing.ClassVar[str] = "dense"
                sizes: list[int] = field(default_factory=list)
            class Weight: pass
            def hints(): return typing.get_type_hints(Layer)
            def again(x): return pickle.loads(pickle.dumps(x))
            def source(): return inspect.getsource(Layer)
            """,
        )
    )
    assert m.hints()["W"] is m.Weight
    assert m.again(m.Layer(1)) == m.Layer(1) and pickle.dumps(m.Weight())
    assert m.source().startswith("@dataclass\nclass Layer:")
    assert [f for f in m.Layer.__dataclass_fields__.values() if f._field_type.name == "_FIELD_CLASSVAR"]


# encodings, tabs, Python 2


@pytest.mark.parametrize(
    "content",
    [
        "# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1"),
        b"\xef\xbb\xbfname = '\xc3\xa9'\r\nother = 1\r\n",
        "name = 'é'\rother = 1\r".encode(),
        "print\rname = 'é'\rexec 'other = 1'\r".encode(),
    ],
    ids=["latin-1", "BOM and Windows line ends", "old Mac line ends", "and in Python 2"],
)
def test_encodings_and_line_ends(write, content):
    assert load(write("rnn.py", content)).name == "é"


def test_a_file_in_no_encoding_it_declares(write):
    with pytest.raises(SyntaxError, match="the file is not in the encoding utf-8; declare its own") as caught:
        load(write("rnn.py", "x = 1\nname = 'é'\n".encode("latin-1")))
    assert caught.value.lineno == 2


PYTHON2 = '''
import cPickle as pickle
from StringIO import StringIO
import layers
def loss(xs):
    """	a tab
	and another"""
    total = 0
    for i in xrange(3):
	total += i
        print "at", i, `i`
    try:
        raise ValueError, "bad"
    except ValueError, e:
        print >>StringIO(), e
    if xs.has_key("a") and 1 <> 2: exec "total += 1" in {"total": 0}
    return total / 2, xs.keys()[0], map(lambda (a, b): a + b, xs.iteritems()), range(2) + [0777, 12L]
def halves((a, b)):
    return a / 2., reduce(max, [a, b]), unicode(b), cmp(a, b)
def several(x, cmp=cmp):
    """Goes over
    two lines"""
    return sum(map(
        lambda i: i + 1,
        x)), cmp(1, 2)
def where(): return 1 / 0
'''


def test_python_2_is_translated_line_for_line(write, capsys):
    write("layers.py", "print 'layers'\n")
    m = load(write("rnn.py", PYTHON2))
    assert m.loss({"a": "b"}) == (1.5, "a", ["ab"], [0, 1, 511, 12])
    assert m.halves((1, 2)) == (0.5, 2, "2", -1)
    assert m.several([1, 2]) == (5, -1) and m.several.__code__.co_firstlineno == 20
    assert m.loss.__doc__ in (
        "\ta tab\n\tand another",
        "a tab\nand another",
    )  # Python 3.13 takes their indentation away
    assert m.pickle is pickle
    assert capsys.readouterr().out == "layers\nat 0 0\nat 1 1\nat 2 2\n"
    assert m.__notes__ == ["rnn.py is Python 2, where / between integers rounds down; here it does not (lines 17, 26)"]
    with pytest.raises(ZeroDivisionError) as caught:
        m.where()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.lineno, last.line) == (26, "def where(): return 1 / 0")


def test_python_2_that_parses_as_python_3(write, capsys):
    m = load(write("rnn.py", "from __future__ import division\nx = [i / 2 for i in xrange(2)]\nprint('a', x)\n"))
    assert m.x == [0, 0.5] and m.__notes__ == []
    assert capsys.readouterr().out == "a [0.0, 0.5]\n"  # as print of one argument after another, no tuple
    assert load(write("cmp.py", "def f(a, b, cmp=cmp): return cmp(a, b)\n")).f(1, 2) == -1
    attempt = "try:\n    range = xrange\nexcept NameError:\n    pass\nx = range(3) == [0, 1, 2]\n"
    assert load(write("both.py", attempt)).x is False  # Python 3, where range is no list
    assert load(write("new.py", "x = {1: 2}\nif (n := len(x)): x = f'{n}'\ndef f(): return x.iteritems()\n")).x == "1"


def test_mixed_tabs_of_python_3_are_read_as_python_2_reads_them(write):
    m = load(write("rnn.py", "def f(x):\n        if x:\n\t\treturn 1\n        return 2\n"))
    assert (m.f(1), m.f(0), m.__notes__) == (1, 2, [])


def test_a_syntax_error_is_the_users_own(write):
    with pytest.raises(SyntaxError) as caught:
        load(write("rnn.py", "x = 1\ny = (2\n"))
    assert (caught.value.filename, caught.value.lineno) == (str(write("rnn.py", "x = 1\ny = (2\n")), 2)
    assert "as Python 2 it does not parse either" in caught.value.__notes__[0]


# notebooks


def test_a_notebook_runs_without_its_magics(write, capsys):
    path = write(
        "rnn.ipynb",
        notebook(
            "%matplotlib inline\nimport numpy as np\nnp.dot?",
            "%%bash\nls",
            '%%time\nW = np.ones(3)\nif True:\n    !ls "it\'s\n    files = 2\nfiles = !ls\nx = (7\n  % 4)\n\'s = """\'',
            'text = """\n%not a magic\n"""',
            "def loss():\n    return W.sum() / 0\nprint('training')",
        ),
    )
    m = load(path)
    assert (m.x, m.text, m.files) == (3, "\n%not a magic\n", 2)
    assert capsys.readouterr().out == "training\n"
    m = load(path, only=["loss"], W=1)
    assert capsys.readouterr().out == ""
    W = np.float64(1)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError) as caught:
        load(path, only=["loss"], W=W).loss()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.line) == (f"{path}, cell 5", 2, "return W.sum() / 0")


def test_a_future_feature_of_one_cell_holds_for_the_next(write):
    cell = "def loss(x: Undefined): return x"
    assert load(write("rnn.ipynb", notebook("from __future__ import annotations", cell))).loss(1) == 1
    with pytest.raises(NameError, match="Undefined"):
        load(write("other.ipynb", notebook(cell)))


def test_a_notebook_in_python_2_and_one_whose_cell_does_not_parse(write, capsys):
    cells = ["print 'a', 3", "for = 1\n", "ls -la *.txt", "def f(): return [i for i in xrange(2)]"]
    path = write("rnn.ipynb", notebook(*cells, version="2.7.9"))
    assert load(path, only=["f"]).f() == [0, 1]
    with pytest.raises(SyntaxError) as caught:
        load(path)
    assert caught.value.filename == f"{path}, cell 2"
    broken = write("broken.ipynb", notebook("def f(:\n  pass", "g = 1"))
    assert load(broken, only=["g"]).g == 1
    with pytest.raises(SyntaxError):
        load(broken, only=["f"])
    assert load(write("two.ipynb", notebook("print 'a', 3", "x = xrange(2)"))).x == range(2)
    assert capsys.readouterr().out == "a 3\n"


def test_a_notebook_that_is_none(write):
    with pytest.raises(ValueError, match=r"rnn.ipynb is no notebook that nbformat can read"):
        load(write("rnn.ipynb", "{}"))
    julia = notebook("1").replace(b'"python"', b'"julia"')
    with pytest.raises(ValueError, match=r"rnn.ipynb is a notebook in julia, but should be one in Python"):
        load(write("rnn.ipynb", julia))


# arguments


def test_a_relative_path_is_relative_to_the_file_that_calls(write, tmp_path, monkeypatch):
    write("sub/rnn.py", "W = 1\n")
    assert load(write("sub/check.py", "from oracle.load import load\nm = load('rnn.py')\n")).m.W == 1
    monkeypatch.chdir(tmp_path / "sub")
    space = {"load": load}
    exec("m = load('rnn.py')", space)
    assert space["m"].W == 1


def test_what_is_said_of_a_bad_path(write, tmp_path):
    write("min_char_rnn.py", "")
    write("notes.txt", "")
    write("a.ipynb", "")
    with pytest.raises(FileNotFoundError) as caught:
        load(tmp_path / "min_char_rn.py")
    assert str(caught.value) == (
        f"there is no file '{tmp_path}/min_char_rn.py': looked for {tmp_path}/min_char_rn.py; did you mean "
        f"'min_char_rnn.py'?\nin {tmp_path}: a.ipynb, min_char_rnn.py, setup.py"
    )
    with pytest.raises(FileNotFoundError, match="and there is no folder"):
        load(tmp_path / "nowhere" / "rnn.py")
    with pytest.raises(
        IsADirectoryError, match="a folder, but should be one file in it\nin .*: a.ipynb, min_char_rnn.py"
    ):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"but should be a .py or .ipynb file"):
        load(tmp_path / "notes.txt")
    for path in (3, None, b"rnn.py"):
        with pytest.raises(TypeError, match=r"path is .*, but should be the name of a .py or .ipynb file"):
            load(path)


def test_what_is_said_of_a_bad_only(write):
    path = write("rnn.py", SCRIPT + "    for step in []:\n        seen = 1\n    if []:\n        lost = 1\n")
    with pytest.raises(
        TypeError, match=r"only is the string 'lossFun', but should be a list of names: only=\['lossFun'\]"
    ):
        load(path, only="lossFun")
    with pytest.raises(TypeError, match=r"only is 3 \(int\), but should be a list of names"):
        load(path, only=3)
    with pytest.raises(TypeError, match=r"only holds 3 \(int\), but should hold names"):
        load(path, only=[3])
    with pytest.raises(ValueError) as caught:
        load(path, only=["lossfun"])
    assert str(caught.value) == (
        "only asks for 'lossfun', which rnn.py does not define; did you mean 'lossFun'?\n"
        "it defines: np, data, vocab_size, hidden_size, Wxh, rate, lossFun, step, seen, lost"
    )
    with pytest.raises(
        ValueError, match=r"bound in a loop \(rnn.py line 14\), .* give its value: load\(..., seen=...\)"
    ):
        load(path, only=["seen"])
    with pytest.raises(ValueError, match=r"not set: the condition above it did not hold \(rnn.py line 16\)"):
        load(path, only=["lost"])
    assert load(path, only=["seen"], seen=2).seen == 2
    star = write("star.py", "from rnn import *\n")
    assert load(star, only=["lossFun"]).lossFun
    with pytest.raises(ValueError, match="only asks for 'gone', which star.py does not define"):
        load(star, only=["gone"])


def test_a_file_that_takes_modules_away(write):
    load(write("rnn.py", "import sys\nsys.modules.clear()\n"))
    assert "warnings" in sys.modules and "numpy" in sys.modules


def test_a_null_byte_in_a_name():
    with pytest.raises(ValueError, match="holds a null byte"):
        load("a\0b.py")
