"""Right programs in several styles, and mistakes in them: what is replaced, and the line that is then wrong."""

ONE_FUNCTION = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="input hidden", R="hidden hidden", V="hidden output", b="hidden")
def program(p, sizes, rng):
    T, B = sizes.time, sizes.batch
    x, y = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, sizes.output))
    a, h = {}, {-1: rng.normal(size=(B, sizes.hidden))}
    loss, e = 0, {}
    for t in range(T):
        a[t] = x[t] @ p.W + h[t - 1] @ p.R + p.b
        h[t] = np.tanh(a[t])
        e[t] = h[t] @ p.V - y[t]
        loss += 0.5 * np.sum(e[t] ** 2)
    dW, dR, dV, db = np.zeros_like(p.W), np.zeros_like(p.R), np.zeros_like(p.V), np.zeros_like(p.b)
    carry = np.zeros_like(h[0])
    for t in reversed(range(T)):
        dy = e[t]
        dV += h[t].T @ dy
        dh = dy @ p.V.T + carry
        da = dh * (1 - h[t] ** 2)
        dW += x[t].T @ da
        dR += h[t - 1].T @ da
        db += da.sum(axis=0)
        carry = da @ p.R.T
    return loss, dict(W=dW, R=dR, V=dV, b=db)
"""

TWO_FUNCTIONS = """
import numpy as np
from oracle import gradient_function

def tanh_derivative(h):
    return 1 - h * h

def step_forward(x, h, W, R, b):
    return np.tanh(np.dot(x, W) + np.dot(h, R) + b)

def step_backward(dh_next, x, h_prev, h, R):
    da = dh_next * tanh_derivative(h)
    dW = np.dot(x.T, da)
    dR = np.dot(h_prev.T, da)
    db = np.sum(da, axis=0)
    dh = np.dot(da, R.T)
    return dh, dW, dR, db

def backward(upstream, x, states, p):
    grads = {name: np.zeros_like(value) for name, value in p.items()}
    dh = np.zeros_like(states[0])
    for t in range(len(x) - 1, -1, -1):
        dh, dW, dR, db = step_backward(upstream[t] + dh, x[t], states[t], states[t + 1], p.R)
        grads["W"] += dW
        grads["R"] += dR
        grads["b"] += db
    return grads

