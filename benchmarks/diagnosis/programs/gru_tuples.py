"""Events are embedded, a GRU runs over them, a score is fitted at each step; each function hands on a tuple."""

import numpy as np

from oracle import gradient_function

NAMES = ("Kr", "Rr", "br", "Ku", "Ru", "bu", "Kc", "Rc", "bc")


def logistic(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def step(w, x, h_prev):
    reset = logistic(x @ w["Kr"] + h_prev @ w["Rr"] + w["br"])
    update = logistic(x @ w["Ku"] + h_prev @ w["Ru"] + w["bu"])
    kept = reset * h_prev
    cand = np.tanh(x @ w["Kc"] + kept @ w["Rc"] + w["bc"])
    h = h_prev + update * (cand - h_prev)
    return h, (x, h_prev, reset, update, kept, cand)


def step_grad(w, dh, cache):
    """dh (B, H) of the step's result -> dx (B, E), dh_prev (B, H), gradients of the weights by name"""
    x, h_prev, reset, update, kept, cand = cache
    # h = h_prev + update * (cand - h_prev)
    dcand = dh * update
    dupdate = dh * (cand - h_prev)
    dh_prev = dh * (1 - update)
    # cand = tanh(...)
    dc = dcand * (1 - cand**2)
    dkept = dc @ w["Rc"].T
    dreset = dkept * h_prev
    dh_prev = dh_prev + dkept * reset
    # the two gates
    du = dupdate * update * (1 - update)
    dr = dreset * reset * (1 - reset)
    dh_prev = dh_prev + du @ w["Ru"].T + dr @ w["Rr"].T

    dx = dc @ w["Kc"].T + du @ w["Ku"].T + dr @ w["Kr"].T
    dw = {
        "Kr": x.T @ dr, "Rr": h_prev.T @ dr, "br": dr.sum(0),
        "Ku": x.T @ du, "Ru": h_prev.T @ du, "bu": du.sum(0),
        "Kc": x.T @ dc, "Rc": kept.T @ dc, "bc": dc.sum(0),
    }  # fmt: skip
    return dx, dh_prev, dw


def run(w, events, scores, h):
    """events (T, B, F), scores (T, B), h (B, H) -> mean squared error, gradients of all the weights"""
    length, batch, _ = events.shape
    caches, misfits = [], []
    for event in events:
        h, cache = step(w, event @ w["emb"], h)
        caches.append((*cache, h))
    for t in range(length):
        misfits.append(caches[t][-1] @ w["out"] + w["shift"] - scores[t])
    loss = sum(np.sum(m * m) for m in misfits) / (length * batch)

    total = {name: np.zeros(value.shape) for name, value in w.items()}
    dh = np.zeros((batch, h.shape[1]))
    for t in range(length - 1, -1, -1):
        *cache, h_t = caches[t]
        dscore = 2 * misfits[t] / (length * batch)
        total["out"] += dscore @ h_t
        total["shift"] += dscore.sum()
        dh = dh + np.outer(dscore, w["out"])
        dx, dh, dw = step_grad(w, dh, cache)
        for name in NAMES:
            total[name] += dw[name]
        total["emb"] += events[t].T @ dx
    return loss, total


@gradient_function(
    emb="features embed",
    Kr="embed hidden",
    Rr="hidden hidden",
    br="hidden",
    Ku="embed hidden",
    Ru="hidden hidden",
    bu="hidden",
    Kc="embed hidden",
    Rc="hidden hidden",
    bc="hidden",
    out="hidden",
    shift="1",
)
def gru_tuples(p, sizes, rng):
    events = rng.normal(size=(sizes.time, sizes.batch, sizes.features))
    scores = rng.normal(size=(sizes.time, sizes.batch))
    return run(p, events, scores, rng.normal(size=(sizes.batch, sizes.hidden)))
