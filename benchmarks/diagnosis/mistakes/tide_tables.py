"""The mistakes planted in programs/tide_tables.py."""

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

plant = planter("tide_tables")

MISS = "dlevels[-SCORED:] = 2 * miss / miss.size"
TO_WO = 'grads["Wo"] = rows(h[1:]).T @ rows(dlevels)'
TO_BO = 'grads["bo"] = dlevels.sum(axis=(0, 1))'
LEVELS = 'from_levels = dlevels @ w["Wo"].T'
BUFFERS = "dxg, dhg = np.zeros((2, T, B, 3 * N))"
ABOVE = "dh = dh + from_levels[t]"
GRU_WALK = "for t in reversed(range(T)):\n        dh"
CAND = "dn = dh * (1 - z[t]) * (1 - n[t] ** 2)"
UPD = "dz = dh * (h[t] - n[t]) * z[t] * (1 - z[t])"
RES = "dr = dn * m[t] * r[t] * (1 - r[t])"
TO_X = "dxg[t] = np.hstack((dz, dr, dn))"
TO_H = "dhg[t] = np.hstack((dz, dr, dn * r[t]))"
BACK = 'dh = dh * z[t] + dhg[t] @ w["Ug"].T'
TO_UG = 'grads["Ug"] = rows(h[:-1]).T @ rows(dhg)'
TO_BM = 'grads["bm"] = dhg[:, :, 2 * N :].sum(axis=(0, 1))'
TO_WG = 'grads["Wg"] = rows(s[1:]).T @ rows(dxg)'
TO_BG = 'grads["bg"] = dxg.sum(axis=(0, 1))'
DOWN = 'from_gru = dxg @ w["Wg"].T'
DA = "da = np.zeros_like(s)"
DS = 'ds = from_gru[t] + da[t + 1] @ w["Ws"].T'
SLOPE = "da[t] = ds * (1 - s[t + 1] ** 2)"
CUT = "da = da[:T]"
TO_WS = 'grads["Ws"] = rows(s[:-1]).T @ rows(da)'
TO_WX = 'grads["Wx"] = rows(x).T @ rows(da)'
TO_BX = 'grads["bx"] = da.sum(axis=(0, 1))'