@gradient_function(W="input hidden", R="hidden hidden", b="hidden")
def program(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    states = [rng.normal(size=(sizes.batch, sizes.hidden))]
    for x_t in x:
        states.append(step_forward(x_t, states[-1], p.W, p.R, p.b))
    upstream = rng.normal(size=(sizes.time, sizes.batch, sizes.hidden))
    return np.sum(np.stack(states[1:]) * upstream), backward(upstream, x, states, p)
"""

CLASS = """
import numpy as np
from oracle import gradient_function

class Net:
    def __init__(self, W, R, V):
        self.W, self.R, self.V = W, R, V

    def forward(self, x, h):
        self.x, self.a, self.h = x, [], [h]
        for x_t in x:
            self.a.append(self.W @ x_t + self.R @ self.h[-1])
            self.h.append(np.tanh(self.a[-1]))
        return self.V @ self.h[-1]

    def backward(self, d):
        self.dW, self.dR = np.zeros_like(self.W), np.zeros_like(self.R)
        self.dV = np.outer(d, self.h[-1])
        delta = self.V.T @ d
        for t in reversed(range(len(self.x))):
            delta = delta * (1 - self.h[t + 1] ** 2)
            self.dW += np.outer(delta, self.x[t])
            self.dR += np.outer(delta, self.h[t])
            delta = self.R.T @ delta

@gradient_function(W="hidden input", R="hidden hidden", V="output hidden")
def program(p, sizes, rng):
    net = Net(p.W, p.R, p.V)
    d = rng.normal(size=sizes.output)
    loss = d @ net.forward(rng.normal(size=(sizes.time, sizes.input)), rng.normal(size=sizes.hidden))
    net.backward(d)
    return loss, dict(W=net.dW, R=net.dR, V=net.dV)
"""

ALL_STEPS_FORWARD = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="input hidden", b="hidden", V="hidden output")
def program(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    upstream = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    h = np.tanh(x @ p.W + p.b)
    loss = np.sum((h @ p.V) * upstream)
    dW, db, dV = np.zeros_like(p.W), np.zeros_like(p.b), np.zeros_like(p.V)
    for t in range(len(x)):
        dV += h[t].T @ upstream[t]
        da = upstream[t] @ p.V.T * (1 - h[t] ** 2)
        dW += x[t].T @ da
        db += da.sum(axis=0)
    return loss, dict(W=dW, b=db, V=dV)
"""

ALL_STEPS_BACKWARD = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="input hidden", b="hidden", V="hidden output")
def program(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    upstream = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    states, loss = [], 0
    for t in range(len(x)):
        states.append(np.tanh(x[t] @ p.W + p.b))
        loss += np.sum((states[t] @ p.V) * upstream[t])
    h = np.stack(states)
    dV = np.einsum("tbh,tbo->ho", h, upstream)
    dh = upstream @ p.V.T
    da = dh * (1 - h ** 2)
    dW = np.einsum("tbi,tbh->ih", x, da)
    db = da.sum(axis=(0, 1))
    return loss, dict(W=dW, b=db, V=dV)
"""

LSTM = """
import numpy as np
from oracle import gradient_function

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

@gradient_function(Wx="input 4*hidden", Wh="hidden 4*hidden", b="4*hidden")
def program(p, sizes, rng):
    H = sizes.hidden
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    h, c = rng.normal(size=(2, sizes.batch, H))
    cache, states = [], []
    for x_t in x:
        a = x_t @ p.Wx + h @ p.Wh + p.b
        i, f, o, g = sigmoid(a[:, :H]), sigmoid(a[:, H:2*H]), sigmoid(a[:, 2*H:3*H]), np.tanh(a[:, 3*H:])
        c_next = f * c + i * g
        cache.append((x_t, h, c, c_next, i, f, o, g))
        h, c = o * np.tanh(c_next), c_next
        states.append(h)
    upstream = rng.normal(size=(sizes.time, sizes.batch, H))
    loss = np.sum(np.stack(states) * upstream)
    dWx, dWh, db = np.zeros_like(p.Wx), np.zeros_like(p.Wh), np.zeros_like(p.b)
    dh_next, dc_next = np.zeros_like(h), np.zeros_like(c)
    for t in reversed(range(len(x))):
        x_t, h_prev, c_prev, c_t, i, f, o, g = cache[t]
        dh = upstream[t] + dh_next
        dc = dc_next + dh * o * (1 - np.tanh(c_t) ** 2)
        da_i = dc * g * i * (1 - i)
        da_f = dc * c_prev * f * (1 - f)
        da_o = dh * np.tanh(c_t) * o * (1 - o)
        da_g = dc * i * (1 - g ** 2)
        da = np.hstack([da_i, da_f, da_o, da_g])
        dWx += x_t.T @ da
        dWh += h_prev.T @ da
        db += da.sum(axis=0)
        dh_next = da @ p.Wh.T
        dc_next = dc * f
    return loss, dict(Wx=dWx, Wh=dWh, b=db)
"""

GRU = """
import numpy as np
from oracle import gradient_function

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

@gradient_function(Wz="input hidden", Uz="hidden hidden", Wr="input hidden", Ur="hidden hidden",
                   Wn="input hidden", Un="hidden hidden", bn="hidden")
def program(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    h = [rng.normal(size=(sizes.batch, sizes.hidden))]
    z, r, n = [], [], []
    for t in range(len(x)):
        z.append(sigmoid(x[t] @ p.Wz + h[t] @ p.Uz))
        r.append(sigmoid(x[t] @ p.Wr + h[t] @ p.Ur))
        n.append(np.tanh(x[t] @ p.Wn + (r[t] * h[t]) @ p.Un + p.bn))
        h.append((1 - z[t]) * n[t] + z[t] * h[t])
    upstream = rng.normal(size=(sizes.time, sizes.batch, sizes.hidden))
    loss = sum(np.sum(h[t + 1] * upstream[t]) for t in range(len(x)))
    g = {name: np.zeros_like(value) for name, value in p.items()}
    carry = np.zeros_like(h[0])
    for t in range(len(x) - 1, -1, -1):
        dh = upstream[t] + carry
        dz = dh * (h[t] - n[t])
        dn = dh * (1 - z[t])
        dn_raw = dn * (1 - n[t] ** 2)
        drh = dn_raw @ p.Un.T
        dr_raw = drh * h[t] * r[t] * (1 - r[t])
        dz_raw = dz * z[t] * (1 - z[t])
        g["Wz"] += x[t].T @ dz_raw
        g["Uz"] += h[t].T @ dz_raw
        g["Wr"] += x[t].T @ dr_raw
        g["Ur"] += h[t].T @ dr_raw
        g["Wn"] += x[t].T @ dn_raw
        g["Un"] += (r[t] * h[t]).T @ dn_raw
        g["bn"] += dn_raw.sum(axis=0)
        carry = dh * z[t]
        carry += drh * r[t]
        carry += dr_raw @ p.Ur.T
        carry += dz_raw @ p.Uz.T
    return loss, g
"""

JOINED = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="hidden hidden+input", V="hidden hidden+input")
def program(p, sizes, rng):
    H = sizes.hidden
    x = rng.normal(size=(sizes.time, sizes.input, sizes.batch))
    h, d = rng.normal(size=(2, H, sizes.batch))
    cache = []
    for x_t in x:
        joined = np.concatenate([h, x_t], axis=0)
        a, b = np.tanh(p.W @ joined), np.tanh(p.V @ joined)
        cache.append((joined, a, b))
        h = a * b
    loss = np.sum(h * d)
    dW, dV, dh = np.zeros_like(p.W), np.zeros_like(p.V), d
    for joined, a, b in reversed(cache):
        da = dh * b * (1 - a ** 2)
        db = dh * a * (1 - b ** 2)
        dW += da @ joined.T
        dV += db @ joined.T
        dh = p.W[:, :H].T @ da
        dh += p.V[:, :H].T @ db
    return loss, dict(W=dW, V=dV)
"""

TWO_CALLS = """
import numpy as np
from oracle import gradient_function

def run_back(upstream, x, states, U):
    dW, dU, dh = np.zeros((x.shape[2], len(U))), np.zeros_like(U), np.zeros_like(states[0])
    for t in reversed(range(len(x))):
        dh = upstream[t] + dh
        da = dh * (1 - states[t + 1] ** 2)
        dW += x[t].T @ da
        dU += states[t].T @ da
        dh = da @ U.T
    return dW, dU

@gradient_function(Wf="input hidden", Uf="hidden hidden", Wb="input hidden", Ub="hidden hidden")
def program(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    d = rng.normal(size=(sizes.time, sizes.batch, 2 * sizes.hidden))
    hf, hb = [rng.normal(size=(sizes.batch, sizes.hidden))], [rng.normal(size=(sizes.batch, sizes.hidden))]
    for x_t, y_t in zip(x, x[::-1]):
        hf.append(np.tanh(x_t @ p.Wf + hf[-1] @ p.Uf))
        hb.append(np.tanh(y_t @ p.Wb + hb[-1] @ p.Ub))
    loss = np.sum(np.concatenate([np.stack(hf[1:]), np.stack(hb[1:])], axis=2) * d)
    dWf, dUf = run_back(d[:, :, :sizes.hidden], x, hf, p.Uf)
    dWb, dUb = run_back(d[:, :, sizes.hidden:], x[::-1], hb, p.Ub)
    return loss, dict(Wf=dWf, Uf=dUf, Wb=dWb, Ub=dUb)
"""

INTERPOLATED = GRU.replace("(1 - z[t]) * n[t] + z[t] * h[t]", "h[t] + (1 - z[t]) * (n[t] - h[t])")
INTERPOLATED = INTERPOLATED.replace("        carry = dh * z[t]\n", "").replace(
    "        dz = dh", "        carry = dh * z[t]\n        dz = dh"
)
SUBTRACTED_IN_PLACE = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="input hidden", V="hidden vocab")
def program(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.input))
    target = rng.integers(sizes.vocab, size=sizes.time)
    h, probs, loss = [], [], 0
    for t in range(len(x)):
        h.append(np.tanh(x[t] @ p.W))
        scores = np.exp(h[t] @ p.V)
        probs.append(scores / scores.sum())
        loss -= np.log(probs[t][target[t]])
    dW, dV = np.zeros_like(p.W), np.zeros_like(p.V)
    for t in range(len(x)):
        dy = probs[t].copy()
        dy[target[t]] -= 1.0
        dV += np.outer(h[t], dy)
        dW += np.outer(x[t], (p.V @ dy) * (1 - h[t] ** 2))
    return loss, dict(W=dW, V=dV)
