"""Right programs, small ones, and mistakes in them: what is replaced, in this order."""

ROWS = """
import numpy as np
from oracle import gradient_function


def loss_and_gradients(W, R, V, b, x, y, h0):
    T = len(x)
    h = {-1: h0}
    e = {}
    loss = 0.0
    for t in range(T):
        h[t] = np.tanh(x[t] @ W + h[t - 1] @ R + b)
        e[t] = h[t] @ V - y[t]
        loss += 0.5 * np.sum(e[t] ** 2)

    dW, dR, dV, db = np.zeros_like(W), np.zeros_like(R), np.zeros_like(V), np.zeros_like(b)
    carry = np.zeros_like(h0)
    for t in reversed(range(T)):
        dV += h[t].T @ e[t]
        dh = e[t] @ V.T + carry  # of the output, and of the step after
        da = dh * (1 - h[t] ** 2)
        dW += x[t].T @ da
        dR += h[t - 1].T @ da
        db += da.sum(axis=0)
        carry = da @ R.T
    return loss, dict(W=dW, R=dR, V=dV, b=db)


@gradient_function(W="input hidden", R="hidden hidden", V="hidden output", b="hidden")
def program(p, sizes, rng):
    T, B = sizes.time, sizes.batch
    x, y = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, sizes.output))
    return loss_and_gradients(p.W, p.R, p.V, p.b, x, y, rng.normal(size=(B, sizes.hidden)))
"""

CLASS = """
import numpy as np
from oracle import gradient_function


class Net:
    def __init__(self, U, W, b):
        self.U, self.W, self.b = U, W, b

    def forward(self, xs, h):
        self.xs, self.hs = xs, [h]
        for x in xs:
            h = np.tanh(self.U @ x + self.W @ h + self.b)
            self.hs.append(h)
        return self.hs[1:]

    def backward(self, upstream):
        dU, dW, db = np.zeros_like(self.U), np.zeros_like(self.W), np.zeros_like(self.b)
        after = np.zeros_like(self.hs[0])
        for t in range(len(self.xs) - 1, -1, -1):
            dh = upstream[t] + after
            delta = (1 - self.hs[t + 1] ** 2) * dh
            dU += delta @ self.xs[t].T
            dW += delta @ self.hs[t].T
            db += np.sum(delta, axis=1, keepdims=True)
            after = self.W.T @ delta
        return {"U": dU, "W": dW, "b": db}


@gradient_function(U="hidden input", W="hidden hidden", b="hidden 1")
def program(p, sizes, rng):
    net = Net(p.U, p.W, p.b)
    xs = list(rng.normal(size=(sizes.time, sizes.input, sizes.batch)))
    hs = net.forward(xs, rng.normal(size=(sizes.hidden, sizes.batch)))
    upstream = rng.normal(size=(sizes.time, sizes.hidden, sizes.batch))
    return sum(np.sum(h * d) for h, d in zip(hs, upstream)), net.backward(upstream)
"""


DICT = """
import numpy as np
from oracle import gradient_function


def backward(p, x, h, upstream):
    grads = {name: np.zeros_like(value) for name, value in p.items()}
    after = np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        dh = upstream[t] + after
        da = dh * (1 - h[t + 1] ** 2)
        grads["W"] += da @ x[t].T
        grads["R"] += da @ h[t].T
        grads["b"] += da.sum(axis=1, keepdims=True)
        after = p["R"].T @ da
    return grads


@gradient_function(W="hidden input", R="hidden hidden", b="hidden 1")
def program(p, sizes, rng):
    p = {"W": p.W, "R": p.R, "b": p.b}
    x = rng.normal(size=(sizes.time, sizes.input, sizes.batch))
    upstream = rng.normal(size=(sizes.time, sizes.hidden, sizes.batch))
    h = [rng.normal(size=(sizes.hidden, sizes.batch))]
    for t in range(len(x)):
        h.append(np.tanh(p["W"] @ x[t] + p["R"] @ h[t] + p["b"]))
    return sum(np.sum(h[t + 1] * upstream[t]) for t in range(len(x))), backward(p, x, h, upstream)
"""

CELLS = """
import numpy as np
from oracle import gradient_function


class Cell:
    def __init__(self, U, W, b):
        self.U, self.W, self.b = U, W, b
        self.dU, self.dW, self.db = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b)
        self.cache = []

    def step(self, x, h):
        self.cache.append((x, h))
        h = np.tanh(x @ self.U + h @ self.W + self.b)
        self.cache[-1] += (h,)
        return h

    def back(self, dh):
        x, before, h = self.cache.pop()
        delta = dh * (1 - h * h)
        self.dU += x.T @ delta
        self.dW += before.T @ delta
        self.db += delta.sum(0)
        return delta @ self.W.T


@gradient_function(U="input hidden", W="hidden hidden", b="hidden")
def program(p, sizes, rng):
    cell = Cell(p.U, p.W, p.b)
    h = rng.normal(size=(sizes.batch, sizes.hidden))
    upstream = rng.normal(size=(sizes.time, sizes.batch, sizes.hidden))
    loss = 0.0
    for t in range(sizes.time):
        h = cell.step(rng.normal(size=(sizes.batch, sizes.input)), h)
        loss += np.sum(h * upstream[t])
    dh = np.zeros_like(h)
    for t in reversed(range(sizes.time)):
        dh = dh + upstream[t]
        dh = cell.back(dh)
    return loss, dict(U=cell.dU, W=cell.dW, b=cell.db)
"""

