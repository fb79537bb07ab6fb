"""Silently wrong programs, each with the line that makes it right: nothing raises, and axes are lined up by mistake.

In a program {} stands for the line; everything else is right.
"""

from __future__ import annotations

from dataclasses import dataclass

ROWS = """
@gradient_function(W="input hidden", R="hidden hidden", b="hidden", V="hidden output", c="output")
def rows(p, sizes, rng):
    T, B = sizes.time, {size}
    W, R, b, V, c = p.W, p.R, p.b, p.V, p.c
    xs = rng.normal(size=(T, B, sizes.input))
    ys = rng.normal(size=(T, B, sizes.output))
    mask = rng.normal(size=(T, B))
    hs = np.zeros((T + 1, B, sizes.hidden))
    hs[-1] = rng.normal(size=(B, sizes.hidden))
    loss = 0
    for t in range(T):
        hs[t] = np.tanh(xs[t] @ W + hs[t - 1] @ R + b)
        loss += 0.5 * np.sum(mask[t][:, None] * (hs[t] @ V + c - ys[t]) ** 2)
    dW, dR, db, dV, dc = (np.zeros_like(one) for one in (W, R, b, V, c))
    carry = np.zeros_like(hs[0])
    for t in reversed(range(T)):
        do = hs[t] @ V + c - ys[t]
        do = do * mask[t][:, None]  # output
        dV += hs[t].T @ do
        dc += do.sum(axis=0)  # output bias
        delta = (do @ V.T + carry) * (1 - hs[t] ** 2)
        dW += xs[t].T @ delta  # input
        dR += hs[t - 1].T @ delta  # recurrent
        db += delta.sum(axis=0)  # bias
        carry = delta @ R.T  # carry
    return loss, dict(W=dW, R=dR, b=db, V=dV, c=dc)
"""

COLUMNS = """
@gradient_function(W="hidden input", R="hidden hidden", b="hidden 1", V="output hidden", c="output 1")
def columns(p, sizes, rng):
    T, B = sizes.time, {size}
    xs = [rng.normal(size=(sizes.input, B)) for _ in range(T)]
    ys = [rng.normal(size=(sizes.output, B)) for _ in range(T)]
    hs = {{-1: rng.normal(size=(sizes.hidden, B))}}
    loss = 0
    for t in range(T):
        hs[t] = np.tanh(np.dot(p.W, xs[t]) + np.dot(p.R, hs[t - 1]) + p.b)
        loss += 0.5 * np.sum((np.dot(p.V, hs[t]) + p.c - ys[t]) ** 2)
    grads = {{name: np.zeros_like(array) for name, array in p.items()}}
    carry = np.zeros_like(hs[0])
    for t in reversed(range(T)):
        do = np.dot(p.V, hs[t]) + p.c - ys[t]
        grads["V"] += np.dot(do, hs[t].T)
        grads["c"] += do.sum(axis=1, keepdims=True)
        delta = (np.dot(p.V.T, do) + carry) * (1 - hs[t] * hs[t])
        grads["W"] += np.dot(delta, xs[t].T)  # input
        grads["R"] += np.dot(delta, hs[t - 1].T)  # recurrent
        grads["b"] += delta.sum(axis=1, keepdims=True)  # bias
        carry = np.dot(p.R.T, delta)  # carry
    return loss, grads
"""

VECTORS = """
@gradient_function(W="hidden input", R="hidden hidden", b="hidden", v="hidden", h_0="hidden")
def vectors(p, sizes, rng):
    T = sizes.time
    xs, ys = rng.normal(size=(T, sizes.input)), rng.normal(size=T)
    hs, outputs = [p.h_0], []
    for x in xs:
        hs.append(np.tanh(p.W @ x + p.R @ hs[-1] + p.b))
        outputs.append(hs[-1] @ p.v)
    loss = 0.5 * sum((output - y) ** 2 for output, y in zip(outputs, ys))
    dW, dR, db, dv = np.zeros_like(p.W), np.zeros_like(p.R), np.zeros_like(p.b), np.zeros_like(p.v)
    carry = np.zeros(sizes.hidden)
    for t in reversed(range(T)):
        do = outputs[t] - ys[t]
        dv += do * hs[t + 1]
        delta = (do * p.v + carry) * (1 - hs[t + 1] ** 2)
        dW += np.outer(delta, xs[t])
        dR += np.outer(delta, hs[t])  # recurrent
        db += delta  # bias
        carry = p.R.T @ delta  # carry
    return loss, dict(W=dW, R=dR, b=db, v=dv, h_0=carry)
"""

