"""What is measured: the same loss and the same gradients, computed in five ways. One layer, one direction, one thread.

The loss is the sum of outputs, final state and final cell, each multiplied by a given random upstream gradient; the
gradients are those of weights, biases, x and initial states. Each function below takes a problem, prepares everything
that need not be done again, and returns a Contender; `run` is what is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

import rnn_manual
from oracle.problem import Problem
from rnn_manual import Network, from_state_dict, initial_parameters, to_state_dict

CELLS = ("elman", "lstm", "gru")
GATES = {"elman": 1, "lstm": 4, "gru": 3}
SIGMOIDS = {"elman": 0, "lstm": 3, "gru": 2}  # blocks of H units that go through a sigmoid in each step
TANHS = {"elman": 1, "lstm": 2, "gru": 1}  # and through a tanh; the LSTM's cell is the second


@dataclass(frozen=True)
class Contender:
    """run() computes loss and gradients in the contender's own arrays; results(run()) are they as ours would be."""

    run: Callable[[], object]
    results: Callable[[object], tuple[float, dict[str, np.ndarray]]] | None = None


def make_problem(cell: str, size: tuple[int, int, int, int], dtype: type, seed: int = 0) -> Problem:
    """A problem of `size` (T, B, I, H): every array random, states and upstream gradients too."""
    time, batch, inputs, hidden = size
    network = Network(cell=cell, input_size=inputs, hidden_size=hidden)
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(dtype)

    states = {name: normal(1, batch, hidden) for name in network.state_axes(batch)}
    upstream = {f"d_{name[0]}_n": normal(1, batch, hidden) for name in states}
    return Problem(
        network,
        initial_parameters(network, rng, dtype),
        normal(time, batch, inputs),
        **states,
        d_outputs=normal(time, batch, hidden),
        **upstream,
    )


def ours(problem: Problem) -> Contender:
    """The hand-written pass, through its public functions, input checks included."""
    p = problem

    def run() -> tuple[float, dict[str, np.ndarray]]:
        run = rnn_manual.forward(p.network, p.parameters, p.x, p.h_0, p.c_0)
        loss = np.vdot(run.outputs, p.d_outputs) + np.vdot(run.h_n, p.d_h_n)
        if run.c_n is not None:
            loss += np.vdot(run.c_n, p.d_c_n)
        return loss, rnn_manual.backward(run, p.d_outputs, p.d_h_n, p.d_c_n)

    return Contender(run, lambda result: (float(result[0]), result[1]))


def torch_module(problem: Problem) -> Contender:
    """torch.nn.RNN, LSTM or GRU, and autograd from the same upstream gradients."""
    p, network = problem, problem.network
    kind = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[network.cell]
    module = kind(network.input_size, network.hidden_size).to(torch.from_numpy(p.x).dtype)
    module.load_state_dict({k: torch.from_numpy(v) for k, v in to_state_dict(network, p.parameters).items()})
    x, h_0, c_0 = _leaf(p.x), _leaf(p.h_0), _leaf(p.c_0)
    states = (h_0,) if c_0 is None else (h_0, c_0)
    names = [name for name, _ in module.named_parameters()]
    inputs = [*module.parameters(), x, *states]
    upstream = [torch.from_numpy(up) for up in (p.d_outputs, p.d_h_n, p.d_c_n) if up is not None]

    def run() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        outputs, final = module(x, h_0 if c_0 is None else states)
        results = (outputs, final) if c_0 is None else (outputs, *final)
        with torch.no_grad():
            loss = sum(torch.vdot(result.view(-1), up.view(-1)) for result, up in zip(results, upstream))
        return loss, torch.autograd.grad(results, inputs, upstream)

    def results(result: tuple[torch.Tensor, tuple[torch.Tensor, ...]]) -> tuple[float, dict[str, np.ndarray]]:
        loss, gradients = result
        named = from_state_dict(network, {name: g.numpy() for name, g in zip(names, gradients)})
        return loss.item(), named | {name: g.numpy() for name, g in zip(("x", "h_0", "c_0"), gradients[len(names) :])}

    return Contender(run, results)


def torch_steps(problem: Problem) -> Contender:
    """The loop over time written out in torch, one step after the other, and autograd."""
    p, network = problem, problem.network
    leaves = {name: _leaf(array) for name, array in p.differentiable.items()}
    upstream = [torch.from_numpy(up) for up in (p.d_outputs, p.d_h_n, p.d_c_n) if up is not None]

    def run() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        state = (leaves["h_0"][0],) if p.c_0 is None else (leaves["h_0"][0], leaves["c_0"][0])
        outputs = []
        for x_t in leaves["x"]:
            state = _torch_step(network.cell, leaves, x_t, *state)
            outputs.append(state[0])
        results = (torch.stack(outputs), *(part[None] for part in state))
        with torch.no_grad():
            loss = sum(torch.vdot(result.view(-1), up.view(-1)) for result, up in zip(results, upstream))
        return loss, torch.autograd.grad(results, list(leaves.values()), upstream)

    return Contender(run, lambda result: (result[0].item(), {k: g.numpy() for k, g in zip(leaves, result[1])}))


