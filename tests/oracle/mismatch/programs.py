"""Shape errors as people make them, one expression each, and what is to be said of them.

Three programs of one step: rows are samples, columns are samples, single vectors. The wrong statement comes last.
"""

from dataclasses import dataclass, field

ROWS = """
@gradient_function(R="hidden hidden", W="input hidden", b="hidden", V="hidden output", c="1 output")
def rows(p, sizes, rng):
    W, R, b, V, c = p.W, p.R, p.b, p.V, p.c
    x = rng.normal(size=(sizes.batch, sizes.input))
    h_prev = rng.normal(size=(sizes.batch, sizes.hidden))
    y = rng.normal(size=(sizes.batch, sizes.output))
    z = x @ W + h_prev @ R + b
    h = np.tanh(z)
    o = h @ V + c
    loss = 0.5 * np.sum((o - y) ** 2)
    do = o - y
    dh = do @ V.T
    dz = dh * (1 - h**2)
    dW, dR, db = np.zeros_like(W), np.zeros_like(R), np.zeros_like(b)
    dV, dc = np.zeros(V.shape), np.zeros((1, sizes.output))
"""

COLUMNS = """
@gradient_function(W="hidden input", R="hidden hidden", b="hidden 1", V="output hidden", c="output 1")
def columns(p, sizes, rng):
    W, R, b, V, c = p.W, p.R, p.b, p.V, p.c
    x, h_prev = rng.normal(size=(sizes.input, 1)), rng.normal(size=(sizes.hidden, 1))
    y = rng.normal(size=(sizes.output, 1))
    z = np.dot(W, x) + np.dot(R, h_prev) + b
    h = np.tanh(z)
    o = np.dot(V, h) + c
    loss = 0.5 * np.sum((o - y) ** 2)
    do = o - y
    dh = np.dot(V.T, do)
    dz = dh * (1 - h * h)
    dW, dR, dV = np.zeros_like(W), np.zeros_like(R), np.zeros_like(V)
    db, dc = np.zeros_like(b), np.zeros_like(c)
"""

VECTORS = """
@gradient_function(W="hidden input", R="hidden hidden", b="hidden", V="output hidden", c="output")
def vectors(p, sizes, rng):
    W, R, b, V, c = p.W, p.R, p.b, p.V, p.c
    x, h_prev, y = rng.normal(size=sizes.input), rng.normal(size=sizes.hidden), rng.normal(size=sizes.output)
    z = W @ x + R @ h_prev + b
    h = np.tanh(z)
    o = V @ h + c
    loss = 0.5 * np.sum((o - y) ** 2)
    do = o - y
    dh = V.T @ do
    dz = dh * (1 - h**2)
    dW, dR, dV = np.zeros_like(W), np.zeros_like(R), np.zeros_like(V)
"""

CONCATENATED = """
@gradient_function(W="hidden+input hidden", b="1 hidden")
def concatenated(p, sizes, rng):
    W, b = p.W, p.b
    x, h_prev = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    xh = np.hstack([h_prev, x])
    z = xh @ W + b
    h = np.tanh(z)
    loss = 0.5 * np.sum(h**2)
    dz = h * (1 - h**2)
    dh_prev = np.zeros_like(h_prev)
"""

STEPS = """
@gradient_function(R="hidden hidden", W="input hidden", V="hidden output")
def steps(p, sizes, rng):
    W, R, V = p.W, p.R, p.V
    xs = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    ys = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    hs = np.zeros((sizes.time + 1, sizes.batch, sizes.hidden))
    for t in range(sizes.time):
        hs[t + 1] = np.tanh(xs[t] @ W + hs[t] @ R)
    dys = hs[1:] @ V - ys
    dzs = (dys @ V.T) * (1 - hs[1:] ** 2)
    loss = 0.5 * np.sum((hs[1:] @ V - ys) ** 2)
    dW, dR, dV = np.zeros_like(W), np.zeros_like(R), np.zeros_like(V)
"""

