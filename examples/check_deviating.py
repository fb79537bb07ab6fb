"""Adapters for programs whose gradient is another one on purpose: what is meant is declared as `deviation`.

    bptt-oracle check examples/check_deviating.py

Take a declaration away to see how the tool then recognises what was done.
"""

from oracle import clip, clip_norm, factor, gradient_function, load, weight_decay

WEIGHTS = dict(Wx="input hidden", Wh="hidden hidden", Wy="hidden output")


def regression(p, sizes, rng, **measures):
    """What the first three have in common."""
    xs = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    ys = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    return load("programs/regularised_rnn.py").gradients(p, xs, ys, **measures)


@gradient_function(WEIGHTS, deviation=clip(-2, 2))
def elementwise_clip(p, sizes, rng):
    """Every element of the gradient is clipped."""
    return regression(p, sizes, rng, clip=2)


@gradient_function(WEIGHTS, deviation=clip_norm(1.5))
def norm_clip(p, sizes, rng):
    """All gradients are scaled by one factor where their joint norm is too large."""
    return regression(p, sizes, rng, max_norm=1.5)


@gradient_function(WEIGHTS, deviation=weight_decay(0.01))
def decayed(p, sizes, rng):
    """The gradient has an L2 term that the loss has not."""
    return regression(p, sizes, rng, weight_decay=0.01)


@gradient_function(WEIGHTS, deviation=[weight_decay(0.01), clip(-2, 2)])
def decayed_then_clipped(p, sizes, rng):
    """Several deviations, in the order in which the code applies them."""
    return regression(p, sizes, rng, weight_decay=0.01, clip=2)


@gradient_function(W="input hidden", R="hidden hidden", v="hidden")
def mean_against_sum(p, sizes, rng):
    """The gradient is a mean over the batch, the loss a sum: divide the loss, where the factor depends on the sizes."""
    net = load("programs/batch_average.py").Predictor(p.W, p.R, p.v)
    loss = net.fit(rng.normal(size=(sizes.time, sizes.batch, sizes.input)), rng.normal(size=(sizes.time, sizes.batch)))
    return loss / sizes.batch, dict(W=net.dW, R=net.dR, v=net.dv)


BATCH = 16


@gradient_function(dict(W="input hidden", R="hidden hidden", v="hidden"), deviation=factor(1 / BATCH))
def mean_over_a_fixed_batch(p, sizes, rng):
    """The same with a fixed batch, where the factor is a number that can be declared."""
    net = load("programs/batch_average.py").Predictor(p.W, p.R, p.v)
    loss = net.fit(rng.normal(size=(sizes.time, BATCH, sizes.input)), rng.normal(size=(sizes.time, BATCH)))
    return loss, dict(W=net.dW, R=net.dR, v=net.dv)


@gradient_function(dict(W="hidden observation", R="hidden hidden", A="action hidden"), deviation=factor(-1))
def ascent(p, sizes, rng):
    """The gradient points uphill."""
    policy = load("programs/policy.py").Policy(p.W, p.R, p.A)
    observations, returns = rng.normal(size=(sizes.time, sizes.observation)), rng.normal(size=sizes.time)
    return policy.surrogate_and_ascent(observations, rng.integers(sizes.action, size=sizes.time), returns)