def _torch_step(
    cell: str, p: dict[str, torch.Tensor], x: torch.Tensor, h: torch.Tensor, c: torch.Tensor | None = None
) -> tuple[torch.Tensor, ...]:
    from_x = torch.addmm(p["bias_ih"], x, p["weight_ih"])
    from_h = torch.addmm(p["bias_hh"], h, p["weight_hh"])
    if cell == "elman":
        return (torch.tanh(from_x + from_h),)
    if cell == "lstm":
        i, f, g, o = (from_x + from_h).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
    x_r, x_z, x_n = from_x.chunk(3, dim=1)
    h_r, h_z, h_n = from_h.chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return (n + z * (h - n),)


def jax_scan(problem: Problem) -> Contender:
    """jax.jit of lax.scan over the steps, with value_and_grad. Raises ImportError without jax."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)  # or float64 would silently be float32
    p, network = problem, problem.network

    def step(leaves: dict, state: tuple, x: jax.Array) -> tuple[tuple, jax.Array]:
        h = state[0]
        from_h = h @ leaves["weight_hh"] + leaves["bias_hh"]
        if network.cell == "elman":
            h = jnp.tanh(x + from_h)
            return (h,), h
        if network.cell == "lstm":
            i, f, g, o = jnp.split(x + from_h, 4, axis=1)
            c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h
        x_r, x_z, x_n = jnp.split(x, 3, axis=1)
        h_r, h_z, h_n = jnp.split(from_h, 3, axis=1)
        r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
        n = jnp.tanh(x_n + r * h_n)
        h = n + z * (h - n)
        return (h,), h

    def loss(leaves: dict, upstream: tuple) -> jax.Array:
        from_x = leaves["x"] @ leaves["weight_ih"] + leaves["bias_ih"]  # all steps at once, as we do
        initial = tuple(leaves[name][0] for name in ("h_0", "c_0") if name in leaves)
        final, outputs = lax.scan(lambda state, x: step(leaves, state, x), initial, from_x)
        return sum(jnp.vdot(result, up) for result, up in zip((outputs, *final), upstream))

    leaves = {name: jnp.asarray(array) for name, array in p.differentiable.items()}
    upstream = tuple(jnp.asarray(up) for up in (p.d_outputs, p.d_h_n, p.d_c_n) if up is not None)
    compiled = jax.jit(jax.value_and_grad(loss))

    def run() -> object:
        return jax.block_until_ready(compiled(leaves, upstream))

    return Contender(run, lambda result: (float(result[0]), {k: np.asarray(g) for k, g in result[1].items()}))


def floor(problem: Problem) -> Contender:
    """What no forward and backward pass can avoid: the matrix products, exp and tanh, into buffers made beforehand.

    Nothing else: no sum, no elementwise product, no checks. It computes no gradient.
    """
    p, cell = problem, problem.network.cell
    time, batch, _ = p.x.shape
    hidden = p.network.hidden_size
    weight_ih, weight_hh = p.parameters["weight_ih"], p.parameters["weight_hh"]
    x = p.x.reshape(time * batch, -1)  # (T*B, I)
    rng = np.random.default_rng(0)
    h = rng.uniform(-1, 1, (time * batch, hidden)).astype(x.dtype)
    delta = rng.normal(size=(time * batch, GATES[cell] * hidden)).astype(x.dtype)
    pre_sigmoid = rng.normal(size=(batch, SIGMOIDS[cell] * hidden)).astype(x.dtype)
    pre_tanh = rng.normal(size=(batch, TANHS[cell] * hidden)).astype(x.dtype)
    steps_of_h, steps_of_delta = h.reshape(time, batch, -1), delta.reshape(time, batch, -1)
    weight_hh_T = np.ascontiguousarray(weight_hh.T)

    from_x, from_h = np.empty_like(delta), np.empty_like(steps_of_delta[0])
    sigmoids, tanhs, carry = np.empty_like(pre_sigmoid), np.empty_like(pre_tanh), np.empty_like(steps_of_h[0])
    d_x, d_weight_ih, d_weight_hh = np.empty_like(x), np.empty_like(weight_ih), np.empty_like(weight_hh)

    def run() -> None:
        np.dot(x, weight_ih, out=from_x)
        for h_t in steps_of_h:
            np.dot(h_t, weight_hh, out=from_h)
            if sigmoids.size:
                np.exp(pre_sigmoid, out=sigmoids)
            np.tanh(pre_tanh, out=tanhs)
        for delta_t in steps_of_delta:
            np.dot(delta_t, weight_hh_T, out=carry)
        np.dot(x.T, delta, out=d_weight_ih)
        np.dot(h.T, delta, out=d_weight_hh)
        np.dot(delta, weight_ih.T, out=d_x)

    return Contender(run)


CONTENDERS: dict[str, Callable[[Problem], Contender]] = {
    "ours": ours,
    "torch.nn": torch_module,
    "torch steps": torch_steps,
    "jax scan": jax_scan,
    "floor": floor,
}


def _leaf(array: np.ndarray | None) -> torch.Tensor | None:
    return None if array is None else torch.from_numpy(array).requires_grad_()
