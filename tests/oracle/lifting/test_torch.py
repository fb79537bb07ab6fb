"""Code written in torch with a backward pass of its own: its forward pass is differentiated."""

import numpy as np
import pytest
import torch

from oracle import check_gradients
from oracle.lifting import NotLifted, lifting
from oracle.oracles import AUTOGRAD

HEAD = """
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
torch.set_default_dtype(torch.float64)
w, s, u = torch.tensor(W), torch.from_numpy(S), torch.as_tensor(v)
"""

PROGRAMS = {
    "plain": "loss = torch.tanh(w @ s).pow(2).sum() * u.prod()",
    "no-grad": "with torch.no_grad():\n  h = torch.sigmoid(w @ u)\nloss = (h ** 2).sum()",
    "decorated": "@torch.no_grad()\ndef f(x): return (x ** 2).sum()\nloss = f(w) * f(s)",
    "inference-mode": "with torch.inference_mode():\n  loss = torch.exp(u).sum()",
    "detach-data": "loss = (w.detach() ** 2).sum() + s.data.prod() + torch.detach(u)[0] ** 2",
    "requires-grad": "w.requires_grad_(); x = torch.tensor(v, requires_grad=True); loss = (w * x).sum() ** 2",
    "in-place": """
b = torch.zeros(4, 3)
for t in range(4):
    b[t] = torch.tanh(w[t] + (b[t - 1] @ s if t else 0))
b *= 2
loss = (b ** 2).sum()
""",
    "updates-data": "w.data -= 0.1 * w ** 2; w.sub_(0.1 * w); loss = (w ** 2).sum()",
    "overwrites-what-was-saved": "h = torch.exp(u); y = h * h; h.zero_(); loss = y.sum() + (h * u).sum()",
    "numpy-and-back": "a = np.tanh(w.numpy()); loss = torch.from_numpy(a).sum() ** 2 + s.cpu().numpy().sum()",
    "item": "import math\nloss = u[0].item() ** 2 + math.exp(u[1].item()) + float(u[2]) ** 2",
    "tensor-of-list": "loss = (torch.tensor([v[0], v[1] * 2, 1.0]) ** 2).sum() + torch.stack([u, u * u]).prod()",
    "functional": "loss = F.cross_entropy(w @ s, torch.tensor([0, 2, 1, 0])) + F.softmax(u, dim=0)[0]",
    "float-computes-double": "loss = (w.double().to(torch.float64).type(torch.float64) ** 2).sum()",
    "like": "z = torch.zeros_like(w); z[1:] += w[:-1]; loss = (z * w).sum()",
    "function": """
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * x * scale
    @staticmethod
    def backward(ctx, upstream):
        (x,) = ctx.saved_tensors
        return upstream * 7 * x, None  # wrong on purpose
loss = Square.apply(w, 2.0).sum() + Square.apply(u, 1.0).prod()
""",
    "function-with-setup": """
from torch.autograd import Function
class Cube(Function):
    @staticmethod
    def forward(x): return x ** 3
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx, upstream): return upstream * ctx.saved_tensors[0]  # wrong on purpose
loss = Cube.apply(w).sum()
""",
    "parameters-of-a-module": """
class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(S))
    def forward(self, x): return torch.tanh(x @ self.weight)
loss = (Cell()(w) ** 2).sum()
""",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _default_dtype():
    yield
    torch.set_default_dtype(torch.float32)  # the plain runs set it


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_torch_program(program, agree, parameters):
    agree(HEAD + program, parameters)


def test_float32_is_computed_in_float64(lifted_run, parameters):
    program = "import torch\nh = torch.tensor(W).float() @ torch.zeros(3, 2).add(0.3)\nloss = (h ** 2).sum()"
    lifted, loss, _ = lifted_run(program, parameters)
    assert lifted.precision == np.float32
    assert loss == pytest.approx(((parameters["W"] @ np.full((3, 2), 0.3)) ** 2).sum(), rel=1e-14)


def test_random_numbers_are_those_of_the_plain_run(lifted_run, execute, parameters):
    program = "import torch\ntorch.manual_seed(3)\nloss = (torch.tensor(v) * torch.randn(20)[-3:]).sum()"
    assert lifted_run(program, parameters)[1] == pytest.approx(float(execute(program, **parameters).loss), rel=1e-6)


def test_autograd_inside_is_refused(lifted_run, parameters):
    with pytest.raises(NotLifted, match=r"program\.py, line 3: Tensor\.backward cannot be lifted"):
        lifted_run("import torch\nloss = torch.tensor(v).sum()\nloss.backward()", parameters)


def test_torch_itself_is_left_alone(parameters):
    default, function = torch.get_default_dtype(), torch.autograd.Function
    with lifting(parameters):
        assert torch.get_default_dtype() is torch.float64
    assert torch.get_default_dtype() is default and torch.autograd.Function is function


def test_random_numbers_of_torch_are_those_of_the_plain_run():
    def f(p):
        torch.manual_seed(1)
        wide, narrow = torch.randn(20, dtype=torch.float64), torch.randn(20)
        w = torch.from_numpy(p["w"])
        return (w * w * wide).sum() / 2 + (w * narrow.double()).sum(), {"w": w * wide + narrow.double()}

    finding = check_gradients(f, {"w": np.linspace(0.5, 1.5, 20)})
    assert finding.outcome == "agrees" and finding.oracle == AUTOGRAD, str(finding)