"""

GATE_AGAIN = (
    TWO_FUNCTIONS.replace("return 1 - h * h", "return 1 - np.tanh(h) ** 2")
    .replace(
        "    da = dh_next * tanh_derivative(h)\n",
        "    a = np.dot(x, W) + np.dot(h_prev, R) + b\n    da = dh_next * tanh_derivative(a)\n",
    )
    .replace("x, h_prev, h, R):", "x, h_prev, h, R, W, b):")
    .replace("states[t + 1], p.R)", "states[t + 1], p.R, p.W, p.b)")
)

MEAN_AT_THE_END = ONE_FUNCTION.replace("np.sum(e[t] ** 2)", "np.sum(e[t] ** 2) / B").replace(
    "dict(W=dW, R=dR, V=dV, b=db)", "dict(W=dW / B, R=dR / B, V=dV / B, b=db / B)"
)

RIGHT = {
    "one function": ONE_FUNCTION,
    "two functions": TWO_FUNCTIONS,
    "class": CLASS,
    "all steps forward": ALL_STEPS_FORWARD,
    "all steps backward": ALL_STEPS_BACKWARD,
    "lstm": LSTM,
    "gru": GRU,
    "joined": JOINED,
    "two calls": TWO_CALLS,
    "mean at the end": MEAN_AT_THE_END,
    "interpolated": INTERPOLATED,
    "subtracted in place": SUBTRACTED_IN_PLACE,
    "gate again": GATE_AGAIN,
}

WRONG = [
    ("interpolated", "dz_raw = dz * z[t] * (1 - z[t])", "dz_raw = dz * z[t] * z[t]"),
    ("interpolated", "dr_raw = drh * h[t] * r[t] * (1 - r[t])", "dr_raw = drh * h[t] * (1 - r[t])"),
    ("subtracted in place", "dy[target[t]] -= 1.0", "dy[target[t]] += 1.0"),
    ("subtracted in place", "dy = probs[t].copy()", "dy = h[t] @ p.V"),
    ("gate again", "a = np.dot(x, W) + np.dot(h_prev, R) + b", "a = np.dot(x, W) + np.dot(h_prev, R) + h"),
    ("gate again", "return 1 - np.tanh(h) ** 2", "return np.diag(1 - np.tanh(h) ** 2)[:, None]"),
    ("one function", "carry = da @ p.R.T", "carry = da @ dR.T"),
    ("one function", "dy = e[t]", "dy = -e[t]"),
    ("one function", "da = dh * (1 - h[t] ** 2)", "da = dh"),
    ("one function", "dh = dy @ p.V.T + carry", "dh = dy @ p.V.T - carry"),
    ("gru", "dz = dh * (h[t] - n[t])", "dz = dh * (n[t] - h[t])"),
    ("gru", "dn_raw = dn * (1 - n[t] ** 2)", "dn_raw = dn"),
    ("gru", "dr_raw = drh * h[t] * r[t] * (1 - r[t])", "dr_raw = drh * h[t] * (1 - r[t])"),
    ("gru", 'g["Un"] += (r[t] * h[t]).T @ dn_raw', 'g["Un"] += h[t].T @ dn_raw'),
    ("gru", 'g["Wr"] += x[t].T @ dr_raw', 'g["Wr"] += x[t].T @ dz_raw'),
    ("gru", "carry = dh * z[t]", "carry = dh"),
    ("gru", "carry = dh * z[t]", "carry = dh * (1 - z[t])"),
    ("gru", "carry += drh * r[t]", "carry += drh"),
    ("gru", "carry += drh * r[t]", "carry = drh * r[t]"),
    ("gru", "carry += dz_raw @ p.Uz.T", "carry += dz_raw @ p.Uz"),
    ("joined", "dh += p.V[:, :H].T @ db", "dh += p.V[:, :H] @ db"),
    ("joined", "dh += p.V[:, :H].T @ db", "dh += p.V[:, -H:].T @ db"),
    (
        "two calls",
        "dWb, dUb = run_back(d[:, :, sizes.hidden:], x[::-1], hb, p.Ub)",
        "dWb, dUb = run_back(d[:, :, sizes.hidden:], x[::-1], hb, p.Uf)",
    ),
    (
        "two calls",
        "dWb, dUb = run_back(d[:, :, sizes.hidden:], x[::-1], hb, p.Ub)",
        "dWb, dUb = run_back(d[:, :, sizes.hidden:], x[::-1], hf, p.Ub)",
    ),
    ("one function", "carry = da @ p.R.T", "carry = da @ p.R"),
    ("one function", "da = dh * (1 - h[t] ** 2)", "da = dh * (1 - a[t] ** 2)"),
    ("one function", "dR += h[t - 1].T @ da", "dR += h[t].T @ da"),
    ("one function", "dh = dy @ p.V.T + carry", "dh = dy @ p.V.T"),
    ("one function", "dW += x[t].T @ da", "dW = x[t].T @ da"),
    ("one function", "dy = e[t]", "dy = y[t] - h[t] @ p.V"),
    ("one function", "dV += h[t].T @ dy", "dV += h[t].T @ dy / T"),
    ("one function", "db += da.sum(axis=0)", "db += da.mean(axis=0)"),
    ("one function", "db += da.sum(axis=0)", "db -= da.sum(axis=0)"),
    ("one function", "db += da.sum(axis=0)", "db += dh.sum(axis=0)"),
    ("one function", "dR += h[t - 1].T @ da", "dR += (h[t - 1].T @ da).T"),
    ("one function", "for t in reversed(range(T)):", "for t in reversed(range(1, T)):"),
    ("one function", "carry = da @ p.R.T", "carry += da @ p.R.T"),
    ("two functions", "dh = np.dot(da, R.T)", "dh = np.dot(da, R)"),
    ("two functions", "da = dh_next * tanh_derivative(h)", "da = dh_next * tanh_derivative(x @ x.T @ h)"),
    ("two functions", "dR = np.dot(h_prev.T, da)", "dR = np.dot(h.T, da)"),
    ("two functions", 'grads["W"] += dW', 'grads["W"] = dW'),
    ("class", "delta = self.R.T @ delta", "delta = self.R @ delta"),
    ("class", "delta = delta * (1 - self.h[t + 1] ** 2)", "delta = delta * (1 - self.a[t] ** 2)"),
    ("class", "self.dR += np.outer(delta, self.h[t])", "self.dR += np.outer(delta, self.h[t + 1])"),
    ("all steps forward", "dW += x[t].T @ da", "dW += x[t - 1].T @ da"),
    ("all steps forward", "da = upstream[t] @ p.V.T * (1 - h[t] ** 2)", "da = upstream[t] @ p.V.T * (1 - h[t])"),
    ("all steps backward", "da = dh * (1 - h ** 2)", "da = dh * h * (1 - h)"),
    ("all steps backward", "db = da.sum(axis=(0, 1))", "db = da.sum(axis=0).mean(axis=0)"),
    ("lstm", "da_i = dc * g * i * (1 - i)", "da_i = dc * i * i * (1 - i)"),
    ("lstm", "dh_next = da @ p.Wh.T", "dh_next = da @ p.Wh.T * 2"),
    ("lstm", "dc = dc_next + dh * o * (1 - np.tanh(c_t) ** 2)", "dc = dh * o * (1 - np.tanh(c_t) ** 2)"),
    ("lstm", "dc = dc_next + dh * o * (1 - np.tanh(c_t) ** 2)", "dc = dc_next + dh * o * (1 - c_t ** 2)"),
]

LISTED = """
import numpy as np
from oracle import gradient_function


