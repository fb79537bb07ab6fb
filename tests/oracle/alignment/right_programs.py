"""Right programs that look wrong: columns against vectors, square matrices both ways round, gradients of a product.

Each computes in its backward pass, on purpose, what would be a mistake elsewhere.
"""

FAST_WEIGHTS = """
@gradient_function(W="hidden input", R="hidden hidden", h_0="hidden 1")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    xs, d = rng.normal(size=(T, sizes.input, 1)), rng.normal(size=(T, H, 1))
    hs, As, loss = [p.h_0], [np.zeros((H, H))], 0
    for t in range(T):
        As.append(0.9 * As[-1] + 0.3 * hs[-1] * hs[-1].ravel())
        hs.append(np.tanh(p.W @ xs[t] + p.R @ hs[-1] + As[-1] @ hs[-1]))
        loss += np.sum(d[t] * hs[-1])
    dW, dR, dA, dh = np.zeros_like(p.W), np.zeros_like(p.R), np.zeros((H, H)), np.zeros((H, 1))
    for t in reversed(range(T)):
        delta = (dh + d[t]) * (1 - hs[t + 1] ** 2)
        dW += delta * xs[t].ravel()
        dR += delta * hs[t].ravel()
        dA = dA + delta * hs[t].ravel()
        dh = p.R.T @ delta + As[t + 1].T @ delta + 0.3 * (dA + dA.T) @ hs[t]
        dA = 0.9 * dA
    return loss, dict(W=dW, R=dR, h_0=dh)
"""

LOW_RANK = """
@gradient_function(W="hidden input", U="hidden rank", V="rank hidden")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    xs, h, d = rng.normal(size=(T, sizes.input, 1)), rng.normal(size=(H, 1)), rng.normal(size=(H, 1))
    R, hs = p.U @ p.V, [h]
    for x in xs:
        hs.append(np.tanh(p.W @ x + R @ hs[-1]))
    dW, dR, dh = np.zeros_like(p.W), np.zeros((H, H)), d
    for t in reversed(range(T)):
        delta = dh * (1 - hs[t + 1] ** 2)
        dW += delta * xs[t].ravel()
        dR += delta * hs[t].ravel()
        dh = R.T @ delta
    return np.sum(d * hs[-1]), dict(W=dW, U=dR @ p.V.T, V=p.U.T @ dR)
"""

SYMMETRIC = """
@gradient_function(U="hidden hidden", W="hidden input")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    xs, h, d = rng.normal(size=(T, sizes.input, 1)), rng.normal(size=(H, 1)), rng.normal(size=(H, 1))
    R, hs = p.U @ p.U.T / H, [h]
    for x in xs:
        hs.append(np.tanh(p.W @ x + R @ hs[-1]))
    dW, dR, dh = np.zeros_like(p.W), np.zeros((H, H)), d
    for t in reversed(range(T)):
        delta = dh * (1 - hs[t + 1] ** 2)
        dW += delta * xs[t].ravel()
        dR += delta * hs[t].ravel()
        dh = R @ delta
    return np.sum(d * hs[-1]), dict(W=dW, U=(dR + dR.T) @ p.U / H)
"""

HYPERNETWORK = """
@gradient_function(G="code hidden*hidden", c="code", W="hidden input")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    xs, h, d = rng.normal(size=(T, sizes.input, 1)), rng.normal(size=(H, 1)), rng.normal(size=(H, 1))
    R, hs = (p.c @ p.G).reshape(H, H), [h]
    for x in xs:
        hs.append(np.tanh(p.W @ x + R @ hs[-1]))
    dW, dR, dh = np.zeros_like(p.W), np.zeros((H, H)), d
    for t in reversed(range(T)):
        delta = dh * (1 - hs[t + 1] ** 2)
        dW += delta * xs[t].ravel()
        dR += delta * hs[t].ravel()
        dh = R.T @ delta
    return np.sum(d * hs[-1]), dict(W=dW, G=np.outer(p.c, dR), c=p.G @ dR.reshape(-1))
"""

