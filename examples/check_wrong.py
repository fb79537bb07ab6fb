"""Adapters for programs that are wrong, to see what is said of each mistake.

    bptt-oracle check examples/check_wrong.py

The mistakes stand in programs/faulty_elman.py, faulty_gru.py, stateful.py and log_of_zero.py, with arrows. The rest are
mistakes in adapters.
"""

import functools

import numpy as np

from oracle import gradient_function, load

ELMAN = dict(W="input hidden", R="hidden hidden", V="hidden output", b="1 hidden")


def elman(backward, p, sizes, rng):
    """The forward pass, and that backward pass."""
    m = load("programs/faulty_elman.py")
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    y = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    loss, cache = m.forward(p, x, y, rng.normal(size=(sizes.batch, sizes.hidden)))
    return loss, getattr(m, backward)(p, cache)


@gradient_function(ELMAN)
def untransposed_carry(p, sizes, rng):
    """One place: the recurrent matrix is not transposed on the way back. V is right."""
    return elman("untransposed_carry", p, sizes, rng)


@gradient_function(ELMAN)
def state_index(p, sizes, rng):
    """One place: h_t where h_{t-1} belongs. Only R is wrong."""
    return elman("state_index", p, sizes, rng)


@gradient_function(ELMAN)
def derivative_of_preactivation(p, sizes, rng):
    """One place: 1 - a² for 1 - tanh(a)². V is right."""
    return elman("derivative_of_preactivation", p, sizes, rng)


@gradient_function(ELMAN)
def bias_not_summed(p, sizes, rng):
    """One place: the bias's gradient keeps the axis of the batch. Only b is wrong, in its shape."""
    return elman("bias_not_summed", p, sizes, rng)


@gradient_function(ELMAN)
def overwritten(p, sizes, rng):
    """One place: = for +=. Only W is wrong, and only from the second step on."""
    return elman("overwritten", p, sizes, rng)


@gradient_function(ELMAN)
def three_mistakes(p, sizes, rng):
    """Three places: V overwritten, R with the wrong state, b averaged. W is right."""
    return elman("three_mistakes", p, sizes, rng)


@gradient_function(ELMAN)
def undeclared_clip(p, sizes, rng):
    """Clipped without a word: recognised. With deviation=clip(-1, 1) it would agree."""
    return elman("clipped", p, sizes, rng)


@gradient_function(ELMAN)
def raises(p, sizes, rng):
    """Operands the wrong way round: with sizes that all differ NumPy raises."""
    return elman("transposed_operands", p, sizes, rng)


@gradient_function(Wr="input+hidden hidden", Wz="input+hidden hidden", Wn="input+hidden hidden")
def wrong_gate(p, sizes, rng):
    """One place: z for 1 - z on the way into the candidate."""
    gru = load("programs/faulty_gru.py").GRU(p.Wr, p.Wz, p.Wn)
    x, h_0 = rng.normal(size=(sizes.time, sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    states = gru.forward(x, h_0)
    upstream = rng.normal(size=states.shape)
    return np.sum(states * upstream), dict(zip(p, gru.backward(upstream)))


@functools.cache
def made_once(n_in, n_hidden):
    """As a training loop would: what is loaded anew at every call forgets what it kept."""
    return load("programs/stateful.py").Accumulating(n_in, n_hidden)


@gradient_function(w="hidden input", r="hidden hidden")
def accumulates(p, sizes, rng):
    """Gradients that are never set to zero: each call adds to the last one's."""
    net = made_once(sizes.input, sizes.hidden)
    net.w, net.r = p.w, p.r
    loss = net.forward(rng.normal(size=(sizes.time, sizes.input)), rng.normal(size=sizes.hidden))
    net.backward()
    return loss, dict(w=net.dw, r=net.dr)


@gradient_function(w="input")
def modifies_its_inputs(p, sizes, rng):
    """Writes to the inputs that it was given: the gradient is right, and the caller's data spoilt."""
    m = load("programs/stateful.py")
    loss, dw = m.centred(p.w, rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=sizes.batch))
    return loss, dict(w=dw)


@gradient_function(W="input classes")
def log_of_zero(p, sizes, rng):
    """A loss that is NaN: which line made it so is said."""
    target = np.eye(sizes.classes)[rng.integers(sizes.classes, size=sizes.batch)]
    loss, dW = load("programs/log_of_zero.py").divergence(p.W, rng.normal(size=(sizes.batch, sizes.input)), target)
    return loss, dict(W=dW)


@gradient_function(ELMAN)
def returns_a_list(p, sizes, rng):
    """A mistake in the adapter: gradients without their names."""
    loss, gradients = elman("state_index", p, sizes, rng)
    return loss, list(gradients.values())


@gradient_function(ELMAN)
def misspelt(p, sizes, rng):
    """A mistake in the adapter: a gradient of a parameter that there is not."""
    loss, gradients = elman("state_index", p, sizes, rng)
    return loss, {f"d{name}": gradient for name, gradient in gradients.items()}


@gradient_function(ELMAN)
def forgets_one(p, sizes, rng):
    """A mistake in the adapter: a parameter without its gradient."""
    loss, gradients = elman("overwritten", p, sizes, rng)
    del gradients["W"]
    return loss, gradients


@gradient_function(ELMAN)
def raises_at_the_carry(p, sizes, rng):
    """The recurrent matrix on the wrong side: two products have the right shape, and one the right values."""
    return elman("swapped_carry", p, sizes, rng)
