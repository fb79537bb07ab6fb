"""The mistakes planted in programs/deltas_buffer.py."""

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

plant = planter("deltas_buffer")

MISTAKES = (
    plant(
        "recurrent matrix not transposed", TRANSPOSED, ('deltas[:, k] @ params["Wr"].T', 'deltas[:, k] @ params["Wr"]')
    ),
    plant("derivative of the activated value", DERIVATIVE, ("softplus_grad(A[:, k])", "softplus_grad(H[:, k + 1])")),
    plant("softplus for its derivative", DERIVATIVE, ("softplus_grad(A[:, k])", "softplus(A[:, k])")),
    plant(
        "derivative of the sigmoid",
        DERIVATIVE,
        ("return 1.0 / (1.0 + np.exp(-a))", "s = 1.0 / (1.0 + np.exp(-a))\n    return s * (1.0 - s)"),
        lines=(CHANGED, "deltas[:, k] = error"),
    ),
    plant(
        "derivative's sign in the exponent",
        DERIVATIVE,
        ("return 1.0 / (1.0 + np.exp(-a))", "return 1.0 / (1.0 + np.exp(a))"),
        lines=(CHANGED, "deltas[:, k] = error"),
        or_kinds=(SIGN,),
    ),
    plant(
        "derivative missing on the carry",
        DERIVATIVE,
        (
            "deltas[:, k] = error * softplus_grad(A[:, k])",
            "deltas[:, k] = (error - carried) * softplus_grad(A[:, k]) + carried",
        ),
        or_kinds=(CARRY,),
    ),
    plant(
        "derivative at another step",
        DERIVATIVE,
        ("softplus_grad(A[:, k])", "softplus_grad(A[:, k - 1])"),
        or_kinds=(TIME_INDEX,),
    ),
    plant("states after the step", TIME_INDEX, ("H[:, :-1], deltas", "H[:, 1:], deltas")),
    plant(
        "readout with the states before", TIME_INDEX, ("H[:, 1:].reshape(-1, n_hid)", "H[:, :-1].reshape(-1, n_hid)")
    ),
    plant("inputs one step late", TIME_INDEX, ("X, deltas)", "np.roll(X, 1, axis=1), deltas)")),
    plant("states in reverse", TIME_INDEX, ("H[:, :-1], deltas", "H[:, -2::-1], deltas")),
    plant("carry left out", CARRY, ('@ params["Wo"].T + carried', '@ params["Wo"].T'), or_kinds=(BRANCH,)),
    plant(
        "carry without the derivative",
        CARRY,
        ("carried = deltas[:, k] @", "carried = error @"),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    plant("carry adds up", CARRY, ("carried = deltas[:, k] @", "carried += deltas[:, k] @")),
    plant(
        "carry from the last step at every step",
        CARRY,
        ("carried = deltas[:, k] @", "carried = deltas[:, -1] @"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "loop runs forward",
        CARRY,
        ("range(steps - 1, -1, -1)", "range(steps)"),
        lines=(CHANGED, "error = out_deltas[:, k]"),
    ),
    plant("pre-activations for states", OPERAND, ("H[:, 1:].reshape(-1, n_hid)", "A.reshape(-1, n_hid)")),
    plant(
        "pre-activations in the recurrent weights",
        OPERAND,
        ('np.einsum("nti,nth->ih", H[:, :-1], deltas)', 'np.einsum("nti,nth->ih", A, deltas)'),
    ),
    plant("deltas with themselves", OPERAND, ("H[:, :-1], deltas", "deltas, deltas")),
    plant("mean not taken", FACTOR, ("* Y * (1 - Y) / n", "* Y * (1 - Y)")),
    plant("mean taken twice", FACTOR, ("* Y * (1 - Y) / n", "* Y * (1 - Y) / n**2")),
    plant(
        "readout averaged over time",
        FACTOR,
        ("@ out_deltas.reshape(-1, n_out)", "@ out_deltas.reshape(-1, n_out) / steps"),
    ),
    plant(
        "only the last step in the readout",
        ACCUMULATION,
        ("H[:, 1:].reshape(-1, n_hid).T @ out_deltas.reshape(-1, n_out)", "H[:, -1].T @ out_deltas[:, -1]"),
    ),
    plant("the first delta is never computed", ACCUMULATION, ("range(steps - 1, -1, -1)", "range(steps - 1, 0, -1)")),
    plant(
        "first step left out of the recurrent weights", ACCUMULATION, ("H[:, :-1], deltas", "H[:, 1:-1], deltas[:, 1:]")
    ),
    plant(
        "output's derivative left out",
        OUTPUT_DELTA,
        ("(Y - target) * Y * (1 - Y) / n", "(Y - target) / n"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "output's derivative twice",
        OUTPUT_DELTA,
        ("* Y * (1 - Y) / n", "* (Y * (1 - Y)) ** 2 / n"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "tanh's derivative at the output",
        OUTPUT_DELTA,
        ("* Y * (1 - Y) / n", "* (1 - Y**2) / n"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "bias summed over the batch and averaged over time",
        BIAS_SUM,
        ('"bi": deltas.sum(axis=(0, 1))', '"bi": deltas.sum(axis=0).mean(axis=0)'),
        or_kinds=(FACTOR,),
    ),
    plant("bias not summed over the batch", BIAS_SUM, ('"bi": deltas.sum(axis=(0, 1))', '"bi": deltas.sum(axis=1)')),
    plant(
        "readout bias averaged",
        BIAS_SUM,
        ("out_deltas.sum(axis=(0, 1))", "out_deltas.mean(axis=(0, 1))"),
        or_kinds=(FACTOR,),
    ),
    plant(
        "time and batch mixed up",
        LAYOUT,
        ("H[:, 1:].reshape(-1, n_hid).T", "H[:, 1:].swapaxes(0, 1).reshape(-1, n_hid).T"),
    ),
    plant(
        "recurrent gradient transposed",
        LAYOUT,
        ('np.einsum("nti,nth->ih", H[:, :-1], deltas)', 'np.einsum("nti,nth->hi", H[:, :-1], deltas)'),
    ),
    plant(
        "every sample with every other",
        LAYOUT,
        ('np.einsum("nti,nth->ih", X, deltas)', 'np.einsum("nti,mth->ih", X, deltas)'),
    ),
    plant(
        "every step with every other",
        LAYOUT,
        ('np.einsum("nti,nth->ih", H[:, :-1], deltas)', 'np.einsum("nsi,nth->ih", H[:, :-1], deltas)'),
    ),
    plant("readout reshaped for transposed", LAYOUT, ('@ params["Wo"].T', '@ params["Wo"].reshape(n_out, n_hid)')),
    plant("target minus output", SIGN, ("(Y - target) * Y", "(target - Y) * Y")),
    plant("error subtracted from the carry", SIGN, ('@ params["Wo"].T + carried', '@ -params["Wo"].T + carried')),
    plant("last error at every step", INJECTION, ("out_deltas[:, k] @", "out_deltas[:, -1] @")),
    plant(
        "errors mirrored in time", INJECTION, ("out_deltas[:, k] @", "out_deltas[:, -k - 1] @"), or_kinds=(TIME_INDEX,)
    ),
    plant(
        "error lost after the last step",
        BRANCH,
        (
            'error = out_deltas[:, k] @ params["Wo"].T + carried',
            'error = carried if k < steps - 1 else out_deltas[:, k] @ params["Wo"].T',
        ),
        or_kinds=(INJECTION,),
    ),
    plant(
        "deltas clipped",
        STATE,
        (
            "deltas[:, k] = error * softplus_grad(A[:, k])",
            "deltas[:, k] = np.clip(error * softplus_grad(A[:, k]), -0.01, 0.01)",
        ),
    ),
    plant(
        "derivative written over the states",
        STATE,
        (
            "deltas[:, k] = error * softplus_grad(A[:, k])",
            "H[:, k] = softplus_grad(A[:, k])\n        deltas[:, k] = error * H[:, k]",
        ),
        lines=(CHANGED, '"Wr": np.einsum'),
    ),
    plant(
        "recurrent matrix changed in the loop",
        UPDATE,
        (
            '        carried = deltas[:, k] @ params["Wr"].T',
            '        Wr = params["Wr"] - 0.5 * H[:, k].T @ deltas[:, k]\n        carried = deltas[:, k] @ Wr.T',
        ),
    ),
)
