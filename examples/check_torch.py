"""Adapters for backward passes written by hand in torch.

    bptt-oracle check examples/check_torch.py

Parameters come as NumPy arrays, and gradients go back as tensors or arrays.
"""

from types import SimpleNamespace

import torch

from oracle import gradient_function, load


@gradient_function(w_ih="input hidden", w_hh="hidden hidden", w_ho="hidden output", b_h="hidden")
def manual_backward(p, sizes, rng):
    """Tensors without autograd, under torch.no_grad."""
    parameters = {name: torch.from_numpy(array) for name, array in p.items()}
    net = load("programs/torch_elman.py").Elman(**parameters)
    x = torch.from_numpy(rng.normal(size=(sizes.time, sizes.batch, sizes.input)))
    labels = torch.from_numpy(rng.integers(sizes.output, size=(sizes.time, sizes.batch)))
    return net.forward(x, labels), net.backward()


@gradient_function(w="input hidden", r="hidden hidden", h_0="batch hidden")
def function_called_directly(p, sizes, rng):
    """A torch.autograd.Function without torch's help: its two methods, and a namespace for what they share."""
    ctx = SimpleNamespace()
    ctx.save_for_backward = lambda *tensors: setattr(ctx, "saved_tensors", tensors)
    recurrence = load("programs/torch_function.py").Recurrence
    x = torch.from_numpy(rng.normal(size=(sizes.time, sizes.batch, sizes.input)))
    h = recurrence.forward(ctx, x, *(torch.from_numpy(p[name]) for name in ("h_0", "w", "r")))
    upstream = torch.from_numpy(rng.normal(size=h.shape))
    _, d_h_0, d_w, d_r = recurrence.backward(ctx, upstream)
    return (h * upstream).sum(), dict(w=d_w, r=d_r, h_0=d_h_0)


def inputs(sizes, rng):
    """The same for the code and for its reference, since `rng` is the same at every call."""
    x = torch.from_numpy(rng.normal(size=(sizes.time, sizes.batch, sizes.input)))
    return x, torch.from_numpy(rng.normal(size=(sizes.time, sizes.batch, sizes.hidden)))


def plain_torch(p, sizes, rng):
    """The same loss in plain torch, of which autograd takes the derivative; p holds tensors."""
    x, target = inputs(sizes, rng)
    h, loss = torch.zeros(sizes.batch, sizes.hidden, dtype=torch.float64), 0
    for x_t, target_t in zip(x, target):
        h = torch.tanh(x_t @ p.w + h @ p.r)
        loss = loss + (h - target_t).pow(2).sum() / 2
    return loss


@gradient_function(w="input hidden", r="hidden hidden", reference=plain_torch)
def function_with_reference(p, sizes, rng):
    """A torch.autograd.Function whose backward torch itself calls, held against the loss without it."""
    leaves = {name: torch.tensor(array, requires_grad=True) for name, array in p.items()}
    loss = load("programs/torch_function.py").step_loss(leaves["w"], leaves["r"], *inputs(sizes, rng))
    return loss, dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


@gradient_function(w="input hidden", r="hidden hidden")
def function_by_itself(p, sizes, rng):
    """The same without a reference: differences of the loss are asked instead, and are less sharp."""
    leaves = {name: torch.tensor(array, requires_grad=True) for name, array in p.items()}
    loss = load("programs/torch_function.py").step_loss(leaves["w"], leaves["r"], *inputs(sizes, rng))
    return loss, dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))
