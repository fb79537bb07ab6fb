"""Which command was spoken: frames go through a GRU, column vectors side by side, the matrices act on [h; x]."""

import numpy as np

from oracle import gradient_function


def sig(a):
    return 1 / (1 + np.exp(-a))


def listen(theta, frames):
    """frames: T arrays (D, B) -> last state (H, B), and for each step what the way back needs"""
    h = np.repeat(theta["h0"], frames[0].shape[1], axis=1)
    tape = []
    for x in frames:
        hx = np.vstack([h, x])
        z = sig(theta["Wz"] @ hx + theta["bz"])
        r = sig(theta["Wr"] @ hx + theta["br"])
        rhx = np.vstack([r * h, x])
        c = np.tanh(theta["Wc"] @ rhx + theta["bc"])
        h_new = (1 - z) * h + z * c
        tape.append({"h": h, "hx": hx, "rhx": rhx, "z": z, "r": r, "c": c, "h_new": h_new})
        h = h_new
    return h, tape


def classify(theta, h, commands):
    """-> mean cross-entropy, probabilities (K, B)"""
    scores = theta["V"] @ h + theta["a"]
    prob = np.exp(scores - scores.max(axis=0))
    prob /= prob.sum(axis=0)
    B = len(commands)
    return -np.log(prob[commands, np.arange(B)]).sum() / B, prob


def backward(theta, tape, prob, commands):
    H, B = tape[-1]["h_new"].shape
    grad = {name: np.zeros_like(value) for name, value in theta.items()}

    dscores = prob.copy()
    dscores[commands, np.arange(B)] -= 1
    dscores /= B
    grad["V"] = dscores @ tape[-1]["h_new"].T
    grad["a"] = dscores.sum(axis=1, keepdims=True)
    dh = theta["V"].T @ dscores

    while tape:
        step = tape.pop()
        h, z, r, c = step["h"], step["z"], step["r"], step["c"]

        dac = dh * z * (1 - c * c)
        grad["Wc"] += dac @ step["rhx"].T
        grad["bc"] += dac.sum(axis=1, keepdims=True)
        drh = theta["Wc"][:, :H].T @ dac

        daz = dh * (c - h) * z * (1 - z)
        grad["Wz"] += daz @ step["hx"].T
        grad["bz"] += daz.sum(axis=1, keepdims=True)

        dar = drh * h * r * (1 - r)
        grad["Wr"] += dar @ step["hx"].T
        grad["br"] += dar.sum(axis=1, keepdims=True)

        dh_prev = dh * (1 - z)
        dh_prev += drh * r
        dh_prev += theta["Wz"][:, :H].T @ daz
        dh_prev += theta["Wr"][:, :H].T @ dar
        dh = dh_prev

    grad["h0"] = dh.sum(axis=1, keepdims=True)
    return grad


SHAPES = {
    "Wz": "hidden hidden+features",
    "Wr": "hidden hidden+features",
    "Wc": "hidden hidden+features",
    "bz": "hidden 1",
    "br": "hidden 1",
    "bc": "hidden 1",
    "V": "commands hidden",
    "a": "commands 1",
    "h0": "hidden 1",
}


@gradient_function(SHAPES)
def voice_commands(p, sizes, rng):
    frames = [rng.normal(size=(sizes.features, sizes.batch)) for _ in range(sizes.time)]
    commands = rng.integers(sizes.commands, size=sizes.batch)
    theta = dict(p)
    h, tape = listen(theta, frames)
    loss, prob = classify(theta, h, commands)
    return loss, backward(theta, tape, prob, commands)
