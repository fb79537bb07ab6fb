"""The mistakes planted in programs/heartbeats.py."""

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

plant = planter("heartbeats")

WALK = "for t in range(T - 1, -1, -1):"
BACK = "dy += delta[t + 1, k] @ R[k].T"
BACK_HEAD = "        for k in (Z, I, F, O):\n            dy +="
CELL = "dc[t] = dy * o * (1 - tanh_c**2)"
PEEP_O = "dc[t] += P[2] * delta[t, O]"
PEEP_IF = "dc[t] += P[0] * delta[t + 1, I] + P[1] * delta[t + 1, F]"
CELL_BACK = "dc[t] += dc[t + 1] * act[t + 1, F]"
TO_O = "delta[t, O] = dy * tanh_c * o * (1 - o)"
TO_F = "delta[t, F] = dc[t] * c[t - 1] * f * (1 - f)"
TO_I = "delta[t, I] = dc[t] * z * i * (1 - i)"
TO_Z = "delta[t, Z] = dc[t] * i * (1 - z**2)"
LABEL = "dlogits[np.arange(B), labels] -= 1"

MISTAKES = (
    # layout
    plant("input reshaped, not transposed", LAYOUT, ("X[t].T @ delta[t, k]", "X[t].reshape(-1, B) @ delta[t, k]")),
    plant("readout reshaped, not transposed", LAYOUT, ("dlogits @ V.T", "dlogits @ V.reshape(-1, H)")),
    plant("last state reshaped, not transposed", LAYOUT, ("dV = y[T - 1].T @", "dV = y[T - 1].reshape(H, B) @")),
    plant("recurrent gradient the wrong way round", LAYOUT, ("y[t - 1].T @ delta[t, k]", "delta[t, k].T @ y[t - 1]")),
    plant(
        "gates unpacked with the forget gate second",
        LAYOUT,
        ("z, i, f, o = act[t]", "z, f, i, o = act[t]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "gates unpacked in a library's order",
        LAYOUT,
        ("z, i, f, o = act[t]", "i, f, z, o = act[t]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "matrix product for the input gate's peephole",
        LAYOUT,
        ("(delta[t, I] * c[t - 1]).sum(axis=0)", "(delta[t, I].T @ c[t - 1]).sum(axis=0)"),
    ),
    plant(
        "peepholes' rows exchanged",
        LAYOUT,
        ("dP[0] += (delta[t, I]", "dP[1] += (delta[t, I]"),
        ("dP[1] += (delta[t, F]", "dP[0] += (delta[t, F]"),
        or_kinds=(OPERAND,),
    ),
    # activation derivative
    plant("output gate's derivative left out", DERIVATIVE, (TO_O, "delta[t, O] = dy * tanh_c")),
    plant("output gate's derivative by half", DERIVATIVE, (TO_O, "delta[t, O] = dy * tanh_c * (1 - o)")),
    plant("tanh' of the cell left out", DERIVATIVE, (CELL, "dc[t] = dy * o")),
    plant("tanh' of the cell at the cell", DERIVATIVE, (CELL, "dc[t] = dy * o * (1 - c[t] ** 2)"), or_kinds=(OPERAND,)),
    plant(
        "tanh' on the whole error of the cell",
        DERIVATIVE,
        (CELL, "dc[t] = dy * o"),
        (CELL_BACK, CELL_BACK + "\n        dc[t] *= 1 - tanh_c**2"),
        or_kinds=(CARRY,),
    ),
    plant("forget gate's derivative left out", DERIVATIVE, (TO_F, "delta[t, F] = dc[t] * c[t - 1]")),
    plant("input gate with tanh'", DERIVATIVE, (TO_I, "delta[t, I] = dc[t] * z * (1 - i**2)")),
    plant(
        "forget gate's derivative at its net input",
        DERIVATIVE,
        (TO_F, "delta[t, F] = dc[t] * c[t - 1] * net[t, F] * (1 - net[t, F])"),
        or_kinds=(OPERAND,),
    ),
    plant("block input with a gate's derivative", DERIVATIVE, (TO_Z, "delta[t, Z] = dc[t] * i * z * (1 - z)")),
    plant("block input through tanh again", DERIVATIVE, (TO_Z, "delta[t, Z] = dc[t] * i * (1 - np.tanh(z) ** 2)")),
    # time index
    plant("recurrent weights with the state after", TIME_INDEX, ("y[t - 1].T @", "y[t].T @"), or_kinds=(OPERAND,)),
    plant(
        "zeros for the first state",
        TIME_INDEX,
        ("            dR[k] += y[t - 1].T", "            dR[k] += (y[t - 1] if t else 0 * y0).T"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "forget gate with the cell after",
        TIME_INDEX,
        (TO_F, "delta[t, F] = dc[t] * c[t] * f * (1 - f)"),
        or_kinds=(OPERAND,),
    ),
    plant("state before the first in the readout", TIME_INDEX, ("dV = y[T - 1].T", "dV = y[-1].T"), or_kinds=(STATE,)),
    plant(
        "forget gate of this step in the carry",
        TIME_INDEX,
        (CELL_BACK, "dc[t] += dc[t + 1] * f"),
        or_kinds=(OPERAND, CARRY),
    ),
    plant(
        "output gate's peephole with the cell before",
        TIME_INDEX,
        ("(delta[t, O] * c[t])", "(delta[t, O] * c[t - 1])"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "output gate's peephole a step late",
        TIME_INDEX,
        (PEEP_O, "dc[t] += P[2] * delta[t + 1, O]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "errors not yet there through the peepholes",
        TIME_INDEX,
        (PEEP_IF, "dc[t] += P[0] * delta[t, I] + P[1] * delta[t, F]"),
        or_kinds=(BRANCH, CARRY),
    ),
    plant("gates of the step before", TIME_INDEX, ("z, i, f, o = act[t]", "z, i, f, o = act[t - 1]")),
    plant("input of the step before", TIME_INDEX, ("X[t].T @ delta[t, k]", "X[t - 1].T @ delta[t, k]")),
    # carry
    plant(
        "errors not yet there sent back",
        CARRY,
        (BACK, "dy += delta[t, k] @ R[k].T"),
        or_kinds=(TIME_INDEX, BRANCH),
    ),
    plant(
        "nothing back from the state",
        CARRY,
        ("        for k in (Z, I, F, O):\n            dy += delta[t + 1, k] @ R[k].T\n", ""),
        lines=("dy = np.zeros((B, H))", "dy += dlogits @ V.T", "delta[t, O] = dy", "dc[t] = dy * o"),
        or_kinds=(BRANCH,),
    ),
    plant("errors back without the recurrent matrices", CARRY, (BACK, "dy += delta[t + 1, k]")),
    plant(
        "nothing back from the cell",
        CARRY,
        (f"        {CELL_BACK}\n", ""),
        lines=("dc[t] = dy * o", "dc[t] += P[2]", "dc[t] += P[0]"),
        or_kinds=(BRANCH,),
    ),
    plant("cell's error back without the forget gate", CARRY, (CELL_BACK, "dc[t] += dc[t + 1]"), or_kinds=(OPERAND,)),
    plant(
        "state's error never cleared",
        CARRY,
        ("    " + WALK, "    dy = np.zeros((B, H))\n    " + WALK),
        ("        dy = np.zeros((B, H))\n        if", "        if"),
        lines=(CHANGED, "dy += dlogits @ V.T", BACK),
        or_kinds=(ACCUMULATION,),
    ),
    plant("steps forward", CARRY, (WALK, "for t in range(T):"), lines=(CHANGED, BACK)),
    plant(
        "three steps back only",
        CARRY,
        (WALK, "for t in range(T - 1, max(T - 3, 0) - 1, -1):"),
        or_kinds=(ACCUMULATION,),
    ),
    # operand
    plant("forget gate with the block input", OPERAND, (TO_F, "delta[t, F] = dc[t] * z * f * (1 - f)")),
    plant(
        "forget gate with the input gate's derivative",
        OPERAND,
        (TO_F, "delta[t, F] = dc[t] * c[t - 1] * i * (1 - i)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("block input from the state's error", OPERAND, (TO_Z, "delta[t, Z] = dy * i * (1 - z**2)")),
    plant(
        "output gate with the cell itself",
        OPERAND,
        (TO_O, "delta[t, O] = dy * c[t] * o * (1 - o)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "peepholes exchanged on the way back",
        OPERAND,
        (PEEP_IF, "dc[t] += P[1] * delta[t + 1, I] + P[0] * delta[t + 1, F]"),
    ),
    plant("state in the input gate's peephole", OPERAND, ("(delta[t, I] * c[t - 1])", "(delta[t, I] * y[t - 1])")),
    plant(
        "forget gate's error for the output gate's peephole", OPERAND, ("(delta[t, O] * c[t])", "(delta[t, F] * c[t])")
    ),
    # factor
    plant(
        "batch averaged twice in the readout", FACTOR, ("dV = y[T - 1].T @ dlogits", "dV = y[T - 1].T @ dlogits / B")
    ),
    plant("averaged over the steps, too", FACTOR, ("dlogits /= B", "dlogits /= B * T")),
    plant(
        "batch not averaged",
        FACTOR,
        ("    dlogits /= B\n", ""),
        lines=("dlogits = probs.copy()", LABEL),
    ),
    plant("input weights averaged over the steps", FACTOR, ("X[t].T @ delta[t, k]", "X[t].T @ delta[t, k] / T")),
    # accumulation
    plant("input weights overwritten", ACCUMULATION, ("dW[k] +=", "dW[k] =")),
    plant("biases overwritten", ACCUMULATION, ("db[k] +=", "db[k] =")),
    plant("first step left out", ACCUMULATION, (WALK, "for t in range(T - 1, 0, -1):")),
    plant(
        "output gate's peephole never written",
        ACCUMULATION,
        ("        dP[2] += (delta[t, O] * c[t]).sum(axis=0)\n", ""),
        lines=("dW, dR, db, dP = ", "dP[0] += ", "dP[1] += "),
    ),
    # output delta
    plant("labels as columns of every row", OUTPUT_DELTA, (LABEL, "dlogits[:, labels] -= 1"), or_kinds=(LAYOUT,)),
    plant(
        "label not subtracted",
        OUTPUT_DELTA,
        (f"    {LABEL}\n", ""),
        lines=("dlogits = probs.copy()", "dlogits /= B"),
    ),
    plant(
        "derivative of a sigmoid as well",
        OUTPUT_DELTA,
        ("dlogits /= B", "dlogits *= probs * (1 - probs) / B"),
        or_kinds=(DERIVATIVE,),
    ),
    # transposed
    plant("recurrent matrices not transposed", TRANSPOSED, (BACK, "dy += delta[t + 1, k] @ R[k]")),
    # bias sum
    plant("biases averaged", BIAS_SUM, ("delta[t, k].sum(axis=0)", "delta[t, k].mean(axis=0)"), or_kinds=(FACTOR,)),
    plant("biases one number a gate", BIAS_SUM, ("delta[t, k].sum(axis=0)", "delta[t, k].sum()")),
    plant("readout's bias of the first beat", BIAS_SUM, ("dd = dlogits.sum(axis=0)", "dd = dlogits[0]")),
    # update order
    plant(
        "readout moved before it is used",
        UPDATE,
        ("    dd = dlogits.sum(axis=0)\n", "    dd = dlogits.sum(axis=0)\n    V = V - 0.1 * dV\n"),
        lines=(CHANGED, "dy += dlogits @ V.T"),
    ),
    plant(
        "recurrent matrices moved at every step",
        UPDATE,
        ("        dP[0] += (", "        R = R - 0.1 * dR\n        dP[0] += ("),
        lines=("R = R - 0.1 * dR", BACK),
    ),
    # branch
    plant(
        "cell's error from the next cell only",
        BRANCH,
        (CELL_BACK, "dc[t] = dc[t + 1] * act[t + 1, F]"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "peepholes over time left out",
        BRANCH,
        (f"        {PEEP_IF}\n", ""),
        lines=("dc[t] = dy * o", "dc[t] += P[2]", "dc[t] += dc[t + 1]"),
        or_kinds=(CARRY,),
    ),
    plant(
        "output gate's peephole left out",
        BRANCH,
        (f"        {PEEP_O}\n", ""),
        lines=("dc[t] = dy * o", "dc[t] += P[0]", "dc[t] += dc[t + 1]"),
    ),
    plant(
        "block input's way back left out",
        BRANCH,
        (BACK_HEAD, BACK_HEAD.replace("(Z, I, F, O)", "(I, F, O)")),
        lines=(CHANGED, BACK),
        or_kinds=(CARRY,),
    ),
    # sign
    plant(
        "labels minus predictions",
        SIGN,
        ("dlogits = probs.copy()", "dlogits = -probs"),
        (LABEL, "dlogits[np.arange(B), labels] += 1"),
        lines=(CHANGED, "dlogits /= B"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant("tanh' of the cell with a plus", SIGN, (CELL, "dc[t] = dy * o * (1 + tanh_c**2)"), or_kinds=(DERIVATIVE,)),
    # injection
    plant(
        "error enters at every step",
        INJECTION,
        ("        if t == T - 1:\n            dy += dlogits @ V.T", "        dy += dlogits @ V.T"),
    ),
    plant(
        "error enters at the first step",
        INJECTION,
        ("if t == T - 1:", "if t == 0:"),
        lines=(CHANGED, "dy += dlogits @ V.T"),
        or_kinds=(TIME_INDEX,),
    ),
    # state
    plant(
        "errors clipped in the loop",
        STATE,
        ("        dP[0] += (", "        delta[t] = np.clip(delta[t], -0.01, 0.01)\n        dP[0] += ("),
        or_kinds=(CARRY,),
    ),
    plant(
        "forget gate overwritten by its slope",
        STATE,
        (TO_F, "f *= 1 - f\n        delta[t, F] = dc[t] * c[t - 1] * f"),
        lines=(CHANGED, CELL_BACK),
        or_kinds=(CARRY,),
    ),
)
