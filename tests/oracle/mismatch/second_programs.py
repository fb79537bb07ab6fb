"""More shape errors as people make them, in programs of other styles, and what is to be said of each.

Classes, helper functions, a module beside the program, caches in dicts and lists, samples as columns, time as the
second axis. Each program is right but for the one place at which it differs from its base.
"""

from dataclasses import dataclass

TWO_LAYERS = """
class TwoLayerNet:
    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def loss(self, X, y):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        N = X.shape[0]
        hidden = np.maximum(0, X.dot(W1) + b1)
        scores = hidden.dot(W2) + b2
        exp_scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        loss = -np.sum(np.log(probs[np.arange(N), y])) / N
        grads = {}
        dscores = probs.copy()
        dscores[np.arange(N), y] -= 1
        dscores /= N
        grads["W2"] = hidden.T.dot(dscores)
        grads["b2"] = np.sum(dscores, axis=0)
        dhidden = dscores.dot(W2.T)
        dhidden[hidden <= 0] = 0
        grads["W1"] = X.T.dot(dhidden)
        grads["b1"] = np.sum(dhidden, axis=0)
        for name in self.params:
            self.params[name] = self.params[name] + 0.0 * grads[name]
        return loss, grads


@gradient_function(W1="input hidden", b1="hidden", W2="hidden classes", b2="classes")
def net(p, sizes, rng):
    net = TwoLayerNet(p.W1, p.b1, p.W2, p.b2)
    y = (np.arange(sizes.batch) + 3) % sizes.classes
    return net.loss(rng.normal(size=(sizes.batch, sizes.input)), y)
"""

COLUMNS = """
def linear_forward(A, W, b):
    Z = np.dot(W, A) + b
    return Z, (A, W, b)


def linear_backward(dZ, linear_cache):
    A_prev, W, b = linear_cache
    m = A_prev.shape[1]
    dW = 1.0 / m * np.dot(dZ, A_prev.T)
    db = 1.0 / m * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


def update_parameters(parameters, grads, learning_rate):
    L = len(parameters) // 2
    for l in range(L):
        parameters[f"W{l + 1}"] -= learning_rate * grads[f"dW{l + 1}"]
        parameters[f"b{l + 1}"] -= learning_rate * grads[f"db{l + 1}"]
    return parameters


@gradient_function(W1="hidden input", b1="hidden 1", W2="output hidden", b2="output 1")
def model(p, sizes, rng):
    X, Y = rng.normal(size=(sizes.input, sizes.batch)), rng.normal(size=(sizes.output, sizes.batch))
    Z1, cache1 = linear_forward(X, p.W1, p.b1)
    A1 = np.tanh(Z1)
    Z2, cache2 = linear_forward(A1, p.W2, p.b2)
    caches = {"A0": X, "A1": A1, "Z1": Z1, "Z2": Z2}
    grads = {}
    dZ2 = Z2 - Y
    dA1, grads["dW2"], grads["db2"] = linear_backward(dZ2, cache2)
    dZ1 = dA1 * (1 - np.power(A1, 2))
    dA0, grads["dW1"], grads["db1"] = linear_backward(dZ1, cache1)
    update_parameters(dict(p), grads, 0.0)
    return np.sum((Z2 - Y) ** 2) / 2, {name[1:]: grad for name, grad in grads.items()}
"""

LSTM = """
def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


class LSTMCell:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b
        self.dWx, self.dWh, self.db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
        self.caches = []

    def step_forward(self, x, h_prev, c_prev):
        H = self.Wh.shape[0]
        a = x @ self.Wx + h_prev @ self.Wh + self.b
        i = sigmoid(a[:, :H])
        f = sigmoid(a[:, H:2 * H])
        o = sigmoid(a[:, 2 * H:3 * H])
        g = np.tanh(a[:, 3 * H:])
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        self.caches.append({"x": x, "h_prev": h_prev, "c_prev": c_prev, "i": i, "f": f, "o": o, "g": g, "c": c})
        return h, c

    def step_backward(self, dh, dc):
        k = self.caches.pop()
        tanh_c = np.tanh(k["c"])
        dc = dc + dh * k["o"] * (1 - tanh_c**2)
        di = dc * k["g"] * k["i"] * (1 - k["i"])
        df = dc * k["c_prev"] * k["f"] * (1 - k["f"])
        do = dh * tanh_c * k["o"] * (1 - k["o"])
        dg = dc * k["i"] * (1 - k["g"] ** 2)
        da = np.concatenate([di, df, do, dg], axis=1)
        self.dWx += k["x"].T @ da
        self.dWh += k["h_prev"].T @ da
        self.db += da.sum(axis=0)
        return da @ self.Wx.T, da @ self.Wh.T, dc * k["f"]


@gradient_function(Wx="input 4*hidden", Wh="hidden 4*hidden", b="4*hidden")
def lstm(p, sizes, rng):
    xs = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    cell = LSTMCell(p.Wx, p.Wh, p.b)
    h, c = np.zeros((sizes.batch, sizes.hidden)), np.zeros((sizes.batch, sizes.hidden))
    hs = []
    for x in xs:
        h, c = cell.step_forward(x, h, c)
        hs.append(h)
    loss = sum(np.sum(h**2) for h in hs) / 2
    dh_next, dc_next = np.zeros_like(h), np.zeros_like(c)
    for t in reversed(range(sizes.time)):
        dx, dh_next, dc_next = cell.step_backward(hs[t] + dh_next, dc_next)
    return loss, dict(Wx=cell.dWx, Wh=cell.dWh, b=cell.db)
"""

