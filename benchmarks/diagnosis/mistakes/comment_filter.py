"""The mistakes planted in programs/comment_filter.py."""

from benchmarks.diagnosis.mistake import CHANGED, planter
from oracle.kinds import (
    ACCUMULATION,
    BIAS_SUM,
    BRANCH,
    CARRY,
    DERIVATIVE,
    FACTOR,
    INJECTION,
    LAYOUT,
    OPERAND,
    OUTPUT_DELTA,
    SIGN,
    STATE,
    TIME_INDEX,
    TRANSPOSED,
    UPDATE,
)

plant = planter("comment_filter")

BACK = "return dA @ W.T, dA @ U.T, dc * f"
STEP = "dx, dh, dc = callback(dH_t + dh, dc)"
WALK = "for dH_t, callback in zip(dH[::-1], callbacks[::-1]):"
CELL = "dc = dc + dh * o * (1 - q * q)"

MISTAKES = (
    # layout
    plant(
        "gates put together in another order",
        LAYOUT,
        ("np.concatenate([df, do, dg], axis=1)", "np.concatenate([do, df, dg], axis=1)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "gates put together with the candidate in front",
        LAYOUT,
        ("np.concatenate([df, do, dg], axis=1)", "np.concatenate([dg, df, do], axis=1)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "gates interleaved",
        LAYOUT,
        ("dA = np.concatenate([df, do, dg], axis=1)", "dA = np.stack([df, do, dg], axis=2).reshape(len(df), -1)"),
    ),
    plant(
        "gates below each other reshaped",
        LAYOUT,
        ("dA = np.concatenate([df, do, dg], axis=1)", "dA = np.concatenate([df, do, dg]).reshape(len(df), -1)"),
    ),
    plant("inputs reshaped for transposed", LAYOUT, ("x.T @ dA", "x.reshape(-1, len(x)) @ dA")),
    plant("states reshaped for transposed", LAYOUT, ("h.T @ dA", "h.reshape(-1, len(h)) @ dA")),
    plant(
        "recurrent matrix reshaped for transposed",
        LAYOUT,
        (BACK, "return dA @ W.T, dA @ U.reshape(-1, len(U)), dc * f"),
        or_kinds=(TRANSPOSED,),
    ),
    plant(
        "input matrix reshaped for transposed", LAYOUT, (BACK, "return dA @ W.reshape(-1, len(W)), dA @ U.T, dc * f")
    ),
    plant("dense matrices reshaped for transposed", LAYOUT, ("return dY @ W.T", "return dY @ W.reshape(-1, len(W))")),
    plant(
        "dense inputs reshaped for transposed",
        LAYOUT,
        ('d[f"W_{name}"] = X.T @ dY', 'd[f"W_{name}"] = X.reshape(-1, len(X)) @ dY'),
    ),
    plant(
        "steps and comments swapped in the embedding",
        LAYOUT,
        ('np.add.at(d["E"], ids, dX)', 'np.add.at(d["E"], ids.T.reshape(ids.shape), dX)'),
    ),
    # activation derivative
    plant("forget gate without its derivative", DERIVATIVE, ("df = dc * (c - g) * f * (1 - f)", "df = dc * (c - g)")),
    plant(
        "forget gate's derivative misses a factor",
        DERIVATIVE,
        ("df = dc * (c - g) * f * (1 - f)", "df = dc * (c - g) * (1 - f)"),
    ),
    plant("forget gate with tanh'", DERIVATIVE, ("(c - g) * f * (1 - f)", "(c - g) * (1 - f * f)")),
    plant("output gate without its derivative", DERIVATIVE, ("do = dh * q * o * (1 - o)", "do = dh * q")),
    plant(
        "sigmoid of the output gate once more",
        DERIVATIVE,
        ("do = dh * q * o * (1 - o)", "do = dh * q * sigmoid(o) * (1 - sigmoid(o))"),
    ),
    plant(
        "both gates with tanh'",
        DERIVATIVE,
        ("(c - g) * f * (1 - f)", "(c - g) * (1 - f * f)"),
        ("dh * q * o * (1 - o)", "dh * q * (1 - o * o)"),
    ),
    plant("candidate without its derivative", DERIVATIVE, ("dc * (1 - f) * (1 - g * g)", "dc * (1 - f)")),
    plant("candidate not squared", DERIVATIVE, ("(1 - g * g)", "(1 - g)")),
    plant("candidate with a gate's derivative", DERIVATIVE, ("(1 - f) * (1 - g * g)", "(1 - f) * g * (1 - g)")),
    plant("cell's derivative left out", DERIVATIVE, (CELL, "dc = dc + dh * o")),
    plant("cell's derivative at the cell", DERIVATIVE, ("(1 - q * q)", "(1 - c_new * c_new)"), or_kinds=(OPERAND,)),
    plant("cell's derivative at the state", DERIVATIVE, ("(1 - q * q)", "(1 - (o * q) ** 2)"), or_kinds=(OPERAND,)),
    plant(
        "cell's derivative around the carry too",
        DERIVATIVE,
        (CELL, "dc = (dc + dh * o) * (1 - q * q)"),
        or_kinds=(CARRY, BRANCH),
    ),
    plant("tanh once more in the cell's derivative", DERIVATIVE, ("(1 - q * q)", "(1 - np.tanh(q) ** 2)")),
    plant("relu forgotten", DERIVATIVE, ("return dY * (X > 0)", "return dY")),
    plant("relu for its derivative", DERIVATIVE, ("return dY * (X > 0)", "return dY * np.maximum(X, 0)")),
    plant("relu of the gradient", DERIVATIVE, ("return dY * (X > 0)", "return dY * (dY > 0)"), or_kinds=(OPERAND,)),
    # time index
    plant("recurrent weights with the state after", TIME_INDEX, ("h.T @ dA", "(o * q).T @ dA"), or_kinds=(OPERAND,)),
    plant(
        "forget gate with the cell after",
        TIME_INDEX,
        ("df = dc * (c - g)", "df = dc * (c_new - g)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "cell's derivative at the cell before",
        TIME_INDEX,
        ("(1 - q * q)", "(1 - np.tanh(c) ** 2)"),
        or_kinds=(DERIVATIVE, OPERAND),
    ),
    plant(
        "word errors left back to front",
        TIME_INDEX,
        ("return np.stack(dX[::-1])", "return np.stack(dX)"),
        or_kinds=(LAYOUT,),
    ),
    plant(
        "word errors a step late",
        TIME_INDEX,
        ("return np.stack(dX[::-1])", "return np.roll(np.stack(dX[::-1]), 1, axis=0)"),
    ),
    plant(
        "the last step's callback at every step",
        TIME_INDEX,
        (STEP, "dx, dh, dc = callbacks[-1](dH_t + dh, dc)"),
        or_kinds=(STATE,),
    ),
    plant(
        "callbacks from the first on",
        TIME_INDEX,
        (WALK, "for dH_t, callback in zip(dH[::-1], callbacks):"),
        or_kinds=(CARRY,),
        lines=(CHANGED, STEP),
    ),
    # carry
    plant("state's carry left out", CARRY, (STEP, "dx, dh, dc = callback(dH_t, dc)"), or_kinds=(BRANCH,)),
    plant("cell's carry left out of the step", CARRY, (CELL, "dc = dh * o * (1 - q * q)"), or_kinds=(BRANCH,)),
    plant(
        "cell's carry not handed on",
        CARRY,
        (STEP, "dx, dh, dc = callback(dH_t + dh, np.zeros_like(c))"),
        or_kinds=(BRANCH,),
    ),
    plant("both carries left out", CARRY, (STEP, "dx, dh, dc = callback(dH_t, np.zeros_like(c))"), or_kinds=(BRANCH,)),
    plant("cell's carry without the forget gate", CARRY, (BACK, "return dA @ W.T, dA @ U.T, dc"), or_kinds=(OPERAND,)),
    plant(
        "cell's carry through the input gate",
        CARRY,
        (BACK, "return dA @ W.T, dA @ U.T, dc * (1 - f)"),
        or_kinds=(OPERAND,),
    ),
    plant("cell's carry is the state's", CARRY, (BACK, "return dA @ W.T, dA @ U.T, dh * f"), or_kinds=(OPERAND,)),
    plant("carries exchanged", CARRY, (STEP, "dx, dc, dh = callback(dH_t + dh, dc)"), or_kinds=(OPERAND,)),
    plant(
        "state's carry adds up",
        CARRY,
        (STEP, "dx, dh_prev, dc = callback(dH_t + dh, dc)\n                dh = dh + dh_prev"),
        lines=("dh = dh + dh_prev",),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "time runs forward",
        CARRY,
        (WALK, "for dH_t, callback in zip(dH, callbacks):"),
        ("return np.stack(dX[::-1])", "return np.stack(dX)"),
        lines=("for dH_t, callback in zip(dH, callbacks):", STEP),
    ),
    plant(
        "carries cut at every other step",
        CARRY,
        (
            WALK,
            "for dH_t, callback in zip(dH[::-1], callbacks[::-1]):\n                if len(dX) % 2:\n"
            "                    dh, dc = np.zeros_like(h), np.zeros_like(c)",
        ),
        lines=("if len(dX) % 2:", "                    dh, dc = np.zeros_like(h), np.zeros_like(c)"),
    ),
    plant(
        "cut to the last three steps",
        CARRY,
        (STEP, STEP + "\n                if len(dX) >= 3:\n                    dh, dc = 0 * dh, 0 * dc"),
        lines=("if len(dX) >= 3:", "dh, dc = 0 * dh, 0 * dc"),
    ),
    # operand
    plant(
        "forget gate forgets that it takes in less",
        OPERAND,
        ("df = dc * (c - g) * f", "df = dc * c * f"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "forget gate's error with the candidate only",
        OPERAND,
        ("df = dc * (c - g) * f", "df = dc * -g * f"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "forget gate's error with the cell plus the candidate",
        SIGN,
        ("df = dc * (c - g)", "df = dc * (c + g)"),
        or_kinds=(OPERAND,),
    ),
    plant("candidate with the forget gate", OPERAND, ("dg = dc * (1 - f)", "dg = dc * f")),
    plant(
        "forget gate and its rest exchanged",
        OPERAND,
        ("dg = dc * (1 - f)", "dg = dc * f"),
        (BACK, "return dA @ W.T, dA @ U.T, dc * (1 - f)"),
    ),
    plant("candidate's error from the state", OPERAND, ("dg = dc * (1 - f)", "dg = dh * (1 - f)")),
    plant("forget gate's error from the state", OPERAND, ("df = dc * (c - g)", "df = dh * (c - g)")),
    plant(
        "output gate with the cell, not its tanh",
        OPERAND,
        ("do = dh * q * o", "do = dh * c_new * o"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("output gate with the candidate", OPERAND, ("do = dh * q * o", "do = dh * g * o")),
    plant("output gate's error from the cell", OPERAND, ("do = dh * q * o", "do = dc * q * o")),
    plant(
        "output gate's derivative of the forget gate",
        OPERAND,
        ("dh * q * o * (1 - o)", "dh * q * f * (1 - f)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("forget gate for the output gate", OPERAND, (CELL, "dc = dc + dh * f * (1 - q * q)")),
    plant("cell in the recurrent weights", OPERAND, ("h.T @ dA", "c.T @ dA")),
    plant(
        "candidate's error for both gates' columns",
        OPERAND,
        ("np.concatenate([df, do, dg], axis=1)", "np.concatenate([df, df, dg], axis=1)"),
    ),
    plant("gradient of the matrix for the matrix", OPERAND, (BACK, 'return dA @ W.T, dA @ d["U"].T, dc * f')),
    plant(
        "first cell from the state's carry",
        OPERAND,
        ("dh.sum(axis=0), dc.sum(axis=0)", "dh.sum(axis=0), dh.sum(axis=0)"),
    ),
    plant(
        "first state and first cell exchanged",
        OPERAND,
        ("dh.sum(axis=0), dc.sum(axis=0)", "dc.sum(axis=0), dh.sum(axis=0)"),
    ),
    # factor
    plant("mean over the comments only", FACTOR, ("(prob - labels) / labels.size", "(prob - labels) / len(labels)")),
    plant("mean over the labels only", FACTOR, ("(prob - labels) / labels.size", "(prob - labels) / sizes.labels")),
    plant("not averaged", FACTOR, ("(prob - labels) / labels.size", "prob - labels")),
    plant("twice the error", FACTOR, ("(prob - labels) / labels.size", "2 * (prob - labels) / labels.size")),
    plant(
        "dense weights averaged once more", FACTOR, ('d[f"W_{name}"] = X.T @ dY', 'd[f"W_{name}"] = X.T @ dY / len(X)')
    ),
    plant("recurrent weights averaged over the comments", FACTOR, ("h.T @ dA", "h.T @ dA / len(h)")),
    plant(
        "maximum's error shared out over the steps",
        FACTOR,
        ("[:, None, None] == best)", "[:, None, None] == best) / len(H)"),
    ),
    plant(
        "first state's gradient averaged over time",
        FACTOR,
        ('d["h0"], d["c0"] = dh.sum(axis=0), dc', 'd["h0"], d["c0"] = dh.sum(axis=0) / len(dX), dc'),
    ),
    # accumulation
    plant("input weights overwritten", ACCUMULATION, ('d["W"] += x.T', 'd["W"] = x.T')),
    plant("recurrent weights overwritten", ACCUMULATION, ('d["U"] += h.T', 'd["U"] = h.T')),
    plant("bias overwritten", ACCUMULATION, ('d["b"] += dA', 'd["b"] = dA')),
    plant(
        "all three overwritten",
        ACCUMULATION,
        ('d["W"] += x.T', 'd["W"] = x.T'),
        ('d["U"] += h.T', 'd["U"] = h.T'),
        ('d["b"] += dA', 'd["b"] = dA'),
    ),
    plant("repeated words counted once", ACCUMULATION, ('np.add.at(d["E"], ids, dX)', 'd["E"][ids] += dX')),
    plant(
        "first step skipped",
        ACCUMULATION,
        (WALK, "for dH_t, callback in zip(dH[:0:-1], callbacks[:0:-1]):"),
        ("return np.stack(dX[::-1])", "return np.stack([0 * dx, *dX[::-1]])"),
        lines=("for dH_t, callback in zip(dH[:0:-1]",),
    ),
    plant(
        "last step skipped",
        ACCUMULATION,
        (WALK, "for dH_t, callback in zip(dH[-2::-1], callbacks[-2::-1]):"),
        ("return np.stack(dX[::-1])", "return np.stack([*dX[::-1], 0 * dx])"),
        lines=("for dH_t, callback in zip(dH[-2::-1]", STEP),
    ),
    plant(
        "recurrent weights never added",
        ACCUMULATION,
        ('            d["U"] += h.T @ dA\n', ""),
        lines=('d["W"] += x.T @ dA', 'd["b"] += dA.sum(axis=0)', "d.update(W=np.zeros_like(W)"),
    ),
    # output delta
    plant(
        "sigmoid' once more at the output",
        OUTPUT_DELTA,
        ("(prob - labels) / labels.size", "(prob - labels) * prob * (1 - prob) / labels.size"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "scores for probabilities", OUTPUT_DELTA, ("(prob - labels) / labels.size", "(scores - labels) / labels.size")
    ),
    plant(
        "labels that are not there left out",
        OUTPUT_DELTA,
        ("(prob - labels) / labels.size", "labels * (prob - labels) / labels.size"),
    ),
    plant(
        "derivative of the logarithm only",
        OUTPUT_DELTA,
        ("(prob - labels) / labels.size", "(prob - labels) / (prob * (1 - prob)) / labels.size"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "sigmoid of the probabilities",
        OUTPUT_DELTA,
        ("(prob - labels) / labels.size", "(sigmoid(prob) - labels) / labels.size"),
    ),
    # transposed recurrent matrix
    plant(
        "recurrent matrices not transposed, gate by gate",
        TRANSPOSED,
        (BACK, "return dA @ W.T, df @ U[:, : len(U)] + do @ U[:, len(U) : -len(U)] + dg @ U[:, -len(U) :], dc * f"),
    ),
    plant(
        "candidate's recurrent matrix not transposed",
        TRANSPOSED,
        (
            BACK,
            "Uf, Uo, Ug = np.split(U, 3, axis=1)\n            return dA @ W.T, df @ Uf.T + do @ Uo.T + dg @ Ug, dc * f",
        ),
        lines=("return dA @ W.T, df @",),
    ),
    # bias sum
    plant("gates' bias averaged", BIAS_SUM, ("dA.sum(axis=0)", "dA.mean(axis=0)"), or_kinds=(FACTOR,)),
    plant("gates' bias is one number", BIAS_SUM, ("dA.sum(axis=0)", "dA.sum()")),
    plant("dense biases averaged", BIAS_SUM, ("dY.sum(axis=0)", "dY.mean(axis=0)"), or_kinds=(FACTOR,)),
    plant("dense biases from the first comment", BIAS_SUM, ("dY.sum(axis=0)", "dY[0]")),
    plant(
        "first state and cell averaged over the comments",
        BIAS_SUM,
        ("dh.sum(axis=0), dc.sum(axis=0)", "dh.mean(axis=0), dc.mean(axis=0)"),
        or_kinds=(FACTOR,),
    ),
    plant("first cell of one comment", BIAS_SUM, ("dh.sum(axis=0), dc.sum(axis=0)", "dh.sum(axis=0), dc[0]")),
    # update order
    plant(
        "dense layers learn before the error goes through them",
        UPDATE,
        ("return dY @ W.T", 'return dY @ (W - 0.5 * d[f"W_{name}"]).T'),
        or_kinds=(OPERAND,),
    ),
    plant(
        "recurrent weights learn within the step",
        UPDATE,
        (
            "            return dA @ W.T, dA @ U",
            '            U[:] -= 0.5 * d["U"]\n            return dA @ W.T, dA @ U',
        ),
        lines=(CHANGED, BACK),
    ),
    # branch
    plant(
        "state's error does not reach the cell",
        BRANCH,
        (CELL, "dc = dc if dc.any() else dh * o * (1 - q * q)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "gates' paths to the state lost",
        BRANCH,
        (BACK, "return dA @ W.T, dg @ U[:, -len(U) :].T, dc * f"),
        or_kinds=(CARRY,),
    ),
    plant(
        "output gate's path to the state lost",
        BRANCH,
        (BACK, "return dA @ W.T, df @ U[:, : len(U)].T + dg @ U[:, -len(U) :].T, dc * f"),
        or_kinds=(CARRY,),
    ),
    plant(
        "error from above lost where something is carried",
        BRANCH,
        (STEP, "dx, dh, dc = callback(dh if dh.any() else dH_t, dc)"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "candidate's path to the words lost",
        BRANCH,
        (BACK, "return dA[:, : -len(U)] @ W[:, : -len(U)].T, dA @ U.T, dc * f"),
    ),
    # sign
    plant(
        "labels minus probabilities",
        SIGN,
        ("(prob - labels) / labels.size", "(labels - prob) / labels.size"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant(
        "candidate minus cell in the forget gate", SIGN, ("df = dc * (c - g)", "df = dc * (g - c)"), or_kinds=(OPERAND,)
    ),
    plant("cell's carry subtracted", SIGN, (CELL, "dc = dh * o * (1 - q * q) - dc"), or_kinds=(CARRY,)),
    plant("plus in the cell's derivative", SIGN, ("(1 - q * q)", "(1 + q * q)"), or_kinds=(DERIVATIVE,)),
    # injection
    plant(
        "every step gets the maximum's error",
        INJECTION,
        ("return dY * (np.arange(len(H))[:, None, None] == best)", "return np.broadcast_to(dY, H.shape)"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "last step gets the maximum's error",
        INJECTION,
        ("[:, None, None] == best)", "[:, None, None] == np.full(best.shape, len(H) - 1))"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "maximum's error a step late",
        INJECTION,
        ("[:, None, None] == best)", "[:, None, None] == (best + 1) % len(H))"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "mean's error for the maximum's",
        INJECTION,
        (
            "return dY * (np.arange(len(H))[:, None, None] == best)",
            "return np.repeat(dY[None] / len(H), len(H), axis=0)",
        ),
    ),
    plant(
        "error from above from the other end",
        INJECTION,
        (WALK, "for dH_t, callback in zip(dH, callbacks[::-1]):"),
        or_kinds=(TIME_INDEX,),
        lines=(CHANGED, STEP),
    ),
    plant(
        "one unit's step for the whole comment",
        INJECTION,
        ("[:, None, None] == best)", "[:, None, None] == best[:, :1])"),
        or_kinds=(TIME_INDEX,),
    ),
    # state between calls
    plant(
        "sums set back at each step",
        STATE,
        (
            '            d["W"] += x.T @ dA',
            '            d.update(W=np.zeros_like(W), U=np.zeros_like(U))\n            d["W"] += x.T @ dA',
        ),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "forget gate overwritten by its derivative",
        STATE,
        (
            "            df = dc * (c - g) * f * (1 - f)",
            "            f[...] = f * (1 - f)\n            df = dc * (c - g) * f",
        ),
        lines=("f[...] = f * (1 - f)", "dg = dc * (1 - f)"),
    ),
    plant(
        "carries clipped",
        STATE,
        (STEP, STEP + "\n                dh, dc = np.clip(dh, -0.001, 0.001), np.clip(dc, -0.001, 0.001)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "last cell's tanh in every callback",
        STATE,
        ("    def forward(x, h, c):\n        f, o", "    shared = {}\n\n    def forward(x, h, c):\n        f, o"),
        ("        q = np.tanh(c_new)\n", "        q = shared[0] = np.tanh(c_new)\n"),
        ("            dc = dc + dh * o", "            q = shared[0]\n            dc = dc + dh * o"),
        lines=("            q = shared[0]",),
        or_kinds=(TIME_INDEX,),
    ),
)
