"""The mistakes planted in programs/step_functions.py."""

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

plant = planter("step_functions")

MISTAKES = (
    plant("recurrent matrix not transposed", TRANSPOSED, ("dtanh.dot(Wh.T)", "dtanh.dot(Wh)")),
    plant(
        "derivative of the incoming gradient", DERIVATIVE, ("(1 - next_h**2)", "(1 - dnext_h**2)"), or_kinds=(OPERAND,)
    ),
    plant("derivative left out", DERIVATIVE, ("dtanh = dnext_h * (1 - next_h**2)", "dtanh = dnext_h")),
    plant(
        "derivative at the previous state",
        DERIVATIVE,
        ("(1 - next_h**2)", "(1 - prev_h**2)"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant("square of the difference", DERIVATIVE, ("(1 - next_h**2)", "(1 - next_h) ** 2")),
    plant(
        "next state in the recurrent weights",
        TIME_INDEX,
        ("prev_h.T.dot(dtanh)", "next_h.T.dot(dtanh)"),
        or_kinds=(OPERAND,),
    ),
    plant("the first cache at every step", TIME_INDEX, ("caches[t])", "caches[0])"), or_kinds=(STATE,)),
    plant("the mirrored cache", TIME_INDEX, ("caches[t])", "caches[-t - 1])"), or_kinds=(STATE,)),
    plant("carry left out", CARRY, ("dh[:, t, :] + dprev_h, caches", "dh[:, t, :], caches"), or_kinds=(BRANCH,)),
    plant(
        "carry without the derivative", CARRY, ("dtanh.dot(Wh.T)", "dnext_h.dot(Wh.T)"), or_kinds=(OPERAND, DERIVATIVE)
    ),
    plant(
        "loop runs forward",
        CARRY,
        ("range(T - 1, -1, -1)", "range(T)"),
        lines=(CHANGED, "rnn_step_backward(dh[:, t, :]"),
    ),
    plant(
        "carry adds up",
        CARRY,
        ("        dx_t, dprev_h, dWx_t", "        dx_t, step_dprev_h, dWx_t"),
        ("        dx[:, t, :] = dx_t\n", "        dprev_h += step_dprev_h\n        dx[:, t, :] = dx_t\n"),
        lines=("dprev_h += step_dprev_h",),
    ),
    plant(
        "first state's gradient is that of the last step",
        CARRY,
        ("dh0 = dprev_h", "dh0 = dh[:, 0, :]"),
        or_kinds=(OPERAND, BRANCH),
    ),
    plant(
        "incoming gradient in the recurrent weights",
        OPERAND,
        ("prev_h.T.dot(dtanh)", "prev_h.T.dot(dnext_h)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "incoming gradient in the bias",
        OPERAND,
        ("np.sum(dtanh, axis=0)", "np.sum(dnext_h, axis=0)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("two missing", FACTOR, ("dout = 2 * (out - target)", "dout = (out - target)")),
    plant("mean not taken", FACTOR, ("dout = 2 * (out - target) / sizes.batch", "dout = 2 * (out - target)")),
    plant(
        "divided by all there is",
        FACTOR,
        ("dout = 2 * (out - target) / sizes.batch", "dout = 2 * (out - target) / out.size"),
    ),
    plant("half the recurrent weights", FACTOR, ("dWh = prev_h.T.dot(dtanh)", "dWh = 0.5 * prev_h.T.dot(dtanh)")),
    plant("input weights overwritten", ACCUMULATION, ("dWx += dWx_t", "dWx = dWx_t")),
    plant("bias overwritten", ACCUMULATION, ("db += db_t", "db = db_t")),
    plant("first step left out", ACCUMULATION, ("range(T - 1, -1, -1)", "range(T - 1, 0, -1)")),
    plant(
        "last step left out",
        ACCUMULATION,
        ("range(T - 1, -1, -1)", "range(T - 2, -1, -1)"),
        lines=(CHANGED, "rnn_step_backward(dh[:, t, :]"),
    ),
    plant(
        "recurrent weights never added up",
        ACCUMULATION,
        ("        dWh += dWh_t\n", ""),
        lines=("dWx, dWh, db = np.zeros", "return dx, dh0, dWx, dWh, db"),
    ),
    plant(
        "readout reshaped for transposed",
        LAYOUT,
        (".dot(w.T).reshape(N, T, H)", ".dot(w.reshape(M, H)).reshape(N, T, H)"),
    ),
    plant("states reshaped for transposed", LAYOUT, ("h.reshape(N * T, H).T.dot(dout", "h.reshape(H, N * T).dot(dout")),
    plant("recurrent weights the wrong way round", LAYOUT, ("prev_h.T.dot(dtanh)", "dtanh.T.dot(prev_h)")),
    plant(
        "time and batch exchanged by a reshape",
        LAYOUT,
        (
            "dh = dout.reshape(N * T, M).dot(w.T).reshape(N, T, H)",
            "dh = dout.reshape(N * T, M).dot(w.T).reshape(T, N, H).transpose(1, 0, 2)",
        ),
    ),
    plant(
        "features reshaped for transposed",
        LAYOUT,
        ("features.T.dot(dh0)", "features.reshape(-1, len(features)).dot(dh0)"),
    ),
    plant("bias averaged", BIAS_SUM, ("np.sum(dtanh, axis=0)", "np.mean(dtanh, axis=0)")),
    plant(
        "readout bias of the last step",
        BIAS_SUM,
        ("dout.sum(axis=(0, 1))", "dout[:, -1].sum(axis=0)"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "readout bias averaged over time",
        BIAS_SUM,
        ("dout.sum(axis=(0, 1))", "dout.sum(axis=0).mean(axis=0)"),
        or_kinds=(FACTOR,),
    ),
    plant(
        "derivative of tanh at the output",
        OUTPUT_DELTA,
        ("dout = 2 * (out - target) / sizes.batch", "dout = 2 * (out - target) * (1 - out**2) / sizes.batch"),
    ),
    plant("target minus output", SIGN, ("dout = 2 * (out - target)", "dout = 2 * (target - out)")),
    plant(
        "carry subtracted", SIGN, ("dh[:, t, :] + dprev_h, caches", "dh[:, t, :] - dprev_h, caches"), or_kinds=(CARRY,)
    ),
    plant(
        "gradient of the last state at every step",
        INJECTION,
        ("dh[:, t, :] + dprev_h, caches", "dh[:, -1, :] + dprev_h, caches"),
    ),
    plant(
        "only the last state's gradient",
        INJECTION,
        ("dh[:, t, :] + dprev_h, caches", "dh[:, t, :] * (t == T - 1) + dprev_h, caches"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "readout updated before it is used",
        UPDATE,
        (
            "    dh = dout.reshape(N * T, M)",
            "    w = w - 0.1 * h.reshape(N * T, H).T.dot(dout.reshape(N * T, M))\n    dh = dout.reshape(N * T, M)",
        ),
        lines=(CHANGED, "dh = dout.reshape(N * T, M)"),
    ),
    plant("clipped at every step", STATE, ("        dWh += dWh_t\n", "        dWh += np.clip(dWh_t, -0.1, 0.1)\n")),
    plant("clipped carry", STATE, ("dprev_h = dtanh.dot(Wh.T)", "dprev_h = np.clip(dtanh.dot(Wh.T), -0.2, 0.2)")),
    plant(
        "upstream gradient lost where there is a carry",
        BRANCH,
        (
            "rnn_step_backward(dh[:, t, :] + dprev_h, caches[t])",
            "rnn_step_backward(dprev_h if t < T - 1 else dh[:, t, :], caches[t])",
        ),
        or_kinds=(INJECTION,),
    ),
)