GRU = """
@gradient_function(Wz="hidden hidden+input", Wn="hidden hidden+input", bz="hidden 1", bn="hidden 1")
def gru(p, sizes, rng):
    inputs = [rng.normal(size=(sizes.input, 1)) for _ in range(sizes.time)]
    hs, zs, ns, concats = {-1: np.zeros((sizes.hidden, 1))}, {}, {}, {}
    for t, x in enumerate(inputs):
        concats[t] = np.vstack((hs[t - 1], x))
        zs[t] = 1 / (1 + np.exp(-(np.dot(p.Wz, concats[t]) + p.bz)))
        ns[t] = np.tanh(np.dot(p.Wn, concats[t]) + p.bn)
        hs[t] = (1 - zs[t]) * hs[t - 1] + zs[t] * ns[t]
    loss = sum(np.sum(hs[t] ** 2) for t in range(sizes.time)) / 2
    dWz, dWn = np.zeros_like(p.Wz), np.zeros_like(p.Wn)
    dbz, dbn = np.zeros_like(p.bz), np.zeros_like(p.bn)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(sizes.time)):
        dh = hs[t] + dhnext
        dn = dh * zs[t] * (1 - ns[t] ** 2)
        dz = dh * (ns[t] - hs[t - 1]) * zs[t] * (1 - zs[t])
        dWz += np.dot(dz, concats[t].T)
        dWn += np.dot(dn, concats[t].T)
        dbz += dz
        dbn += dn
        dconcat = np.dot(p.Wz.T, dz) + np.dot(p.Wn.T, dn)
        dhnext = dh * (1 - zs[t]) + dconcat[:sizes.hidden, :]
    return loss, dict(Wz=dWz, Wn=dWn, bz=dbz, bn=dbn)
"""

EMBEDDING = """
@gradient_function(E="vocab embed", W="embed hidden", V="hidden vocab")
def language_model(p, sizes, rng):
    E, W, V = p.E, p.W, p.V
    tokens = np.arange(sizes.batch) + sizes.vocab - sizes.batch
    emb = E[tokens]
    h = np.tanh(emb @ W)
    logits = h @ V
    loss = np.sum(logits**2) / 2
    dE = np.zeros_like(E)
    dlogits = logits
    dh = dlogits @ V.T
    da = dh * (1 - h * h)
    demb = da @ W.T
    np.add.at(dE, tokens, demb)
    return loss, dict(E=dE, W=emb.T @ da, V=h.T @ dlogits)
"""

ATTENTION = """
@gradient_function(Wq="input key", Wk="input key", Wv="input value")
def attention(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.time, sizes.input))
    Q = x @ p.Wq
    K = x @ p.Wk
    V = x @ p.Wv
    S = Q @ K.transpose(0, 2, 1)
    A = np.exp(S) / np.exp(S).sum(axis=-1, keepdims=True)
    out = A @ V
    loss = np.sum(out**2) / 2
    dA = out @ V.transpose(0, 2, 1)
    dV = A.transpose(0, 2, 1) @ out
    dS = A * (dA - (dA * A).sum(axis=-1, keepdims=True))
    dQ = dS @ K
    dK = dS.transpose(0, 2, 1) @ Q
    dWq = np.einsum("bti,btk->ik", x, dQ)
    dWk = np.einsum("bti,btk->ik", x, dK)
    dWv = np.einsum("bti,btk->ik", x, dV)
    return loss, dict(Wq=dWq, Wk=dWk, Wv=dWv)
"""

BATCH_FIRST = """
@gradient_function(Wx="input hidden", Wh="hidden hidden", b="hidden", V="hidden output")
def batch_first(p, sizes, rng):
    B, T, H = sizes.batch, sizes.time, sizes.hidden
    x = rng.normal(size=(B, T, sizes.input))
    target = rng.normal(size=(B, T, sizes.output))
    mask = np.ones((B, T))
    drop = np.ones((B, sizes.input))
    hidden_states = [np.zeros((B, H))]
    for t in range(T):
        hidden_states.append(np.tanh(x[:, t] @ p.Wx + hidden_states[t] @ p.Wh + p.b))
    h = np.stack(hidden_states[1:], axis=1)
    y = h @ p.V
    dy = (y - target) * mask[:, :, None]
    loss = np.sum(dy**2) / 2
    dV = np.einsum("bth,bto->ho", h, dy)
    dh = dy @ p.V.T
    dWx, dWh, db = (np.zeros_like(q) for q in (p.Wx, p.Wh, p.b))
    dh_next = np.zeros((B, H))
    for t in range(T - 1, -1, -1):
        dz = (
            dh[:, t]
            + dh_next
        ) * (1 - h[:, t] ** 2)
        dWx += x[:, t].T @ dz
        dWh += hidden_states[t].T @ dz
        db += dz.sum(0)
        dh_next = dz @ p.Wh.T
    return loss, {"Wx": dWx, "Wh": dWh, "b": db, "V": dV}
"""

LAYERS = """
import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dtanh = dnext_h * (1 - next_h**2)
    dx = dtanh.dot(Wx.T)
    dprev_h = dtanh.dot(Wh.T)
    dWx = x.T.dot(dtanh)
    dWh = prev_h.T.dot(dtanh)
    db = dtanh.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h, caches = np.zeros((N, T, H)), []
    prev = h0
    for t in range(T):
        prev, cache = rnn_step_forward(x[:, t, :], prev, Wx, Wh, b)
        h[:, t, :] = prev
        caches.append(cache)
    return h, caches


def rnn_backward(dh, caches):
    N, T, H = dh.shape
    D = caches[0][0].shape[1]
    dx, dprev = np.zeros((N, T, D)), np.zeros((N, H))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    for t in reversed(range(T)):
        dx[:, t, :], dprev, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t, :] + dprev, caches[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dprev, dWx, dWh, db
"""