AT_ONCE = """
@gradient_function(W="input hidden", R="hidden hidden", b="hidden", V="hidden 1")
def at_once(p, sizes, rng):
    T, B = sizes.time, {size}
    xs, h = rng.normal(size=(T, B, sizes.input)), np.zeros((B, sizes.hidden))
    weights = rng.normal(size=(T, B))
    hs = [h]
    for x in xs:
        h = np.tanh(x @ p.W + h @ p.R + p.b)
        hs.append(h)
    hs = np.stack(hs)
    outputs = (hs[1:] @ p.V)[:, :, 0]
    loss = np.sum(weights * outputs ** 2) / 2
    do = weights * outputs  # output
    deltas, carry = np.zeros((T, B, sizes.hidden)), 0
    for t in reversed(range(T)):
        dh = do[t][:, None] * p.V[:, 0]  # state
        deltas[t] = (dh + carry) * (1 - hs[t + 1] ** 2)
        carry = deltas[t] @ p.R.T  # carry
    dW = np.einsum("tbi,tbh->ih", xs, deltas)  # input
    dR = np.tensordot(hs[:-1], deltas, axes=([0, 1], [0, 1]))  # recurrent
    db = deltas.sum(axis=(0, 1))  # bias
    dV = np.einsum("tbh,tb->h", hs[1:], do)[:, None]  # readout
    return loss, dict(W=dW, R=dR, b=db, V=dV)
"""

LSTM = """
def sigmoid(a):
    return 1 / (1 + np.exp(-a))

@gradient_function(W="input 4*hidden", R="hidden 4*hidden", b="4*hidden")
def lstm(p, sizes, rng):
    T, B, H = sizes.time, {size}, sizes.hidden
    xs, upstream = rng.normal(size=(T, B, sizes.input)), rng.normal(size=(T, B, H))
    h, c = rng.normal(size=(2, B, H))
    caches, loss = [], 0
    for x, d in zip(xs, upstream):
        a = x @ p.W + h @ p.R + p.b
        i, f, o, g = sigmoid(a[:, :H]), sigmoid(a[:, H:2*H]), sigmoid(a[:, 2*H:3*H]), np.tanh(a[:, 3*H:])
        caches.append((x, h, c, i, f, o, g))
        c = f * c + i * g
        h = o * np.tanh(c)
        caches[-1] += (c,)
        loss += np.sum(h * d)
    dW, dR, db = np.zeros_like(p.W), np.zeros_like(p.R), np.zeros_like(p.b)
    dh_next, dc_next = np.zeros((B, H)), np.zeros((B, H))
    for (x, h, c, i, f, o, g, c_new), d in zip(caches[::-1], upstream[::-1]):
        dh = d + dh_next
        dc = dc_next + dh * o * (1 - np.tanh(c_new) ** 2)
        do = dh * np.tanh(c_new)
        parts = [dc * g * i * (1 - i), dc * c * f * (1 - f), do * o * (1 - o), dc * i * (1 - g ** 2)]
        da = np.concatenate(parts, axis=1)
        dc_next = dc * f
        dW += x.T @ da
        dR += h.T @ da
        db += da.sum(axis=0)  # bias
        dh_next = da @ p.R.T
    return loss, dict(W=dW, R=dR, b=db)
"""

TWO_AXES = """
@gradient_function(W="input hidden", R="hidden hidden", v="hidden 1")
def readout_at_the_end(p, sizes, rng):
    T, B = sizes.time, {size}
    xs, y = rng.normal(size=(T, B, sizes.input)), rng.normal(size=B)
    hs = [np.zeros((B, sizes.hidden))]
    for x in xs:
        hs.append(np.tanh(np.matmul(x, p.W) + np.matmul(hs[-1], p.R)))
    output = hs[-1] @ p.v
    loss = 0.5 * np.sum((output.reshape(B) - y) ** 2)
    do = output - y.reshape(B, 1)  # output
    do = do.sum(axis=1, keepdims=True)
    dv = hs[-1].T @ do
    dh = do @ p.v.T
    dW, dR = 0, 0
    for t in reversed(range(T)):
        delta = dh * (1 - hs[t + 1] ** 2)
        dW = dW + xs[t].T @ delta
        dR = dR + hs[t].T @ delta  # recurrent
        dh = delta @ p.R.T  # carry
    return loss, dict(W=dW, R=dR, v=dv)
"""

