"""The mistakes planted in programs/voice_commands.py."""

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

plant = planter("voice_commands")

TAKE = 'h, z, r, c = step["h"], step["z"], step["r"], step["c"]'
LABEL = "dscores[commands, np.arange(B)] -= 1"
MEAN = "dscores /= B"
D_V = 'grad["V"] = dscores @ tape[-1]["h_new"].T'
FIRST = 'dh = theta["V"].T @ dscores'
CAND = "dac = dh * z * (1 - c * c)"
INTO = 'drh = theta["Wc"][:, :H].T @ dac'
UPD = "daz = dh * (c - h) * z * (1 - z)"
RES = "dar = drh * h * r * (1 - r)"
KEPT = "dh_prev = dh * (1 - z)"
BY_C = "dh_prev += drh * r"
BY_Z = 'dh_prev += theta["Wz"][:, :H].T @ daz'
BY_R = 'dh_prev += theta["Wr"][:, :H].T @ dar'
HAND = "        dh = dh_prev\n"
W_C = 'grad["Wc"] += dac @ step["rhx"].T'
W_Z = 'grad["Wz"] += daz @ step["hx"].T'
W_R = 'grad["Wr"] += dar @ step["hx"].T'
B_C = 'grad["bc"] += dac.sum(axis=1, keepdims=True)'
B_Z = 'grad["bz"] += daz.sum(axis=1, keepdims=True)'
B_R = 'grad["br"] += dar.sum(axis=1, keepdims=True)'
D_A = 'grad["a"] = dscores.sum(axis=1, keepdims=True)'
D_H0 = 'grad["h0"] = dh.sum(axis=1, keepdims=True)'
POP = "step = tape.pop()"
WALK = "while tape:"

