"""The mistakes planted in programs/gru_forecast.py."""

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

plant = planter("gru_forecast")


MISTAKES = (
    plant(
        "recurrent blocks not transposed",
        TRANSPOSED,
        (
            "dH = dH * z + dHP.dot(Wh.T)",
            "dH = dH * z + sum(dHP[:, k : k + N].dot(Wh[:, k : k + N]) for k in (0, N, 2 * N))",
        ),
    ),
    plant("candidate's derivative left out", DERIVATIVE, ("dac = dc * (1 - c * c)", "dac = dc")),
    plant("candidate's tanh again", DERIVATIVE, ("dc * (1 - c * c)", "dc * (1 - np.tanh(c) ** 2)")),
    plant("candidate's derivative a sigmoid's", DERIVATIVE, ("dc * (1 - c * c)", "dc * c * (1 - c)")),
    plant(
        "candidate's derivative at the projection",
        DERIVATIVE,
        ("dc * (1 - c * c)", "dc * (1 - (XP[:, t, 2 * N :] + r * q) ** 2)"),
    ),
    plant("update gate's derivative left out", DERIVATIVE, ("daz = dz * z * (1 - z)", "daz = dz")),
    plant("update gate's derivative a tanh's", DERIVATIVE, ("daz = dz * z * (1 - z)", "daz = dz * (1 - z * z)")),
    plant("reset gate's derivative halved", DERIVATIVE, ("dar = dr * r * (1 - r)", "dar = dr * r")),
    plant("reset gate squashed again", DERIVATIVE, ("dar = dr * r * (1 - r)", "dar = dr * sigm(r) * (1 - sigm(r))")),
    plant("h_t for h_{t-1}", TIME_INDEX, ("Q[:, t], Hs[:, t]\n", "Q[:, t], Hs[:, t + 1]\n"), or_kinds=(OPERAND,)),
    plant(
        "h_t in the recurrent weights alone",
        TIME_INDEX,
        ("dWh += hprev.T", "dWh += Hs[:, t + 1].T"),
        or_kinds=(OPERAND,),
    ),
    plant("state before the last in the readout", TIME_INDEX, ("dWo = Hs[:, T].T", "dWo = Hs[:, T - 1].T")),
    plant("states indexed as if h_0 were not in front", TIME_INDEX, ("Q[:, t], Hs[:, t]\n", "Q[:, t], Hs[:, t - 1]\n")),
    plant("projections' deltas one step late", TIME_INDEX, ("dXP[:, t] = np.hstack", "dXP[:, t - 1] = np.hstack")),
    plant(
        "counter lowered at the end",
        TIME_INDEX,
        (
            "        t -= 1\n        z, r, c, q, hprev = Z[:, t], R[:, t], C[:, t], Q[:, t], Hs[:, t]\n",
            "        z, r, c, q, hprev = Z[:, t - 1], R[:, t - 1], C[:, t - 1], Q[:, t - 1], Hs[:, t]\n"
            "        t -= 1\n",
        ),
        or_kinds=(OPERAND,),
    ),
    plant("carry without the gates", CARRY, ("dH = dH * z + dHP.dot(Wh.T)", "dH = dH * z"), or_kinds=(BRANCH,)),
    plant("carry without the update gate", CARRY, ("dH = dH * z + dHP", "dH = dH + dHP"), or_kinds=(OPERAND,)),
    plant(
        "state's gradient never changes",
        CARRY,
        ("        dH = dH * z + dHP.dot(Wh.T)\n", ""),
        lines=("dH = dpred.dot(Wo.T)", "dz = dH * (hprev - c)", "dHP = np.hstack", "dbh += dHP"),
    ),
    plant("state's gradient grows", CARRY, ("dH = dH * z + dHP", "dH += dH * z + dHP")),
    plant(
        "two steps only",
        CARRY,
        ("while t > 0:", "while t > T - 2:"),
        lines=(CHANGED, "t -= 1"),
        or_kinds=(ACCUMULATION,),
    ),
    plant("1-z for z in the carry", OPERAND, ("dH = dH * z + dHP", "dH = dH * (1 - z) + dHP"), or_kinds=(CARRY,)),
    plant("z for 1-z in the candidate", OPERAND, ("dc = dH * (1 - z)", "dc = dH * z")),
    plant("state for its projection in the reset gate", OPERAND, ("dr = dac * q", "dr = dac * hprev")),
    plant("reset gate times the candidate", OPERAND, ("dr = dac * q", "dr = dac * c")),
    plant(
        "candidate's gradient before its derivative in r",
        OPERAND,
        ("dr = dac * q", "dr = dc * q"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "candidate's gradient before its derivative in q",
        OPERAND,
        ("dq = dac * r", "dq = dc * r"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "reset gate left out of the projected state",
        OPERAND,
        ("dHP = np.hstack((daz, dar, dq))", "dHP = np.hstack((daz, dar, dac))"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "reset gate in the inputs as well",
        OPERAND,
        ("dXP[:, t] = np.hstack((daz, dar, dac))", "dXP[:, t] = np.hstack((daz, dar, dq))"),
    ),
    plant("gates in the other order", LAYOUT, ("dHP = np.hstack((daz, dar, dq))", "dHP = np.hstack((dar, daz, dq))")),
    plant(
        "inputs' gates in the other order",
        LAYOUT,
        ("dXP[:, t] = np.hstack((daz, dar, dac))", "dXP[:, t] = np.hstack((dar, daz, dac))"),
    ),
    plant(
        "samples and steps exchanged by the reshape",
        LAYOUT,
        ("dWi = X.reshape(B * T, D).T", "dWi = X.transpose(1, 0, 2).reshape(B * T, D).T"),
    ),
    plant("inputs reshaped, not transposed", LAYOUT, ("dWi = X.reshape(B * T, D).T", "dWi = X.reshape(D, B * T)")),
    plant("readout reshaped, not transposed", LAYOUT, ("dpred.dot(Wo.T)", "dpred.dot(Wo.reshape(-1, N))")),
    plant(
        "recurrent gradient by blocks the wrong way round",
        LAYOUT,
        ("dWh += hprev.T.dot(dHP)", "dWh += np.hstack([part.T.dot(hprev) for part in (daz, dar, dq)])"),
    ),
    plant("mean over the batch only", FACTOR, ("2.0 * diff / diff.size", "2.0 * diff / B")),
    plant("two forgotten", FACTOR, ("dpred = 2.0 * diff", "dpred = diff")),
    plant("mean forgotten", FACTOR, ("2.0 * diff / diff.size", "2.0 * diff")),
    plant("input weights averaged over the batch", FACTOR, (".T.dot(dXP)\n", ".T.dot(dXP) / B\n")),
    plant("recurrent weights overwritten", ACCUMULATION, ("dWh += hprev", "dWh = hprev")),
    plant("first step left out", ACCUMULATION, ("while t > 0:", "while t > 1:"), lines=(CHANGED, "t -= 1")),
    plant(
        "last step left out",
        ACCUMULATION,
        ("    t = T\n", "    t = T - 1\n"),
        lines=(CHANGED, "while t > 0:", "t -= 1", "z, r, c, q, hprev ="),
    ),
    plant(
        "recurrent weights after the loop",
        ACCUMULATION,
        ("        dWh += hprev.T.dot(dHP)\n", ""),
        ("    dXP = dXP.reshape(B * T, 3 * N)\n", "    dWh += hprev.T.dot(dHP)\n    dXP = dXP.reshape(B * T, 3 * N)\n"),
    ),
    plant(
        "prediction for the difference", OUTPUT_DELTA, ("dpred = 2.0 * diff", "dpred = 2.0 * pred"), or_kinds=(OPERAND,)
    ),
    plant(
        "tanh' at the prediction",
        OUTPUT_DELTA,
        ("2.0 * diff / diff.size", "2.0 * diff * (1 - pred**2) / diff.size"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("inputs' bias averaged", BIAS_SUM, ("dbi = dXP.sum(axis=0)", "dbi = dXP.mean(axis=0)"), or_kinds=(FACTOR,)),
    plant(
        "recurrent bias takes the inputs' deltas",
        BIAS_SUM,
        ("dbh += dHP.sum(axis=0)", "dbh += dXP[:, t].sum(axis=0)"),
        or_kinds=(OPERAND,),
    ),
    plant("readout's bias one number", BIAS_SUM, ("dbo = dpred.sum(axis=0)", "dbo = np.full_like(bo, dpred.sum())")),
    plant(
        "target minus prediction", SIGN, ("dpred = 2.0 * diff", "dpred = 2.0 * (Y - pred)"), or_kinds=(OUTPUT_DELTA,)
    ),
    plant("c - h for h - c", SIGN, ("dz = dH * (hprev - c)", "dz = dH * (c - hprev)"), or_kinds=(OPERAND,)),
    plant("plus in the candidate's derivative", SIGN, ("dc * (1 - c * c)", "dc * (1 + c * c)"), or_kinds=(DERIVATIVE,)),
    plant("direct path lost", BRANCH, ("dH = dH * z + dHP.dot(Wh.T)", "dH = dHP.dot(Wh.T)"), or_kinds=(CARRY,)),
    plant(
        "candidate's path lost", BRANCH, ("dHP.dot(Wh.T)", "dHP[:, : 2 * N].dot(Wh[:, : 2 * N].T)"), or_kinds=(CARRY,)
    ),
    plant("gates' paths lost", BRANCH, ("dHP.dot(Wh.T)", "dq.dot(Wh[:, 2 * N :].T)"), or_kinds=(CARRY,)),
    plant(
        "error enters at every step",
        INJECTION,
        ("dH = dH * z + dHP.dot(Wh.T)", "dH = dH * z + dHP.dot(Wh.T) + dpred.dot(Wo.T)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "carry written over by dH *= z",
        STATE,
        ("        dac = dc * (1 - c * c)", "        dH *= z\n        dac = dc * (1 - c * c)"),
        lines=(CHANGED, "dH = dH * z + dHP"),
        or_kinds=(CARRY,),
    ),
    plant(
        "update gate overwritten",
        STATE,
        ("daz = dz * z * (1 - z)", "z *= 1 - z\n        daz = dz * z"),
        lines=(CHANGED, "dH = dH * z + dHP"),
    ),
    plant(
        "gradient of the state clipped",
        STATE,
        ("        dz = dH * (hprev - c)", "        dH = np.clip(dH, -0.02, 0.02)\n        dz = dH * (hprev - c)"),
    ),
    plant(
        "dac reused for dr in place",
        STATE,
        ("        dr = dac * q\n        dq = dac * r", "        dac *= q\n        dr = dac\n        dq = dac * r"),
    ),
    plant(
        "recurrent weights moved at every step",
        UPDATE,
        ("        dH = dH * z + dHP", "        Wh = Wh - 0.1 * dWh\n        dH = dH * z + dHP"),
        lines=(CHANGED, "dH = dH * z + dHP"),
    ),
    plant(
        "readout moved before it is used",
        UPDATE,
        ("    dH = dpred.dot(Wo.T)", "    Wo = Wo - 0.1 * dWo\n    dH = dpred.dot(Wo.T)"),
        lines=(CHANGED, "dH = dpred.dot(Wo.T)"),
    ),
)