HEBBIAN = """
@gradient_function(w="hidden hidden", alpha="hidden hidden", h_0="hidden")
def f(p, sizes, rng):
    T, H, eta = sizes.time, sizes.hidden, 0.2
    xs, d = rng.normal(size=(T, H)), rng.normal(size=(T, H))
    hebb, ys, traces, loss = np.zeros((H, H)), [p.h_0], [], 0
    for t in range(T):
        traces.append(hebb)
        ys.append(np.tanh(ys[-1] @ (p.w + p.alpha * hebb) + xs[t]))
        hebb = (1 - eta) * hebb + eta * ys[-2].reshape(-1, 1) * ys[-1]
        loss += ys[-1] @ d[t]
    dw, dalpha = np.zeros_like(p.w), np.zeros_like(p.alpha)
    dhebb, dy = np.zeros((H, H)), np.zeros(H)
    for t in reversed(range(T)):
        dy_before = eta * dhebb @ ys[t + 1]
        delta = (dy + d[t] + eta * ys[t] @ dhebb) * (1 - ys[t + 1] ** 2)
        product = ys[t].reshape(H, 1) * delta
        dw += product
        dalpha += product * traces[t]
        dhebb = (1 - eta) * dhebb + product * p.alpha
        dy = dy_before + (p.w + p.alpha * traces[t]) @ delta
    return loss, dict(w=dw, alpha=dalpha, h_0=dy)
"""

RTRL = """
@gradient_function(R="hidden hidden", W="hidden input")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    xs, d = rng.normal(size=(T, sizes.input)), rng.normal(size=(T, H))
    hs = np.zeros((T + 1, H))
    hs[0] = rng.normal(size=H)
    for t in range(T):
        hs[t + 1] = np.tanh(p.W @ xs[t] + p.R @ hs[t])
    loss = np.sum(d * hs[1:])
    influence_R, influence_W = np.zeros((H, H, H)), np.zeros((H, H, sizes.input))
    dR, dW = np.zeros_like(p.R), np.zeros_like(p.W)
    for t in range(T):
        slope = (1 - hs[t + 1] ** 2)[:, None, None]
        influence_R = slope * (np.tensordot(p.R, influence_R, 1) + np.eye(H)[:, :, None] * hs[t])
        influence_W = slope * (np.tensordot(p.R, influence_W, 1) + np.eye(H)[:, :, None] * xs[t])
        dR += np.tensordot(d[t], influence_R, 1)
        dW += np.tensordot(d[t], influence_W, 1)
    return loss, dict(R=dR, W=dW)
"""

RTRL_FLAT = """
@gradient_function(R="hidden hidden")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    d, hs = rng.normal(size=(T, H, 1)), np.zeros((T + 1, H, 1))
    hs[0] = rng.normal(size=(H, 1))
    for t in range(T):
        hs[t + 1] = np.tanh(p.R @ hs[t])
    S, dR = np.zeros((H, H * H)), np.zeros(H * H)
    for t in range(T):
        S = (1 - hs[t + 1] ** 2) * (p.R @ S + np.kron(np.eye(H), hs[t].ravel()))
        dR += d[t].ravel() @ S
    return np.sum(d * hs[1:]), dict(R=dR.reshape(H, H))
"""

WEIGHT_NORMALISATION = """
@gradient_function(V="hidden hidden", g="hidden 1", W="hidden input")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    xs, h, d = rng.normal(size=(T, sizes.input, 1)), rng.normal(size=(H, 1)), rng.normal(size=(T, H, 1))
    norm = np.linalg.norm(p.V, axis=1, keepdims=True)
    R, hs, loss = p.g * p.V / norm, [h], 0
    for t in range(T):
        hs.append(np.tanh(p.W @ xs[t] + R @ hs[-1]))
        loss += np.sum(d[t] * hs[-1])
    dW, dR, carry = np.zeros_like(p.W), np.zeros((H, H)), np.zeros((H, 1))
    for t in reversed(range(T)):
        delta = (carry + d[t]) * (1 - hs[t + 1] ** 2)
        dW += delta * xs[t].ravel()
        dR += delta * hs[t].ravel()
        carry = R.T @ delta
    dg = (dR * p.V).sum(axis=1, keepdims=True) / norm
    dV = p.g / norm * (dR - dg * p.V / norm)
    return loss, dict(V=dV, g=dg, W=dW)
"""

