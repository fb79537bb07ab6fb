"""What a lifted run notices, refuses and restores."""

import builtins
import math
import sys

import numpy as np
import pytest
import torch

from oracle.lifting import Leak, NotLifted, lifting, ufuncs
from oracle.lifting.arrays import LiftedArray
from oracle.substitution import CURRENT

LEAKS = {  # program -> the line, and what is said
    "real-float": ("import builtins\nx = 1\nloss = v[0] * builtins.float(v[1])", 3, "float()"),
    "third-party": ("import statistics\nloss = v.sum() * statistics.fmean(v)", 2, "float()"),
    "tobytes": ("loss = v.sum() * len(v.tobytes())", 1, "tobytes()"),
    "pickled": ("import pickle\nloss = v.sum() * pickle.loads(pickle.dumps(v))[0]", 2, "pickled"),
    "into-integers": ("import numpy as np\nb = np.zeros(3, int)\nb[:] = 5 * v\nloss = v[0] * b[0]", 3, "rounded into"),
    "random": ("import numpy as np\nloss = v.sum() * np.random.exponential(abs(v[0]))", 2, "exponential"),
}  # fmt: skip


@pytest.mark.parametrize("program, line, what", LEAKS.values(), ids=LEAKS.keys())
def test_leak_is_recorded_with_its_line(program, line, what, lifted_run, parameters):
    lifted, _, _ = lifted_run(program, parameters)
    assert lifted.leaks and isinstance(lifted.leaks[0], Leak)
    assert (lifted.leaks[0].filename, lifted.leaks[0].line) == ("program.py", line)
    assert what in lifted.leaks[0].what


@pytest.mark.parametrize(
    "line",
    ["print('%.3f %g' % (v[0], v[1]))", "print(v[0], f'{v[0]:.2f}', v)", "s = str(v[0]) + repr(v)",
     "v[0] > 0 and v.any()", "int(v[0]), round(v[0])", "v.argmax(), v.astype(int), np.isnan(v)", "{v[0]: 1}"],
)  # fmt: skip
def test_looking_is_no_leak(line, lifted_run, parameters):
    lifted, _, _ = lifted_run(f"import numpy as np\n{line}\nloss = v.sum()", parameters)
    assert lifted.leaks == []


REFUSED = {
    "np.linalg.svd": "import numpy as np\nloss = np.linalg.svd(S)[1].sum()",
    "np.fft.fft": "import numpy as np\nloss = abs(np.fft.fft(v)[0])",
    "math.gamma": "import math\nloss = math.gamma(v[0])",
    "np.ma.array": "import numpy as np\nloss = np.ma.array(v).sum()",
    "np.pad": "import numpy as np\nloss = np.pad(v, 2, mode='linear_ramp').sum()",
}


@pytest.mark.parametrize("call, program", REFUSED.items(), ids=REFUSED.keys())
def test_what_cannot_be_followed_is_named(call, program, lifted_run, parameters):
    with pytest.raises(NotLifted) as caught:
        lifted_run(program, {name: np.abs(value) for name, value in parameters.items()})
    assert (caught.value.call, caught.value.filename, caught.value.line) == (call, "program.py", 2)
    assert str(caught.value).startswith(f"program.py, line 2: {call} cannot be lifted: ")


def test_a_loss_of_no_parameter_is_refused(lifted_run, parameters):
    with pytest.raises(NotLifted, match="depends on no parameter"):
        lifted_run("loss = 3.0", parameters)


def test_memory_written_behind_our_back_is_noticed(lifted_run, parameters):
    program = "import ctypes\nctypes.memset(v.ctypes.data, 0, 8)\nw = v * 1\nloss = w.sum()"
    lifted, _, _ = lifted_run(program, parameters)
    assert (lifted.unfaithful[0].filename, lifted.unfaithful[0].line) == ("program.py", 3)


NARROW = {
    "zeros-dtype": "b = np.zeros(3, dtype=np.float32); b[:] = v / 3; loss = b.sum() ** 2",
    "letter": "b = np.empty(3, 'f'); b[:] = v / 3; loss = b.sum() ** 2",
    "name": "loss = (v / 3).astype('float32').sum() ** 2",
    "astype": "loss = (v / 3).astype(np.float32).sum() ** 2",
    "half": "loss = (v / 3).astype(np.float16).sum() ** 2",
    "call": "loss = np.float32(v[0] / 3) ** 2 + np.float32(v / 3).sum()",
    "constant": "loss = (v / 3 * np.float32(0.1)).sum()",
    "array": "loss = np.array([v[0] / 3, v[1]], dtype=np.float32).sum() ** 2",
}


