"""An Elman network in jax with its backward pass written by hand: a cell in another array library, to be checked.

    pytest --pyargs oracle.conformance --implementation examples/jax_cell.py --cells elman --grid smoke

holds every gradient of it against PyTorch autograd of the same network. Nothing here uses jax.grad. What the cell does
not have it declares, and those cases are counted as not implemented.
"""

from __future__ import annotations

from types import SimpleNamespace

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)  # else float64 becomes float32, and the check says so


def forward(network, parameters, x, h_0, c_0=None, lengths=None, dropout_masks=None):
    """x (time, batch, input), h_0 (1, batch, hidden) -> outputs (time, batch, hidden) and h_n (1, batch, hidden)."""
    if network.cell != "elman" or network.activation != "tanh":
        raise NotImplementedError("only Elman cells with tanh")
    if network.layers > 1 or network.bidirectional or network.batch_first or not network.bias:
        raise NotImplementedError("only one layer in one direction, time first, with biases")
    if lengths is not None or network.truncation is not None:
        raise NotImplementedError("no lengths and no truncation")
    parameters = {name: jnp.asarray(value) for name, value in parameters.items()}
    states = states_of(parameters, jnp.asarray(x), jnp.asarray(h_0[0]))
    return SimpleNamespace(parameters=parameters, x=jnp.asarray(x), states=states, outputs=states[1:], h_n=states[-1:])


def backward(run, d_outputs, d_h_n, d_c_n=None):
    """The gradient of every parameter, of x and of h_0."""
    return gradients_of(run.parameters, run.x, run.states, jnp.asarray(d_outputs), jnp.asarray(d_h_n[0]))


@jax.jit
def states_of(p, x, h_0):
    """h_0 .. h_T (time + 1, batch, hidden)."""

    def step(h, x_t):
        h = jnp.tanh(x_t @ p["weight_ih"] + p["bias_ih"] + h @ p["weight_hh"] + p["bias_hh"])
        return h, h

    _, states = jax.lax.scan(step, h_0, x)
    return jnp.concatenate([h_0[None], states])


@jax.jit
def gradients_of(p, x, states, d_outputs, d_h_n):
    def step(carry, given):
        d_output, h = given
        delta = (carry + d_output) * (1 - h**2)  # (batch, hidden): dL/d pre-activation
        return delta @ p["weight_hh"].T, delta

    d_h_0, deltas = jax.lax.scan(step, d_h_n, (d_outputs, states[1:]), reverse=True)
    bias = deltas.sum(axis=(0, 1))
    return {
        "weight_ih": jnp.einsum("tbi,tbh->ih", x, deltas),
        "weight_hh": jnp.einsum("tbg,tbh->gh", states[:-1], deltas),
        "bias_ih": bias,
        "bias_hh": bias,
        "x": deltas @ p["weight_ih"].T,
        "h_0": d_h_0[None],
    }