LAYER_NORM = """
@gradient_function(W="input hidden", R="hidden hidden", gain="hidden", shift="hidden")
def f(p, sizes, rng):
    T, B, H = sizes.time, sizes.hidden, sizes.hidden  # a batch as large as the state
    xs, h, d = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(B, H)), rng.normal(size=(T, B, H))
    kept, loss = [], 0
    for t in range(T):
        a = xs[t] @ p.W + h @ p.R
        mean = a.mean(axis=1, keepdims=True)
        std = np.sqrt(((a - mean) ** 2).mean(axis=1, keepdims=True) + 1e-5)
        n = (a - mean) / std
        kept.append((h, std, n))
        h = np.tanh(n * p.gain + p.shift)
        kept[-1] += (h,)
        loss += np.sum(d[t] * h)
    dW, dR, dgain, dshift = (np.zeros_like(one) for one in (p.W, p.R, p.gain, p.shift))
    dh = np.zeros((B, H))
    for t in reversed(range(T)):
        before, std, n, h = kept[t]
        dy = (dh + d[t]) * (1 - h ** 2)
        dgain += (dy * n).sum(axis=0)
        dshift += dy.sum(axis=0)
        dn = dy * p.gain
        da = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / std
        dW += xs[t].T @ da
        dR += before.T @ da
        dh = da @ p.R.T
    return loss, dict(W=dW, R=dR, gain=dgain, shift=dshift)
"""

SPECTRAL_PENALTY = """
@gradient_function(W="input hidden", R="hidden hidden")
def f(p, sizes, rng):
    T, B, H = sizes.time, sizes.batch, sizes.hidden
    xs, d, hs = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(B, H)), [rng.normal(size=(B, H))]
    for x in xs:
        hs.append(np.tanh(x @ p.W + hs[-1] @ p.R))
    odd = p.R @ p.R.T - np.eye(H)
    loss = np.sum(d * hs[-1]) + 0.1 * np.sum(odd * odd)
    dW, dR, dh = np.zeros_like(p.W), 0.4 * odd @ p.R, d
    for t in reversed(range(T)):
        delta = dh * (1 - hs[t + 1] ** 2)
        dW += xs[t].T @ delta
        dR += hs[t].T @ delta
        dh = delta @ p.R.T
    return loss, dict(W=dW, R=dR)
"""

TIED_EMBEDDING = """
@gradient_function(E="vocab hidden", R="hidden hidden", b="vocab")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    inputs, targets = rng.integers(sizes.vocab, size=(2, T))
    hs, ps, loss = [rng.normal(size=H)], [], 0
    for i, j in zip(inputs, targets):
        hs.append(np.tanh(p.E[i] + p.R @ hs[-1]))
        scores = p.E @ hs[-1] + p.b
        ps.append(np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum())
        loss -= np.log(ps[-1][j])
    dE, dR, db, dh = np.zeros_like(p.E), np.zeros_like(p.R), np.zeros_like(p.b), np.zeros(H)
    for t in reversed(range(T)):
        dscores = ps[t].copy()
        dscores[targets[t]] -= 1
        dE += dscores[:, None] * hs[t + 1]
        db += dscores
        delta = (dh + dscores @ p.E) * (1 - hs[t + 1] ** 2)
        np.add.at(dE, inputs[t], delta)
        dR += delta.reshape(-1, 1) * hs[t]
        dh = delta @ p.R
    return loss, dict(E=dE, R=dR, b=db)
"""