NORM = """
@gradient_function(W="input hidden", g="hidden", b="hidden")
def norm(p, sizes, rng):
    W, g, b = p.W, p.g, p.b
    grads = dict(W=np.zeros_like(W), g=np.zeros_like(g), b=np.zeros_like(b))
    x = rng.normal(size=(sizes.batch, sizes.input))
    z = x @ W
    mu = z.mean(axis=1, keepdims=True)
    var = z.var(axis=1, keepdims=True)
    xhat = (z - mu) / np.sqrt(var + 1e-5)
    out = g * xhat + b
    dout = out
    return np.sum(out**2) / 2, grads
"""

RNN = """
@gradient_function(Wx="input hidden", Wh="hidden hidden", b="hidden")
def rnn(p, sizes, rng):
    layers = load("layers.py")
    x = rng.normal(size=(sizes.batch, sizes.time, sizes.input))
    h0 = rng.normal(size=(sizes.batch, sizes.hidden))
    h, caches = layers.rnn_forward(x, h0, p.Wx, p.Wh, p.b)
    dx, dh0, dWx, dWh, db = layers.rnn_backward(h, caches)
    return np.sum(h**2) / 2, dict(Wx=dWx, Wh=dWh, b=db)
"""

DENSE = """
class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return self.W @ x + self.b

    def backward(self, dout):
        self.dW += dout @ self.x.T
        self.db += dout
        return self.W.T @ dout


@gradient_function(W="hidden input", b="hidden", V="output hidden", c="output 1")
def dense(p, sizes, rng):
    x, y = rng.normal(size=(sizes.input, 1)), rng.normal(size=(sizes.output, 1))
    first, second = Dense(p.W, p.b), Dense(p.V, p.c)
    h = np.tanh(first.forward(x))
    out = second.forward(h)
    dh = second.backward(out - y)
    first.backward(dh * (1 - h**2))
    return np.sum((out - y) ** 2) / 2, dict(W=first.dW, b=first.db, V=second.dW, c=second.db)
"""

REGRESSION = """
@gradient_function(w="input 1", b="1")
def regression(p, sizes, rng):
    X = rng.normal(size=(sizes.batch, sizes.input))
    y = rng.normal(size=sizes.batch)
    w_grad = np.zeros_like(p.w)
    pred = X @ p.w + p.b
    err = pred - y
    loss = np.mean(err**2)
    w_grad += 2 / len(y) * X.T @ err
    return loss, dict(w=w_grad, b=2 * err.mean(keepdims=True))
"""

VANILLA = """
class VanillaRNN:
    def __init__(self, U, W):
        self.U, self.W = U, W

    def run(self, words):
        states, zs = [np.zeros(self.W.shape[0])], []
        for word in words:
            zs.append(self.U @ word + self.W @ states[-1])
            states.append(np.tanh(zs[-1]))
        return states, zs

    def bptt(self, words, states, zs):
        gU, gW = [np.zeros_like(m) for m in (self.U, self.W)]
        carry = np.zeros_like(states[0])
        for step in range(len(words))[::-1]:
            err = (states[step + 1] + carry) * (1 - np.tanh(zs[step]) ** 2)
            gW += np.outer(err, states[step])
            gU += np.outer(
                words[step],
                err,
            )
            carry = self.W.T @ err
        return gU, gW


@gradient_function(U="hidden input", W="hidden hidden")
def vanilla(p, sizes, rng):
    words = [rng.normal(size=sizes.input) for _ in range(sizes.time)]
    net = VanillaRNN(p.U, p.W)
    states, zs = net.run(words)
    gU, gW = net.bptt(words, states, zs)
    return sum(np.sum(s**2) for s in states[1:]) / 2, dict(U=gU, W=gW)
"""

PEEPHOLE = """
class Peephole:
    def __init__(self, W, peep):
        self.W = W
        self.peep = peep

    def forward(self, x, c_prev):
        self.c_prev = c_prev
        return np.tanh(
            np.dot(self.W, x)
            + self.peep * c_prev
        )


@gradient_function(W="hidden input", peep="hidden")
def peephole(p, sizes, rng):
    cell = Peephole(p.W, p.peep)
    out = cell.forward(rng.normal(size=(sizes.input, sizes.batch)), rng.normal(size=(sizes.hidden, sizes.batch)))
    return np.sum(out**2), {}
"""


@dataclass(frozen=True)
class Second:
    """A wrong program.

    failing    the expression that is marked
    operands   text -> axes
    clash      the first line on what clashes
    product    the first that is proposed; "" where none is
    line       the earlier line at which a shape first went wrong; "" where there is none
    also       lines that are said as well, in any place
    layers     the module beside it
    """

    program: str
    failing: str
    operands: dict[str, str]
    clash: str
    product: str = ""
    wanted: str = ""
    line: str = ""
    also: tuple[str, ...] = ()
    layers: str = ""


def _with(base: str, *changes: tuple[str, str]) -> str:
    """A base with something written otherwise, each at its only place."""
    for right, wrong in changes:
        assert base.count(right) == 1, right
        base = base.replace(right, wrong)
    return base


