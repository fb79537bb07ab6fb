"""The mistakes planted in programs/gru_function.py."""

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

plant = planter("gru_function")

MISTAKES = (
    plant("candidate's matrix not transposed", TRANSPOSED, ("dn_raw @ Un.T", "dn_raw @ Un")),
    plant("update gate's matrix not transposed", TRANSPOSED, ("dz_raw @ Uz.T", "dz_raw @ Uz")),
    plant("candidate's derivative left out", DERIVATIVE, ("dn_raw = dn * (1 - n[t] ** 2)", "dn_raw = dn")),
    plant("candidate differentiated as a sigmoid", DERIVATIVE, ("dn * (1 - n[t] ** 2)", "dn * n[t] * (1 - n[t])")),
    plant("tanh of the candidate again", DERIVATIVE, ("(1 - n[t] ** 2)", "(1 - np.tanh(n[t]) ** 2)")),
    plant("reset gate's derivative half", DERIVATIVE, ("dr * r[t] * (1 - r[t])", "dr * r[t]")),
    plant(
        "update gate's derivative at the step before",
        DERIVATIVE,
        ("dz * z[t] * (1 - z[t])", "dz * z[t - 1] * (1 - z[t - 1])"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "sigmoid of the gate again", DERIVATIVE, ("dz * z[t] * (1 - z[t])", "dz * sigmoid(z[t]) * (1 - sigmoid(z[t]))")
    ),
    plant("state after the step in the update gate", TIME_INDEX, ("h[t].T @ dz_raw", "h[t + 1].T @ dz_raw")),
    plant(
        "state after the step in the update gate's delta",
        TIME_INDEX,
        ("dz = dh * (h[t] - n[t])", "dz = dh * (h[t + 1] - n[t])"),
    ),
    plant("state after the step in the reset gate's delta", TIME_INDEX, ("dr = drh * h[t]", "dr = drh * h[t + 1]")),
    plant("reset gate of the step before", TIME_INDEX, ("(r[t] * h[t]).T @ dn_raw", "(r[t - 1] * h[t]).T @ dn_raw")),
    plant("first input at every step", TIME_INDEX, ("x[t].T @ dr_raw", "x[0].T @ dr_raw")),
    plant("carry left out", CARRY, ("dh = dh_out[t] + dh_next", "dh = dh_out[t]"), or_kinds=(BRANCH,)),
    plant("carry without the update gate", CARRY, ("dh_next = dh * z[t]", "dh_next = dh"), or_kinds=(OPERAND,)),
    plant("carry adds up", CARRY, ("dh_next = dh * z[t]", "dh_next += dh * z[t]")),
    plant(
        "loop runs forward", CARRY, ("range(T - 1, -1, -1)", "range(T)"), lines=("dh = dh_out[t] + dh_next", CHANGED)
    ),
    plant("reset path without the reset gate", CARRY, ("dh_next += drh * r[t]", "dh_next += drh"), or_kinds=(OPERAND,)),
    plant("z for 1 - z in the candidate", OPERAND, ("dn = dh * (1 - z[t])", "dn = dh * z[t]")),
    plant("1 - z for z in the carry", OPERAND, ("dh_next = dh * z[t]", "dh_next = dh * (1 - z[t])"), or_kinds=(CARRY,)),
    plant("update gate for reset gate in the path", OPERAND, ("dh_next += drh * r[t]", "dh_next += drh * z[t]")),
    plant("reset gate's matrix for the update gate's", OPERAND, ("dz_raw @ Uz.T", "dz_raw @ Ur.T")),
    plant("update gate's delta in the reset gate's weights", OPERAND, ("x[t].T @ dr_raw", "x[t].T @ dz_raw")),
    plant(
        "candidate's recurrent weights without the reset gate", OPERAND, ("(r[t] * h[t]).T @ dn_raw", "h[t].T @ dn_raw")
    ),
    plant("candidate's bias from the reset gate", OPERAND, ("dn_raw.sum(axis=0)", "dr_raw.sum(axis=0)")),
    plant(
        "recurrent weights from the gradient before the activation",
        OPERAND,
        ("h[t].T @ dr_raw", "h[t].T @ dr"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("half the update gate", FACTOR, ("dz = dh * (h[t] - n[t])", "dz = 0.5 * dh * (h[t] - n[t])")),
    plant(
        "averaged over time",
        FACTOR,
        ('grads["Un"] += (r[t] * h[t]).T @ dn_raw', 'grads["Un"] += (r[t] * h[t]).T @ dn_raw / T'),
    ),
    plant("averaged over the batch", FACTOR, ("dh = dh_out[t] + dh_next", "dh = dh_out[t] / len(dh_next) + dh_next")),
    plant("candidate's weights overwritten", ACCUMULATION, ('grads["Wn"] +=', 'grads["Wn"] =')),
    plant("update gate's bias overwritten", ACCUMULATION, ('grads["bz"] +=', 'grads["bz"] =')),
    plant("first step dropped", ACCUMULATION, ("range(T - 1, -1, -1)", "range(T - 1, 0, -1)")),
    plant(
        "path through the reset gate lost",
        BRANCH,
        ("        dh_next += dr_raw @ Ur.T\n", ""),
        lines=("dh_next += drh * r[t]", "dh_next += dz_raw @ Uz.T", "dh = dh_out[t] + dh_next"),
        or_kinds=(CARRY,),
    ),
    plant(
        "path overwritten", BRANCH, ("dh_next += drh * r[t]", "dh_next = drh * r[t]"), or_kinds=(ACCUMULATION, CARRY)
    ),
    plant(
        "path through the candidate lost",
        BRANCH,
        ("        dh_next += drh * r[t]\n", ""),
        lines=("dh_next = dh * z[t]", "dh_next += dr_raw @ Ur.T", "dh = dh_out[t] + dh_next"),
        or_kinds=(CARRY,),
    ),
    plant("bias averaged", BIAS_SUM, ("dz_raw.sum(axis=0)", "dz_raw.mean(axis=0)")),
    plant("bias is one number", BIAS_SUM, ("dr_raw.sum(axis=0)", "dr_raw.sum()")),
    plant("update gate's sign", SIGN, ("dz = dh * (h[t] - n[t])", "dz = dh * (n[t] - h[t])")),
    plant("reset gate's path subtracted", SIGN, ("dh_next += dr_raw @ Ur.T", "dh_next -= dr_raw @ Ur.T")),
    plant("recurrent gradient transposed", LAYOUT, ("h[t].T @ dz_raw", "dz_raw.T @ h[t]")),
    plant("inputs reshaped for transposed", LAYOUT, ("x[t].T @ dz_raw", "x[t].reshape(x[t].T.shape) @ dz_raw")),
    plant("last upstream at every step", INJECTION, ("dh = dh_out[t] + dh_next", "dh = dh_out[-1] + dh_next")),
    plant(
        "upstream of the last step only",
        INJECTION,
        ("dh = dh_out[t] + dh_next", "dh = dh_out[t] if t == T - 1 else dh_next"),
        or_kinds=(BRANCH,),
    ),
    plant("carry clipped", STATE, ("dh = dh_out[t] + dh_next", "dh = dh_out[t] + np.clip(dh_next, -0.2, 0.2)")),
    plant(
        "gate overwritten by its derivative",
        STATE,
        ("dr_raw = dr * r[t] * (1 - r[t])", "r[t] *= 1 - r[t]\n        dr_raw = dr * r[t]"),
        lines=("r[t] *= 1 - r[t]", "(r[t] * h[t]).T @ dn_raw"),
    ),
    plant(
        "candidate's matrix updated in the loop",
        UPDATE,
        ("drh = dn_raw @ Un.T", "Un = Un - 0.1 * (r[t] * h[t]).T @ dn_raw\n        drh = dn_raw @ Un.T"),
    ),
)