ATTENTION = """
@gradient_function(Q="hidden hidden", K="hidden hidden", V="hidden hidden")
def f(p, sizes, rng):
    T, B, H = sizes.time, sizes.batch, sizes.hidden
    x, d = rng.normal(size=(B, T, H)), rng.normal(size=(B, T, H))
    q, k, v = x @ p.Q, x @ p.K, x @ p.V
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(H)
    scores = np.where(np.tril(np.ones((T, T))) > 0, scores, -1e9)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    loss = np.sum(d * (weights @ v))
    dv = weights.transpose(0, 2, 1) @ d
    dweights = d @ v.transpose(0, 2, 1)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / np.sqrt(H)
    dq, dk = dscores @ k, dscores.transpose(0, 2, 1) @ q
    flat = x.reshape(-1, H).T
    return loss, dict(Q=flat @ dq.reshape(-1, H), K=flat @ dk.reshape(-1, H), V=flat @ dv.reshape(-1, H))
"""

DELTA_RULE = """
@gradient_function(K="hidden hidden", V="hidden hidden", Q="hidden hidden")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    xs, d = 0.5 * rng.normal(size=(T, H, 1)), rng.normal(size=(T, H, 1))
    S, kept, loss = np.zeros((H, H)), [], 0
    for t in range(T):
        k, v, q = p.K @ xs[t], p.V @ xs[t], p.Q @ xs[t]
        kept.append((S, k, v, q))
        S = S + (v - S @ k) * k.ravel()
        loss += np.sum(d[t] * (S @ q))
        kept[-1] += (S,)
    dK, dV, dQ, dS = np.zeros_like(p.K), np.zeros_like(p.V), np.zeros_like(p.Q), np.zeros((H, H))
    for t in reversed(range(T)):
        S, k, v, q, S_new = kept[t]
        dS = dS + d[t] * q.ravel()
        dq = S_new.T @ d[t]
        de = dS @ k
        dk = dS.T @ (v - S @ k) - S.T @ de
        dS = dS - de * k.ravel()
        dK += dk * xs[t].ravel()
        dV += de * xs[t].ravel()
        dQ += dq * xs[t].ravel()
    return loss, dict(K=dK, V=dV, Q=dQ)
"""

PAIRWISE = """
@gradient_function(W="input hidden", v="hidden 1")
def f(p, sizes, rng):
    x, better = rng.normal(size=(sizes.batch, sizes.input)), np.triu(np.ones((sizes.batch, sizes.batch)), 1)
    h = np.tanh(x @ p.W)
    s = h @ p.v
    loss = np.sum(better * np.log(1 + np.exp(s - s.ravel())))
    slopes = better / (1 + np.exp(s.ravel() - s))
    ds = (slopes.sum(axis=1) - slopes.sum(axis=0))[:, None]
    dh = ds @ p.v.T * (1 - h ** 2)
    return loss, dict(W=x.T @ dh, v=h.T @ ds)
"""

KERNEL = """
@gradient_function(u="input 1", w="input")
def f(p, sizes, rng):
    x, z = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.input))
    d = rng.normal(size=(sizes.batch, sizes.batch))
    a, b = x @ p.u, z @ p.w
    loss = np.sum(d * np.exp(-0.5 * (a - b) ** 2))
    g = d * np.exp(-0.5 * (a - b) ** 2) * (b - a)
    return loss, dict(u=x.T @ g.sum(axis=1)[:, None], w=-z.T @ g.sum(axis=0))
"""

QUADRATIC = """
@gradient_function(M="hidden hidden", R="hidden hidden")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    hs, loss = [rng.normal(size=(H, 1))], 0
    for t in range(T):
        hs.append(np.tanh(p.R @ hs[-1]))
        loss += np.sum(p.M * (hs[-1] * hs[-1].ravel()))
    dM, dR, dh = np.zeros_like(p.M), np.zeros_like(p.R), np.zeros((H, 1))
    for t in reversed(range(T)):
        dM += hs[t + 1] * hs[t + 1].ravel()
        delta = (dh + p.M @ hs[t + 1] + p.M.T @ hs[t + 1]) * (1 - hs[t + 1] ** 2)
        dR += delta * hs[t].ravel()
        dh = p.R.T @ delta
    return loss, dict(M=dM, R=dR)
"""