SECOND = {
    "net class: readout without its transpose": Second(
        _with(TWO_LAYERS, ("hidden.T.dot(dscores)", "hidden.dot(dscores)")),
        "hidden.dot(dscores)",
        {"hidden": "batch hidden", "dscores": "batch classes"},
        "inner axes differ: hidden=4 against batch=3",
        product="hidden.T @ dscores",
        wanted='grads["W2"] (hidden, classes), the shape of W2',
    ),
    "net class: softmax without keepdims": Second(
        _with(TWO_LAYERS, ("np.sum(exp_scores, axis=1, keepdims=True)", "np.sum(exp_scores, axis=1)")),
        "exp_scores / np.sum(exp_scores, axis=1)",
        {"exp_scores": "batch classes", "np.sum(exp_scores, axis=1)": "batch"},
        "last axes differ: classes=7 against batch=3",
        also=(
            "np.sum(exp_scores, axis=1) has one axis and is laid along the last; np.sum(exp_scores, "
            "axis=1)[:, None] lies along the first",
            "keepdims=True in np.sum(exp_scores, axis=1) keeps the axis",
        ),
    ),
    "net class: rows by class": Second(
        _with(TWO_LAYERS, ("dscores[np.arange(N), y] -= 1", "dscores[y] -= 1")),
        "dscores[y]",
        {"dscores": "batch classes"},
        "axis 0 of dscores is batch=3: an index is 5, but should be 0 to 2",
    ),
    "net class: way back untransposed": Second(
        _with(TWO_LAYERS, ("dscores.dot(W2.T)", "dscores.dot(W2)")),
        "dscores.dot(W2)",
        {"dscores": "batch classes", "W2": "hidden classes"},
        "inner axes differ: classes=7 against hidden=4",
        product="dscores @ W2.T",
        wanted="dhidden (batch, hidden), the shape of hidden",
    ),
    "net class: bias summed over the wrong axis, used later": Second(
        _with(TWO_LAYERS, ("np.sum(dscores, axis=0)", "np.sum(dscores, axis=1)")),
        "self.params[name] + 0.0 * grads[name]",
        {"self.params[name]": "classes", "0.0 * grads[name]": "batch"},
        "last axes differ: classes=7 against batch=3",
        wanted="self.params[name] (classes,), the shape of b2",
        line='grads["b2"] = np.sum(dscores, axis=1)',
        also=('grads["b2"] became (batch,); by its name it is the gradient of b2, which is (classes,)',),
    ),
    "net class: weight gradient turned, under dW1, used later": Second(
        _with(
            TWO_LAYERS,
            ('grads["W1"] = X.T.dot(dhidden)', 'self.back = {}\n        self.back["dW1"] = dhidden.T.dot(X)'),
            ("return loss, grads\n", 'return loss, {**grads, "W1": self.back["dW1"] - self.params["W1"]}\n'),
            ("for name in self.params:", "for name in ():"),
        ),
        'self.back["dW1"] - self.params["W1"]',
        {'self.back["dW1"]': "hidden input", 'self.params["W1"]': "input hidden"},
        "last axes differ: input=6 against hidden=4",
        wanted="the gradient of W1 (input, hidden), the shape of W1",
        line='self.back["dW1"] = dhidden.T.dot(X)',
        also=(
            'self.back["dW1"] became (hidden, input); by its name it is the gradient of W1, which is (input, hidden)',
        ),
    ),
    "batch first: a state of other sizes": Second(
        _with(BATCH_FIRST, ("hidden_states = [np.zeros((B, H))]", "hidden_states = [np.zeros((B, sizes.input))]")),
        "hidden_states[t] @ p.Wh",
        {"hidden_states[t]": "batch input", "p.Wh": "hidden hidden"},
        "inner axes differ: input=6 against hidden=4",
        also=(
            "hidden_states[t] has its sizes from program.py:11 in batch_first",
            "hidden_states = [np.zeros((B, sizes.input))]",
        ),
    ),
    "gru: a gradient's buffer of other sizes": Second(
        _with(GRU, ("dbz, dbn = np.zeros_like(p.bz)", "dbz, dbn = np.zeros((1, sizes.hidden))")),
        "dbz += dz",
        {"dbz": "1 hidden", "dz": "hidden 1"},
        "dbz (1, hidden) is changed in place and cannot hold the result, which is (hidden, hidden) (6, 6)",
        product="dz",
        wanted="dbz (hidden, 1), the shape of p.bz",
        also=("dbz has its sizes from program.py:15 in gru",),
    ),
    "net class: relu mask of another layer": Second(
        _with(TWO_LAYERS, ("dhidden[hidden <= 0] = 0", "dhidden[scores <= 0] = 0")),
        "dhidden[scores <= 0]",
        {"dhidden": "batch hidden", "scores <= 0": "batch classes"},
        "the mask is (batch, classes), but should be (batch, hidden), as dhidden is",
    ),
    "net class: one-hot turned": Second(
        _with(
            TWO_LAYERS,
            (
                "        dscores = probs.copy()\n        dscores[np.arange(N), y] -= 1\n",
                "        dscores = probs - np.eye(W2.shape[1])[:, y]\n",
            ),
        ),
        "probs - np.eye(W2.shape[1])[:, y]",
        {"probs": "batch classes", "np.eye(W2.shape[1])[:, y]": "classes batch"},
        "last axes differ: classes=7 against batch=3",
        product="probs - np.eye(W2.shape[1])[:, y].T",
        wanted="dscores (batch, classes), the shape of scores",
    ),
    "columns helper: A_prev not transposed": Second(
        _with(COLUMNS, ("np.dot(dZ, A_prev.T)", "np.dot(dZ, A_prev)")),
        "np.dot(dZ, A_prev)",
        {"dZ": "output batch", "A_prev": "hidden batch"},
        "inner axes differ: batch=3 against hidden=6",
        product="dZ @ A_prev.T",
        wanted="dW (output, hidden), the shape of W",
    ),
    "columns helper: W not transposed": Second(
        _with(COLUMNS, ("np.dot(W.T, dZ)", "np.dot(W, dZ)")),
        "np.dot(W, dZ)",
        {"W": "output hidden", "dZ": "output batch"},
        "inner axes differ: hidden=6 against output=7",
        product="W.T @ dZ",
        wanted="dA_prev (hidden, batch), the shape of A_prev",
    ),
    "columns helper: bias summed along the units": Second(
        _with(COLUMNS, ("np.sum(dZ, axis=1, keepdims=True)", "np.sum(dZ, axis=0, keepdims=True)")),
        'parameters[f"b{l + 1}"] -= learning_rate * grads[f"db{l + 1}"]',
        {'parameters[f"b{l + 1}"]': "hidden 1", 'learning_rate * grads[f"db{l + 1}"]': "1 batch"},
        'parameters[f"b{l + 1}"] (hidden, 1) is changed in place and cannot hold the result, which '
        "is (hidden, batch) (6, 3)",
        wanted='parameters[f"b{l + 1}"] (hidden, 1), the shape of b1',
        line="db = 1.0 / m * np.sum(dZ, axis=0, keepdims=True)",
        also=("db became (1, batch); by its name it is the gradient of b, which is (hidden, 1)",),
    ),
    "columns helper: bias gradient of one axis": Second(
        _with(COLUMNS, ("np.sum(dZ, axis=1, keepdims=True)", "np.sum(dZ, axis=1)")),
        'parameters[f"b{l + 1}"] -= learning_rate * grads[f"db{l + 1}"]',
        {'parameters[f"b{l + 1}"]': "hidden 1", 'learning_rate * grads[f"db{l + 1}"]': "hidden"},
        'parameters[f"b{l + 1}"] (hidden, 1) is changed in place and cannot hold the result, which '
        "is (hidden, hidden) (6, 6)",
        wanted='parameters[f"b{l + 1}"] (hidden, 1), the shape of b1',
        line="db = 1.0 / m * np.sum(dZ, axis=1)",
        also=(
            'learning_rate * grads[f"db{l + 1}"] has one axis and is laid along the last; '
            '(learning_rate * grads[f"db{l + 1}"])[:, None] lies along the first',
            "db became (hidden,); by its name it is the gradient of b, which is (hidden, 1)",
        ),
    ),
    "lstm class: gates joined along the batch": Second(
        _with(LSTM, ("[di, df, do, dg], axis=1", "[di, df, do, dg], axis=0")),
        'k["x"].T @ da',
        {'k["x"].T': "input batch", "da": "12 hidden"},
        "inner axes differ: batch=3 against 12",
        wanted="self.dWx (input, 4*hidden), the shape of self.Wx",
        line="da = np.concatenate([di, df, do, dg], axis=0)",
        also=("by axis=1 it would be (batch, 4*hidden), and fit",),
    ),
    "lstm class: one gate into the joined weight": Second(
        _with(LSTM, ('k["h_prev"].T @ da', 'k["h_prev"].T @ do')),
        'self.dWh += k["h_prev"].T @ do',
        {"self.dWh": "hidden 4*hidden", 'k["h_prev"].T @ do': "hidden hidden"},
        "last axes differ: 4*hidden=16 against hidden=4",
        product='k["h_prev"].T @ da',
        wanted="self.dWh (hidden, 4*hidden), the shape of self.Wh",
    ),
    "lstm class: split along the batch": Second(
        _with(
            LSTM,
            (
                "        i = sigmoid(a[:, :H])\n        f = sigmoid(a[:, H:2 * H])\n        o = "
                "sigmoid(a[:, 2 * H:3 * H])\n        g = np.tanh(a[:, 3 * H:])\n",
                "        i, f, o, g = np.split(a, 4)\n",
            ),
        ),
        "np.split(a, 4)",
        {"a": "batch 4*hidden"},
        "axis 0 of a is batch=3, which cannot be split into 4 equal parts",
        also=("axis 1 is 4*hidden=16, and can: axis=1",),
    ),
    "lstm class: one gate on the way to the state": Second(
        _with(LSTM, ("da @ self.Wh.T", "df @ self.Wh.T")),
        "df @ self.Wh.T",
        {"df": "batch hidden", "self.Wh.T": "4*hidden hidden"},
        "inner axes differ: hidden=4 against 4*hidden=16",
        product="da @ self.Wh.T",
    ),
    "lstm class: bias gradient not summed": Second(
        _with(LSTM, ("self.db += da.sum(axis=0)", "self.db += da")),
        "self.db += da",
        {"self.db": "4*hidden", "da": "batch 4*hidden"},
        "self.db (4*hidden,) is changed in place and cannot hold the result, which is (batch, 4*hidden) (3, 16)",
        product="da.sum(axis=0)",
        wanted="self.db (4*hidden,), the shape of b",
    ),
    "gru dicts: the joined gradient not split": Second(
        _with(GRU, ("dconcat[:sizes.hidden, :]", "dconcat")),
        "dh * (1 - zs[t]) + dconcat",
        {"dh * (1 - zs[t])": "hidden 1", "dconcat": "hidden+input 1"},
        "first axes differ: hidden=6 against hidden+input=10",
        product="dconcat[:6]",
        wanted="dhnext (hidden, 1), the shape of hs[t - 1]",
    ),
    "gru dicts: the state in place of the joined vector": Second(
        _with(GRU, ("dWz += np.dot(dz, concats[t].T)", "dWz += np.dot(dz, hs[t - 1].T)")),
        "dWz += np.dot(dz, hs[t - 1].T)",
        {"dWz": "hidden hidden+input", "np.dot(dz, hs[t - 1].T)": "hidden hidden"},
        "last axes differ: hidden+input=10 against hidden=6",
        product="dz @ concats[t].T",
        wanted="dWz (hidden, hidden+input), the shape of p.Wz",
    ),
    "gru dicts: joined side by side": Second(
        _with(GRU, ("np.vstack((hs[t - 1], x))", "np.hstack((hs[t - 1], x))")),
        "np.hstack((hs[t - 1], x))",
        {"hs[t - 1]": "hidden 1", "x": "input 1"},
        "joined along axis 1 all other axes must agree, but axis 0 is hidden=6 in hs[t - 1] and input=4 in x",
        also=("along axis 0 they fit: axis=0",),
    ),
    "gru dicts: elementwise into the weight": Second(
        _with(GRU, ("np.dot(dn, concats[t].T)", "dn * concats[t]")),
        "dn * concats[t]",
        {"dn": "hidden 1", "concats[t]": "hidden+input 1"},
        "first axes differ: hidden=6 against hidden+input=10",
        product="dn @ concats[t].T",
        wanted="dWn (hidden, hidden+input), the shape of p.Wn",
    ),
    "embedding: columns looked up": Second(
        _with(EMBEDDING, ("E[tokens]", "E[:, tokens]")),
        "E[:, tokens]",
        {"E": "vocab embed"},
        "axis 1 of E is embed=4: an index is 5, but should be 0 to 3",
    ),
    "embedding: the hidden gradient added": Second(
        _with(EMBEDDING, ("np.add.at(dE, tokens, demb)", "dE[tokens] += da")),
        "dE[tokens] += da",
        {"dE[tokens]": "batch embed", "da": "batch hidden"},
        "last axes differ: embed=4 against hidden=7",
        product="da @ W.T",
        wanted="dE[tokens] (batch, embed), the shape that it has",
    ),
    "embedding: add.at with a transpose": Second(
        _with(EMBEDDING, ("np.add.at(dE, tokens, demb)", "np.add.at(dE, tokens, demb.T)")),
        "np.add.at(dE, tokens, demb.T)",
        {"dE": "vocab embed", "tokens": "batch", "demb.T": "embed batch"},
        "dE[tokens] has room for (batch, embed) (3, 4), and is given (embed, batch) (4, 3)",
    ),
    "embedding: slot of a row": Second(
        _with(
            EMBEDDING, ("    np.add.at(dE, tokens, demb)\n", "    for token in tokens:\n        dE[token] += demb\n")
        ),
        "dE[token] += demb",
        {"dE[token]": "embed", "demb": "batch embed"},
        "dE[token] (embed,) is changed in place and cannot hold the result, which is (batch, embed) (3, 4)",
        wanted="dE[token] (embed,), the shape of E",
    ),
    "attention: keys not transposed": Second(
        _with(ATTENTION, ("Q @ K.transpose(0, 2, 1)", "Q @ K")),
        "Q @ K",
        {"Q": "batch time key", "K": "batch time key"},
        "inner axes differ: key=4 against time=5",
        product="Q @ K.transpose(0, 2, 1)",
    ),
    "attention: .T turns all three": Second(
        _with(ATTENTION, ("Q @ K.transpose(0, 2, 1)", "Q @ K.T")),
        "Q @ K.T",
        {"Q": "batch time key", "K.T": "key time batch"},
        "inner axes differ: key=4 against time=5",
        product="Q @ K.transpose(0, 2, 1)",
    ),
    "attention: einsum letter": Second(
        _with(ATTENTION, ("dQ = dS @ K", 'dQ = np.einsum("bts,bds->btd", dS, K)')),
        'np.einsum("bts,bds->btd", dS, K)',
        {"dS": "batch time time", "K": "batch time key"},
        "the letter 's' stands for two sizes: time=5 in dS, key=4 in K",
        product="dS @ K",
        wanted="dQ (batch, time, key), the shape of Q",
        also=("by size dS.transpose(0, 2, 1) @ K fits as well, because the matrices in dS are square",),
    ),
    "attention: way back to the values": Second(
        _with(ATTENTION, ("dA = out @ V.transpose(0, 2, 1)", "dA = out @ V")),
        "out @ V",
        {"out": "batch time value", "V": "batch time value"},
        "inner axes differ: value=7 against time=5",
        product="out @ V.transpose(0, 2, 1)",
        wanted="dA (batch, time, time), the shape of A",
    ),
    "rnn module: the step's gradient turned": Second(
        RNN,
        "dWx += dWx_t",
        {"dWx": "input hidden", "dWx_t": "hidden input"},
        "last axes differ: hidden=4 against input=6",
        wanted="dWx (input, hidden), the shape of Wx",
        line="dWx = dtanh.T.dot(x)",
        also=("dWx became (hidden, input); by its name it is the gradient of Wx, which is (input, hidden)",),
        layers=_with(LAYERS, ("x.T.dot(dtanh)", "dtanh.T.dot(x)")),
    ),
    "rnn module: time indexed as the batch": Second(
        RNN,
        "dh[t]",
        {"dh": "batch time hidden"},
        "axis 0 of dh is batch=3: the index is 4, but should be 0 to 2",
        layers=_with(LAYERS, ("dh[:, t, :] + dprev", "dh[t] + dprev")),
    ),
    "rnn module: W on the way back": Second(
        RNN,
        "dtanh.dot(Wx)",
        {"dtanh": "batch hidden", "Wx": "input hidden"},
        "inner axes differ: hidden=4 against input=6",
        product="dtanh @ Wx.T",
        wanted="dx (batch, input), the shape of x",
        layers=_with(LAYERS, ("dtanh.dot(Wx.T)", "dtanh.dot(Wx)")),
    ),
    "rnn module: three sizes of two axes": Second(
        _with(RNN, ("rnn_forward(x,", "rnn_forward(x[:, 0],")),
        "N, T, D = x.shape",
        {"x": "batch input"},
        "x has 2 axes, (batch, input), and 3 names are given",
        layers=LAYERS,
    ),
    "rnn module: all biases at once": Second(
        _with(RNN, ("rnn_backward(h, caches)", "rnn_backward(h, caches)\n    db += np.sum(h, axis=0)")),
        "db += np.sum(h, axis=0)",
        {"db": "hidden", "np.sum(h, axis=0)": "time hidden"},
        "db (hidden,) is changed in place and cannot hold the result, which is (time, hidden) (5, 4)",
        product="h.sum(axis=(0, 1))",
        wanted="db (hidden,), the shape of p.b",
        layers=LAYERS,
    ),
    "dense class: a bias of one axis beside a column": Second(
        DENSE,
        "self.db += dout",
        {"self.db": "output 1", "dout": "output hidden"},
        "self.db (output, 1) is changed in place and cannot hold the result, which is (output, hidden) (7, 6)",
        wanted="self.db (output, 1), the shape of self.b",
        line="return self.W @ x + self.b",
        also=("(hidden, 1) + (hidden,) made (hidden, hidden), which neither of them is",),
    ),
    "regression: prediction column against a flat target": Second(
        REGRESSION,
        "w_grad += 2 / len(y) * X.T @ err",
        {"w_grad": "input 1", "2 / len(y) * X.T @ err": "input batch"},
        "w_grad (input, 1) is changed in place and cannot hold the result, which is (input, batch) (6, 3)",
        wanted="w_grad (input, 1), the shape of p.w",
        line="err = pred - y",
        also=("(batch, 1) - (batch,) made (batch, batch), which neither of them is",),
    ),
    "list cache: outer turned": Second(
        VANILLA,
        "gU += np.outer(words[step], err)",
        {"gU": "hidden input", "np.outer(words[step], err)": "input hidden"},
        "last axes differ: input=4 against hidden=6",
        product="np.outer(err, words[step])",
        wanted="gU (hidden, input), the shape of self.U",
    ),
    "batch first: mask without its last axis": Second(
        _with(BATCH_FIRST, ("mask[:, :, None]", "mask")),
        "(y - target) * mask",
        {"y - target": "batch time output", "mask": "batch time"},
        "last axes differ: output=7 against time=5",
        wanted="dy (batch, time, output), the shape of y",
        also=("mask has two axes and is laid along the last; mask[:, :, None] lies along the first",),
    ),
    "batch first: dropout mask of the input": Second(
        _with(BATCH_FIRST, ("dh_next = dz @ p.Wh.T", "dh_next = dz @ p.Wh.T\n        dh_next *= drop")),
        "dh_next *= drop",
        {"dh_next": "batch hidden", "drop": "batch input"},
        "last axes differ: hidden=4 against input=6",
        wanted="dh_next (batch, hidden), the shape that it has",
    ),
    "batch first: the first state stacked as well": Second(
        _with(BATCH_FIRST, ("np.stack(hidden_states[1:], axis=1)", "np.stack(hidden_states, axis=1)")),
        "y - target",
        {"y": "batch time+1 output", "target": "batch time output"},
        "second axes differ: time+1=6 against time=5",
        also=("y holds one more: y[:, 1:] leaves out the first, y[:, :-1] the last",),
    ),
    "batch first: joined along the batch": Second(
        _with(BATCH_FIRST, ("np.stack(hidden_states[1:], axis=1)", "np.concatenate(hidden_states[1:], axis=0)")),
        "y - target",
        {"y": "time*batch output", "target": "batch time output"},
        "axes 0 and 1 differ: time*batch=15 against time=5",
        line="h = np.concatenate(hidden_states[1:], axis=0)",
        also=("by np.stack, axis=1, it would be (batch, time, hidden), and fit",),
    ),
    "batch first: all steps at once by tensordot": Second(
        _with(BATCH_FIRST, ('np.einsum("bth,bto->ho", h, dy)', "np.tensordot(h, dy, axes=([0, 1], [1, 0]))")),
        "np.tensordot(h, dy, axes=([0, 1], [1, 0]))",
        {"h": "batch time hidden", "dy": "batch time output"},
        "axes that are summed over differ: axis 0 of h is batch=3, axis 1 of dy is time=5",
        product='np.einsum("bti,btj->ij", h, dy)',
        wanted="dV (hidden, output), the shape of p.V",
    ),
    "batch first: bias summed over one of two axes": Second(
        _with(
            BATCH_FIRST,
            ("    dh_next = np.zeros((B, H))\n", "    db += dh.sum(axis=0)\n    dh_next = np.zeros((B, H))\n"),
        ),
        "db += dh.sum(axis=0)",
        {"db": "hidden", "dh.sum(axis=0)": "time hidden"},
        "db (hidden,) is changed in place and cannot hold the result, which is (time, hidden) (5, 4)",
        product="dh.sum(axis=(0, 1))",
        wanted="db (hidden,), the shape of p.b",
    ),
    "batch first: all states against one step": Second(
        _with(BATCH_FIRST, ("hidden_states[t].T @ dz", "h[t].T @ dz")),
        "h[t]",
        {"h": "batch time hidden"},
        "axis 0 of h is batch=3: the index is 4, but should be 0 to 2",
        wanted="dWh (hidden, hidden), the shape of p.Wh",
    ),
    "batch first: the readout untransposed over several lines": Second(
        _with(BATCH_FIRST, ("dh = dy @ p.V.T", "dh = (\n        dy\n        @ p.V\n    )")),
        "dy @ p.V",
        {"dy": "batch time output", "p.V": "hidden output"},
        "inner axes differ: output=7 against hidden=4",
        product="dy @ p.V.T",
        wanted="dh (batch, time, hidden), the shape of h",
    ),
    "batch first: flattened with the time axis inside": Second(
        _with(BATCH_FIRST, ("y = h @ p.V", "y = h.reshape(B, -1) @ p.V")),
        "h.reshape(B, -1) @ p.V",
        {"h.reshape(B, -1)": "batch time*hidden", "p.V": "hidden output"},
        "inner axes differ: time*hidden=20 against hidden=4",
        product="h @ p.V",
    ),
    "norm: mean without keepdims": Second(
        _with(NORM, ("mu = z.mean(axis=1, keepdims=True)", "mu = z.mean(axis=1)")),
        "z - mu",
        {"z": "batch hidden", "mu": "batch"},
        "last axes differ: hidden=4 against batch=3",
        also=(
            "mu has one axis and is laid along the last; mu[:, None] lies along the first",
            "keepdims=True in z.mean(axis=1) keeps the axis",
        ),
    ),
    "norm: scale not summed": Second(
        _with(NORM, ("    dout = out\n", '    dout = out\n    grads["g"] += dout * xhat\n')),
        'grads["g"] += dout * xhat',
        {'grads["g"]': "hidden", "dout * xhat": "batch hidden"},
        'grads["g"] (hidden,) is changed in place and cannot hold the result, which is (batch, hidden) (3, 4)',
        product="(dout * xhat).sum(axis=0)",
        wanted='grads["g"] (hidden,), the shape of g',
    ),
    "norm: out= of the wrong shape": Second(
        _with(NORM, ("    dout = out\n", '    dout = out\n    np.matmul(dout.T, x, out=grads["W"])\n')),
        'np.matmul(dout.T, x, out=grads["W"])',
        {"dout.T": "hidden batch", "x": "batch input"},
        'grads["W"] (6, 4) is out=, and cannot hold the result, which is (hidden, input) (4, 6)',
        product="x.T @ dout",
        wanted='grads["W"] (input, hidden), the shape of W',
    ),
    "norm: a list of products": Second(
        _with(
            NORM,
            (
                "    dout = out\n",
                "    dout = out\n    layers = [(x, dout)]\n    weight_grads = [act @ delta for act, delta in layers]\n",
            ),
        ),
        "act @ delta",
        {"act": "batch input", "delta": "batch hidden"},
        "inner axes differ: input=6 against batch=3",
        product="act.T @ delta",
    ),
    "norm: where with a mask of the input": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    dz = np.where(x > 0, dout, 0)\n")),
        "np.where(x > 0, dout, 0)",
        {"x > 0": "batch input", "dout": "batch hidden"},
        "last axes differ: input=6 against hidden=4",
        wanted="dz (batch, hidden), the shape of z",
    ),
    "norm: squeeze of the batch": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    dz = dout.squeeze(0)\n")),
        "dout.squeeze(0)",
        {"dout": "batch hidden"},
        "axis 0 of dout is batch=3, and only an axis of size 1 can be squeezed",
        wanted="dz (batch, hidden), the shape of z",
    ),
    "norm: transposed as if with time": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    dW = x.transpose(1, 0, 2) @ dout\n")),
        "x.transpose(1, 0, 2)",
        {"x": "batch input"},
        "x has 2 axes, (batch, input), and transpose names 3",
        wanted="dW (input, hidden), the shape of W",
    ),
    "norm: softmax jacobian for a batch": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    J = np.diag(out[0]) - np.outer(out, out)\n")),
        "np.diag(out[0]) - np.outer(out, out)",
        {"np.diag(out[0])": "hidden hidden", "np.outer(out, out)": "batch*hidden batch*hidden"},
        "last axes differ: hidden=4 against batch*hidden=12",
    ),
    "norm: broadcast by name": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    db = np.broadcast_to(b[:, None], dout.shape)\n")),
        "np.broadcast_to(b[:, None], dout.shape)",
        {"b[:, None]": "hidden 1"},
        "axis 0 of b[:, None] is hidden=4, and 3 is asked for: only an axis of size 1 can be repeated",
        wanted="db (hidden,), the shape of b",
    ),
    "norm: sum over an axis a vector lacks": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    row = dout[0]\n    db = np.sum(row, axis=1)\n")),
        "np.sum(row, axis=1)",
        {"row": "hidden"},
        "row has no axis 1: it has one axis, (hidden,), counted from 0",
        wanted="db (hidden,), the shape of b",
    ),
    "norm: a row vector where a column is meant": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    row = x[:1]\n    a = W.T @ row\n")),
        "W.T @ row",
        {"W.T": "hidden input", "row": "1 input"},
        "inner axes differ: input=6 against 1",
        product="row @ W",
    ),
    "norm: inner": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    dW = np.inner(x, dout)\n")),
        "np.inner(x, dout)",
        {"x": "batch input", "dout": "batch hidden"},
        "inner axes differ: input=6 against hidden=4",
        product="x.T @ dout",
        wanted="dW (input, hidden), the shape of W",
    ),
    "norm: gate gradients side by side, one turned": Second(
        _with(NORM, ("    dout = out\n", "    dout = out\n    da = np.hstack((dout, dout, dout.T))\n")),
        "np.hstack((dout, dout, dout.T))",
        {"dout": "batch hidden", "dout.T": "hidden batch"},
        "joined along axis 1 all other axes must agree, but axis 0 is batch=3 in dout and hidden=4 in dout.T",
    ),
    "peephole: vector times columns": Second(
        PEEPHOLE,
        "self.peep * c_prev",
        {"self.peep": "hidden", "c_prev": "hidden batch"},
        "last axes differ: hidden=6 against batch=3",
        also=("self.peep has one axis and is laid along the last; self.peep[:, None] lies along the first",),
    ),
}
