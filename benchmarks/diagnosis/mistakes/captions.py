"""The mistakes planted in programs/captions.py."""

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

plant = planter("captions")

STACK = "[di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)]"

MISTAKES = (
    # layout
    plant(
        "recurrent gradient reshaped for transposed",
        LAYOUT,
        ("prev_h.T.dot(da)", "prev_h.reshape(prev_h.T.shape).dot(da)"),
    ),
    plant("input gradient reshaped for transposed", LAYOUT, ("x.T.dot(da)", "x.reshape(-1, len(x)).dot(da)")),
    plant("input matrix reshaped for transposed", LAYOUT, ("da.dot(Wx.T)", "da.dot(Wx.reshape(Wx.T.shape))")),
    plant(
        "gates stacked as i, o, f, g",
        LAYOUT,
        (STACK, "[di * i * (1 - i), do * o * (1 - o), df * f * (1 - f), dg * (1 - g**2)]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "gates stacked with the candidate in front",
        LAYOUT,
        (STACK, "[dg * (1 - g**2), di * i * (1 - i), df * f * (1 - f), do * o * (1 - o)]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "gates interleaved by a reshape",
        LAYOUT,
        ("dg * (1 - g**2)])", "dg * (1 - g**2)]).reshape(len(x), -1, 4).swapaxes(1, 2).reshape(len(x), -1)"),
    ),
    plant(
        "steps and captions swapped in the readout",
        LAYOUT,
        ("h.reshape(N * T, -1).T.dot", "h.swapaxes(0, 1).reshape(N * T, -1).T.dot"),
    ),
    plant(
        "scores given back time first",
        LAYOUT,
        ("return loss, dx_flat.reshape(N, T, V)", "return loss, dx_flat.reshape(T, N, V).swapaxes(0, 1)"),
    ),
    plant(
        "readout matrix reshaped for transposed",
        LAYOUT,
        ('dscores.dot(p["W_vocab"].T)', 'dscores.dot(p["W_vocab"].reshape(V, -1))'),
    ),
    plant("features reshaped for transposed", LAYOUT, ("features.T.dot(dh0)", "features.reshape(-1, N).dot(dh0)")),
    # activation derivative
    plant("input gate without its derivative", DERIVATIVE, ("di * i * (1 - i)", "di")),
    plant("forget gate with half of its derivative", DERIVATIVE, ("df * f * (1 - f)", "df * (1 - f)")),
    plant("candidate with a gate's derivative", DERIVATIVE, ("dg * (1 - g**2)", "dg * g * (1 - g)")),
    plant("candidate not squared", DERIVATIVE, ("dg * (1 - g**2)", "dg * (1 - g)")),
    plant("output gate with tanh'", DERIVATIVE, ("do * o * (1 - o)", "do * (1 - o**2)")),
    plant(
        "all the gates with tanh'",
        DERIVATIVE,
        (STACK, "[di * (1 - i**2), df * (1 - f**2), do * (1 - o**2), dg * (1 - g**2)]"),
    ),
    plant(
        "sigmoid of the gates once more",
        DERIVATIVE,
        ("do = dnext_h", "si, sf, so = sigmoid(i), sigmoid(f), sigmoid(o)\n    do = dnext_h"),
        (STACK, "[di * si * (1 - si), df * sf * (1 - sf), do * so * (1 - so), dg * (1 - g**2)]"),
        lines=("si, sf, so = sigmoid(i)", "da = np.hstack"),
    ),
    plant(
        "cell's derivative at the cell, not its tanh",
        DERIVATIVE,
        ("dnext_h * o * (1 - tanh_c**2)", "dnext_h * o * (1 - next_c**2)"),
        or_kinds=(OPERAND,),
    ),
    plant("cell's derivative left out", DERIVATIVE, ("dnext_h * o * (1 - tanh_c**2)", "dnext_h * o")),
    plant("cell's tanh not squared", DERIVATIVE, ("(1 - tanh_c**2)", "(1 - tanh_c)")),
    plant(
        "cell's derivative around the carry",
        DERIVATIVE,
        ("dnext_h * o * (1 - tanh_c**2) + dnext_c", "(dnext_h * o + dnext_c) * (1 - tanh_c**2)"),
        or_kinds=(CARRY, BRANCH),
    ),
    plant(
        "tanh of the cell before",
        TIME_INDEX,
        ("tanh_c = np.tanh(next_c)", "tanh_c = np.tanh(prev_c)"),
        or_kinds=(DERIVATIVE, OPERAND, STATE),
    ),
    # time index
    plant(
        "recurrent weights with the state after",
        TIME_INDEX,
        ("dWh = prev_h.T.dot(da)", "dWh = (o * tanh_c).T.dot(da)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "forget gate with the cell after", TIME_INDEX, ("df = dct * prev_c", "df = dct * next_c"), or_kinds=(OPERAND,)
    ),
    plant("cache of the step before", TIME_INDEX, ("cache[t])", "cache[t - 1])"), or_kinds=(STATE,)),
    plant("cache of the last step at every step", TIME_INDEX, ("cache[t])", "cache[-1])"), or_kinds=(STATE,)),
    plant("cache from the other end", TIME_INDEX, ("cache[t])", "cache[T - 1 - t])"), or_kinds=(STATE,)),
    plant("error of the words from the other end", TIME_INDEX, ("dx[:, t], dprev_h", "dx[:, T - 1 - t], dprev_h")),
    plant("error of a word goes to the word before", TIME_INDEX, ("dx[:, t], dprev_h", "dx[:, t - 1], dprev_h")),
    plant(
        "words to come are looked up",
        TIME_INDEX,
        ('np.add.at(grads["W_embed"], words_in, dembedded)', 'np.add.at(grads["W_embed"], words_out, dembedded)'),
        or_kinds=(OPERAND,),
    ),
    plant(
        "readout with the state before",
        TIME_INDEX,
        ("h.reshape(N * T, -1).T.dot", "np.concatenate([h0[:, None], h[:, :-1]], axis=1).reshape(N * T, -1).T.dot"),
    ),
    # carry
    plant("state's carry left out", CARRY, ("dht = dh[:, t] + dprev_h", "dht = dh[:, t]"), or_kinds=(BRANCH,)),
    plant("cell's carry left out", CARRY, ("(1 - tanh_c**2) + dnext_c", "(1 - tanh_c**2)"), or_kinds=(BRANCH,)),
    plant(
        "cell's carry not handed on",
        CARRY,
        ("dx[:, t], dprev_h, dprev_c, dWx_t", "dx[:, t], dprev_h, _, dWx_t"),
        lines=(CHANGED, "dct = dnext_h"),
        or_kinds=(BRANCH,),
    ),
    plant("cell's carry without the forget gate", CARRY, ("dprev_c = dct * f", "dprev_c = dct"), or_kinds=(OPERAND,)),
    plant(
        "cell's carry of what came in",
        CARRY,
        ("dprev_c = dct * f", "dprev_c = dnext_c * f"),
        or_kinds=(OPERAND, BRANCH),
    ),
    plant(
        "state's carry of the candidate before its tanh only",
        CARRY,
        ("da.dot(Wh.T)", "da[:, -prev_h.shape[1] :].dot(Wh[:, -prev_h.shape[1] :].T)"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "state's carry added up",
        CARRY,
        ("dx[:, t], dprev_h, dprev_c, dWx_t", "dx[:, t], dprev_ht, dprev_c, dWx_t"),
        ("        dWx += dWx_t", "        dprev_h += dprev_ht\n        dWx += dWx_t"),
        lines=("dprev_h += dprev_ht",),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "time runs forward",
        CARRY,
        ("for t in reversed(range(T)):\n        dht", "for t in range(T):\n        dht"),
        lines=(CHANGED, "dht = dh[:, t] + dprev_h"),
    ),
    plant(
        "carries cut every second step",
        CARRY,
        (
            "        dWx += dWx_t",
            "        if t % 2 == 0:\n            dprev_h, dprev_c = np.zeros((N, H)), np.zeros((N, H))\n"
            "        dWx += dWx_t",
        ),
    ),
    # operand
    plant("input gate's error with the gate", OPERAND, ("di = dct * g", "di = dct * i")),
    plant("candidate's error with the candidate", OPERAND, ("dg = dct * i", "dg = dct * g")),
    plant(
        "gate errors of i and g swapped", OPERAND, ("di = dct * g\n    dg = dct * i", "di = dct * i\n    dg = dct * g")
    ),
    plant(
        "forget gate's error from the cell's carry",
        OPERAND,
        ("df = dct * prev_c", "df = dnext_c * prev_c"),
        or_kinds=(BRANCH,),
    ),
    plant("input gate's error from the state", OPERAND, ("di = dct * g", "di = dnext_h * g")),
    plant(
        "output gate with the cell itself",
        OPERAND,
        ("do = dnext_h * tanh_c", "do = dnext_h * next_c"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "output gate's error from the cell",
        OPERAND,
        ("    do = dnext_h * tanh_c\n", ""),
        ("    df = dct * prev_c\n", "    do = dct * tanh_c\n    df = dct * prev_c\n"),
        lines=("do = dct * tanh_c",),
    ),
    plant(
        "forget gate's derivative with another gate",
        OPERAND,
        ("df * f * (1 - f)", "df * f * (1 - i)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "candidate in the place of the input gate in the cell's carry",
        OPERAND,
        ("dprev_c = dct * f", "dprev_c = dct * i"),
        or_kinds=(CARRY,),
    ),
    plant("input gate for the output gate", OPERAND, ("dct = dnext_h * o *", "dct = dnext_h * i *")),
    plant(
        "readout's error in the feature layer",
        OPERAND,
        ("features.T.dot(dh0)", "features.T.dot(dh[:, 0])"),
        or_kinds=(CARRY, BRANCH),
    ),
    # factor
    plant("mean over the words as well", FACTOR, ("    dx_flat /= N\n", "    dx_flat /= N * T\n")),
    plant("mean over the words that count", FACTOR, ("    dx_flat /= N\n", "    dx_flat /= mask_flat.sum()\n")),
    plant(
        "not averaged over the captions",
        FACTOR,
        ("    dx_flat /= N\n", ""),
        lines=("dx_flat = probs.copy()", "dx_flat *= mask_flat[:, None]"),
    ),
    plant("recurrent weights averaged over the captions", FACTOR, ("dWh += dWh_t", "dWh += dWh_t / N")),
    plant("input weights averaged over the steps", FACTOR, ("dWx += dWx_t", "dWx += dWx_t / T")),
    plant("feature layer averaged a second time", FACTOR, ("features.T.dot(dh0)", "features.T.dot(dh0) / N")),
    # accumulation
    plant("input weights overwritten", ACCUMULATION, ("dWx += dWx_t", "dWx = dWx_t")),
    plant("recurrent weights overwritten", ACCUMULATION, ("dWh += dWh_t", "dWh = dWh_t")),
    plant(
        "all three overwritten",
        ACCUMULATION,
        (
            "dWx += dWx_t\n        dWh += dWh_t\n        db += db_t",
            "dWx = dWx_t\n        dWh = dWh_t\n        db = db_t",
        ),
    ),
    plant(
        "biases never added",
        ACCUMULATION,
        ("        db += db_t\n", ""),
        lines=("dWx, dWh, db = np.zeros", "dx[:, t], dprev_h", "dWh += dWh_t"),
    ),
    plant(
        "sums outside the loop",
        ACCUMULATION,
        (
            "        dWx += dWx_t\n        dWh += dWh_t\n        db += db_t",
            "    dWx += dWx_t\n    dWh += dWh_t\n    db += db_t",
        ),
    ),
    plant(
        "first word skipped",
        ACCUMULATION,
        ("for t in reversed(range(T)):\n        dht", "for t in reversed(range(1, T)):\n        dht"),
    ),
    plant(
        "last word skipped",
        ACCUMULATION,
        ("for t in reversed(range(T)):\n        dht", "for t in reversed(range(T - 1)):\n        dht"),
        lines=(CHANGED, "dht = dh[:, t] + dprev_h"),
    ),
    plant(
        "repeated words counted once",
        ACCUMULATION,
        ('np.add.at(grads["W_embed"], words_in, dembedded)', 'grads["W_embed"][words_in] += dembedded'),
    ),
    plant(
        "repeated words overwritten",
        ACCUMULATION,
        ('np.add.at(grads["W_embed"], words_in, dembedded)', 'grads["W_embed"][words_in] = dembedded'),
    ),
    # output delta
    plant(
        "one not subtracted",
        OUTPUT_DELTA,
        ("    dx_flat[np.arange(N * T), y_flat] -= 1\n", ""),
        lines=("dx_flat = probs.copy()", "dx_flat /= N"),
    ),
    plant("scores for probabilities", OUTPUT_DELTA, ("dx_flat = probs.copy()", "dx_flat = x_flat.copy()")),
    plant(
        "padding not masked",
        OUTPUT_DELTA,
        ("    dx_flat *= mask_flat[:, None]\n", ""),
        lines=("dx_flat /= N", "return loss, dx_flat"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "softmax's diagonal once more",
        OUTPUT_DELTA,
        ("dx_flat *= mask_flat[:, None]", "dx_flat *= probs * (1 - probs) * mask_flat[:, None]"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "mask taken for the subtracted one only",
        OUTPUT_DELTA,
        ("y_flat] -= 1", "y_flat] -= mask_flat"),
        ("    dx_flat *= mask_flat[:, None]\n", ""),
        lines=("y_flat] -= mask_flat", "dx_flat /= N", "return loss, dx_flat"),
        or_kinds=(INJECTION,),
    ),
    # transposed recurrent matrix
    plant(
        "recurrent matrices not transposed, gate by gate",
        TRANSPOSED,
        (
            "dprev_h = da.dot(Wh.T)",
            "dprev_h = sum(a.dot(w) for a, w in zip(np.split(da, 4, axis=1), np.split(Wh, 4, axis=1)))",
        ),
    ),
    plant(
        "recurrent matrix reshaped for transposed",
        LAYOUT,
        ("da.dot(Wh.T)", "da.dot(Wh.reshape(-1, len(Wh)))"),
        or_kinds=(TRANSPOSED,),
    ),
    # bias sum
    plant("gates' bias averaged", BIAS_SUM, ("db = da.sum(axis=0)", "db = da.mean(axis=0)"), or_kinds=(FACTOR,)),
    plant("gates' bias is one number", BIAS_SUM, ("db = da.sum(axis=0)", "db = da.sum()")),
    plant(
        "readout's bias from the last word only",
        BIAS_SUM,
        ("dscores.sum(axis=(0, 1))", "dscores[:, -1].sum(axis=0)"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "readout's bias averaged over the words",
        BIAS_SUM,
        ("dscores.sum(axis=(0, 1))", "dscores.sum(axis=0).mean(axis=0)"),
        or_kinds=(FACTOR,),
    ),
    plant("feature layer's bias averaged", BIAS_SUM, ("dh0.sum(axis=0)", "dh0.mean(axis=0)"), or_kinds=(FACTOR,)),
    plant("feature layer's bias from one caption", BIAS_SUM, ("dh0.sum(axis=0)", "dh0[0]")),
    # update order
    plant(
        "readout learns before the error goes through it",
        UPDATE,
        ("    dh = dscores.dot(", '    p["W_vocab"] = p["W_vocab"] - 0.1 * grads["W_vocab"]\n    dh = dscores.dot('),
        lines=(CHANGED, "dh = dscores.dot("),
    ),
    plant(
        "recurrent matrix learns within the step",
        UPDATE,
        ("    dprev_h = da.dot(Wh.T)\n", ""),
        ("    dWh = prev_h.T.dot(da)\n", "    dWh = prev_h.T.dot(da)\n    dprev_h = da.dot((Wh - 0.1 * dWh).T)\n"),
        lines=("dprev_h = da.dot((Wh",),
        or_kinds=(OPERAND,),
    ),
    # branch
    plant(
        "cell loses the state's error",
        BRANCH,
        (
            "dct = dnext_h * o * (1 - tanh_c**2) + dnext_c",
            "dct = dnext_c if dnext_c.any() else dnext_h * o * (1 - tanh_c**2)",
        ),
        or_kinds=(CARRY,),
    ),
    plant(
        "error from above lost after the last step",
        BRANCH,
        ("dht = dh[:, t] + dprev_h", "dht = dprev_h if t < T - 1 else dh[:, t]"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "forget gate's path to the state lost",
        BRANCH,
        (
            "    dprev_h = da.dot(Wh.T)",
            "    H = prev_h.shape[1]\n    dprev_h = da[:, :H].dot(Wh[:, :H].T) + da[:, 2 * H :].dot(Wh[:, 2 * H :].T)",
        ),
        lines=("dprev_h = da[:, :H]",),
        or_kinds=(CARRY,),
    ),
    plant(
        "first state gets the last step's error only",
        CARRY,
        ("return dx, dprev_h, dWx, dWh, db", "return dx, dht, dWx, dWh, db"),
        or_kinds=(OPERAND, TIME_INDEX),
    ),
    # sign
    plant("one added", SIGN, ("y_flat] -= 1", "y_flat] += 1"), or_kinds=(OUTPUT_DELTA,)),
    plant(
        "cell's carry subtracted", SIGN, ("(1 - tanh_c**2) + dnext_c", "(1 - tanh_c**2) - dnext_c"), or_kinds=(CARRY,)
    ),
    plant("plus in the candidate's derivative", SIGN, ("dg * (1 - g**2)", "dg * (1 + g**2)"), or_kinds=(DERIVATIVE,)),
    plant(
        "state's carry subtracted", SIGN, ("dht = dh[:, t] + dprev_h", "dht = dh[:, t] - dprev_h"), or_kinds=(CARRY,)
    ),
    # injection
    plant(
        "last word's error at every step",
        INJECTION,
        ("dht = dh[:, t] + dprev_h", "dht = dh[:, -1] + dprev_h"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "error of the word before",
        INJECTION,
        ("dht = dh[:, t] + dprev_h", "dht = dh[:, t - 1] + dprev_h"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "only the last word counts",
        INJECTION,
        ("dht = dh[:, t] + dprev_h", "dht = dh[:, t] * (t == T - 1) + dprev_h"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "errors from the other end",
        INJECTION,
        ("dht = dh[:, t] + dprev_h", "dht = dh[:, T - 1 - t] + dprev_h"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "words of the input are the targets",
        INJECTION,
        ("dx_flat[np.arange(N * T), y_flat] -= 1", "dx_flat[np.arange(N * T), np.roll(y, 1, axis=1).ravel()] -= 1"),
        or_kinds=(TIME_INDEX, OUTPUT_DELTA),
    ),
    # state between calls
    plant(
        "gate overwritten by its derivative",
        STATE,
        ("    df = dct * prev_c\n", "    df = dct * prev_c\n    f *= 1 - f\n"),
        ("df * f * (1 - f)", "df * f"),
        lines=("f *= 1 - f", "dprev_c = dct * f"),
    ),
    plant(
        "new state cached for the old one",
        STATE,
        ("(x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)\n\n", "(x, next_h, prev_c, Wx, Wh, i, f, o, g, next_c)\n\n"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant(
        "new cell cached for the old one",
        STATE,
        ("(x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)\n\n", "(x, prev_h, next_c, Wx, Wh, i, f, o, g, next_c)\n\n"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant(
        "old cell cached for the new one",
        STATE,
        ("(x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)\n\n", "(x, prev_h, prev_c, Wx, Wh, i, f, o, g, prev_c)\n\n"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant(
        "carry clipped",
        STATE,
        ("dprev_h = da.dot(Wh.T)", "dprev_h = np.clip(da.dot(Wh.T), -0.02, 0.02)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "gate errors clipped",
        STATE,
        ("    dx = da.dot(Wx.T)", "    np.clip(da, -0.01, 0.01, out=da)\n    dx = da.dot(Wx.T)"),
    ),
)