MISTAKES = (
    plant("update gate's matrix not transposed", TRANSPOSED, (BY_Z, 'dh_prev += theta["Wz"][:, :H] @ daz')),
    plant("candidate's matrix not transposed", TRANSPOSED, (INTO, 'drh = theta["Wc"][:, :H] @ dac')),
    plant(
        "both gates' matrices not transposed",
        TRANSPOSED,
        (BY_Z, 'dh_prev += theta["Wz"][:, :H] @ daz'),
        (BY_R, 'dh_prev += theta["Wr"][:, :H] @ dar'),
    ),
    # layout
    plant("candidate's matrix split at the wrong end", LAYOUT, (INTO, INTO.replace("[:, :H]", "[:, -H:]"))),
    plant("reset gate's matrix split at the wrong end", LAYOUT, (BY_R, BY_R.replace("[:, :H]", "[:, -H:]"))),
    plant(
        "frame on top of the state",
        LAYOUT,
        (W_Z, 'grad["Wz"] += daz @ np.vstack([step["hx"][H:], h]).T'),
    ),
    plant("states reshaped for transposed", LAYOUT, (W_R, 'grad["Wr"] += dar @ step["hx"].reshape(B, -1)')),
    plant(
        "one taken off whole rows",
        LAYOUT,
        (LABEL, "dscores[commands] -= 1"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    # activation derivative
    plant("candidate's derivative left out", DERIVATIVE, (CAND, "dac = dh * z")),
    plant("candidate with a gate's derivative", DERIVATIVE, (CAND, "dac = dh * z * c * (1 - c)")),
    plant("tanh of the candidate once more", DERIVATIVE, (CAND, "dac = dh * z * (1 - np.tanh(c) ** 2)")),
    plant("update gate's derivative left out", DERIVATIVE, (UPD, "daz = dh * (c - h)")),
    plant("update gate with tanh'", DERIVATIVE, (UPD, "daz = dh * (c - h) * (1 - z * z)")),
    plant("reset gate's derivative misses a factor", DERIVATIVE, (RES, "dar = drh * h * r")),
    plant(
        "both gates squashed once more",
        DERIVATIVE,
        (UPD, "daz = dh * (c - h) * sig(z) * (1 - sig(z))"),
        (RES, "dar = drh * h * sig(r) * (1 - sig(r))"),
    ),
    plant(
        "reset state from before the derivative",
        DERIVATIVE,
        (INTO, 'drh = theta["Wc"][:, :H].T @ (dh * z)'),
        or_kinds=(OPERAND,),
    ),
    # time index
    plant(
        "state after the step",
        TIME_INDEX,
        (TAKE, TAKE.replace('step["h"]', 'step["h_new"]')),
        or_kinds=(OPERAND,),
    ),
    plant(
        "update gate with the state after",
        TIME_INDEX,
        (UPD, UPD.replace("(c - h)", '(c - step["h_new"])')),
        or_kinds=(OPERAND,),
    ),
    plant(
        "reset gate with the state after",
        TIME_INDEX,
        (RES, 'dar = drh * step["h_new"] * r * (1 - r)'),
        or_kinds=(OPERAND,),
    ),
    plant(
        "update gate's weights with the state after",
        TIME_INDEX,
        (W_Z, 'grad["Wz"] += daz @ np.vstack([step["h_new"], step["hx"][H:]]).T'),
        or_kinds=(OPERAND,),
    ),
    plant("state before the last in the readout", TIME_INDEX, (D_V, D_V.replace("h_new", "h"))),
    plant(
        "reset gate's weights with the step before",
        TIME_INDEX,
        (W_R, 'grad["Wr"] += dar @ (tape[-1] if tape else step)["hx"].T'),
    ),
    # carry
    plant("steps forward", CARRY, (POP, "step = tape.pop(0)"), lines=(CHANGED, TAKE), or_kinds=(TIME_INDEX,)),
    plant(
        "nothing handed on",
        CARRY,
        ("\n" + HAND, "\n"),
        lines=(FIRST, CAND, KEPT, BY_C, BY_Z, BY_R),
    ),
    plant("carry adds up", CARRY, (HAND, "        dh = dh + dh_prev\n"), or_kinds=(ACCUMULATION,)),
    plant("carry without the update gate", CARRY, (KEPT, "dh_prev = dh.copy()"), or_kinds=(OPERAND,)),
    plant("carry without the reset gate", CARRY, (BY_C, "dh_prev += drh"), or_kinds=(OPERAND,)),
    plant("carry along the state only", CARRY, (HAND, "        dh = dh * (1 - z)\n"), or_kinds=(BRANCH,)),
    plant(
        "three steps and no more",
        CARRY,
        (FIRST, FIRST + "\n    del tape[:-3]"),
        lines=("del tape[:-3]", WALK, POP),
        or_kinds=(ACCUMULATION,),
    ),
    # operand
    plant("z for 1 - z in the carry", OPERAND, (KEPT, "dh_prev = dh * z"), or_kinds=(CARRY,)),
    plant("1 - z for z in the candidate", OPERAND, (CAND, "dac = dh * (1 - z) * (1 - c * c)")),
    plant("update gate forgets the state", OPERAND, (UPD, "daz = dh * c * z * (1 - z)"), or_kinds=(BRANCH,)),
    plant("reset gate with the candidate", OPERAND, (RES, "dar = drh * c * r * (1 - r)")),
    plant("reset gate past the candidate's matrix", OPERAND, (RES, "dar = dac * h * r * (1 - r)")),
    plant("candidate's weights with the state not reset", OPERAND, (W_C, W_C.replace("rhx", "hx"))),
    plant("update gate's delta in the reset gate's bias", OPERAND, (B_R, B_R.replace("dar", "daz"))),
    plant("reset gate's delta through the update gate's matrix", OPERAND, (BY_R, BY_R.replace("Wr", "Wz"))),
    plant("gradient of the matrix on the way back", OPERAND, (BY_Z, BY_Z.replace("theta", "grad"))),
    # factor
    plant("commands not averaged", FACTOR, ("    " + MEAN + "\n", ""), lines=(LABEL, D_V, D_A, FIRST)),
    plant("averaged over the steps, too", FACTOR, (MEAN, "dscores /= B * len(tape)")),
    plant("candidate's weights averaged once more", FACTOR, (W_C, W_C + " / B")),
    # accumulation
    plant("candidate's weights overwritten", ACCUMULATION, (W_C, W_C.replace("+=", "="))),
    plant(
        "both gates' weights overwritten",
        ACCUMULATION,
        (W_Z, W_Z.replace("+=", "=")),
        (W_R, W_R.replace("+=", "=")),
    ),
    plant("update gate's bias overwritten", ACCUMULATION, (B_Z, B_Z.replace("+=", "="))),
    plant(
        "first step left out",
        ACCUMULATION,
        (WALK, "while len(tape) > 1:"),
        lines=(CHANGED, POP),
    ),
    # output delta
    plant(
        "softmax' once more",
        OUTPUT_DELTA,
        (MEAN, "dscores *= prob * (1 - prob) / B"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "only where the command is",
        OUTPUT_DELTA,
        ("dscores = prob.copy()", "dscores = np.zeros_like(prob)"),
        (LABEL, "dscores[commands, np.arange(B)] = prob[commands, np.arange(B)] - 1"),
    ),
    # bias
    plant("candidate's bias averaged", BIAS_SUM, (B_C, B_C.replace("sum", "mean")), or_kinds=(FACTOR,)),
    plant("update gate's bias is one number", BIAS_SUM, (B_Z, 'grad["bz"] += daz.sum()')),
    plant("first state of the first command", BIAS_SUM, (D_H0, 'grad["h0"] = dh[:, :1]')),
    # update, branch, sign, injection, state
    plant(
        "readout moved before it is used",
        UPDATE,
        (FIRST, 'theta["V"] = theta["V"] - 0.1 * grad["V"]\n    ' + FIRST),
        lines=(CHANGED, FIRST),
    ),
    plant(
        "weights moved after every step",
        UPDATE,
        (HAND, '        theta["Wc"] = theta["Wc"] - 0.1 * grad["Wc"]\n' + HAND),
        lines=(CHANGED, INTO),
    ),
    plant(
        "update gate's way back lost",
        BRANCH,
        ("        " + BY_Z + "\n", ""),
        lines=(KEPT, BY_C, BY_R),
        or_kinds=(CARRY,),
    ),
    plant(
        "candidate's way back lost",
        BRANCH,
        ("        " + BY_C + "\n", ""),
        lines=(KEPT, BY_Z, BY_R),
        or_kinds=(CARRY,),
    ),
    plant(
        "way past the gates lost",
        BRANCH,
        (BY_C, "dh_prev = drh * r"),
        lines=(CHANGED, KEPT),
        or_kinds=(CARRY, ACCUMULATION),
    ),
    plant("state minus candidate", SIGN, ("(c - h)", "(h - c)"), or_kinds=(OPERAND,)),
    plant(
        "labels minus probabilities",
        SIGN,
        ("dscores = prob.copy()", "dscores = -prob"),
        (LABEL, LABEL.replace("-=", "+=")),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant(
        "error enters at every step",
        INJECTION,
        (HAND, '        dh = dh_prev + theta["V"].T @ dscores\n'),
        or_kinds=(CARRY,),
    ),
    plant(
        "state's error multiplied in place",
        STATE,
        (KEPT, "dh_prev = dh"),
        ("        " + CAND, "        dh *= 1 - z\n        " + CAND),
        lines=("dh *= 1 - z", CAND),
        or_kinds=(OPERAND,),
    ),
    plant("state's error clipped", STATE, (HAND, "        dh = np.clip(dh_prev, -0.02, 0.02)\n"), or_kinds=(CARRY,)),
)
