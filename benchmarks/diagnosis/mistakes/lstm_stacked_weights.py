"""The mistakes planted in programs/lstm_stacked_weights.py."""

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
    SIGN,
    STATE,
    TIME_INDEX,
    TRANSPOSED,
    UPDATE,
)

plant = planter("lstm_stacked_weights")

MISTAKES = (
    plant(
        "recurrent matrix reshaped for transposed",
        LAYOUT,
        ("da @ Wh.T", "da @ Wh.reshape(4 * H, H)"),
        or_kinds=(TRANSPOSED,),
    ),
    plant(
        "recurrent matrices of the gates not transposed",
        TRANSPOSED,
        (
            "dh_next = da @ Wh.T",
            "dh_next = sum(da[:, k * H : (k + 1) * H] @ Wh[:, k * H : (k + 1) * H] for k in range(4))",
        ),
    ),
    plant("tanh' at the cell state itself", DERIVATIVE, ("(1 - tc**2)", "(1 - next_c**2)"), or_kinds=(OPERAND,)),
    plant("tanh' at the tanh of the tanh", DERIVATIVE, ("(1 - tc**2)", "(1 - np.tanh(tc) ** 2)")),
    plant("tanh' of the cell left out", DERIVATIVE, ("dh * o * (1 - tc**2)", "dh * o")),
    plant("candidate differentiated as a sigmoid", DERIVATIVE, ("dg * (1 - g**2)", "dg * g * (1 - g)")),
    plant("derivative of the input gate left out", DERIVATIVE, ("di * i * (1 - i)", "di")),
    plant("forget gate's derivative misses a factor", DERIVATIVE, ("df * f * (1 - f)", "df * (1 - f)")),
    plant("sigmoid of an activated gate", DERIVATIVE, ("do * o * (1 - o)", "do * sigmoid(o) * (1 - sigmoid(o))")),
    plant(
        "tanh' at the previous cell",
        DERIVATIVE,
        ("(1 - tc**2)", "(1 - np.tanh(prev_c) ** 2)"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant(
        "c_t for c_{t-1} in the forget gate", TIME_INDEX, ("df = dc * prev_c", "df = dc * next_c"), or_kinds=(OPERAND,)
    ),
    plant("the first step's cache everywhere", TIME_INDEX, ("= caches[t]", "= caches[0]"), or_kinds=(STATE,)),
    plant("h_t for h_{t-1}", TIME_INDEX, ("prev_h.T @ da", "(o * tc).T @ da"), or_kinds=(OPERAND,)),
    plant("input of the next step", TIME_INDEX, ("dWx += x_t.T @ da", "dWx += caches[min(t + 1, T - 1)][0].T @ da")),
    plant(
        "cell's carry left out", CARRY, ("dh * o * (1 - tc**2) + dc_next", "dh * o * (1 - tc**2)"), or_kinds=(BRANCH,)
    ),
    plant("cell's carry without the forget gate", CARRY, ("dc_next = dc * f\n", "dc_next = dc\n")),
    plant("cell's carry adds up", CARRY, ("dc_next = dc * f\n", "dc_next += dc * f\n")),
    plant("state's carry left out", CARRY, ("dh = dstates[t] + dh_next", "dh = dstates[t]"), or_kinds=(BRANCH,)),
    plant(
        "state's carry never assigned",
        CARRY,
        ("        dh_next = da @ Wh.T\n", ""),
        lines=("dh_next, dc_next = np.zeros", "dh = dstates[t] + dh_next", "return dWx, dWh, db, dh_next, dc_next"),
    ),
    plant("loop runs forward", CARRY, ("range(T)[::-1]", "range(T)"), lines=(CHANGED, "dh = dstates[t] + dh_next")),
    plant(
        "input gate's value in the cell's carry",
        OPERAND,
        ("dc_next = dc * f\n", "dc_next = dc * i\n"),
        or_kinds=(CARRY,),
    ),
    plant("input gate for candidate", OPERAND, ("di = dc * g", "di = dc * i")),
    plant("forget gate for input gate", OPERAND, ("dg = dc * i", "dg = dc * f")),
    plant("output gate from the cell state", OPERAND, ("do = dh * tc", "do = dh * next_c"), or_kinds=(DERIVATIVE,)),
    plant(
        "input's derivative in the forget gate",
        OPERAND,
        ("df * f * (1 - f)", "df * i * (1 - i)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("dh in place of dc for the candidate", OPERAND, ("dg = dc * i", "dg = dh * i")),
    plant(
        "gates concatenated in another order",
        LAYOUT,
        ("np.hstack((di * i * (1 - i), df * f * (1 - f), do", "np.hstack((df * f * (1 - f), di * i * (1 - i), do"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "candidate before output gate",
        LAYOUT,
        ("do * o * (1 - o), dg * (1 - g**2))", "dg * (1 - g**2), do * o * (1 - o))"),
        or_kinds=(OPERAND,),
    ),
    plant("inputs reshaped for transposed", LAYOUT, ("x_t.T @ da", "x_t.reshape(-1, N) @ da")),
    plant("recurrent weights averaged over time", FACTOR, ("dWh += prev_h.T @ da", "dWh += prev_h.T @ da / T")),
    plant("twice the output gate", FACTOR, ("do = dh * tc", "do = 2 * dh * tc")),
    plant("averaged over the batch", FACTOR, ("dh = dstates[t] + dh_next", "dh = dstates[t] / N + dh_next")),
    plant("recurrent weights overwritten", ACCUMULATION, ("dWh += prev_h", "dWh = prev_h")),
    plant("bias overwritten", ACCUMULATION, ("db += da", "db = da")),
    plant("first step dropped", ACCUMULATION, ("range(T)[::-1]", "range(1, T)[::-1]")),
    plant(
        "dc overwritten by the carry",
        BRANCH,
        (
            "        dc = dh * o * (1 - tc**2) + dc_next\n",
            "        dc = dh * o * (1 - tc**2)\n        if t < T - 1:\n            dc = dc_next\n",
        ),
    ),
    plant(
        "output gate's path only",
        BRANCH,
        ("da @ Wh.T", "da[:, 2 * H : 3 * H] @ Wh[:, 2 * H : 3 * H].T"),
        or_kinds=(CARRY,),
    ),
    plant(
        "candidate's path lost", BRANCH, ("da @ Wh.T", "da[:, : 3 * H] @ Wh[:, : 3 * H].T"), or_kinds=(CARRY, LAYOUT)
    ),
    plant("bias averaged", BIAS_SUM, ("da.sum(axis=0)", "da.mean(axis=0)")),
    plant("minus the forget gate", SIGN, ("df = dc * prev_c", "df = -dc * prev_c")),
    plant("minus the squared tanh", SIGN, ("(1 - tc**2)", "(1 + tc**2)"), or_kinds=(DERIVATIVE,)),
    plant("last upstream at every step", INJECTION, ("dh = dstates[t]", "dh = dstates[-1]")),
    plant(
        "gate deltas clipped",
        STATE,
        ("dh_next = da @ Wh.T", "da = np.clip(da, -0.05, 0.05)\n        dh_next = da @ Wh.T"),
        lines=(CHANGED, "da = np.clip", "dh_next = da @ Wh.T"),
    ),
    plant(
        "recurrent matrix updated in the loop",
        UPDATE,
        ("dh_next = da @ Wh.T", "Wh = Wh - 0.1 * dWh\n        dh_next = da @ Wh.T"),
        lines=("Wh = Wh - 0.1", "dh_next = da @ Wh.T"),
    ),
)
