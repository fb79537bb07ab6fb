"""Which chord comes next in a song. GRU, cuDNN variant: the reset gate acts on Whn @ h + bhn, not on h itself.

Shapes are (features, songs). Whatever belongs to step t is in a dict under t; hs[-1] is the state to start from.
"""

import numpy as np

from oracle import gradient_function


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


@gradient_function(
    E="embed chord",
    Wxr="hidden embed", Whr="hidden hidden", br="hidden 1",
    Wxz="hidden embed", Whz="hidden hidden", bz="hidden 1",
    Wxn="hidden embed", Whn="hidden hidden", bxn="hidden 1", bhn="hidden 1",
    Why="chord hidden", by="chord 1",
)  # fmt: skip
def chord_predictor(model, sizes, rng):
    songs = rng.integers(sizes.chord, size=(sizes.time + 1, sizes.batch))
    h0 = np.tanh(rng.normal(size=(sizes.hidden, sizes.batch)))
    return chord_loss(songs, h0, **model)


def chord_loss(songs, h0, E, Wxr, Whr, br, Wxz, Whz, bz, Wxn, Whn, bxn, bhn, Why, by):
    """songs (T+1, B) of chord numbers, h0 (H, B) -> loss per chord, gradients by name"""
    T, B = len(songs) - 1, songs.shape[1]
    cols = np.arange(B)

    # ---- forward ----
    xs, rs, zs, us, ns, ys, ps = {}, {}, {}, {}, {}, {}, {}
    hs = {-1: h0}
    loss = 0.0
    for t in range(T):
        xs[t] = E[:, songs[t]]
        rs[t] = sigmoid(Wxr @ xs[t] + Whr @ hs[t - 1] + br)
        zs[t] = sigmoid(Wxz @ xs[t] + Whz @ hs[t - 1] + bz)
        us[t] = Whn @ hs[t - 1] + bhn
        ns[t] = np.tanh(Wxn @ xs[t] + bxn + rs[t] * us[t])
        hs[t] = (1 - zs[t]) * ns[t] + zs[t] * hs[t - 1]
        ys[t] = Why @ hs[t] + by
        e = np.exp(ys[t] - ys[t].max(axis=0))
        ps[t] = e / e.sum(axis=0)
        loss += -np.log(ps[t][songs[t + 1], cols]).sum()
    loss /= T * B

    # ---- backward ----
    dE = np.zeros_like(E)
    dWxr, dWxz, dWxn = np.zeros_like(Wxr), np.zeros_like(Wxz), np.zeros_like(Wxn)
    dWhr, dWhz, dWhn = np.zeros_like(Whr), np.zeros_like(Whz), np.zeros_like(Whn)
    dbr, dbz = np.zeros_like(br), np.zeros_like(bz)
    dbxn, dbhn = np.zeros_like(bxn), np.zeros_like(bhn)
    dWhy, dby = np.zeros_like(Why), np.zeros_like(by)
    dhnext = np.zeros_like(h0)
    for t in reversed(range(T)):
        dy = ps[t].copy()
        dy[songs[t + 1], cols] -= 1
        dy /= T * B
        dWhy += dy @ hs[t].T
        dby += dy.sum(axis=1, keepdims=True)
        dh = Why.T @ dy + dhnext

        # new state
        dn = dh * (1 - zs[t])
        dnraw = (1 - ns[t] ** 2) * dn
        du = rs[t] * dnraw
        # the two gates
        dr = us[t] * dnraw
        drraw = rs[t] * (1 - rs[t]) * dr
        dz = dh * (hs[t - 1] - ns[t])
        dzraw = zs[t] * (1 - zs[t]) * dz

        dWxr += drraw @ xs[t].T
        dWhr += drraw @ hs[t - 1].T
        dbr += drraw.sum(axis=1, keepdims=True)
        dWxz += dzraw @ xs[t].T
        dWhz += dzraw @ hs[t - 1].T
        dbz += dzraw.sum(axis=1, keepdims=True)
        dWxn += dnraw @ xs[t].T
        dWhn += du @ hs[t - 1].T
        dbxn += dnraw.sum(axis=1, keepdims=True)
        dbhn += du.sum(axis=1, keepdims=True)

        # chord vectors; a chord may be played in several songs at once
        dx = Wxr.T @ drraw + Wxz.T @ dzraw + Wxn.T @ dnraw
        np.add.at(dE.T, songs[t], dx.T)

        # state before
        dhnext = zs[t] * dh
        dhnext += Whr.T @ drraw
        dhnext += Whz.T @ dzraw
        dhnext += Whn.T @ du

    return loss, {
        "E": dE, "Wxr": dWxr, "Whr": dWhr, "br": dbr, "Wxz": dWxz, "Whz": dWhz, "bz": dbz,
        "Wxn": dWxn, "Whn": dWhn, "bxn": dbxn, "bhn": dbhn, "Why": dWhy, "by": dby,
    }  # fmt: skip