@gradient_function(W="input hidden", R="hidden hidden", V="hidden output", b="hidden", c="output")
def program(p, sizes, rng):
    xs = [rng.normal(size=(sizes.batch, sizes.input)) for _ in range(sizes.time)]
    ts = [rng.normal(size=(sizes.batch, sizes.output)) for _ in range(sizes.time)]
    hs = [rng.normal(size=(sizes.batch, sizes.hidden))]
    for x in xs:
        hs.append(np.tanh(x @ p.W + hs[-1] @ p.R + p.b))
    ys = [h @ p.V + p.c for h in hs[1:]]
    loss = sum(0.5 * np.sum((y - t) ** 2) for y, t in zip(ys, ts))
    dys = [y - t for y, t in zip(ys, ts)]
    deltas, carry = [], np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dh = dys[t] @ p.V.T + carry
        delta = dh * (1 - hs[t + 1] ** 2)
        deltas.insert(0, delta)
        carry = delta @ p.R.T
    dW = sum(x.T @ d for x, d in zip(xs, deltas))
    dR = sum(h.T @ d for h, d in zip(hs, deltas))
    dV = sum(h.T @ d for h, d in zip(hs[1:], dys))
    db = sum(d.sum(axis=0) for d in deltas)
    dc = sum(d.sum(axis=0) for d in dys)
    return loss, dict(W=dW, R=dR, V=dV, b=db, c=dc)
"""
"""What comprehensions list, and sum() adds up."""

RIGHT["comprehensions"] = LISTED
WRONG += [
    ("comprehensions", "delta = dh * (1 - hs[t + 1] ** 2)", "delta = dh * (1 - hs[t] ** 2)"),
    ("comprehensions", "carry = delta @ p.R.T", "carry = delta @ p.R"),
    ("comprehensions", "dys = [y - t for y, t in zip(ys, ts)]", "dys = [y + t for y, t in zip(ys, ts)]"),
    (
        "comprehensions",
        "dR = sum(h.T @ d for h, d in zip(hs, deltas))",
        "dR = sum(h.T @ d for h, d in zip(hs[1:], deltas))",
    ),
    ("comprehensions", "db = sum(d.sum(axis=0) for d in deltas)", "db = sum(d.mean(axis=0) for d in deltas)"),
]