MISTAKES = (
    # layout
    plant(
        "tanh layer's recurrent gradient the wrong way round",
        LAYOUT,
        (TO_WS, 'grads["Ws"] = rows(da).T @ rows(s[:-1])'),
    ),
    plant("readings reshaped, not transposed", LAYOUT, (TO_WX, 'grads["Wx"] = x.reshape(x.shape[-1], -1) @ rows(da)')),
    plant("readout reshaped, not transposed", LAYOUT, (LEVELS, 'from_levels = dlevels @ w["Wo"].reshape(-1, N)')),
    plant(
        "gates side by side in PyTorch's order",
        LAYOUT,
        (TO_X, "dxg[t] = np.hstack((dr, dz, dn))"),
        (TO_H, "dhg[t] = np.hstack((dr, dz, dn * r[t]))"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "states of the tanh layer flattened batch first",
        LAYOUT,
        (TO_WG, 'grads["Wg"] = rows(s[1:].swapaxes(0, 1)).T @ rows(dxg)'),
        or_kinds=(TIME_INDEX,),
    ),
    # activation derivative
    plant("candidate's derivative left out", DERIVATIVE, (CAND, "dn = dh * (1 - z[t])")),
    plant("candidate with a gate's derivative", DERIVATIVE, (CAND, "dn = dh * (1 - z[t]) * n[t] * (1 - n[t])")),
    plant(
        "both gates' derivatives left out",
        DERIVATIVE,
        (UPD, "dz = dh * (h[t] - n[t])"),
        (RES, "dr = dn * m[t]"),
    ),
    plant("reset gate with tanh'", DERIVATIVE, (RES, "dr = dn * m[t] * (1 - r[t] ** 2)")),
    plant("tanh layer through tanh again", DERIVATIVE, (SLOPE, "da[t] = ds * (1 - np.tanh(s[t + 1]) ** 2)")),
    plant(
        "tanh layer's slope on what comes back only",
        DERIVATIVE,
        (DS, 'ds = da[t + 1] @ w["Ws"].T'),
        (SLOPE, "da[t] = from_gru[t] + ds * (1 - s[t + 1] ** 2)"),
    ),
    # time index
    plant(
        "both recurrent gradients with the state after",
        TIME_INDEX,
        (TO_UG, TO_UG.replace("h[:-1]", "h[1:]")),
        (TO_WS, TO_WS.replace("s[:-1]", "s[1:]")),
        or_kinds=(OPERAND,),
    ),
    plant(
        "GRU's input weights with the state before",
        TIME_INDEX,
        (TO_WG, TO_WG.replace("s[1:]", "s[:-1]")),
        or_kinds=(OPERAND,),
    ),
    plant(
        "tanh layer's slope an hour early",
        TIME_INDEX,
        (SLOPE, "da[t] = ds * (1 - s[t] ** 2)"),
        or_kinds=(DERIVATIVE, OPERAND),
    ),
    plant(
        "update gate with the state after", TIME_INDEX, (UPD, UPD.replace("h[t] -", "h[t + 1] -")), or_kinds=(OPERAND,)
    ),
    plant("errors cut at the wrong end", TIME_INDEX, (CUT, "da = da[1:]")),
    # carry
    plant(
        "error handed on as it is in the GRU",
        CARRY,
        (f"        {BACK}\n", ""),
        lines=(ABOVE, TO_H),
        or_kinds=(BRANCH,),
    ),
    plant("nothing back in the tanh layer", CARRY, (DS, "ds = from_gru[t]"), or_kinds=(BRANCH,)),
    plant("back past the tanh layer's recurrent matrix", CARRY, (DS, "ds = from_gru[t] + da[t + 1]")),
    plant("hours forward in the GRU", CARRY, (GRU_WALK, "for t in range(T):\n        dh"), lines=(CHANGED, ABOVE)),
    plant(
        "GRU followed back through the scored hours only",
        CARRY,
        (GRU_WALK, "for t in reversed(range(T - SCORED, T)):\n        dh"),
        lines=(CHANGED, ABOVE),
        or_kinds=(ACCUMULATION,),
    ),
    # transposed
    plant("tanh layer's recurrent matrix not transposed", TRANSPOSED, (DS, DS.removesuffix(".T"))),
    plant(
        "candidate's recurrent matrix not transposed",
        TRANSPOSED,
        (
            BACK,
            'dh = dh * z[t] + dhg[t, :, : 2 * N] @ w["Ug"][:, : 2 * N].T + dhg[t, :, 2 * N :] @ w["Ug"][:, 2 * N :]',
        ),
    ),
    plant(
        "recurrent matrices taken apart, and not transposed",
        TRANSPOSED,
        (
            BACK,
            'Uz, Ur, Un = np.hsplit(w["Ug"], 3)\n        dh = dh * z[t] + dz @ Uz + dr @ Ur + dn * r[t] @ Un',
        ),
    ),
    # operand
    plant("z for 1 - z in the candidate", OPERAND, (CAND, "dn = dh * z[t] * (1 - n[t] ** 2)")),
    plant("reset gate with the state itself", OPERAND, (RES, "dr = dn * h[t] * r[t] * (1 - r[t])")),
    plant(
        "update gate for the reset gate in its derivative",
        OPERAND,
        (RES, "dr = dn * m[t] * z[t] * (1 - z[t])"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "reset gate forgotten behind the product",
        OPERAND,
        (TO_H, "dhg[t] = np.hstack((dz, dr, dn))"),
        or_kinds=(BRANCH,),
    ),
    plant("recurrent weights with the inputs' errors", OPERAND, (TO_UG, TO_UG.replace("dhg", "dxg"))),
    plant("errors of the recurrent products sent down", OPERAND, (DOWN, DOWN.replace("dxg", "dhg"))),
    # factor
    plant("two forgotten", FACTOR, (MISS, "dlevels[-SCORED:] = miss / miss.size")),
    plant("mean over all hours", FACTOR, (MISS, "dlevels[-SCORED:] = 2 * miss / dlevels.size")),
    plant("divided by the batch only", FACTOR, (MISS, "dlevels[-SCORED:] = 2 * miss / B")),
    plant("input weights averaged over the hours", FACTOR, (TO_WX, TO_WX + " / T")),
    # accumulation
    plant(
        "tanh layer's recurrent weights overwritten",
        ACCUMULATION,
        (f"        {SLOPE}\n", f'        {SLOPE}\n        grads["Ws"] = s[t].T @ da[t]\n'),
        (f"    {TO_WS}\n", ""),
    ),
    plant(
        "first hour left out in the GRU",
        ACCUMULATION,
        (GRU_WALK, "for t in reversed(range(1, T)):\n        dh"),
        lines=(CHANGED, ABOVE),
    ),
    plant(
        "first hour left out of the recurrent weights",
        ACCUMULATION,
        (TO_UG, 'grads["Ug"] = rows(h[1:-1]).T @ rows(dhg[1:])'),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "readout of the last hour only",
        ACCUMULATION,
        (TO_WO, 'grads["Wo"] = h[-1].T @ dlevels[-1]'),
    ),
    plant(
        "input bias of the last hour only",
        ACCUMULATION,
        (TO_BG, 'grads["bg"] = dxg[-1].sum(axis=0)'),
        or_kinds=(BIAS_SUM,),
    ),
    # output delta
    plant("derivative of the absolute miss", OUTPUT_DELTA, (MISS, "dlevels[-SCORED:] = np.sign(miss) / miss.size")),
    plant(
        "misses squared once more",
        OUTPUT_DELTA,
        (MISS, "dlevels[-SCORED:] = 2 * miss**2 / miss.size"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "tanh' of a forecast that has no tanh",
        OUTPUT_DELTA,
        (
            MISS,
            'forecast = h[-SCORED:] @ w["Wo"] + w["bo"]\n    ' + MISS.replace("miss /", "miss * (1 - forecast**2) /"),
        ),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "forecast without what was measured",
        OUTPUT_DELTA,
        (MISS, 'dlevels[-SCORED:] = 2 * (h[-SCORED:] @ w["Wo"] + w["bo"]) / miss.size'),
        or_kinds=(OPERAND,),
    ),
    # bias sum
    plant(
        "both layers' biases averaged",
        BIAS_SUM,
        (TO_BG, 'grads["bg"] = dxg.mean(axis=(0, 1))'),
        (TO_BX, 'grads["bx"] = da.mean(axis=(0, 1))'),
        or_kinds=(FACTOR,),
    ),
    plant(
        "forecast's bias averaged over the batch",
        BIAS_SUM,
        (TO_BO, 'grads["bo"] = dlevels.sum(axis=0).mean(axis=0)'),
        or_kinds=(FACTOR,),
    ),
    plant("candidate's bias of the first sample", BIAS_SUM, (TO_BM, 'grads["bm"] = dhg[:, 0, 2 * N :].sum(axis=0)')),
    plant("tanh layer's bias one number", BIAS_SUM, (TO_BX, 'grads["bx"] = np.full_like(w["bx"], da.sum())')),
    # update order
    plant(
        "readout moved before it is used",
        UPDATE,
        ("    " + LEVELS, '    w["Wo"] = w["Wo"] - 0.1 * grads["Wo"]\n    ' + LEVELS),
        lines=(CHANGED, LEVELS),
    ),
    plant(
        "GRU's input weights moved before they are used",
        UPDATE,
        ("    " + DOWN, '    w["Wg"] = w["Wg"] - 0.1 * grads["Wg"]\n    ' + DOWN),
        lines=(CHANGED, DOWN),
    ),
    plant(
        "tanh layer's recurrent matrix moved every hour",
        UPDATE,
        (SLOPE, SLOPE + '\n        w["Ws"] = w["Ws"] - 0.1 * s[t].T @ da[t]'),
        lines=('w["Ws"] = w["Ws"] - 0.1', DS),
    ),
    # branch
    plant("way past the gates lost", BRANCH, (BACK, 'dh = dhg[t] @ w["Ug"].T'), or_kinds=(CARRY,)),
    plant("way through the recurrent matrices lost", BRANCH, (BACK, "dh = dh * z[t]"), or_kinds=(CARRY,)),
    plant("only the candidate sent down", BRANCH, (DOWN, 'from_gru = dxg[:, :, 2 * N :] @ w["Wg"][:, 2 * N :].T')),
    plant("update gate forgets the state", BRANCH, (UPD, "dz = -dh * n[t] * z[t] * (1 - z[t])"), or_kinds=(OPERAND,)),
    # sign
    plant("candidate less the state", SIGN, (UPD, UPD.replace("h[t] - n[t]", "n[t] - h[t]")), or_kinds=(OPERAND,)),
    plant("measured minus forecast", SIGN, (MISS, MISS.replace("2 *", "-2 *")), or_kinds=(OUTPUT_DELTA,)),
    plant("tanh' with a plus", SIGN, (SLOPE, SLOPE.replace("1 - s", "1 + s")), or_kinds=(DERIVATIVE,)),
    # injection
    plant(
        "scored hours at the beginning",
        INJECTION,
        (MISS, "dlevels[:SCORED] = 2 * miss / miss.size"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "last hour's error only", INJECTION, (MISS, "dlevels[-1] = 2 * miss[-1] / miss.size"), or_kinds=(ACCUMULATION,)
    ),
    plant(
        "last error from the levels at every hour",
        INJECTION,
        (ABOVE, "dh = dh + from_levels[-1]"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "error enters the tanh layer in the scored hours only",
        INJECTION,
        (DS, 'ds = da[t + 1] @ w["Ws"].T\n        if t >= T - SCORED:\n            ds = ds + from_gru[t]'),
        or_kinds=(BRANCH,),
    ),
    # state
    plant(
        "one buffer for both products' errors",
        STATE,
        (BUFFERS, "dxg = dhg = np.zeros((T, B, 3 * N))"),
        lines=(CHANGED, TO_H),
        or_kinds=(OPERAND,),
    ),
    plant(
        "states overwritten by their slopes",
        STATE,
        (SLOPE, "s[t + 1] = 1 - s[t + 1] ** 2\n        da[t] = ds * s[t + 1]"),
        lines=(CHANGED, TO_WS),
        or_kinds=(OPERAND,),
    ),
    plant(
        "reset gate overwritten by its slope",
        STATE,
        (RES, "r[t] *= 1 - r[t]\n        dr = dn * m[t] * r[t]"),
        lines=(CHANGED, TO_H),
        or_kinds=(OPERAND,),
    ),
    plant(
        "GRU's error clipped every hour",
        STATE,
        (BACK, BACK.replace("= ", "= np.clip(") + ", -0.01, 0.01)"),
        or_kinds=(CARRY,),
    ),
)
