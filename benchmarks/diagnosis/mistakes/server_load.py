"""The mistakes planted in programs/server_load.py."""

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

plant = planter("server_load")

LOOP = "for t in range(T - 1, -1, -1):"
ENTERS = "dh = dh + dOUT[t]"
D_O = "dRAW[:, 2 * H : 3 * H] = dh * CT[t]"
CELL = "dc = dc + dh * o * (1 - CT[t] ** 2)"
D_I = "dRAW[:, :H] = dc * g"
D_F = "dRAW[:, H : 2 * H] = dc * C[t]"
D_G = "dRAW[:, 3 * H :] = dc * i"
FORGETS = "dc = dc * f"
GATES_SLOPE = "dRAW[:, : 3 * H] *= S * (1 - S)"
G_SLOPE = "dRAW[:, 3 * H :] *= 1 - g**2"
SLICE = "S = GATES[t, :, : 3 * H]"
D_W = "dW += IN[t].T.dot(dRAW)"
D_IN = "dIN = dRAW.dot(W.T)"
BACK = "dh = dIN[:, -H:]"
D_V = 'dV = np.einsum("tbh,tbm->hm", OUT, dpred)'
D_BIAS = "dv = dpred.sum(axis=(0, 1))"
D_OUT = "dOUT = dpred.dot(p.V.T)"
ERROR = "2 * diff / known.sum()"
INDENT = " " * 8

