"""Calls of the Python API with what it cannot take."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.robustness.case import Case

PROGRAM = """
import warnings; warnings.simplefilter("ignore")
import numpy as np
import oracle
from oracle import *
from oracle import check_gradients, assert_gradients, GradientError
w, x = np.array([1.0, 2.0]), np.ones((5, 2, 3))
def square(p): return 0.5 * p["w"] @ p["w"], {{"w": p["w"].copy()}}
def lstm(**given):
    fits = dict(weight_ih=np.ones((3, 16)), weight_hh=np.ones((4, 16)))
    return forward_like("lstm", np.ones((5, 2, 4)), x, **(fits | given))
try:
    result = {call}
except (TypeError, ValueError, OSError, SyntaxError, GradientError) as error:
    print(type(error).__name__ + ": " + str(error))
else:
    print("returned", result)
"""


def called(call: str, says: str) -> Case:
    return Case(call if len(call) < 60 else f"{call[:57]}...", (PROGRAM.format(call=call),), 0, says, program="python")


def check_gradients() -> Iterator[Case]:
    word = "(TypeError|ValueError): "
    yield called("check_gradients(None, dict(w=w))", word + "f is None, but should be a function")
    yield called("check_gradients(square, None)", word + "parameters is NoneType, but should be a dict of arrays")
    yield called("check_gradients(square, [w])", word + "parameters .*, but should be a dict")
    yield called("check_gradients(square, {})", word + "parameters .*")
    yield called(
        "check_gradients(square, {1: w})", word + "parameters holds the name 1, but should hold names that are strings"
    )
    yield called("check_gradients(square, dict(w=[1.0, 2.0]))", "returned the gradient agrees")
    yield called(
        "check_gradients(square, dict(w=1.0))",
        "returned not checked: square raised ValueError: matmul.*operand 1 is a single number",
    )
    yield called(
        "check_gradients(square, dict(w=np.array([1, 2])))",
        word + r"parameters\['w'\] has dtype int64, but should be float64 or float32",
    )
    yield called(
        "check_gradients(square, dict(w=w + 0j))",
        word + r"parameters\['w'\] has dtype complex128, but should be float64",
    )
    yield called(
        "check_gradients(square, dict(w=w * np.nan))",
        word + r"parameters\['w'\] holds NaN or inf, but should be finite",
    )
    yield called(
        "check_gradients(square, dict(w=w * np.inf))",
        word + r"parameters\['w'\] holds NaN or inf, but should be finite",
    )
    yield called(
        "check_gradients(square, dict(w=w.astype(object)))",
        word + r"parameters\['w'\] has dtype object, but should be float64",
    )
    yield called(
        "check_gradients(square, dict(w=np.array(['a'])))",
        word + r"parameters\['w'\] has dtype <U1, but should be float64",
    )
    yield called(
        "check_gradients(square, dict(w=w.astype('f2')))",
        word + r"parameters\['w'\] has dtype float16, but should be float64",
    )
    yield called("check_gradients(square, dict(w=np.zeros(0)))", "returned|" + word)
    yield called("check_gradients(square, dict(w=np.ma.masked_array(w)))", word + "w.*mask|returned")
    yield called("check_gradients(square, dict(v=w))", "KeyError: .*no parameter 'w', only v")
    yield called("check_gradients(square, dict(w=w), deviation=5)", word + "deviation holds 5, but should hold clip")
    yield called(
        "check_gradients(square, dict(w=w), deviation=clip(-1, 1, 'v'))",
        word + ".*is for 'v', but there is no such parameter, only w",
    )
    yield called("check_gradients(square, dict(w=w), reference=5)", word + "reference is 5, but should be a function")
    yield called("check_gradients(square, dict(w=w), reference=lambda p: 1 / 0)", "returned .*ZeroDivisionError")
    yield called(
        "check_gradients(gradient_function(w='n')(lambda p, s, r: 0), dict(w=w))", word + ".*has shapes of its own"
    )
    yield called("check_gradients(lambda: 0, dict(w=w))", "returned .*raised TypeError.*takes 0 positional arguments")
    yield called(
        "check_gradients(lambda p: None, dict(w=w))", r"returned .*returned None, but should return \(loss, gradients\)"
    )
    yield called("check_gradients(lambda p: 1 / 0, dict(w=w))", "returned .*raised ZeroDivisionError")
    yield called("check_gradients(lambda p: exit(0), dict(w=w))", r"returned .*called sys.exit\(0\)")
    yield called("check_gradients(max, dict(w=w))", "returned .*max|" + word)
    yield called(
        "check_gradients(dict, dict(w=w))", r"returned .*dict returned a dict, but should return \(loss, gradients\)"
    )
    yield called("assert_gradients(lambda p: (0.0, {}), dict(w=w))", "GradientError: .*w")
    yield called(
        "assert_gradients(lambda p: (square(p)[0], dict(w=3 * p['w'])), dict(w=w))", "GradientError: .*w wrong"
    )
    yield called(
        "assert_gradients(lambda p: 'no', dict(w=w))",
        r"GradientError: .*returned a str, but should return \(loss, gradients\)",
    )


def declarations() -> Iterator[Case]:
    word = "(TypeError|ValueError): "
    yield called("gradient_function()", word + "gradient_function is given no parameter")
    yield called("gradient_function(square)", word + "gradient_function needs the shapes of the parameters")
    yield called("gradient_function(['W'])", word + r"the shapes are \['W'\], but should be a dict")
    yield called("gradient_function(W=b'n')", word + "the shape of W is b'n', but should be a string")
    yield called("gradient_function(W='n')(5)", word + "gradient_function decorates 5, but should decorate a function")
    yield called(
        "gradient_function(W='n')(lambda p: 0)", word + r"<lambda>\(p\) should take three arguments: p, sizes, rng"
    )
    yield called("gradient_function(W='n')(lambda p, s, r, *, more: 0)", word + ".*more. should take three arguments")
    yield called(
        "gradient_function(W='n', dtype='int8')", word + "dtype is 'int8', but should be one of float64, float32"
    )
    yield called("truncation(0)", word + "truncation is given 0, but should be given a number of steps of at least 1")
    yield called("truncation(2.5)", word + "truncation is given 2.5, but should be given a number of steps")
    yield called("truncation(True)", word + "truncation is given True, but should be given a number of steps")
    yield called("clip(5, -5)", word + "clip from 5 to -5: the first should be less than the second")
    yield called("clip(np.nan, 1)", word + "clip from nan to 1: the first should be less")
    yield called("clip('a', 'b')", word + "clip from 'a' to 'b': both should be numbers")
    yield called("clip_norm(0)", word + "clip_norm is given 0, but should be given a positive number")
    yield called("clip_norm(np.nan)", word + "clip_norm is given nan, but should be given a positive number")
    yield called("clip_norm('1')", word + "clip_norm is given '1', but should be given a positive number")
    yield called("factor(0)", word + "factor is given 0, but should be given a finite number that is not 0")
    yield called("factor(np.inf)", word + "factor is given inf, but should be given a finite number")
    yield called("factor('2')", word + "factor is given '2', but should be given a finite number")
    yield called("factor(np.ones(2))", word + "factor is given array.*, but should be given a finite number")
    yield called("weight_decay(0)", word + "weight_decay is given 0, but should be given a finite number")
    yield called("weight_decay(None)", word + "weight_decay is given None, but should be given a finite number")


def others() -> Iterator[Case]:
    word = "(TypeError|ValueError): "
    yield called("balance(to='a')", word + ".*factor")
    yield called("balance(5, to='a')", word + "a factor is 5, but should be a string")
    yield called("balance('x: a', to=5)", word + ".*5.*, but should be a string")
    yield called("balance('x: a b', to='a', sizes=5)", word + "sizes .*5.*, but should be a dict")
    yield called(
        "balance('x: a b', to='a', sizes=dict(a=2.5, b=1))", word + "the size of a is 2.5, but should be a whole number"
    )
    yield called(
        "balance('x: a b', to='a', sizes=dict(a=True, b=1))",
        word + "the size of a is True, but should be a whole number",
    )
    yield called(
        "forward_like('lstn', x, x, weight_ih=w, weight_hh=w)",
        word + "cell is 'lstn', but should be one of .*did you mean 'lstm'",
    )
    yield called(
        "forward_like(None, x, x, weight_ih=w, weight_hh=w)", word + "cell is None, but should be one of elman"
    )
    yield called("forward_like([], x, x, weight_ih=w, weight_hh=w)", word + r"cell is \[\], but should be one of elman")
    yield called("lstm(gates='ifgx')", word + "gates is 'ifgx', but should hold each of i, f, g, o once")
    yield called("lstm(gates=5)", word + "gates is 5, but should hold each of i, f, g, o once")
    yield called("lstm(layout='time batch')", word + "x?.*layout is 'time batch', which has 2 axes")
    yield called(
        "lstm(layout='time batch color')", word + "layout is 'time batch color', but should order time, batch, features"
    )
    yield called("lstm(layout=5)", word + "layout is 5, but should order time, batch, features")
    yield called("lstm(weight_ih=np.ones((3, 15)))", word + "weight_ih comes to .*, but should come to 4 matrices")
    yield called("lstm(weight_ih=np.ones(3))", word + "weight_ih .*but should")
    yield called("lstm(weight_ih=5)", word + "weight_ih .*but should")
    yield called("lstm(weight_ih=None)", word + "weight_ih .*but should")
    yield called("lstm(weight_ih=[])", word + "weight_ih .*but should")
    yield called("lstm(weight_ih='W')", word + "weight_ih .*but should")
    yield called("lstm(bias_ih=np.ones(3))", word + "bias_ih has 3 elements, but should have 4.hidden = 16")
    yield called("lstm(h_0=np.ones((7, 7)))", word + r"h_0 has shape \(7, 7\), but should be \(batch, hidden\)")
    yield called(
        "forward_like('gru', x, x, weight_ih=np.ones((3, 9)), weight_hh=np.ones((3, 9)), reset='now')",
        word + "reset is 'now', but should be",
    )
    yield called("lstm(nonsuch=5)", word + ".*nonsuch")
    yield called(
        "forward_like('lstm', [], x, weight_ih=w, weight_hh=w)",
        word + "outputs holds no step, but should hold the arrays of all steps",
    )
    yield called("forward_like('lstm', None, x, weight_ih=w, weight_hh=w)", word + "outputs .*")
    yield called(
        "forward_like('lstm', x, x[:2], weight_ih=np.ones((3, 12)), weight_hh=np.ones((3, 12)))",
        word + ".*(steps|time|outputs|shape)",
    )
    yield called("recovered(1.0, 2.0, 0.0)", word + "rate is 0.0, but should be a finite number other than 0")
    yield called("recovered(w, w, 0.1)", word + "before and after are the same array, changed in place")
    yield called("recovered(w, w[:1], 0.1)", word + r"before has shape \(2,\) and after \(1,\)")
    yield called("recovered('a', w, 0.1)", word + "before is a str, but should be an array")
    yield called("recovered(w, w + 1, np.nan)", word + "rate is nan, but should be a finite number")
    yield called("recovered(w, w + 1, 'fast')", word + "rate is 'fast'.*, but should be")
    yield called("with_locals(5)", word + "function is 5, but should be a function or method written in Python")
    yield called("with_locals(max, 1, 2)", word + "function is <built-in function max>, but should be a function")
    yield called("with_locals((lambda: (yield)))", word + "function is .*, a generator or coroutine, but should be")
    yield called("load(5)", word + r"path is 5 \(int\), but should be the name of a .py or .ipynb file")
    yield called("load('')", "IsADirectoryError: path is '', a folder, but should be one file in it")
    yield called("load('nonsuch.py')", "FileNotFoundError: there is no file 'nonsuch.py'")
    yield called("load('a\\0b.py')", word + ".*null")
    yield called("load('.', only='f')", word + "only is the string 'f', but should be a list of names")
    yield called("load('.', only=5)", word + r"only is 5 \(int\), but should be a list of names")
    yield called("load('.', only=[5])", word + r"only holds 5 \(int\), but should hold names")
    yield called("oracle.check(None)", word + ".*None.*, but should be")
    yield called("problem(None)", word + ".*None.*, but should be")
    yield called("problem(Case('nonsuch', 5, 3, 4, 'float64', 'ordinary'))", word + ".*nonsuch")
    yield called("problem(Case('lstm', 0, 3, 4, 'float64', 'ordinary'))", word + ".*0.*")
    yield called("oracle.nonsuch if hasattr(oracle, 'nonsuch') else 'no'", "returned no")


def every() -> list[Case]:
    return [*check_gradients(), *declarations(), *others()]
