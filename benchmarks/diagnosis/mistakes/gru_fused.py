"""The mistakes planted in programs/gru_fused.py."""

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

plant = planter("gru_fused")

ALL_STATES = "hs[:-1].reshape(T * B, H).T @ flat"
GATES_BACK = "        dh += dgates[t, :, : 2 * H] @ R_zr.T\n"
RESET_BACK = "        dh += drh * r\n"
UPDATE_BACK = "        dh *= 1 - z\n"

MISTAKES = (
    # layout
    plant("input matrix reshaped for transposed", LAYOUT, ("flat @ W.T", "flat @ W.reshape(3 * H, D)")),
    plant("inputs reshaped for transposed", LAYOUT, ("x.reshape(T * B, D).T @ flat", "x.reshape(D, T * B) @ flat")),
    plant("states reshaped for transposed", LAYOUT, (ALL_STATES, "hs[:-1].reshape(H, T * B) @ flat")),
    plant("reset states reshaped for transposed", LAYOUT, ("rh.reshape(T * B, H).T @", "rh.reshape(H, T * B) @")),
    plant(
        "inputs flattened sample by sample",
        LAYOUT,
        ("dW = x.reshape(T * B, D)", "dW = x.swapaxes(0, 1).reshape(T * B, D)"),
    ),
    plant(
        "states flattened sample by sample",
        LAYOUT,
        (ALL_STATES, "hs[:-1].swapaxes(0, 1).reshape(T * B, H).T @ flat"),
    ),
    plant(
        "gate errors flattened sample by sample",
        LAYOUT,
        ("flat = dgates.reshape(T * B, 3 * H)", "flat = dgates.transpose(1, 0, 2).reshape(T * B, 3 * H)"),
    ),
    plant(
        "input's error given back sample by sample",
        LAYOUT,
        ("(flat @ W.T).reshape(T, B, D)", "(flat @ W.T).reshape(B, T, D).swapaxes(0, 1)"),
    ),
    plant(
        "candidate's recurrent gradient transposed",
        LAYOUT,
        ("rh.reshape(T * B, H).T @ flat[:, 2 * H :]", "flat[:, 2 * H :].T @ rh.reshape(T * B, H)"),
    ),
    plant(
        "gates of the buffer in another order",
        LAYOUT,
        (
            "dz, dr, dn = dgates[t, :, :H], dgates[t, :, H : 2 * H], dgates",
            "dr, dz, dn = dgates[t, :, :H], dgates[t, :, H : 2 * H], dgates",
        ),
        or_kinds=(OPERAND,),
    ),
    plant(
        "readout matrix reshaped for transposed", LAYOUT, ("dlogits @ p.V.T", "dlogits @ p.V.reshape(-1, sizes.hidden)")
    ),
    # activation derivative
    plant("update gate without its derivative", DERIVATIVE, ("(n - h) * z * (1 - z)", "(n - h)")),
    plant("update gate with half of its derivative", DERIVATIVE, ("(n - h) * z * (1 - z)", "(n - h) * (1 - z)")),
    plant("update gate with tanh'", DERIVATIVE, ("(n - h) * z * (1 - z)", "(n - h) * (1 - z * z)")),
    plant("candidate without its derivative", DERIVATIVE, ("z * (1 - n * n)", "z")),
    plant("candidate not squared", DERIVATIVE, ("z * (1 - n * n)", "z * (1 - n)")),
    plant("candidate with a gate's derivative", DERIVATIVE, ("z * (1 - n * n)", "z * n * (1 - n)")),
    plant("tanh once more in the candidate's derivative", DERIVATIVE, ("z * (1 - n * n)", "z * (1 - np.tanh(n) ** 2)")),
    plant("reset gate without its derivative", DERIVATIVE, ("h * r * (1 - r)", "h")),
    plant("reset gate with tanh'", DERIVATIVE, ("h * r * (1 - r)", "h * (1 - r * r)")),
    plant(
        "reset gate's derivative of the update gate",
        DERIVATIVE,
        ("h * r * (1 - r)", "h * z * (1 - z)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "both gates' derivatives applied twice",
        DERIVATIVE,
        ("(n - h) * z * (1 - z)", "(n - h) * (z * (1 - z)) ** 2"),
        ("h * r * (1 - r)", "h * (r * (1 - r)) ** 2"),
    ),
    # time index
    plant(
        "state after the step",
        TIME_INDEX,
        ("        h = hs[t]\n", "        h = hs[t + 1]\n"),
        lines=(CHANGED, "np.multiply(dh, (n - h)"),
    ),
    plant(
        "state two steps back",
        TIME_INDEX,
        ("        h = hs[t]\n", "        h = hs[t - 1]\n"),
        lines=(CHANGED, "np.multiply(dh, (n - h)"),
    ),
    plant("recurrent weights with the states after", TIME_INDEX, (ALL_STATES, "hs[1:].reshape(T * B, H).T @ flat")),
    plant(
        "recurrent weights with the first state only",
        TIME_INDEX,
        (ALL_STATES, "np.repeat(hs[:1], T, axis=0).reshape(T * B, H).T @ flat"),
    ),
    plant("readout with the states before", TIME_INDEX, ("np.tensordot(out, dlogits", "np.tensordot(hs[:-1], dlogits")),
    plant(
        "gates of the last step at every step",
        TIME_INDEX,
        (
            "z, r, n = gates[t, :, :H], gates[t, :, H : 2 * H], gates[t, :, 2 * H :]\n        dz",
            "z, r, n = gates[-1, :, :H], gates[-1, :, H : 2 * H], gates[-1, :, 2 * H :]\n        dz",
        ),
        or_kinds=(STATE,),
    ),
    plant(
        "gates of the step before",
        TIME_INDEX,
        (
            "z, r, n = gates[t, :, :H], gates[t, :, H : 2 * H], gates[t, :, 2 * H :]\n        dz",
            "z, r, n = gates[t - 1, :, :H], gates[t - 1, :, H : 2 * H], gates[t - 1, :, 2 * H :]\n        dz",
        ),
    ),
    plant(
        "candidate of the step before",
        TIME_INDEX,
        (
            "gates[t, :, H : 2 * H], gates[t, :, 2 * H :]\n        dz",
            "gates[t, :, H : 2 * H], gates[t - 1, :, 2 * H :]\n        dz",
        ),
    ),
    plant(
        "errors written back to front",
        TIME_INDEX,
        (
            "dz, dr, dn = dgates[t, :, :H], dgates[t, :, H : 2 * H], dgates[t, :, 2 * H :]\n",
            "dz, dr, dn = dgates[~t, :, :H], dgates[~t, :, H : 2 * H], dgates[~t, :, 2 * H :]\n",
        ),
        ("dh += dgates[t, :, : 2 * H]", "dh += dgates[~t, :, : 2 * H]"),
        lines=("dz, dr, dn = dgates[~t",),
    ),
    plant(
        "input's errors a step late",
        TIME_INDEX,
        ("dP = np.tensordot(s, dx", "dP = np.tensordot(s[:-1], dx[1:]"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "gate errors of the step before carried",
        TIME_INDEX,
        ("dh += dgates[t, :, : 2 * H]", "dh += dgates[min(t + 1, T - 1), :, : 2 * H]"),
        or_kinds=(CARRY,),
    ),
    plant(
        "reset states of the step before",
        TIME_INDEX,
        ("rh.reshape(T * B, H).T @", "np.roll(rh, 1, axis=0).reshape(T * B, H).T @"),
    ),
    # carry
    plant(
        "gates' carry left out",
        CARRY,
        (GATES_BACK, ""),
        lines=("dh += drh * r", "dh += dhs[t]"),
        or_kinds=(BRANCH,),
    ),
    plant("carry of the error past the cell set back", CARRY, (UPDATE_BACK, "        dh *= 0\n"), or_kinds=(BRANCH,)),
    plant(
        "what stays of the state goes back whole",
        CARRY,
        (UPDATE_BACK, ""),
        lines=("np.multiply(drh, h * r", "dh += drh * r"),
        or_kinds=(FACTOR, BRANCH, OPERAND),
    ),
    plant(
        "no carry but through the gates",
        CARRY,
        (UPDATE_BACK + RESET_BACK + GATES_BACK, GATES_BACK.replace("+=", "=")),
        or_kinds=(BRANCH,),
    ),
    plant(
        "carry set back at every step",
        CARRY,
        ("        dh += dhs[t]\n", "        dh = dhs[t].copy()\n"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "carry cut every third step",
        CARRY,
        ("        dh += dhs[t]\n", "        if t % 3 == 0:\n            dh[:] = 0\n        dh += dhs[t]\n"),
        lines=(CHANGED, "dh += dhs[t]"),
    ),
    plant(
        "time runs forward",
        CARRY,
        ("    for t in range(T - 1, -1, -1):", "    for t in range(0, T, 1):"),
        lines=(CHANGED, "dh += dhs[t]"),
    ),
    plant(
        "candidate's error goes back without its reset gate",
        CARRY,
        ("dh += drh * r", "dh += drh"),
        or_kinds=(OPERAND, BRANCH),
    ),
    plant(
        "gates' matrix missing in the carry",
        CARRY,
        ("dh += dgates[t, :, : 2 * H] @ R_zr.T", "dh += dz + dr"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "first state's error passed through the update gate twice",
        CARRY,
        ("dh0 = dh.sum(axis=0)", "dh0 = (dh * (1 - gates[0, :, :H])).sum(axis=0)"),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    plant(
        "state's error scaled before the candidate has seen it",
        CARRY,
        (UPDATE_BACK, ""),
        ("        np.multiply(dh, z * (1 - n * n)", "        dh *= 1 - z\n        np.multiply(dh, z * (1 - n * n)"),
        lines=("dh *= 1 - z", "np.multiply(dh, z * (1 - n * n)"),
        or_kinds=(STATE, OPERAND),
    ),
    # operand
    plant(
        "update gate's error with h for n - h",
        OPERAND,
        ("(n - h) * z * (1 - z)", "h * z * (1 - z)"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "update gate's error with n for n - h",
        OPERAND,
        ("(n - h) * z * (1 - z)", "n * z * (1 - z)"),
        or_kinds=(BRANCH,),
    ),
    plant("candidate's error with 1 - z", OPERAND, ("z * (1 - n * n)", "(1 - z) * (1 - n * n)")),
    plant("z for 1 - z in what stays of the state", OPERAND, ("dh *= 1 - z", "dh *= z"), or_kinds=(CARRY,)),
    plant("z and 1 - z exchanged", OPERAND, ("z * (1 - n * n)", "(1 - z) * (1 - n * n)"), ("dh *= 1 - z", "dh *= z")),
    plant("candidate for the state in the reset gate", OPERAND, ("h * r * (1 - r)", "n * r * (1 - r)")),
    plant("reset state in the reset gate's error", OPERAND, ("h * r * (1 - r)", "rh[t] * r * (1 - r)")),
    plant(
        "reset gate's error straight from the candidate's",
        OPERAND,
        ("np.multiply(drh, h", "np.multiply(dn, h"),
        or_kinds=(CARRY, BRANCH),
    ),
    plant("reset gate's error from the state's", OPERAND, ("np.multiply(drh, h", "np.multiply(dh, h")),
    plant(
        "candidate's weights with the states not reset",
        OPERAND,
        ("rh.reshape(T * B, H).T @", "hs[:-1].reshape(T * B, H).T @"),
        or_kinds=(STATE,),
    ),
    plant("gates' weights with the reset states", OPERAND, (ALL_STATES, "rh.reshape(T * B, H).T @ flat")),
    plant(
        "all recurrent weights in one product",
        OPERAND,
        (
            "    dR[:, : 2 * H] = hs[:-1].reshape(T * B, H).T @ flat[:, : 2 * H]\n"
            "    dR[:, 2 * H :] = rh.reshape(T * B, H).T @ flat[:, 2 * H :]",
            "    dR[:] = hs[:-1].reshape(T * B, H).T @ flat",
        ),
    ),
    plant("update gate's matrix for the candidate's", OPERAND, ("drh = dn @ R_n.T", "drh = dn @ R[:, :H].T")),
    plant("update gate in the reset path", OPERAND, ("dh += drh * r", "dh += drh * z"), or_kinds=(CARRY,)),
    plant(
        "wrong columns of the matrix for both gates", OPERAND, ("@ R_zr.T", "@ R[:, H:].T"), or_kinds=(LAYOUT, CARRY)
    ),
    # factor
    plant("mean over the steps not taken", FACTOR, ("(q - onehot) / (T * B)", "(q - onehot) / B")),
    plant("mean over the batch not taken", FACTOR, ("(q - onehot) / (T * B)", "(q - onehot) / T")),
    plant("mean over the classes as well", FACTOR, ("(q - onehot) / (T * B)", "(q - onehot) / q.size")),
    plant("input weights averaged", FACTOR, ("x.reshape(T * B, D).T @ flat", "x.reshape(T * B, D).T @ flat / B")),
    plant(
        "gates' recurrent weights halved",
        FACTOR,
        ("(T * B, H).T @ flat[:, : 2 * H]", "(T * B, H).T @ flat[:, : 2 * H] / 2"),
    ),
    plant(
        "projection averaged over the steps",
        FACTOR,
        ("dP = np.tensordot(s, dx, axes=([0, 1], [0, 1]))", "dP = np.tensordot(s, dx, axes=([0, 1], [0, 1])) / len(s)"),
    ),
    # accumulation
    plant(
        "first step missing from the input weights",
        ACCUMULATION,
        ("x.reshape(T * B, D).T @ flat", "x[1:].reshape(-1, D).T @ flat[B:]"),
    ),
    plant(
        "first step missing from the gates' recurrent weights",
        ACCUMULATION,
        ("hs[:-1].reshape(T * B, H).T @ flat[:, : 2 * H]", "hs[1:-1].reshape(-1, H).T @ flat[B:, : 2 * H]"),
    ),
    plant(
        "readout from the last step only",
        ACCUMULATION,
        ("dV = np.tensordot(out, dlogits, axes=([0, 1], [0, 1]))", "dV = out[-1].T @ dlogits[-1]"),
    ),
    plant(
        "last step never gone through",
        ACCUMULATION,
        ("    dgates = np.empty((T, B, 3 * H))", "    dgates = np.zeros((T, B, 3 * H))"),
        ("    for t in range(T - 1, -1, -1):", "    for t in range(T - 2, -1, -1):"),
        lines=("for t in range(T - 2, -1, -1):", "dh += dhs[t]"),
    ),
    plant(
        "first step never gone through",
        ACCUMULATION,
        ("    dgates = np.empty((T, B, 3 * H))", "    dgates = np.zeros((T, B, 3 * H))"),
        ("    for t in range(T - 1, -1, -1):", "    for t in range(T - 1, 0, -1):"),
        lines=("for t in range(T - 1, 0, -1):",),
    ),
    plant(
        "candidate's recurrent weights never written",
        ACCUMULATION,
        ("dR = np.empty_like(R)", "dR = np.zeros_like(R)"),
        ("    dR[:, 2 * H :] = rh.reshape(T * B, H).T @ flat[:, 2 * H :]\n", ""),
        lines=("dR = np.zeros_like(R)", "dR[:, : 2 * H] = hs"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "gates' carry overwrites the others",
        ACCUMULATION,
        ("dh += dgates[t, :, : 2 * H]", "dh = dgates[t, :, : 2 * H]"),
        or_kinds=(BRANCH, CARRY),
    ),
    plant(
        "reset path overwrites what stays of the state",
        ACCUMULATION,
        ("dh += drh * r", "dh = drh * r"),
        or_kinds=(BRANCH, CARRY),
    ),
    # output delta
    plant("one not subtracted", OUTPUT_DELTA, ("((q - onehot) / (T * B))", "(q / (T * B))")),
    plant("exponentials not normalised", OUTPUT_DELTA, ("((q - onehot) / (T * B))", "((e - onehot) / (T * B))")),
    plant("logits for probabilities", OUTPUT_DELTA, ("((q - onehot) / (T * B))", "((rows - onehot) / (T * B))")),
    plant(
        "softmax's diagonal once more",
        OUTPUT_DELTA,
        ("((q - onehot) / (T * B))", "((q - onehot) * q * (1 - q) / (T * B))"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("derivative of the logarithm only", OUTPUT_DELTA, ("((q - onehot) / (T * B))", "(-onehot / q / (T * B))")),
    # transposed recurrent matrix
    plant("candidate's recurrent matrix not transposed", TRANSPOSED, ("drh = dn @ R_n.T", "drh = dn @ R_n")),
    plant(
        "gates' recurrent matrices not transposed",
        TRANSPOSED,
        ("dh += dgates[t, :, : 2 * H] @ R_zr.T", "dh += dz @ R[:, :H] + dr @ R[:, H : 2 * H]"),
    ),
    plant(
        "reset gate's recurrent matrix not transposed",
        TRANSPOSED,
        ("dh += dgates[t, :, : 2 * H] @ R_zr.T", "dh += dz @ R[:, :H].T + dr @ R[:, H : 2 * H]"),
    ),
    plant(
        "no recurrent matrix transposed",
        TRANSPOSED,
        ("drh = dn @ R_n.T", "drh = dn @ R_n"),
        ("dh += dgates[t, :, : 2 * H] @ R_zr.T", "dh += dz @ R_zr[:, :H] + dr @ R_zr[:, H:]"),
    ),
    # bias sum
    plant("gates' bias averaged", BIAS_SUM, ("db = flat.sum(axis=0)", "db = flat.mean(axis=0)"), or_kinds=(FACTOR,)),
    plant("gates' bias is one number", BIAS_SUM, ("db = flat.sum(axis=0)", "db = np.full(3 * H, flat.sum())")),
    plant("gates' bias from one sample", BIAS_SUM, ("db = flat.sum(axis=0)", "db = dgates[:, 0].sum(axis=0)")),
    plant(
        "readout's bias summed over the steps, averaged over the batch",
        BIAS_SUM,
        ("da = dlogits.sum(axis=(0, 1))", "da = dlogits.sum(axis=0).mean(axis=0)"),
        or_kinds=(FACTOR,),
    ),
    plant(
        "first state averaged over the batch",
        BIAS_SUM,
        ("dh0 = dh.sum(axis=0)", "dh0 = dh.mean(axis=0)"),
        or_kinds=(FACTOR,),
    ),
    plant("first state of one sample", BIAS_SUM, ("dh0 = dh.sum(axis=0)", "dh0 = dh[0]")),
    # update order
    plant(
        "readout learns before the error goes through it",
        UPDATE,
        ("    dout = dlogits @ p.V.T", "    V = p.V - 0.5 * dV\n    dout = dlogits @ V.T"),
    ),
    plant(
        "input weights learn before the error goes through them",
        UPDATE,
        ("    dx = (flat @ W.T)", "    W -= 0.5 * dW\n    dx = (flat @ W.T)"),
        lines=(CHANGED, "dx = (flat @ W.T)"),
    ),
    # branch
    plant(
        "reset path lost",
        BRANCH,
        (RESET_BACK, ""),
        lines=("dh *= 1 - z", "dh += dgates[t, :, : 2 * H] @ R_zr.T"),
        or_kinds=(CARRY,),
    ),
    plant(
        "reset gate's path lost",
        BRANCH,
        ("dh += dgates[t, :, : 2 * H] @ R_zr.T", "dh += dz @ R_zr[:, :H].T"),
        or_kinds=(CARRY,),
    ),
    plant(
        "update gate's path lost",
        BRANCH,
        ("dh += dgates[t, :, : 2 * H] @ R_zr.T", "dh += dr @ R_zr[:, H:].T"),
        or_kinds=(CARRY,),
    ),
    plant(
        "all paths through the gates and the candidate lost",
        BRANCH,
        (RESET_BACK + GATES_BACK, ""),
        lines=("dh *= 1 - z",),
        or_kinds=(CARRY,),
    ),
    plant(
        "error from above lost but at the last step",
        BRANCH,
        ("        dh += dhs[t]\n", "        dh = dh if t < T - 1 else dhs[t].copy()\n"),
        or_kinds=(INJECTION,),
    ),
    # sign
    plant("h - n in the update gate", SIGN, ("(n - h) * z * (1 - z)", "(h - n) * z * (1 - z)"), or_kinds=(OPERAND,)),
    plant("onehot minus q", SIGN, ("((q - onehot) / (T * B))", "((onehot - q) / (T * B))"), or_kinds=(OUTPUT_DELTA,)),
    plant("reset path subtracted", SIGN, ("dh += drh * r", "dh -= drh * r"), or_kinds=(CARRY,)),
    plant("z - 1 for 1 - z in what stays", SIGN, ("dh *= 1 - z", "dh *= z - 1"), or_kinds=(CARRY,)),
    # injection
    plant("last error at every step", INJECTION, ("dh += dhs[t]", "dh += dhs[-1]"), or_kinds=(TIME_INDEX,)),
    plant("error of the step before", INJECTION, ("dh += dhs[t]", "dh += dhs[t - 1]"), or_kinds=(TIME_INDEX,)),
    plant("errors from the other end", INJECTION, ("dh += dhs[t]", "dh += dhs[T - 1 - t]"), or_kinds=(TIME_INDEX,)),
    plant(
        "error from above comes after the gates",
        INJECTION,
        ("        dh += dhs[t]\n", ""),
        (GATES_BACK, GATES_BACK + "        dh += dhs[t]\n"),
        lines=("dh += dhs[t]", "np.multiply(dh, (n - h)"),
        or_kinds=(TIME_INDEX, CARRY),
    ),
    plant(
        "labels in another order than the logits",
        INJECTION,
        ("((q - onehot) / (T * B))", "((q - np.eye(K)[labels.T.ravel()]) / (T * B))"),
        or_kinds=(LAYOUT, OUTPUT_DELTA),
    ),
    # state between calls
    plant(
        "update gate's error kept in the gates' buffer",
        STATE,
        ("(n - h) * z * (1 - z), out=dz)", "(n - h) * z * (1 - z), out=z)\n        dz[:] = z"),
    ),
    plant(
        "reset state's error kept in the candidate's",
        STATE,
        ("drh = dn @ R_n.T", "drh = np.matmul(dn, R_n.T, out=dn)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "carry clipped",
        STATE,
        (GATES_BACK, GATES_BACK + "        np.clip(dh, -0.01, 0.01, out=dh)\n"),
        or_kinds=(CARRY,),
    ),
    plant(
        "one buffer of gate errors for all steps",
        STATE,
        (
            "dz, dr, dn = dgates[t, :, :H], dgates[t, :, H : 2 * H], dgates[t, :, 2 * H :]\n",
            "dz, dr, dn = dgates[0, :, :H], dgates[0, :, H : 2 * H], dgates[0, :, 2 * H :]\n",
        ),
        ("    dgates = np.empty((T, B, 3 * H))", "    dgates = np.zeros((T, B, 3 * H))"),
        ("dh += dgates[t, :, : 2 * H]", "dh += dgates[0, :, : 2 * H]"),
        lines=("dz, dr, dn =",),
        or_kinds=(ACCUMULATION, TIME_INDEX),
    ),
    plant(
        "states reset in place",
        STATE,
        ("        np.multiply(drh, h * r", "        h *= r\n        np.multiply(drh, h * r"),
        lines=("h *= r",),
        or_kinds=(OPERAND,),
    ),
)