MISTAKES = (
    plant(
        "recurrent blocks not transposed",
        TRANSPOSED,
        (BACK, "dh = sum(dRAW[:, k : k + H].dot(W[-H:, k : k + H]) for k in range(0, 4 * H, H))"),
    ),
    plant(
        "candidate's recurrent block not transposed",
        TRANSPOSED,
        (BACK, "dh = dRAW[:, : 3 * H].dot(W[-H:, : 3 * H].T) + dRAW[:, 3 * H :].dot(W[-H:, 3 * H :])"),
    ),
    # layout
    plant(
        "candidate in front of the output gate",
        LAYOUT,
        (D_O, "dRAW[:, 3 * H :] = dh * CT[t]"),
        (D_G, "dRAW[:, 2 * H : 3 * H] = dc * i"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "forget gate in front of the input gate",
        LAYOUT,
        (D_I, "dRAW[:, H : 2 * H] = dc * g"),
        (D_F, "dRAW[:, :H] = dc * C[t]"),
        or_kinds=(OPERAND,),
    ),
    plant("bias and inputs taken for the state", LAYOUT, (BACK, "dh = dIN[:, :H]"), or_kinds=(CARRY,)),
    plant("column of ones forgotten in the split", LAYOUT, (BACK, "dh = dIN[:, -H - 1 : -1]"), or_kinds=(CARRY,)),
    plant("matrix reshaped for transposed", LAYOUT, (D_IN, "dIN = dRAW.dot(W.reshape(4 * H, -1))")),
    plant(
        "steps and servers swapped on one side of the readout",
        LAYOUT,
        (
            D_V,
            "dV = OUT.swapaxes(0, 1).reshape(-1, len(p.V)).T.dot(dpred.reshape(-1, len(p.v)))",
        ),
        or_kinds=(TIME_INDEX,),
    ),
    # activation derivative
    plant("gates without their own factor", DERIVATIVE, (GATES_SLOPE, "dRAW[:, : 3 * H] *= 1 - S")),
    plant("gates with tanh'", DERIVATIVE, (GATES_SLOPE, "dRAW[:, : 3 * H] *= 1 - S**2")),
    plant(
        "sigmoid of the gates once more",
        DERIVATIVE,
        (GATES_SLOPE, "S = 1.0 / (1.0 + np.exp(-S))\n        " + GATES_SLOPE),
        lines=(CHANGED, GATES_SLOPE),
    ),
    plant(
        "gates' derivative left out", DERIVATIVE, (INDENT + GATES_SLOPE + "\n", ""), lines=(SLICE, D_W, D_O, D_I, D_F)
    ),
    plant(
        "output gate's derivative left out",
        DERIVATIVE,
        (SLICE, "S = GATES[t, :, : 2 * H]"),
        (GATES_SLOPE, "dRAW[:, : 2 * H] *= S * (1 - S)"),
        lines=(CHANGED, D_O),
        or_kinds=(LAYOUT,),
    ),
    plant(
        "candidate's derivative left out",
        DERIVATIVE,
        (INDENT + G_SLOPE + "\n", ""),
        lines=(GATES_SLOPE, D_W, D_G),
    ),
    plant("candidate with the gates' derivative", DERIVATIVE, (G_SLOPE, "dRAW[:, 3 * H :] *= g * (1 - g)")),
    plant("cell's derivative left out", DERIVATIVE, (CELL, "dc = dc + dh * o")),
    plant("cell's derivative at the cell", DERIVATIVE, (CELL, "dc = dc + dh * o * (1 - C[t + 1] ** 2)")),
    plant(
        "cell's derivative on what is carried, too",
        DERIVATIVE,
        (CELL, "dc = (dc + dh * o) * (1 - CT[t] ** 2)"),
        or_kinds=(CARRY,),
    ),
    # time index
    plant(
        "cells read as if the first were not in front",
        TIME_INDEX,
        (CELL, "dc = dc + dh * o * (1 - np.tanh(C[t]) ** 2)"),
        or_kinds=(DERIVATIVE, OPERAND),
    ),
    plant("forget gate with the cell after", TIME_INDEX, (D_F, D_F.replace("C[t]", "C[t + 1]")), or_kinds=(OPERAND,)),
    plant("inputs of the step before", TIME_INDEX, (D_W, D_W.replace("IN[t]", "IN[t - 1]"))),
    plant(
        "state after the step in the recurrent rows",
        TIME_INDEX,
        (
            D_W,
            "dW[:-H] += IN[t, :, :-H].T.dot(dRAW)\n        dW[-H:] += (o * CT[t]).T.dot(dRAW)",
        ),
        lines=("dW[-H:] += ",),
        or_kinds=(OPERAND,),
    ),
    plant(
        "gates of the step before",
        TIME_INDEX,
        (LOOP + "\n        i, f, o, g = np.split(GATES[t],", LOOP + "\n        i, f, o, g = np.split(GATES[t - 1],"),
    ),
    plant(
        "forget gate of the step before on the way back",
        TIME_INDEX,
        (FORGETS, "dc = dc * GATES[t - 1, :, H : 2 * H]"),
        or_kinds=(CARRY, OPERAND),
    ),
    plant(
        "readout with the states before",
        TIME_INDEX,
        (D_V, 'dV = np.einsum("tbh,tbm->hm", OUT[:-1], dpred[1:])'),
    ),
    # carry
    plant("state's carry left out", CARRY, (ENTERS, "dh = dOUT[t]"), or_kinds=(BRANCH,)),
    plant("cell's carry left out", CARRY, (CELL, "dc = dh * o * (1 - CT[t] ** 2)"), or_kinds=(BRANCH,)),
    plant(
        "cell's carry without the forget gate",
        CARRY,
        (INDENT + FORGETS + "\n", ""),
        lines=(CELL, D_G, SLICE),
        or_kinds=(OPERAND,),
    ),
    plant("steps forward", CARRY, (LOOP, "for t in range(T):"), lines=(CHANGED, ENTERS, CELL)),
    plant("state's carry adds up", CARRY, (BACK, "dh = dh + dIN[:, -H:]"), or_kinds=(ACCUMULATION,)),
    plant(
        "cell handed back before the gates have read it",
        CARRY,
        (CELL, CELL + "\n        " + FORGETS),
        (D_G + "\n        " + FORGETS, D_G),
        lines=(FORGETS, D_I, D_F, D_G),
        or_kinds=(OPERAND, STATE),
    ),
    plant(
        "state handed back before the derivatives",
        CARRY,
        ("        # through the", "        " + D_IN + "\n        # through the"),
        (D_W + "\n        " + D_IN, D_W),
        lines=(D_IN, BACK),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "cut every three steps",
        CARRY,
        (BACK, "dh = dIN[:, -H:] * (t % 3 > 0)\n        dc = dc * (t % 3 > 0)"),
    ),
    plant("cell's carry forgotten by the input gate", OPERAND, (FORGETS, "dc = dc * i"), or_kinds=(CARRY,)),
    # operand
    plant("input gate with the cell before", OPERAND, (D_I, "dRAW[:, :H] = dc * C[t]")),
    plant("candidate's error from the state", OPERAND, (D_G, "dRAW[:, 3 * H :] = dh * i")),
    plant("output gate with the cell", OPERAND, (D_O, D_O.replace("CT[t]", "C[t + 1]")), or_kinds=(DERIVATIVE,)),
    plant("cell fed through the forget gate", OPERAND, (CELL, CELL.replace("dh * o", "dh * f"))),
    plant("gradient of the matrix on the way back", OPERAND, (D_IN, "dIN = dRAW.dot(dW.T)")),
    # factor
    plant("two forgotten", FACTOR, (ERROR, "diff / known.sum()")),
    plant("mean over the lost values, too", FACTOR, (ERROR, "2 * diff / known.size")),
    plant("matrix averaged over the servers", FACTOR, (D_W, D_W + " / B")),
    # accumulation
    plant("matrix overwritten", ACCUMULATION, (D_W, D_W.replace("+=", "="))),
    plant("first step left out", ACCUMULATION, (LOOP, "for t in range(T - 1, 0, -1):")),
    plant(
        "last step left out",
        ACCUMULATION,
        (LOOP, "for t in range(T - 2, -1, -1):"),
        lines=(CHANGED, ENTERS),
    ),
    plant("readout of the last step only", ACCUMULATION, (D_V, "dV = OUT[-1].T.dot(dpred[-1])"), or_kinds=(INJECTION,)),
    # output delta
    plant("lost values count", OUTPUT_DELTA, (ERROR, "2 * (pred - target) / known.sum()")),
    plant("predictions for differences", OUTPUT_DELTA, (ERROR, "2 * pred * known / known.sum()"), or_kinds=(OPERAND,)),
    # bias
    plant("output bias averaged", BIAS_SUM, (D_BIAS, "dv = dpred.mean(axis=(0, 1))"), or_kinds=(FACTOR,)),
    plant(
        "row of biases left out",
        BIAS_SUM,
        (D_W, "dW[1:] += IN[t, :, 1:].T.dot(dRAW)"),
        or_kinds=(ACCUMULATION,),
    ),
    # update, branch, sign, injection, state
    plant(
        "readout moved before it is used",
        UPDATE,
        (D_OUT, "V = p.V - 0.1 * dV\n    dOUT = dpred.dot(V.T)"),
    ),
    plant(
        "matrix moved at every step",
        UPDATE,
        (D_IN, "W = W - 0.1 * dW\n        " + D_IN),
        lines=(CHANGED, D_IN),
    ),
    plant(
        "output gate's way back lost",
        BRANCH,
        (D_IN, "dIN = dRAW[:, : 2 * H].dot(W[:, : 2 * H].T) + dRAW[:, 3 * H :].dot(W[:, 3 * H :].T)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "target minus prediction",
        SIGN,
        ("diff = (pred - target)", "diff = (target - pred)"),
        lines=(CHANGED, "return np.sum(diff**2)"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant("plus in the cell's derivative", SIGN, ("(1 - CT[t] ** 2)", "(1 + CT[t] ** 2)"), or_kinds=(DERIVATIVE,)),
    plant("error of the last step at every step", INJECTION, (ENTERS, "dh = dh + dOUT[-1]"), or_kinds=(TIME_INDEX,)),
    plant("error of the step before", INJECTION, (ENTERS, "dh = dh + dOUT[t - 1]"), or_kinds=(TIME_INDEX,)),
    plant(
        "deltas kept in one buffer",
        STATE,
        ("dW = np.zeros_like(W)", "deltas = []"),
        (D_W, "deltas.append(dRAW)"),
        ("return dW\n", "return sum(a.T.dot(d) for a, d in zip(IN[::-1], deltas))\n"),
        lines=("deltas.append(dRAW)", "return sum("),
        or_kinds=(TIME_INDEX, ACCUMULATION),
    ),
    plant("state's carry clipped", STATE, (BACK, "dh = np.clip(dIN[:, -H:], -0.01, 0.01)"), or_kinds=(CARRY,)),
    plant(
        "gates overwritten by their derivatives",
        STATE,
        (ENTERS, SLICE + "\n        S *= 1 - S\n        " + ENTERS),
        ("        " + SLICE + "\n        " + GATES_SLOPE, "        dRAW[:, : 3 * H] *= S"),
        lines=("S *= 1 - S", CELL, D_G, FORGETS),
        or_kinds=(OPERAND,),
    ),
)