SAMPLES_AFTERWARDS = """
@gradient_function(W="input hidden", R="hidden hidden", V="hidden output")
def f(p, sizes, rng):
    x, h_0 = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    d = rng.normal(size=(sizes.batch, sizes.output))
    h = np.tanh(x @ p.W + h_0 @ p.R)
    loss = np.sum(d * (h @ p.V))
    delta = d @ p.V.T * (1 - h ** 2)
    gradients = dict(W=x.T @ delta, R=h_0.T @ delta, V=h.T @ d)
    for _ in range(3):  # what it would go on with
        h = np.tanh(h @ p.R)
    return loss, gradients
"""

NORMS_AFTERWARDS = """
@gradient_function(W="input hidden", b="hidden")
def f(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    h = np.tanh(x @ p.W + p.b)
    loss = 0.5 * np.sum(h * h)
    delta = h * (1 - h ** 2)
    dW, db = x.T @ delta, delta.sum(axis=0)
    lengths, losses = delta @ np.ones((sizes.hidden, 1)), h @ np.ones(sizes.hidden)
    print("how the samples compare:", np.round(lengths - losses, 2))
    return loss, dict(W=dW, b=db)
"""

ANTISYMMETRIC = """
@gradient_function(A="hidden hidden", W="input hidden")
def f(p, sizes, rng):
    T, B, H = sizes.time, sizes.batch, sizes.hidden
    xs, d, hs = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(B, H)), [rng.normal(size=(B, H))]
    R = p.A - p.A.T - 0.1 * np.eye(H)
    for x in xs:
        hs.append(hs[-1] + 0.1 * np.tanh(x @ p.W + hs[-1] @ R))
    dA, dW, dh = np.zeros_like(p.A), np.zeros_like(p.W), d
    for t in reversed(range(T)):
        delta = 0.1 * dh * (1 - np.tanh(xs[t] @ p.W + hs[t] @ R) ** 2)
        dW += xs[t].T @ delta
        dA += hs[t].T @ delta - delta.T @ hs[t]
        dh = dh - delta @ R - 0.2 * delta
    return np.sum(d * hs[-1]), dict(A=dA, W=dW)
"""

BILINEAR = """
@gradient_function(G="hidden hidden input", b="hidden")
def f(p, sizes, rng):
    T, B, H = sizes.time, sizes.input, sizes.hidden  # a batch as large as the input
    xs, d, hs = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(B, H)), [rng.normal(size=(B, H))]
    for x in xs:
        hs.append(np.tanh(np.einsum("bh,hki,bi->bk", hs[-1], p.G, x) + p.b))
    dG, db, dh = np.zeros_like(p.G), np.zeros_like(p.b), d
    for t in reversed(range(T)):
        delta = dh * (1 - hs[t + 1] ** 2)
        dG += np.einsum("bh,bk,bi->hki", hs[t], delta, xs[t])
        db += delta.sum(axis=0)
        dh = np.einsum("bk,hki,bi->bh", delta, p.G, xs[t])
    return np.sum(d * hs[-1]), dict(G=dG, b=db)
"""