METHODS = """
class Layer:
    def __init__(self, W, R):
        self.W, self.R = W, R
        self.dW, self.dR = np.zeros_like(W), np.zeros_like(R)

    def forward(self, x, h_prev):
        self.x, self.h_prev = x, h_prev
        self.h = np.tanh(x @ self.W + h_prev @ self.R)
        return self.h

    def backward(self, dh):
        dz = dh * (1 - self.h**2)
        {wrong}
        return dz


@gradient_function(R="hidden hidden", W="input hidden")
def method(p, sizes, rng):
    layer = Layer(p.W, p.R)
    h = layer.forward(rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden)))
    layer.backward(h)
    return 0.5 * np.sum(h**2), dict(W=layer.dW, R=layer.dR)
"""

RIGHT_OPERANDS = {"x": "batch input", "dz": "batch hidden"}


@dataclass(frozen=True)
class Wrong:
    """A wrong statement.

    failing    the expression that is marked
    operands   text -> axes
    clash      the first line on what clashes
    product    the first that is proposed; "" where none is
    also       lines that are said as well, in any place
    """

    base: str
    statement: str
    failing: str
    operands: dict[str, str]
    clash: str
    product: str = ""
    wanted: str = ""
    also: tuple[str, ...] = field(default=())

    @property
    def program(self) -> str:
        if "{wrong}" in self.base:
            return self.base.replace("{wrong}", self.statement.replace("\n", "\n        "))
        lines = "".join(f"    {line}\n" for line in self.statement.splitlines())
        return f"{self.base}{lines}    return loss, {{}}\n"


