"""A bidirectional Elman tagger: a net from each end, a softmax readout of both, padded steps masked."""

import numpy as np

from oracle import gradient_function


def run(x, W, U, b, h, order):
    """States by step (T, B, H), and the states they were made from, in the order of time in which the net reads."""
    states = np.zeros((len(x), *h.shape))
    before = np.zeros_like(states)
    for t in order:
        before[t] = h
        h = np.tanh(x[t] @ W + h @ U + b)
        states[t] = h
    return states, before


def run_back(d_states, x, states, before, U, order):
    """Gradients of W, U and b, the steps in the order in which the net has read them."""
    features, hidden = x.shape[2], U.shape[0]
    dW, dU, db = np.zeros((features, hidden)), np.zeros((hidden, hidden)), np.zeros(hidden)
    dh = np.zeros_like(states[0])
    for t in reversed(order):
        dh = dh + d_states[t]
        dpre = dh * (1 - states[t] ** 2)
        dW += x[t].T @ dpre
        dU += before[t].T @ dpre
        db += dpre.sum(axis=0)
        dh = dpre @ U.T
    return dW, dU, db


def tagger(p, x, tags, mask, left, right):
    """x (T, B, F), tags (T, B, K) one-hot, mask (T, B), left and right: first states (B, H)"""
    steps = len(x)
    hidden = left.shape[1]
    onwards, backwards = list(range(steps)), list(range(steps))[::-1]
    hf, before_f = run(x, p["Wf"], p["Uf"], p["bf"], left, onwards)
    hb, before_b = run(x, p["Wb"], p["Ub"], p["bb"], right, backwards)
    both = np.concatenate([hf, hb], axis=2)
    scores = both @ p["V"] + p["c"]
    scores = scores - scores.max(axis=2, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    loss = -np.sum(mask[:, :, None] * tags * np.log(probs)) / mask.sum()

    d_scores = (probs - tags) * mask[:, :, None] / mask.sum()
    dV = np.zeros_like(p["V"])
    for t in range(steps):
        dV += both[t].T @ d_scores[t]
    dc = d_scores.sum(axis=(0, 1))
    d_both = d_scores @ p["V"].T
    d_hf = d_both[:, :, :hidden]
    d_hb = d_both[:, :, hidden:]
    dWf, dUf, dbf = run_back(d_hf, x, hf, before_f, p["Uf"], onwards)
    dWb, dUb, dbb = run_back(d_hb, x, hb, before_b, p["Ub"], backwards)
    return loss, {"Wf": dWf, "Uf": dUf, "bf": dbf, "Wb": dWb, "Ub": dUb, "bb": dbb, "V": dV, "c": dc}


SHAPES = {
    **{f"W{way}": "features hidden" for way in "fb"},
    **{f"U{way}": "hidden hidden" for way in "fb"},
    **{f"b{way}": "hidden" for way in "fb"},
    "V": "2*hidden tags",
    "c": "tags",
}


@gradient_function(SHAPES)
def bidirectional(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.features))
    tags = np.eye(sizes.tags)[rng.integers(sizes.tags, size=(sizes.time, sizes.batch))]
    lengths = sizes.time - np.arange(sizes.batch) % max(sizes.time - 1, 1)
    mask = (np.arange(sizes.time)[:, None] < lengths).astype(float)
    left, right = rng.normal(size=(2, sizes.batch, sizes.hidden))
    return tagger(p, x, tags, mask, left, right)