LAYER_NORM_OF_VECTORS = """
@gradient_function(W="hidden input", R="hidden hidden", b="hidden")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    xs, d = rng.normal(size=(T, sizes.input)), rng.normal(size=(T, H))
    hs, kept, loss = [rng.normal(size=H)], [], 0
    for t in range(T):
        a = p.W @ xs[t] + p.R @ hs[-1] + p.b
        std = a.std()
        n = (a - a.mean()) / std
        kept.append((std, n))
        hs.append(np.tanh(n))
        loss += d[t] @ hs[-1]
    dW, dR, db, dh = np.zeros_like(p.W), np.zeros_like(p.R), np.zeros_like(p.b), np.zeros(H)
    for t in reversed(range(T)):
        std, n = kept[t]
        dn = (dh + d[t]) * (1 - hs[t + 1] ** 2)
        da = (dn - dn.mean() - n * (dn * n).mean()) / std
        dW += np.outer(da, xs[t])
        dR += np.outer(da, hs[t])
        db += da
        dh = p.R.T @ da
    return loss, dict(W=dW, R=dR, b=db)
"""

CENTRED_BIAS = """
@gradient_function(W="input hidden", b="hidden")
def f(p, sizes, rng):
    x, d = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    share = np.ones(sizes.hidden) / sizes.hidden
    h = np.tanh(x @ p.W + (p.b - p.b @ share))
    delta = d * (1 - h ** 2)
    db = delta.sum(axis=0)
    return np.sum(d * h), dict(W=x.T @ delta, b=db - np.sum(db) / sizes.hidden)
"""

MULTI_HEAD = """
@gradient_function(Q="hidden hidden", K="hidden hidden", V="hidden hidden", O="hidden hidden")
def f(p, sizes, rng):
    H = sizes.hidden
    N = 2 if H % 2 == 0 else 1
    B, T = sizes.batch, sizes.batch  # as many steps as samples
    x, d = rng.normal(size=(B, T, H)), rng.normal(size=(B, T, H))

    def split(a):
        return a.reshape(B, T, N, H // N).transpose(0, 2, 1, 3)

    def joined(a):
        return a.transpose(0, 2, 1, 3).reshape(B, T, H)

    q, k, v = split(x @ p.Q), split(x @ p.K), split(x @ p.V)
    scores = np.einsum("bntd,bnsd->bnts", q, k)
    w = np.exp(scores - scores.max(-1, keepdims=True))
    w /= w.sum(-1, keepdims=True)
    z = joined(w @ v)
    loss = np.sum(d * (z @ p.O))
    dz = split(d @ p.O.T)
    dw = np.einsum("bntd,bnsd->bnts", dz, v)
    dscores = w * (dw - np.sum(dw * w, axis=-1, keepdims=True))
    dq, dk = joined(dscores @ k), joined(dscores.swapaxes(2, 3) @ q)
    dv = joined(w.swapaxes(2, 3) @ dz)
    over = [0, 1], [0, 1]
    return loss, dict(Q=np.tensordot(x, dq, over), K=np.tensordot(x, dk, over), V=np.tensordot(x, dv, over),
                      O=np.tensordot(z, d, over))
"""

ENCODER_AND_DECODER = """
@gradient_function(E="input hidden", M="hidden hidden", D="input hidden")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden  # both sequences have as many steps
    xs, ys, d = rng.normal(size=(T, sizes.input)), rng.normal(size=(T, sizes.input)), rng.normal(size=(T, H))
    keys, queries = np.tanh(xs @ p.E), np.tanh(ys @ p.D)
    scores = queries @ p.M @ keys.T
    w = np.exp(scores - scores.max(axis=1)[:, None])
    w = w / w.sum(axis=1)[:, None]
    loss = np.sum(d * (w @ keys))
    dw = d @ keys.T
    dkeys = w.T @ d
    dscores = w * (dw - (w * dw).sum(axis=1)[:, None])
    dM = queries.T @ dscores @ keys
    dqueries = dscores @ keys @ p.M.T
    dkeys += dscores.T @ queries @ p.M
    dE = xs.T @ (dkeys * (1 - keys ** 2))
    return loss, dict(E=dE, M=dM, D=ys.T @ (dqueries * (1 - queries ** 2)))
"""