ROW_W = "dW (input, hidden), the shape of W"
WRONG = {
    "transpose missing": Wrong(
        ROWS, "dW = x @ dz", "x @ dz", {"x": "batch input", "dz": "batch hidden"},
        "inner axes differ: input=4 against batch=3", "x.T @ dz", ROW_W,
    ),
    "operands swapped": Wrong(
        ROWS, "dW = dz @ x", "dz @ x", {"dz": "batch hidden", "x": "batch input"},
        "inner axes differ: hidden=6 against batch=3", "x.T @ dz", ROW_W,
    ),
    "transposed result into a buffer": Wrong(
        ROWS, "dW += dz.T @ x", "dW += dz.T @ x", {"dW": "input hidden", "dz.T @ x": "hidden input"},
        "last axes differ: hidden=6 against input=4", "x.T @ dz", ROW_W,
    ),
    "both transposed the wrong way": Wrong(
        ROWS, "dW += x @ dz.T", "x @ dz.T", {"x": "batch input", "dz.T": "hidden batch"},
        "inner axes differ: input=4 against hidden=6", "x.T @ dz", ROW_W,
    ),
    "elementwise for the product": Wrong(
        ROWS, "dW = x * dz", "x * dz", {"x": "batch input", "dz": "batch hidden"},
        "last axes differ: input=4 against hidden=6", "x.T @ dz", ROW_W,
    ),
    "elementwise with a transpose": Wrong(
        ROWS, "dW = x.T * dz", "x.T * dz", {"x.T": "input batch", "dz": "batch hidden"},
        "last axes differ: batch=3 against hidden=6", "x.T @ dz", ROW_W,
    ),
    "np.dot": Wrong(
        ROWS, "dW = np.dot(x, dz)", "np.dot(x, dz)", RIGHT_OPERANDS,
        "inner axes differ: input=4 against batch=3", "x.T @ dz", ROW_W,
    ),
    "np.matmul": Wrong(
        ROWS, "dW = np.matmul(dz.T, x.T)", "np.matmul(dz.T, x.T)", {"dz.T": "hidden batch", "x.T": "input batch"},
        "inner axes differ: batch=3 against input=4", "x.T @ dz", ROW_W,
    ),
    "the method dot": Wrong(
        ROWS, "dW += x.dot(dz)", "x.dot(dz)", RIGHT_OPERANDS,
        "inner axes differ: input=4 against batch=3", "x.T @ dz", ROW_W,
    ),
    "np.inner": Wrong(
        ROWS, "dW = np.inner(x, dz)", "np.inner(x, dz)", RIGHT_OPERANDS,
        "inner axes differ: input=4 against hidden=6", "x.T @ dz", ROW_W,
    ),
    "np.outer of matrices": Wrong(
        ROWS, "dW += np.outer(x, dz)", "dW += np.outer(x, dz)",
        {"dW": "input hidden", "np.outer(x, dz)": "batch*input batch*hidden"},
        "last axes differ: hidden=6 against batch*hidden=18", "x.T @ dz", ROW_W,
    ),
    "einsum's letter": Wrong(
        ROWS, 'dW = np.einsum("bi,hb->ih", x, dz)', 'np.einsum("bi,hb->ih", x, dz)', RIGHT_OPERANDS,
        "the letter 'b' stands for two sizes: batch=3 in x, hidden=6 in dz", "x.T @ dz", ROW_W,
    ),
    "einsum's number of axes": Wrong(
        ROWS, 'dW = np.einsum("i,bh->ih", x, dz)', 'np.einsum("i,bh->ih", x, dz)', RIGHT_OPERANDS,
        "'i' names one axis, but x has 2, (batch, input)", "x.T @ dz", ROW_W,
    ),
    "tensordot": Wrong(
        ROWS, "dW = np.tensordot(x, dz, axes=1)", "np.tensordot(x, dz, axes=1)", RIGHT_OPERANDS,
        "axes that are summed over differ: axis 1 of x is input=4, axis 0 of dz is batch=3", "x.T @ dz", ROW_W,
    ),
    "tensordot's axes": Wrong(
        ROWS, "dW = np.tensordot(x, dz, axes=([0], [1]))", "np.tensordot(x, dz, axes=([0], [1]))", RIGHT_OPERANDS,
        "axes that are summed over differ: axis 0 of x is batch=3, axis 1 of dz is hidden=6", "x.T @ dz", ROW_W,
    ),
    "the recurrent matrix": Wrong(
        ROWS, "dR = h_prev @ dz", "h_prev @ dz", {"h_prev": "batch hidden", "dz": "batch hidden"},
        "inner axes differ: hidden=6 against batch=3", "h_prev.T @ dz", "dR (hidden, hidden), the shape of R",
        ("by size dz.T @ h_prev fits as well; by meaning R is (hidden(t-1), hidden(t)), as in h_prev @ R",),
    ),
    "the recurrent matrix elementwise": Wrong(
        ROWS, "dR += h_prev * dz", "dR += h_prev * dz", {"dR": "hidden hidden", "h_prev * dz": "batch hidden"},
        "first axes differ: hidden=6 against batch=3", "h_prev.T @ dz", "dR (hidden, hidden), the shape of R",
    ),
    "readout": Wrong(
        ROWS, "dV = h @ do", "h @ do", {"h": "batch hidden", "do": "batch output"},
        "inner axes differ: hidden=6 against batch=3", "h.T @ do", "dV (hidden, output), the shape of V",
    ),
    "readout into a plain buffer": Wrong(
        ROWS, "dV += do.T @ h", "dV += do.T @ h", {"dV": "hidden output", "do.T @ h": "output hidden"},
        "last axes differ: output=7 against hidden=6", "h.T @ do", "dV (hidden, output), the shape of V",
    ),
    "readout not transposed on the way back": Wrong(
        ROWS, "dh = do @ V", "do @ V", {"do": "batch output", "V": "hidden output"},
        "inner axes differ: output=7 against hidden=6", "do @ V.T", "dh (batch, hidden), the shape of h",
    ),
    "readout in front": Wrong(
        ROWS, "dh = V @ do", "V @ do", {"V": "hidden output", "do": "batch output"},
        "inner axes differ: output=7 against batch=3", "do @ V.T", "dh (batch, hidden), the shape of h",
    ),
    "readout elementwise": Wrong(
        ROWS, "dh = do * V", "do * V", {"do": "batch output", "V": "hidden output"},
        "first axes differ: batch=3 against hidden=6", "do @ V.T", "dh (batch, hidden), the shape of h",
    ),
    "input's gradient": Wrong(
        ROWS, "dx = dz @ W", "dz @ W", {"dz": "batch hidden", "W": "input hidden"},
        "inner axes differ: hidden=6 against input=4", "dz @ W.T", "dx (batch, input), the shape of x",
    ),
    "the carry with the matrix in front": Wrong(
        ROWS, "dh_prev = R @ dz", "R @ dz", {"R": "hidden hidden", "dz": "batch hidden"},
        "inner axes differ: hidden=6 against batch=3", "dz @ R.T", "dh_prev (batch, hidden), the shape of h_prev",
        ("by size dz @ R fits as well, because R is square; "
         "backward it is transposed, as the forward pass has h_prev @ R",),
    ),
    "product for the activation's derivative": Wrong(
        ROWS, "dz = dh @ (1 - h**2)", "dh @ (1 - h**2)", {"dh": "batch hidden", "1 - h**2": "batch hidden"},
        "inner axes differ: hidden=6 against batch=3", "dh * (1 - h**2)", "dz (batch, hidden), the shape of z",
    ),
    "bias not summed": Wrong(
        ROWS, "db += dz", "db += dz", {"db": "hidden", "dz": "batch hidden"},
        "db (hidden,) is changed in place and cannot hold the result, which is (batch, hidden) (3, 6)",
        "dz.sum(axis=0)", "db (hidden,), the shape of b",
    ),
    "bias summed over the wrong axis": Wrong(
        ROWS, "db += dz.sum(axis=1)", "db += dz.sum(axis=1)", {"db": "hidden", "dz.sum(axis=1)": "batch"},
        "last axes differ: hidden=6 against batch=3", "dz.sum(axis=0)", "db (hidden,), the shape of b",
    ),
    "bias of one row": Wrong(
        ROWS, "dc += do", "dc += do", {"dc": "1 output", "do": "batch output"},
        "dc (1, output) is changed in place and cannot hold the result, which is (batch, output) (3, 7)",
        "do.sum(axis=0, keepdims=True)", "dc (1, output), the shape of c",
    ),
    "an axis that is not there": Wrong(
        ROWS, "db = dz.sum(axis=2)", "dz.sum(axis=2)", {"dz": "batch hidden"},
        "dz has no axis 2: it has 2 axes, (batch, hidden), counted from 0",
        "dz.sum(axis=0)", "db (hidden,), the shape of b",
    ),
    "in the returned dict": Wrong(
        ROWS, "return loss, dict(W=x @ dz, R=h_prev.T @ dz)", "x @ dz", RIGHT_OPERANDS,
        "inner axes differ: input=4 against batch=3", "x.T @ dz", "the gradient of W (input, hidden), the shape of W",
    ),
    "several at once": Wrong(
        ROWS, "dR, dW = h_prev.T @ dz, dz @ x", "dz @ x", {"dz": "batch hidden", "x": "batch input"},
        "inner axes differ: hidden=6 against batch=3", "x.T @ dz", ROW_W,
    ),
    "over several lines": Wrong(
        ROWS, "dW += (\n    1.0 * x\n    @ dz\n)", "1.0 * x @ dz", {"1.0 * x": "batch input", "dz": "batch hidden"},
        "inner axes differ: input=4 against batch=3", "(1.0 * x).T @ dz", ROW_W,
    ),
    "in a comprehension": Wrong(
        ROWS, "dW = sum([one @ dz for one in [x, x]])", "one @ dz", {"one": "batch input", "dz": "batch hidden"},
        "inner axes differ: input=4 against batch=3", "one.T @ dz", ROW_W,
    ),
    "columns, transpose missing": Wrong(
        COLUMNS, "dW += np.dot(dz, x)", "np.dot(dz, x)", {"dz": "hidden 1", "x": "input 1"},
        "inner axes differ: 1 against input=4", "dz @ x.T", "dW (hidden, input), the shape of W",
    ),
    "columns, elementwise": Wrong(
        COLUMNS, "dW = dz * x", "dz * x", {"dz": "hidden 1", "x": "input 1"},
        "first axes differ: hidden=6 against input=4", "dz @ x.T", "dW (hidden, input), the shape of W",
    ),
    "columns, the wrong one transposed": Wrong(
        COLUMNS, "dW = dz.T @ x", "dz.T @ x", {"dz.T": "1 hidden", "x": "input 1"},
        "inner axes differ: hidden=6 against input=4", "dz @ x.T", "dW (hidden, input), the shape of W",
    ),
    "columns, turned": Wrong(
        COLUMNS, "dW += x @ dz.T", "dW += x @ dz.T", {"dW": "hidden input", "x @ dz.T": "input hidden"},
        "last axes differ: input=4 against hidden=6", "dz @ x.T", "dW (hidden, input), the shape of W",
    ),
    "columns, the recurrent matrix": Wrong(
        COLUMNS, "dR += np.dot(dz, h_prev)", "np.dot(dz, h_prev)", {"dz": "hidden 1", "h_prev": "hidden 1"},
        "inner axes differ: 1 against hidden=6", "dz @ h_prev.T", "dR (hidden, hidden), the shape of R",
        ("by size h_prev @ dz.T fits as well; by meaning R is (hidden(t), hidden(t-1)), as in np.dot(R, h_prev)",),
    ),
    "columns, on the way back": Wrong(
        COLUMNS, "dh = V @ do", "V @ do", {"V": "output hidden", "do": "output 1"},
        "inner axes differ: hidden=6 against output=7", "V.T @ do", "dh (hidden, 1), the shape of h",
    ),
    "columns, the carry": Wrong(
        COLUMNS, "dh_prev = dz @ R", "dz @ R", {"dz": "hidden 1", "R": "hidden hidden"},
        "inner axes differ: 1 against hidden=6", "R.T @ dz", "dh_prev (hidden, 1), the shape of h_prev",
    ),
    "columns, a bias of one axis": Wrong(
        COLUMNS, "db += dz.ravel()", "db += dz.ravel()", {"db": "hidden 1", "dz.ravel()": "hidden"},
        "db (hidden, 1) is changed in place and cannot hold the result, which is (hidden, hidden) (6, 6)",
        "dz", "db (hidden, 1), the shape of b",
        ("dz.ravel() has one axis and is laid along the last; dz.ravel()[:, None] lies along the first",),
    ),
    "vectors, @": Wrong(
        VECTORS, "dW = dz @ x", "dz @ x", {"dz": "hidden", "x": "input"},
        "inner axes differ: hidden=6 against input=4", "np.outer(dz, x)", "dW (hidden, input), the shape of W",
    ),
    "vectors, a transpose that does nothing": Wrong(
        VECTORS, "dW += dz @ x.T", "dz @ x.T", {"dz": "hidden", "x.T": "input"},
        "inner axes differ: hidden=6 against input=4", "np.outer(dz, x)", "dW (hidden, input), the shape of W",
    ),
    "vectors, *": Wrong(
        VECTORS, "dW += dz * x", "dz * x", {"dz": "hidden", "x": "input"},
        "last axes differ: hidden=6 against input=4", "np.outer(dz, x)", "dW (hidden, input), the shape of W",
    ),
    "vectors, outer turned": Wrong(
        VECTORS, "dW += np.outer(x, dz)", "dW += np.outer(x, dz)",
        {"dW": "hidden input", "np.outer(x, dz)": "input hidden"},
        "last axes differ: input=4 against hidden=6", "np.outer(dz, x)", "dW (hidden, input), the shape of W",
    ),
    "vectors, not transposed on the way back": Wrong(
        VECTORS, "dh = V @ do", "V @ do", {"V": "output hidden", "do": "output"},
        "inner axes differ: hidden=6 against output=7", "V.T @ do", "dh (hidden,), the shape of h",
    ),
    "concatenated weight not split": Wrong(
        CONCATENATED, "dh_prev += dz @ W.T", "dh_prev += dz @ W.T",
        {"dh_prev": "batch hidden", "dz @ W.T": "batch hidden+input"},
        "last axes differ: hidden=6 against hidden+input=10", "(dz @ W.T)[:, :6]",
        "dh_prev (batch, hidden), the shape of h_prev",
    ),
    "joined along the wrong axis": Wrong(
        CONCATENATED, "xh = np.concatenate([h_prev, x])", "np.concatenate([h_prev, x])",
        {"h_prev": "batch hidden", "x": "batch input"},
        "joined along axis 0 all other axes must agree, but axis 1 is hidden=6 in h_prev and input=4 in x",
        also=("along axis 1 they fit: axis=1",),
    ),
    "vstack for hstack": Wrong(
        CONCATENATED, "xh = np.vstack((h_prev, x))", "np.vstack((h_prev, x))",
        {"h_prev": "batch hidden", "x": "batch input"},
        "joined along axis 0 all other axes must agree, but axis 1 is hidden=6 in h_prev and input=4 in x",
    ),
    "stacked": Wrong(
        CONCATENATED, "xh = np.stack([h_prev, x])", "np.stack([h_prev, x])",
        {"h_prev": "batch hidden", "x": "batch input"},
        "what is stacked has one shape, but h_prev is (batch, hidden) and x is (batch, input)",
    ),
    "reshape": Wrong(
        ROWS, "dW = dz.reshape(sizes.input, sizes.hidden)", "dz.reshape(sizes.input, sizes.hidden)",
        {"dz": "batch hidden"}, "18 numbers cannot be shaped (4, 6), which are 24", wanted=ROW_W,
    ),
    "np.reshape": Wrong(
        ROWS, "dW = np.reshape(dz, (sizes.input, -1))", "np.reshape(dz, (sizes.input, -1))",
        {"dz": "batch hidden"}, "18 numbers cannot be shaped (4, -1): 18 is no multiple of 4", wanted=ROW_W,
    ),
    "an index too far": Wrong(
        STEPS, "last = xs[sizes.time]", "xs[sizes.time]", {"xs": "time batch input"},
        "axis 0 of xs is time=5: the index is 5, but should be 0 to 4",
    ),
    "an index too many": Wrong(
        STEPS, "last = W[0, :, 0]", "W[0, :, 0]", {"W": "input hidden"},
        "W has 2 axes, (input, hidden), and is indexed along 3",
    ),
    "all steps at once, as if one": Wrong(
        STEPS, "dW = xs.T @ dzs", "xs.T @ dzs", {"xs.T": "input batch time", "dzs": "time batch hidden"},
        "inner axes differ: time=5 against batch=3", 'np.einsum("tbi,tbj->ij", xs, dzs)', ROW_W,
    ),
    "the buffer of states with its first": Wrong(
        STEPS, "dzs = dzs * hs", "dzs * hs", {"dzs": "time batch hidden", "hs": "time+1 batch hidden"},
        "first axes differ: time=5 against time+1=6",
        also=("hs holds one more: hs[1:] leaves out the first, hs[:-1] the last",),
    ),
    "one step in a loop": Wrong(
        STEPS, "for t in reversed(range(sizes.time)):\n    dW += xs[t] @ dzs[t]", "xs[t] @ dzs[t]",
        {"xs[t]": "batch input", "dzs[t]": "batch hidden"},
        "inner axes differ: input=4 against batch=3", "xs[t].T @ dzs[t]", ROW_W,
    ),
    "the recurrent matrix in a loop": Wrong(
        STEPS, "for t in reversed(range(sizes.time)):\n    dR += hs[t] @ dzs[t]", "hs[t] @ dzs[t]",
        {"hs[t]": "batch hidden", "dzs[t]": "batch hidden"},
        "inner axes differ: hidden=6 against batch=3", "hs[t].T @ dzs[t]", "dR (hidden, hidden), the shape of R",
    ),
    "a step's slot": Wrong(
        STEPS, "dxs = np.zeros_like(xs)\nfor t in range(sizes.time):\n    dxs[t] = dzs[t] @ R", "dxs[t]",
        {"dxs[t]": "batch input", "dzs[t] @ R": "batch hidden"},
        "dxs[t] has room for (batch, input) (3, 4), and is given (batch, hidden) (3, 6)", "dzs[t] @ W.T",
        "dxs[t] (batch, input), the shape of xs",
    ),
    "in a method": Wrong(
        METHODS, "self.dW += self.x @ dz", "self.x @ dz", {"self.x": "batch input", "dz": "batch hidden"},
        "inner axes differ: input=4 against batch=3", "self.x.T @ dz", "self.dW (input, hidden), the shape of W",
    ),
    "the recurrent matrix in a method": Wrong(
        METHODS, "self.dR += dz @ self.h_prev", "dz @ self.h_prev",
        {"dz": "batch hidden", "self.h_prev": "batch hidden"},
        "inner axes differ: hidden=6 against batch=3", "self.h_prev.T @ dz",
        "self.dR (hidden, hidden), the shape of R",
    ),
    "a dict of gradients": Wrong(
        ROWS, 'grads = {"W": np.zeros_like(W)}\ngrads["W"] += dz.T @ x', 'grads["W"] += dz.T @ x',
        {'grads["W"]': "input hidden", "dz.T @ x": "hidden input"},
        "last axes differ: hidden=6 against input=4", "x.T @ dz", 'grads["W"] (input, hidden), the shape of W',
    ),
}  # fmt: skip