MEAN_OVER_STEPS = """
import numpy as np
from oracle import gradient_function


@gradient_function(W="input hidden", R="hidden hidden")
def program(p, sizes, rng):
    W, R, T, B = p.W, p.R, sizes.time, sizes.batch
    x, y = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, sizes.hidden))
    h = {-1: rng.normal(size=(B, sizes.hidden))}
    loss = 0.0
    for t in range(T):
        h[t] = np.tanh(x[t] @ W + h[t - 1] @ R)
        loss += 0.5 * np.sum((h[t] - y[t]) ** 2) / T

    dW, dR = np.zeros_like(W), np.zeros_like(R)
    carry = np.zeros_like(h[0])
    for t in reversed(range(T)):
        dh = (h[t] - y[t]) / T + carry
        da = dh * (1 - h[t] ** 2)
        dW += x[t].T @ da
        dR += h[t - 1].T @ da
        carry = da @ R.T
    return loss, dict(W=dW, R=dR)
"""


# everything follows from one line
LATE = """
import numpy as np
from oracle import gradient_function


def backward(W, V, x, h, e):
    da = e @ V.T * (1 - h ** 2)
    return dict(W=x.T @ da, V=h.T @ e)


@gradient_function(W="input hidden", V="hidden output")
def program(p, sizes, rng):
    x, y = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.output))
    h = np.tanh(x @ p.W)
    o = h @ p.V
    loss = np.sum((o - y) ** 2)
    e = 2 * (o - y)
    return loss, backward(p.W, p.V, x, h, e)
"""


IN_PLACE = """
import numpy as np
from oracle import gradient_function


@gradient_function(W="input 2*hidden", R="hidden 2*hidden", b="2*hidden")
def program(p, sizes, rng):
    T, B, H = sizes.time, sizes.batch, sizes.hidden
    x, y = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, H))
    h, gates = np.zeros((T + 1, B, H)), np.zeros((T, B, 2 * H))
    h[0] = rng.normal(size=(B, H))
    for t in range(T):
        gates[t] = x[t] @ p.W + h[t] @ p.R + p.b
        gates[t, :, :H] = 1 / (1 + np.exp(-gates[t, :, :H]))
        gates[t, :, H:] = np.tanh(gates[t, :, H:])
        h[t + 1] = gates[t, :, :H] * h[t] + (1 - gates[t, :, :H]) * gates[t, :, H:]
    loss = 0.5 * np.sum((h[1:] - y) ** 2)

    errors = h[1:] - y
    deltas = np.empty((T, B, 2 * H))
    dh = np.zeros((B, H))
    for t in range(T - 1, -1, -1):
        z, n = gates[t, :, :H], gates[t, :, H:]
        dz, dn = deltas[t, :, :H], deltas[t, :, H:]
        dh += errors[t]
        np.multiply(dh, (h[t] - n) * z * (1 - z), out=dz)
        np.multiply(dh, (1 - z) * (1 - n * n), out=dn)
        dh *= z
        dh += deltas[t] @ p.R.T
    flat = deltas.reshape(T * B, 2 * H)
    dW = x.reshape(T * B, -1).T @ flat
    dR = h[:-1].reshape(T * B, H).T @ flat
    return loss, dict(W=dW, R=dR, b=flat.sum(axis=0))
"""

SAMPLE_BY_SAMPLE = """
import numpy as np
from oracle import gradient_function


def forward(p, xs, h):
    hs = [h]
    for x in xs:
        hs.append(np.tanh(p.W @ x + p.R @ hs[-1] + p.b))
    return hs


def backward(p, g, xs, hs, error):
    dh = error / len(xs)
    for t in range(len(xs) - 1, -1, -1):
        da = dh * (1 - hs[t + 1] ** 2)
        g["W"] += np.outer(da, xs[t])
        g["R"] += np.outer(da, hs[t])
        g["b"] += da
        dh = p.R.T @ da


@gradient_function(W="hidden input", R="hidden hidden", b="hidden")
def program(p, sizes, rng):
    g = {name: np.zeros_like(value) for name, value in p.items()}
    loss = 0.0
    for k in range(sizes.batch):
        xs, y = rng.normal(size=(sizes.time + k, sizes.input)), rng.normal(size=sizes.hidden)
        hs = forward(p, xs, np.zeros(sizes.hidden))
        loss += 0.5 * np.sum((hs[-1] - y) ** 2) / len(xs)
        backward(p, g, xs, hs, hs[-1] - y)
    return loss, g
"""


def planted(text: str, *pairs: tuple[str, str]) -> str:
    """The text with b for each a, which it has once."""
    for a, b in pairs:
        assert text.count(a) == 1, a
        text = text.replace(a, b)
    return text


IN_SELF = planted(  # the gradients are in self
    CLASS,
    ("dU, dW, db = np", "self.dU, self.dW, self.db = np"),
    ("dU += delta", "self.dU += delta"),
    ("dW += delta", "self.dW += delta"),
    ("db += np", "self.db += np"),
    ('{"U": dU, "W": dW, "b": db}', '{"U": self.dU, "W": self.dW, "b": self.db}'),
)