CONVOLUTION = """
@gradient_function(K="width*input hidden", b="hidden")
def f(p, sizes, rng):
    T, n, I = sizes.time + sizes.width, sizes.width, sizes.input
    x = rng.normal(size=(T, I))
    steps = np.arange(T - n + 1)[:, None] + np.arange(n)
    patches = x[steps].reshape(len(steps), n * I)
    h = np.tanh(patches @ p.K + p.b)
    loss = 0.5 * np.sum(h ** 2)
    delta = h * (1 - h ** 2)
    return loss, dict(K=patches.T @ delta, b=delta.sum(0))
"""

ONE_DIRECTION_AT_A_TIME = """
@gradient_function(R="hidden hidden", h_0="hidden")
def f(p, sizes, rng):
    T, H = sizes.time, sizes.hidden
    d, hs = rng.normal(size=(T, H)), np.zeros((T + 1, H))
    hs[0] = p.h_0
    for t in range(T):
        hs[t + 1] = np.tanh(p.R @ hs[t])
    dR, dh_0 = np.zeros_like(p.R), np.zeros(H)
    for i in range(H):
        tangent = np.eye(H)[i]
        for t in range(T):
            tangent = (1 - hs[t + 1] ** 2) * (p.R @ tangent)
            dh_0[i] += d[t] @ tangent
        for j in range(H):
            tangent = np.zeros(H)
            for t in range(T):
                pushed = p.R @ tangent
                pushed[i] += hs[t, j]
                tangent = (1 - hs[t + 1] ** 2) * pushed
                dR[i, j] += d[t] @ tangent
    return np.sum(d * hs[1:]), dict(R=dR, h_0=dh_0)
"""

CIRCULANT = """
@gradient_function(c="hidden", W="input hidden")
def f(p, sizes, rng):
    T, B, H = sizes.time, sizes.batch, sizes.hidden
    xs, d, hs = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(B, H)), [rng.normal(size=(B, H))]
    at = (np.arange(H)[:, None] - np.arange(H)) % H
    R = p.c[at]
    for x in xs:
        hs.append(np.tanh(x @ p.W + hs[-1] @ R))
    dW, dR, dh = np.zeros_like(p.W), np.zeros((H, H)), d
    for t in reversed(range(T)):
        delta = dh * (1 - hs[t + 1] ** 2)
        dW += xs[t].T @ delta
        dR += hs[t].T @ delta
        dh = delta @ R.T
    dc = np.zeros(H)
    np.add.at(dc, at, dR)
    return np.sum(d * hs[-1]), dict(c=dc, W=dW)
"""

BATCH_NORM = """
@gradient_function(W="input hidden", gain="hidden", R="hidden hidden")
def f(p, sizes, rng):
    T, B, H = sizes.time, sizes.time, sizes.hidden  # as many samples as steps
    xs, d = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, H))
    a = xs @ p.W
    mean, std = a.mean(axis=(0, 1)), a.std(axis=(0, 1))
    n = (a - mean) / std
    hs = np.zeros((T + 1, B, H))
    for t in range(T):
        hs[t + 1] = np.tanh(n[t] * p.gain + hs[t] @ p.R)
    loss = np.sum(d * hs[1:])
    deltas, carry = np.zeros((T, B, H)), np.zeros((B, H))
    for t in range(T)[::-1]:
        deltas[t] = (d[t] + carry) * (1 - hs[t + 1] ** 2)
        carry = deltas[t] @ p.R.T
    dn = deltas * p.gain
    da = (dn - dn.mean(axis=(0, 1)) - n * (dn * n).mean(axis=(0, 1))) / std
    flat = hs[:-1].reshape(T * B, H).T
    dW = np.tensordot(xs, da, axes=([0, 1], [0, 1]))
    return loss, dict(W=dW, gain=(deltas * n).sum(axis=(0, 1)), R=flat @ deltas.reshape(T * B, H))
"""

