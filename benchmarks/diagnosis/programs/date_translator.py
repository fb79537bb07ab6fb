"""Dates are rewritten by two GRUs, one reads and one writes: one pair at a time, vectors of one axis, np.outer."""

import numpy as np

from oracle import gradient_function


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def softmax(v):
    e = np.exp(v - v.max())
    return e / e.sum()


def gru(P, net, x, h):
    """One step of a net, 'enc' or 'dec': the new state, and what going back needs."""
    hx = np.concatenate([h, x])
    z = sigmoid(P[net + "_Wz"] @ hx + P[net + "_bz"])
    r = sigmoid(P[net + "_Wr"] @ hx + P[net + "_br"])
    rhx = np.concatenate([r * h, x])
    c = np.tanh(P[net + "_Wc"] @ rhx + P[net + "_bc"])
    return z * h + (1 - z) * c, (h, hx, z, r, rhx, c)


def gru_back(P, G, net, memo, dh_new):
    """Adds to the gradients G, and gives back the errors of the old state and of the input."""
    h, hx, z, r, rhx, c = memo
    n = len(h)
    # candidate
    dac = dh_new * (1 - z) * (1 - c**2)
    G[net + "_Wc"] += np.outer(dac, rhx)
    G[net + "_bc"] += dac
    drhx = P[net + "_Wc"].T @ dac
    # update gate
    daz = dh_new * (h - c) * z * (1 - z)
    G[net + "_Wz"] += np.outer(daz, hx)
    G[net + "_bz"] += daz
    # reset gate
    dar = drhx[:n] * h * r * (1 - r)
    G[net + "_Wr"] += np.outer(dar, hx)
    G[net + "_br"] += dar
    # old state and input
    dhx = P[net + "_Wz"].T @ daz + P[net + "_Wr"].T @ dar
    dh = dh_new * z + drhx[:n] * r + dhx[:n]
    dx = drhx[n:] + dhx[n:]
    return dh, dx


def translate(P, source, given, wanted):
    """The source is read from its end; the writer is given each wanted symbol one step late."""
    h, read = np.zeros(len(P["enc_bz"])), []
    for symbol in source[::-1]:
        h, memo = gru(P, "enc", P["enc_E"][symbol], h)
        read.append(memo)
    s = np.tanh(P["bridge"] @ h + P["bridge_b"])
    states, written, loss = [s], [], 0
    for symbol, want in zip(given, wanted):
        s, memo = gru(P, "dec", P["dec_E"][symbol], s)
        prob = softmax(P["Wy"] @ s + P["by"])
        states.append(s)
        written.append((memo, prob))
        loss -= np.log(prob[want]) / len(wanted)
    return loss, (h, read, states, written)


def translate_back(P, G, source, given, wanted, memory):
    h_end, read, states, written = memory
    ds = np.zeros_like(states[0])
    for t in range(len(wanted) - 1, -1, -1):
        memo, prob = written[t]
        dy = prob.copy()
        dy[wanted[t]] -= 1
        dy /= len(wanted)
        G["Wy"] += np.outer(dy, states[t + 1])
        G["by"] += dy
        ds = ds + P["Wy"].T @ dy
        ds, dx = gru_back(P, G, "dec", memo, ds)
        G["dec_E"][given[t]] += dx
    da = ds * (1 - states[0] ** 2)
    G["bridge"] += np.outer(da, h_end)
    G["bridge_b"] += da
    dh = P["bridge"].T @ da
    for symbol, memo in zip(source, read[::-1]):
        dh, dx = gru_back(P, G, "enc", memo, dh)
        G["enc_E"][symbol] += dx


SHAPES = {"enc_E": "human emb", "dec_E": "machine emb"}
for gate in "zrc":
    SHAPES |= {f"enc_W{gate}": "reader reader+emb", f"enc_b{gate}": "reader"}
    SHAPES |= {f"dec_W{gate}": "writer writer+emb", f"dec_b{gate}": "writer"}
SHAPES |= {"bridge": "writer reader", "bridge_b": "writer", "Wy": "machine writer", "by": "machine"}


@gradient_function(SHAPES)
def date_translator(P, sizes, rng):
    G = {name: np.zeros_like(value) for name, value in P.items()}
    total = 0
    for k in range(sizes.batch):
        source = rng.integers(sizes.human, size=sizes.time + 1 + k)
        target = rng.integers(sizes.machine, size=sizes.time + 1)
        loss, memory = translate(P, source, target[:-1], target[1:])
        total += loss
        translate_back(P, G, source, target[:-1], target[1:], memory)
    return total, G