COLUMN_VECTORS = """
@gradient_function(W="hidden input", R="hidden hidden", b="hidden 1", v="hidden")
def column_vectors(p, sizes, rng):
    T = sizes.time
    xs, h = rng.normal(size=(T, sizes.input, 1)), rng.normal(size=(sizes.hidden, 1))
    hs, loss = [h], 0
    for x in xs:
        h = np.tanh(p.W @ x + p.R @ h + p.b)
        hs.append(h)
        loss += (p.v @ h)[0]
    dW, dR, db, dv = np.zeros_like(p.W), np.zeros_like(p.R), np.zeros_like(p.b), np.zeros_like(p.v)
    carry = np.zeros((sizes.hidden, 1))
    for t in reversed(range(T)):
        dv += hs[t + 1][:, 0]
        dh = p.v[:, None] + carry  # state
        delta = dh * (1 - hs[t + 1] ** 2)  # delta
        delta = delta.sum(axis=1, keepdims=True)
        dW += delta * xs[t].T
        dR += delta * hs[t].T  # recurrent
        db += delta  # bias
        carry = p.R.T @ delta  # carry
    return loss, dict(W=dW, R=dR, b=db, v=dv)
"""


SQUARE, SINGLE = "sizes.time", "1"  # a user's own size of the batch


@dataclass(frozen=True)
class Mistake:
    """One line of a program, wrong.

    right      the line as it stands in the program, without its indentation
    wrong      what stands there instead
    operands   of the reported operation: axes by its text
    says       what the first line of the words begins with
    at         a part of the line that is reported, where that is another
    size       of the batch
    """

    program: str
    right: str
    wrong: str
    operands: dict[str, str]
    says: str
    at: str = ""
    size: str = "sizes.batch"

    def source(self, wrong: bool) -> str:
        text = self.program.format(size=self.size) if "{size}" in self.program else self.program
        assert text.count(self.right) == 1, self.right
        return text.replace(self.right, self.wrong) if wrong else text

    @property
    def reported(self) -> str:
        return self.at or self.wrong


