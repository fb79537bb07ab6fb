"""A relu RNN whose outputs see the input directly as well: time first, einsum for every product."""

import numpy as np

from oracle import gradient_function


def run_forward(w, u, s_init):
    """u (T, N, I), s_init (N, H) -> pre-activations and states (T, N, H), outputs (T, N, O)"""
    pre, s = [], [s_init]
    drive = np.einsum("tni,hi->tnh", u, w["in"]) + w["bias"]
    for d in drive:
        pre.append(d + np.einsum("nj,hj->nh", s[-1], w["rec"]))
        s.append(np.maximum(pre[-1], 0.0))
    pre, s = np.array(pre), np.array(s)
    out = np.einsum("tnh,oh->tno", s[1:], w["out"])
    out += np.einsum("tni,oi->tno", u, w["skip"]) + w["offset"]
    return pre, s, out


def run_backward(w, u, pre, s, e):
    """e (T, N, O): the gradient of the outputs -> gradients by name"""
    gate = (pre > 0).astype(float)
    from_out = np.einsum("tno,oh->tnh", e, w["out"])
    lam = np.zeros_like(pre)
    future = np.zeros_like(s[0])
    for t in reversed(range(len(u))):
        lam[t] = gate[t] * (from_out[t] + future)
        future = np.einsum("nh,hj->nj", lam[t], w["rec"])
    return {
        "in": np.einsum("tnh,tni->hi", lam, u),
        "rec": np.einsum("tnh,tnj->hj", lam, s[:-1]),
        "bias": np.einsum("tnh->h", lam),
        "out": np.einsum("tno,tnh->oh", e, s[1:]),
        "skip": np.einsum("tno,tni->oi", e, u),
        "offset": np.einsum("tno->o", e),
    }


SHAPES = {
    "in": "hidden input",
    "rec": "hidden hidden",
    "bias": "hidden",
    "out": "output hidden",
    "skip": "output input",
    "offset": "output",
}


@gradient_function(**SHAPES)
def relu_einsum(p, sizes, rng):
    u = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    goal = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    pre, s, out = run_forward(p, u, rng.uniform(size=(sizes.batch, sizes.hidden)))
    miss = out - goal
    weight = np.linspace(0.5, 1.5, sizes.time)[:, None, None]
    loss = np.sum(weight * miss**2) / sizes.batch
    e = 2 * weight * miss / sizes.batch
    return loss, run_backward(p, u, pre, s, e)
