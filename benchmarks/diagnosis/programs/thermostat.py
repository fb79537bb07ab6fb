"""Room temperatures from what the heating did: arrays (T, B, H), weight gradients in one product after the loop."""

import numpy as np

from oracle import gradient_function

DECAY = 0.03  # of the weights, not of the biases
FADE = 0.8  # an error counts as much of the error one step later


def simulate(p, heating):
    """heating (T, B, I) -> states (T + 1, B, H), the learnt first one in front, and temperatures (T, B, O)"""
    steps, rooms, _ = heating.shape
    states = np.empty((steps + 1, rooms, p.w_rec.shape[0]))
    states[0] = p.start
    for t in range(steps):
        states[t + 1] = 1 / (1 + np.exp(-(heating[t] @ p.w_in + states[t] @ p.w_rec + p.bias)))
    return states, states[1:] @ p.w_out + p.offset


def importance(steps):
    return FADE ** np.arange(steps - 1, -1, -1)[:, None, None]


def objective(p, temperatures, measured):
    steps, rooms, _ = measured.shape
    misfit = np.sum(importance(steps) * (temperatures - measured) ** 2) / (2 * rooms)
    return misfit + DECAY / 2 * sum(np.sum(w * w) for w in (p.w_in, p.w_rec, p.w_out))


def gradient(p, heating, states, temperatures, measured):
    steps, rooms, _ = heating.shape
    before, after = states[:-1], states[1:]
    slope = after * (1 - after)

    d_out = importance(steps) * (temperatures - measured) / rooms
    from_out = np.tensordot(d_out, p.w_out, axes=(2, 1))

    delta = np.zeros_like(from_out)
    carried = np.zeros((rooms, states.shape[2]))
    for t in range(steps)[::-1]:
        delta[t] = slope[t] * (from_out[t] + carried)
        carried = np.dot(delta[t], p.w_rec.T)

    flat = delta.reshape(steps * rooms, -1)
    return {
        "w_in": heating.reshape(steps * rooms, -1).T @ flat + DECAY * p.w_in,
        "w_rec": before.reshape(steps * rooms, -1).T @ flat + DECAY * p.w_rec,
        "bias": flat.sum(axis=0),
        "start": carried.sum(axis=0),
        "w_out": np.tensordot(after, d_out, axes=([0, 1], [0, 1])) + DECAY * p.w_out,
        "offset": d_out.sum(axis=(0, 1)),
    }


@gradient_function(
    w_in="input hidden",
    w_rec="hidden hidden",
    bias="hidden",
    start="hidden",
    w_out="hidden output",
    offset="output",
)
def thermostat(p, sizes, rng):
    heating = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    measured = 2 * rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    states, temperatures = simulate(p, heating)
    return objective(p, temperatures, measured), gradient(p, heating, states, temperatures, measured)