AUTOENCODER = """
@gradient_function(W="hidden hidden", b="hidden")
def f(p, sizes, rng):
    x = rng.normal(size=(sizes.hidden, sizes.hidden))  # as many samples as units
    h = np.tanh(x @ p.W + p.b)
    out = h @ p.W.T
    do = out - x
    delta = do @ p.W * (1 - h ** 2)
    return 0.5 * np.sum(do ** 2), dict(W=x.T @ delta + do.T @ h, b=delta.sum(axis=0))
"""

BOTH_DIRECTIONS = """
@gradient_function(W="input hidden", R="hidden hidden", V="2*hidden output")
def f(p, sizes, rng):
    T, B, H = sizes.time, sizes.time, sizes.hidden
    xs, d = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, sizes.output))

    def forward(xs):
        hs = [np.zeros((B, H))]
        for x in xs:
            hs.append(np.tanh(x @ p.W + hs[-1] @ p.R))
        return np.array(hs)

    ahead, back = forward(xs), forward(xs[::-1])
    both = np.concatenate([ahead[1:], back[1:][::-1]], axis=2)
    loss = np.sum(d * (both @ p.V))
    dV = np.einsum("tbh,tbo->ho", both, d)
    dboth = d @ p.V.T
    dW, dR = np.zeros_like(p.W), np.zeros_like(p.R)
    for hs, x, dhs in ((ahead, xs, dboth[..., :H]), (back, xs[::-1], dboth[::-1, :, H:])):
        carry = np.zeros((B, H))
        for t in reversed(range(T)):
            delta = (dhs[t] + carry) * (1 - hs[t + 1] ** 2)
            dW += x[t].T @ delta
            dR += hs[t].T @ delta
            carry = delta @ p.R.T
    return loss, dict(W=dW, R=dR, V=dV)
"""

COVARIANCE = """
@gradient_function(A="state state", B="state noise")
def f(p, sizes, rng):
    n = len(p.A)
    P = [np.eye(n)]
    for t in range(sizes.time):
        P.append(p.A @ P[-1] @ p.A.T / 4 + p.B @ p.B.T)
    loss, d = np.trace(P[-1]), np.eye(n)
    dA, dB = np.zeros((n, n)), np.zeros_like(p.B)
    for t in reversed(range(sizes.time)):
        dA += (d @ p.A @ P[t].T + d.T @ p.A @ P[t]) / 4
        dB += (d + d.T) @ p.B
        d = p.A.T @ d @ p.A / 4
    return loss, dict(A=dA, B=dB)
"""

RIGHT = {
    "layer norm of vectors": LAYER_NORM_OF_VECTORS,
    "centred bias": CENTRED_BIAS,
    "multi-head attention": MULTI_HEAD,
    "encoder and decoder": ENCODER_AND_DECODER,
    "convolution": CONVOLUTION,
    "one direction at a time": ONE_DIRECTION_AT_A_TIME,
    "circulant": CIRCULANT,
    "batch norm": BATCH_NORM,
    "tied autoencoder": AUTOENCODER,
    "both directions": BOTH_DIRECTIONS,
    "fast weights": FAST_WEIGHTS,
    "low-rank recurrent matrix": LOW_RANK,
    "symmetric recurrent matrix": SYMMETRIC,
    "recurrent matrix of a hypernetwork": HYPERNETWORK,
    "Hebbian trace": HEBBIAN,
    "real-time recurrent learning": RTRL,
    "real-time recurrent learning, flat": RTRL_FLAT,
    "weight normalisation": WEIGHT_NORMALISATION,
    "layer norm": LAYER_NORM,
    "spectral penalty": SPECTRAL_PENALTY,
    "tied embedding": TIED_EMBEDDING,
    "attention": ATTENTION,
    "delta rule": DELTA_RULE,
    "pairwise loss": PAIRWISE,
    "kernel": KERNEL,
    "quadratic readout": QUADRATIC,
    "samples afterwards": SAMPLES_AFTERWARDS,
    "norms afterwards": NORMS_AFTERWARDS,
    "antisymmetric recurrent matrix": ANTISYMMETRIC,
    "bilinear": BILINEAR,
    "covariance": COVARIANCE,
}