@pytest.mark.parametrize("line", NARROW.values(), ids=NARROW.keys())
def test_float32_is_recorded_and_computed_in_float64(line, lifted_run, execute, parameters):
    lifted, loss, gradients = lifted_run(f"import numpy as np\n{line}", parameters)
    assert lifted.precision == np.float32
    plain = float(execute(f"import numpy as np\n{line}", **parameters).loss)
    assert loss == pytest.approx(plain, rel=1e-2) and lifted.unfaithful == []
    wide = line.replace("dtype=np.float32", "dtype=float").replace("'f'", "'d'").replace("'float32'", "'float64'")
    wide = wide.replace("np.float32", "np.float64").replace("np.float16", "np.float64")
    if "constant" not in wide and "0.1" not in wide:  # float32(0.1) is another number
        _, expected, wider = lifted_run(f"import numpy as np\n{wide}", parameters)
        assert loss == pytest.approx(expected, rel=1e-14)
        np.testing.assert_allclose(gradients["v"], wider["v"], rtol=1e-13)


def test_float64_stays_float64(lifted_run, parameters):
    program = "import numpy as np\nnp.finfo(np.float32), np.zeros(2, int)\nloss = v.sum()"
    assert lifted_run(program, parameters)[0].precision == np.float64


# --- restoring -------------------------------------------------------------------------------------------------------


def state():
    modes = CURRENT.get(), torch.get_default_dtype(), torch.is_grad_enabled()
    names = np.ndarray, np.exp, builtins.float, builtins.isinstance, math.exp, sys.modules["numpy"], torch.Tensor.detach
    return *modes, *names, np.random.get_state()[1].tolist()


def test_everything_is_restored_also_after_an_exception(parameters):
    before = state()
    with pytest.raises(ZeroDivisionError), lifting(parameters) as lifted:
        assert CURRENT.get() is not None and lifted.parameters["W"].sum() is not None
        raise ZeroDivisionError
    assert state() == before


def test_nested_and_repeated(parameters, execute):
    program = "import numpy as np\nloss = np.sum(v ** 2)"
    for _ in range(2):
        with lifting(parameters) as outer:
            first = execute(program, **outer.parameters).loss
            with lifting({"v": np.ones(3)}) as inner:
                second = inner.tensor(execute(program, **inner.parameters).loss)
            again = execute(program, **outer.parameters).loss
        (gradient,) = torch.autograd.grad(outer.tensor(first) + outer.tensor(again), outer.leaves["v"])
        np.testing.assert_allclose(gradient.numpy(), 4 * parameters["v"])
        assert torch.autograd.grad(second, inner.leaves["v"])[0].tolist() == [2.0, 2.0, 2.0]


def test_parameters_of_the_caller_are_not_written(parameters, lifted_run):
    before = parameters["W"].copy()
    lifted_run("W *= 2; loss = W.sum()", parameters)
    assert (parameters["W"] == before).all()


def test_arrays_outlive_the_run_as_plain_values(parameters):
    with lifting(parameters) as lifted:
        product = lifted.parameters["W"] @ lifted.parameters["S"]
    expected = parameters["W"] @ parameters["S"]
    assert isinstance(product, LiftedArray) and float(product[0, 0]) == pytest.approx(expected[0, 0])
    assert np.sum(product * 2) == pytest.approx(2 * expected.sum())


@pytest.mark.parametrize("value", [np.arange(3), "text"], ids=["integers", "text"])
def test_parameters_are_floating_point(value):
    message = "parameter 'v' has dtype .*, but should be floating point"
    with pytest.raises(ValueError, match=message), lifting({"v": value}):
        pass


# --- the ground we stand on ------------------------------------------------------------------------------------------


def test_every_float_ufunc_of_numpy_is_translated_or_known_not_to_be():
    assert ufuncs.untranslated() <= {"frexp", "nextafter"}


def test_views_of_a_lifted_array_keep_its_memory():
    """NumPy's side of the bargain: base leads to the owner of the memory, through any class of view."""
    owner = np.arange(6.0)
    view = owner.view(LiftedArray).reshape(2, 3)[:, ::-1].T.view(np.ndarray)
    while isinstance(view.base, np.ndarray):
        view = view.base
    assert view is owner
