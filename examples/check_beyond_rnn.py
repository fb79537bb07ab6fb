"""Adapters for what is not recurrent: nothing in the tool is special to time.

    bptt-oracle check examples/check_beyond_rnn.py

An input can be declared as a parameter: then its gradient is checked as well.
"""

import numpy as np

from oracle import gradient_function, load


@gradient_function(W0="input wide", b0="wide", W1="wide narrow", b1="narrow", W2="narrow classes", b2="classes")
def dense_network(p, sizes, rng):
    """Layers in a list, each with its own gradients."""
    m = load("programs/mlp.py")
    layers = [m.Dense(p[f"W{k}"], p[f"b{k}"], relu=k < 2) for k in range(3)]
    x, labels = rng.normal(size=(sizes.batch, sizes.input)), rng.integers(sizes.classes, size=sizes.batch)
    loss = m.MLP(layers).loss(x, labels)
    return loss, {f"{name}{k}": getattr(layers[k], f"d{name}") for k in range(3) for name in "Wb"}


@gradient_function(x="batch features", gamma="features", beta="features")
def normalisation(p, sizes, rng):
    """Functions with a cache that return the gradient of their input too."""
    m = load("programs/layer_norm.py")
    out, cache = m.layernorm_forward(p.x, p.gamma, p.beta)
    upstream = rng.normal(size=out.shape)
    return np.sum(out * upstream), dict(zip(p, m.layernorm_backward(upstream, cache)))


@gradient_function(x="batch time model", Wq="model key", Wk="model key", Wv="model value", Wo="value model")
def attention(p, sizes, rng):
    """A block with softmax and a mask, its input among the parameters."""
    block = load("programs/attention.py").SelfAttention(p.Wq, p.Wk, p.Wv, p.Wo)
    out = block.forward(p.x)
    upstream = rng.normal(size=out.shape)
    dx, gradients = block.backward(upstream)
    return np.sum(out * upstream), dict(x=dx, **gradients)