CARRY = "hidden(t-1) against hidden(t)"
TURNED = "the gradient of R is transposed"
MISTAKES = {
    # the batch at batch 1
    "outer product at batch 1": Mistake(
        ROWS, "dW += xs[t].T @ delta  # input", "dW += xs[t].T * delta",
        {"xs[t].T": "input 1", "delta": "1 hidden"}, "an outer product by broadcasting", size=SINGLE),
    "outer product at batch 1, columns": Mistake(
        COLUMNS, 'grads["W"] += np.dot(delta, xs[t].T)  # input', 'grads["W"] += delta * xs[t].T',
        {"delta": "hidden 1", "xs[t].T": "1 input"}, "an outer product by broadcasting", size=SINGLE),
    "recurrent outer product at batch 1": Mistake(
        ROWS, "dR += hs[t - 1].T @ delta  # recurrent", "dR += np.multiply(hs[t - 1].T, delta)",
        {"hs[t - 1].T": "hidden 1", "delta": "1 hidden"}, "an outer product by broadcasting", size=SINGLE),
    # a vector against a column
    "target against a column of outputs": Mistake(
        TWO_AXES, "do = output - y.reshape(B, 1)  # output", "do = output - y",
        {"output": "batch 1", "y": "batch"}, "both are stretched, to"),
    "target against a column of outputs, called": Mistake(
        TWO_AXES, "do = output - y.reshape(B, 1)  # output", "do = np.subtract(output, y)",
        {"output": "batch 1", "y": "batch"}, "both are stretched, to"),
    "vector plus column": Mistake(
        COLUMN_VECTORS, "dh = p.v[:, None] + carry  # state", "dh = p.v + carry",
        {"p.v": "hidden", "carry": "hidden 1"}, "both are stretched, to"),
    "column times vector in the delta": Mistake(
        COLUMN_VECTORS, "delta = dh * (1 - hs[t + 1] ** 2)  # delta", "delta = dh * (1 - hs[t + 1].ravel() ** 2)",
        {"dh": "hidden 1", "1 - hs[t + 1].ravel() ** 2": "hidden"}, "both are stretched, to"),
    # the bias
    "bias summed to a number": Mistake(
        ROWS, "db += delta.sum(axis=0)  # bias", "db += delta.sum()",
        {"delta": "batch hidden"}, "summed over batch and hidden"),
    "bias summed to a number by np.sum": Mistake(
        COLUMNS, 'grads["b"] += delta.sum(axis=1, keepdims=True)  # bias', 'grads["b"] += np.sum(delta)',
        {"delta": "hidden batch"}, "summed over hidden and batch"),
    "bias summed to a number that keeps its axes": Mistake(
        COLUMNS, 'grads["b"] += delta.sum(axis=1, keepdims=True)  # bias',
        'grads["b"] += delta.sum(keepdims=True)',
        {"delta": "hidden batch"}, "summed over hidden and batch"),
    "bias of the vectors summed to a number": Mistake(
        VECTORS, "db += delta  # bias", "db += np.sum(delta)", {"delta": "hidden"}, "summed over hidden"),
    "bias of the vectors, the mean": Mistake(
        VECTORS, "db += delta  # bias", "db += delta.mean()", {"delta": "hidden"}, "summed over hidden"),
    "output bias summed to a number": Mistake(
        ROWS, "dc += do.sum(axis=0)  # output bias", "dc += np.sum(do)",
        {"do": "batch output"}, "summed over batch and output"),
    "bias of the column vectors summed over hidden": Mistake(
        COLUMN_VECTORS, "db += delta  # bias", "db += delta.sum(axis=0)", {"delta": "hidden 1"}, "summed over hidden"),
    "lstm bias summed to a number": Mistake(
        LSTM, "db += da.sum(axis=0)  # bias", "db += da.sum()",
        {"da": "batch 4*hidden"}, "summed over batch and 4*hidden"),
    "bias summed over hidden": Mistake(
        ROWS, "db += delta.sum(axis=0)  # bias", "db = delta.sum(axis=1)",
        {"delta": "batch hidden"}, "this leaves batch, but is returned as the gradient of b (hidden,)"),
    "bias summed over hidden, all steps at once": Mistake(
        AT_ONCE, "db = deltas.sum(axis=(0, 1))  # bias", "db = deltas.sum(axis=(1, 2))",
        {"deltas": "time batch hidden"}, "this leaves time, but is returned as the gradient of b (hidden,)"),
    "bias summed over time only": Mistake(
        AT_ONCE, "db = deltas.sum(axis=(0, 1))  # bias", "db = deltas.sum(axis=(0, 2))",
        {"deltas": "time batch hidden"}, "this leaves batch, but is returned as the gradient of b (hidden,)"),
    # time against batch
    "mask of the wrong axis": Mistake(
        ROWS, "do = do * mask[t][:, None]  # output", "do = do * mask[:, t][:, None]",
        {"do": "batch output", "mask[:, t][:, None]": "time 1"}, "batch and time are lined up", size=SQUARE),
    "weights transposed": Mistake(
        AT_ONCE, "do = weights * outputs  # output", "do = weights.T * outputs",
        {"weights.T": "batch time", "outputs": "time batch"}, "time and batch are lined up", size=SQUARE),
    "einsum over time with batch": Mistake(
        AT_ONCE, 'dW = np.einsum("tbi,tbh->ih", xs, deltas)  # input', 'dW = np.einsum("bti,tbh->ih", xs, deltas)',
        {"xs": "time batch input", "deltas": "time batch hidden"}, "time and batch are summed over together",
        size=SQUARE),
    "tensordot over time with batch": Mistake(
        AT_ONCE, "dR = np.tensordot(hs[:-1], deltas, axes=([0, 1], [0, 1]))  # recurrent",
        "dR = np.tensordot(hs[:-1], deltas, axes=([0, 1], [1, 0]))",
        {"hs[:-1]": "time batch hidden", "deltas": "time batch hidden"}, "time and batch are summed over together",
        size=SQUARE),
    "outputs of the wrong axis": Mistake(
        AT_ONCE, "dh = do[t][:, None] * p.V[:, 0]  # state", "dh = do[:, t][:, None] * p.V[:, 0]",
        {"dh + carry": "time hidden", "1 - hs[t + 1] ** 2": "batch hidden"}, "time and batch are lined up",
        at="deltas[t] = (dh + carry)", size=SQUARE),
    "readout over time with batch": Mistake(
        AT_ONCE, 'dV = np.einsum("tbh,tb->h", hs[1:], do)[:, None]  # readout',
        'dV = np.einsum("tbh,bt->h", hs[1:], do)[:, None]',
        {"hs[1:]": "time batch hidden", "do": "time batch"}, "batch and time are summed over together",
        size=SQUARE),
    # the state of this step against that of the one before
    "carry not transposed, rows": Mistake(
        ROWS, "carry = delta @ R.T  # carry", "carry = delta @ R",
        {"delta": "batch hidden", "R": "hidden hidden"}, CARRY),
    "carry not transposed, columns": Mistake(
        COLUMNS, "carry = np.dot(p.R.T, delta)  # carry", "carry = np.dot(p.R, delta)",
        {"p.R": "hidden hidden", "delta": "hidden batch"}, CARRY),
    "carry not transposed, vectors": Mistake(
        VECTORS, "carry = p.R.T @ delta  # carry", "carry = p.R @ delta",
        {"p.R": "hidden hidden", "delta": "hidden"}, CARRY),
    "carry not transposed, method": Mistake(
        COLUMN_VECTORS, "carry = p.R.T @ delta  # carry", "carry = p.R.dot(delta)",
        {"p.R": "hidden hidden", "delta": "hidden 1"}, CARRY),
    "carry not transposed, a list of states": Mistake(
        TWO_AXES, "dh = delta @ p.R.T  # carry", "dh = np.matmul(delta, p.R)",
        {"delta": "batch hidden", "p.R": "hidden hidden"}, CARRY),
    "carry not transposed, all steps at once": Mistake(
        AT_ONCE, "carry = deltas[t] @ p.R.T  # carry", 'carry = np.einsum("bh,hk->bk", deltas[t], p.R)',
        {"deltas[t]": "batch hidden", "p.R": "hidden hidden"}, CARRY),
    "recurrent gradient transposed, rows": Mistake(
        ROWS, "dR += hs[t - 1].T @ delta  # recurrent", "dR += delta.T @ hs[t - 1]",
        {"delta.T": "hidden batch", "hs[t - 1]": "batch hidden"}, TURNED),
    "recurrent gradient transposed, columns": Mistake(
        COLUMNS, 'grads["R"] += np.dot(delta, hs[t - 1].T)  # recurrent',
        'grads["R"] += np.dot(hs[t - 1], delta.T)',
        {"hs[t - 1]": "hidden batch", "delta.T": "batch hidden"}, TURNED),
    "recurrent gradient transposed, vectors": Mistake(
        VECTORS, "dR += np.outer(delta, hs[t])  # recurrent", "dR += np.outer(hs[t], delta)",
        {"hs[t]": "hidden", "delta": "hidden"}, TURNED),
    "recurrent gradient transposed, column vectors": Mistake(
        COLUMN_VECTORS, "dR += delta * hs[t].T  # recurrent", "dR += hs[t] * delta.T",
        {"hs[t]": "hidden 1", "delta.T": "1 hidden"}, TURNED),
    "recurrent gradient transposed, a list of states": Mistake(
        TWO_AXES, "dR = dR + hs[t].T @ delta  # recurrent", "dR = dR + (hs[t].T @ delta).T",
        {"hs[t].T": "hidden batch", "delta": "batch hidden"}, TURNED),
    "recurrent gradient transposed, all steps at once": Mistake(
        AT_ONCE, "dR = np.tensordot(hs[:-1], deltas, axes=([0, 1], [0, 1]))  # recurrent",
        'dR = np.einsum("tbh,tbk->kh", hs[:-1], deltas)',
        {"hs[:-1]": "time batch hidden", "deltas": "time batch hidden"}, TURNED),
}  # fmt: skip
