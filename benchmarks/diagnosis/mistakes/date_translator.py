"""The mistakes planted in programs/date_translator.py."""

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

plant = planter("date_translator")

OLD_STATE = "dh = dh_new * z + drhx[:n] * r + dhx[:n]"

MISTAKES = (
    # layout
    plant(
        "outer product of the candidate the other way round",
        LAYOUT,
        ("np.outer(dac, rhx)", "np.outer(rhx, dac).reshape(n, -1)"),
    ),
    plant(
        "outer product of the update gate the other way round",
        LAYOUT,
        ("np.outer(daz, hx)", "np.outer(hx, daz).reshape(n, -1)"),
    ),
    plant(
        "outer product of the readout the other way round",
        LAYOUT,
        ("np.outer(dy, states[t + 1])", "np.outer(states[t + 1], dy).reshape(len(dy), -1)"),
    ),
    plant(
        "input taken for the front part",
        LAYOUT,
        (OLD_STATE, "dh = dh_new * z + drhx[-n:] * r + dhx[-n:]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "input part cut off at the front",
        LAYOUT,
        ("dx = drhx[n:] + dhx[n:]", "dx = drhx[: len(hx) - n] + dhx[: len(hx) - n]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "both cut as if the input stood first",
        LAYOUT,
        ("dar = drhx[:n] * h", "dar = drhx[-n:] * h"),
        (OLD_STATE, "dh = dh_new * z + drhx[-n:] * r + dhx[-n:]"),
        ("dx = drhx[n:] + dhx[n:]", "dx = drhx[:-n] + dhx[:-n]"),
        or_kinds=(OPERAND,),
    ),
    plant("bridge reshaped for transposed", LAYOUT, ('P["bridge"].T @ da', 'P["bridge"].reshape(-1, len(da)) @ da')),
    plant("readout matrix reshaped for transposed", LAYOUT, ('P["Wy"].T @ dy', 'P["Wy"].reshape(-1, len(dy)) @ dy')),
    plant(
        "candidate's matrix reshaped for transposed",
        LAYOUT,
        ('P[net + "_Wc"].T @ dac', 'P[net + "_Wc"].reshape(-1, n) @ dac'),
    ),
    plant(
        "reset gate's matrix reshaped for transposed",
        LAYOUT,
        ('P[net + "_Wr"].T @ dar', 'P[net + "_Wr"].reshape(-1, n) @ dar'),
    ),
    # activation derivative
    plant("candidate without its derivative", DERIVATIVE, ("dh_new * (1 - z) * (1 - c**2)", "dh_new * (1 - z)")),
    plant("candidate not squared", DERIVATIVE, ("(1 - c**2)", "(1 - c)")),
    plant("candidate's derivative of tanh of tanh", DERIVATIVE, ("(1 - c**2)", "(1 - np.tanh(c) ** 2)")),
    plant("candidate with a gate's derivative", DERIVATIVE, ("(1 - z) * (1 - c**2)", "(1 - z) * c * (1 - c)")),
    plant("update gate without its derivative", DERIVATIVE, ("(h - c) * z * (1 - z)", "(h - c)")),
    plant("update gate's derivative misses a factor", DERIVATIVE, ("(h - c) * z * (1 - z)", "(h - c) * (1 - z)")),
    plant(
        "sigmoid of the update gate once more",
        DERIVATIVE,
        ("(h - c) * z * (1 - z)", "(h - c) * sigmoid(z) * (1 - sigmoid(z))"),
    ),
    plant("reset gate without its derivative", DERIVATIVE, ("drhx[:n] * h * r * (1 - r)", "drhx[:n] * h")),
    plant("reset gate with tanh'", DERIVATIVE, ("h * r * (1 - r)", "h * (1 - r**2)")),
    plant(
        "both gates with tanh'",
        DERIVATIVE,
        ("(h - c) * z * (1 - z)", "(h - c) * (1 - z**2)"),
        ("h * r * (1 - r)", "h * (1 - r**2)"),
    ),
    plant("bridge without its derivative", DERIVATIVE, ("da = ds * (1 - states[0] ** 2)", "da = ds")),
    plant(
        "bridge's derivative at the last state",
        DERIVATIVE,
        ("(1 - states[0] ** 2)", "(1 - states[-1] ** 2)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "bridge's derivative at the reader's last state",
        DERIVATIVE,
        ("da = ds * (1 - states[0] ** 2)", 'da = ds * (1 - np.tanh(P["bridge"] @ h_end) ** 2)'),
        or_kinds=(OPERAND,),
    ),
    plant("bridge not squared", DERIVATIVE, ("(1 - states[0] ** 2)", "(1 - states[0])")),
    # time index
    plant("readout with the state before", TIME_INDEX, ("np.outer(dy, states[t + 1])", "np.outer(dy, states[t])")),
    plant("readout with the last state", TIME_INDEX, ("np.outer(dy, states[t + 1])", "np.outer(dy, states[-1])")),
    plant(
        "symbol of the step after",
        TIME_INDEX,
        ('G["dec_E"][given[t]] += dx', 'G["dec_E"][wanted[t]] += dx'),
        or_kinds=(OPERAND,),
    ),
    plant("symbol of the step before", TIME_INDEX, ('G["dec_E"][given[t]] += dx', 'G["dec_E"][given[t - 1]] += dx')),
    plant(
        "memory of the last written symbol",
        TIME_INDEX,
        ("memo, prob = written[t]\n", "memo, prob = written[-1][0], written[t][1]\n"),
        or_kinds=(STATE,),
    ),
    plant(
        "memory of the symbol written before",
        TIME_INDEX,
        ("memo, prob = written[t]\n", "memo, prob = written[t - 1][0], written[t][1]\n"),
        or_kinds=(STATE,),
    ),
    plant(
        "source symbols back to front",
        TIME_INDEX,
        ("for symbol, memo in zip(source, read[::-1]):", "for symbol, memo in zip(source[::-1], read[::-1]):"),
        lines=(CHANGED, 'G["enc_E"][symbol] += dx'),
    ),
    plant(
        "source shifted by one",
        TIME_INDEX,
        ("zip(source, read[::-1])", "zip(np.roll(source, 1), read[::-1])"),
        lines=(CHANGED, 'G["enc_E"][symbol] += dx'),
    ),
    plant(
        "new state kept in the memory for the old one",
        TIME_INDEX,
        ("return z * h + (1 - z) * c, (h, hx,", "return z * h + (1 - z) * c, (z * h + (1 - z) * c, hx,"),
        or_kinds=(STATE, OPERAND),
    ),
    # carry
    plant("writer's carry left out", CARRY, ('ds = ds + P["Wy"].T @ dy', 'ds = P["Wy"].T @ dy'), or_kinds=(BRANCH,)),
    plant(
        "writer's carry not handed on",
        CARRY,
        ('ds, dx = gru_back(P, G, "dec", memo, ds)', 'ds0, dx = gru_back(P, G, "dec", memo, ds)'),
        or_kinds=(STATE,),
    ),
    plant(
        "reader's carry not handed on",
        CARRY,
        ('dh, dx = gru_back(P, G, "enc", memo, dh)', '_, dx = gru_back(P, G, "enc", memo, dh)'),
    ),
    plant(
        "reader runs forward",
        CARRY,
        ("zip(source, read[::-1])", "zip(source[::-1], read)"),
        or_kinds=(TIME_INDEX,),
        lines=(CHANGED, 'dh, dx = gru_back(P, G, "enc", memo, dh)'),
    ),
    plant(
        "writer runs forward",
        CARRY,
        ("range(len(wanted) - 1, -1, -1)", "range(len(wanted))"),
        lines=(CHANGED, 'ds = ds + P["Wy"].T @ dy'),
    ),
    plant(
        "writer's carry cut every third step",
        CARRY,
        ('ds = ds + P["Wy"].T @ dy', 'ds = ds * (t % 3 > 0) + P["Wy"].T @ dy'),
    ),
    plant(
        "reader cut after two steps",
        CARRY,
        ("zip(source, read[::-1])", "zip(source[:2], read[::-1])"),
        or_kinds=(ACCUMULATION,),
    ),
    plant("what stays of the state left out", CARRY, (OLD_STATE, "dh = drhx[:n] * r + dhx[:n]"), or_kinds=(BRANCH,)),
    plant("what stays of the state is all that goes back", CARRY, (OLD_STATE, "dh = dh_new * z"), or_kinds=(BRANCH,)),
    plant(
        "what stays of the state without the gate",
        CARRY,
        (OLD_STATE, "dh = dh_new + drhx[:n] * r + dhx[:n]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "candidate's path without the reset gate",
        CARRY,
        (OLD_STATE, "dh = dh_new * z + drhx[:n] + dhx[:n]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "reader starts from nothing but the bridge's own error",
        CARRY,
        ('dh = P["bridge"].T @ da', 'dh = P["bridge"].T @ ds'),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    # operand
    plant("z for 1 - z in the candidate", OPERAND, ("dac = dh_new * (1 - z) *", "dac = dh_new * z *")),
    plant(
        "1 - z for z in what stays",
        OPERAND,
        (OLD_STATE, "dh = dh_new * (1 - z) + drhx[:n] * r + dhx[:n]"),
        or_kinds=(CARRY,),
    ),
    plant(
        "update gate and its complement swapped throughout",
        OPERAND,
        ("dac = dh_new * (1 - z) *", "dac = dh_new * z *"),
        (OLD_STATE, "dh = dh_new * (1 - z) + drhx[:n] * r + dhx[:n]"),
    ),
    plant("update gate sees the state only", OPERAND, ("dh_new * (h - c) * z", "dh_new * h * z"), or_kinds=(BRANCH,)),
    plant(
        "update gate sees the candidate only", OPERAND, ("dh_new * (h - c) * z", "dh_new * -c * z"), or_kinds=(BRANCH,)
    ),
    plant("candidate's weights with the state not reset", OPERAND, ("np.outer(dac, rhx)", "np.outer(dac, hx)")),
    plant("reset gate's weights with the reset state", OPERAND, ("np.outer(dar, hx)", "np.outer(dar, rhx)")),
    plant("update gate's delta in the reset gate's bias", OPERAND, ('G[net + "_br"] += dar', 'G[net + "_br"] += daz')),
    plant("update gate's delta in the reset gate's weights", OPERAND, ("np.outer(dar, hx)", "np.outer(daz, hx)")),
    plant(
        "reset gate's delta with the candidate", OPERAND, ("drhx[:n] * h * r * (1 - r)", "drhx[:n] * c * r * (1 - r)")
    ),
    plant(
        "reset gate's delta with the update gate's derivative",
        OPERAND,
        ("h * r * (1 - r)", "h * z * (1 - z)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("reset gate's delta from the state", OPERAND, ("dar = drhx[:n] * h", "dar = dh_new * h")),
    plant("one matrix for both gates", OPERAND, ('P[net + "_Wr"].T @ dar', 'P[net + "_Wz"].T @ dar')),
    plant("update gate's matrix for the candidate's", OPERAND, ('P[net + "_Wc"].T @ dac', 'P[net + "_Wz"].T @ dac')),
    plant(
        "deltas of the gates exchanged on the way back",
        OPERAND,
        ('P[net + "_Wz"].T @ daz + P[net + "_Wr"].T @ dar', 'P[net + "_Wz"].T @ dar + P[net + "_Wr"].T @ daz'),
    ),
    plant(
        "bridge's weights from the writer's error",
        OPERAND,
        ("np.outer(da, h_end)", "np.outer(ds, h_end)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "bridge's bias from the writer's error",
        OPERAND,
        ('G["bridge_b"] += da', 'G["bridge_b"] += ds'),
        or_kinds=(DERIVATIVE,),
    ),
    plant("gradient of the readout for the readout", OPERAND, ('P["Wy"].T @ dy', 'G["Wy"].T @ dy')),
    plant(
        "bridge's weights with the reader's state before",
        TIME_INDEX,
        ("np.outer(da, h_end)", "np.outer(da, read[-1][0])"),
        or_kinds=(OPERAND,),
    ),
    # factor
    plant(
        "summed over the symbols",
        FACTOR,
        ("        dy /= len(wanted)\n", ""),
        lines=("dy = prob.copy()", "dy[wanted[t]] -= 1", 'G["Wy"] += np.outer'),
    ),
    plant("divided by the source's length", FACTOR, ("dy /= len(wanted)", "dy /= len(source)")),
    plant("halved at the readout", FACTOR, ("dy /= len(wanted)", "dy /= 2 * len(wanted)")),
    plant("bridge averaged over its entries", FACTOR, ("np.outer(da, h_end)", "np.outer(da, h_end) / len(h_end)")),
    plant(
        "readout's weights averaged once more",
        FACTOR,
        ("np.outer(dy, states[t + 1])", "np.outer(dy, states[t + 1]) / len(wanted)"),
    ),
    plant("update gate's weights twice", FACTOR, ("np.outer(daz, hx)", "2 * np.outer(daz, hx)")),
    # accumulation
    plant("candidate's weights overwritten", ACCUMULATION, ('G[net + "_Wc"] += np', 'G[net + "_Wc"] = np')),
    plant("reset gate's bias overwritten", ACCUMULATION, ('G[net + "_br"] += dar', 'G[net + "_br"] = dar')),
    plant("readout overwritten", ACCUMULATION, ('G["Wy"] += np', 'G["Wy"] = np')),
    plant("only the last pair counts for the bridge", ACCUMULATION, ('G["bridge"] += np', 'G["bridge"] = np')),
    plant("source symbols overwritten", ACCUMULATION, ('G["enc_E"][symbol] += dx', 'G["enc_E"][symbol] = dx')),
    plant("written symbols overwritten", ACCUMULATION, ('G["dec_E"][given[t]] += dx', 'G["dec_E"][given[t]] = dx')),
    plant(
        "update gate's weights never written",
        ACCUMULATION,
        ('    G[net + "_Wz"] += np.outer(daz, hx)\n', ""),
        lines=('G[net + "_bz"] += daz', "daz = dh_new", "G = {name: np.zeros_like(value)"),
    ),
    plant(
        "first written symbol skipped",
        ACCUMULATION,
        ("range(len(wanted) - 1, -1, -1)", "range(len(wanted) - 1, 0, -1)"),
    ),
    plant(
        "last written symbol skipped",
        ACCUMULATION,
        ("range(len(wanted) - 1, -1, -1)", "range(len(wanted) - 2, -1, -1)"),
    ),
    plant(
        "first symbol of the source not read back",
        ACCUMULATION,
        ("zip(source, read[::-1])", "zip(source[1:], read[-2::-1])"),
    ),
    plant("end of the source not read back", ACCUMULATION, ("zip(source, read[::-1])", "zip(source[:-1], read[::-1])")),
    # output delta
    plant(
        "one not subtracted",
        OUTPUT_DELTA,
        ("        dy[wanted[t]] -= 1\n", ""),
        lines=("dy = prob.copy()", "dy /= len(wanted)"),
    ),
    plant(
        "softmax's diagonal once more",
        OUTPUT_DELTA,
        ("        dy /= len(wanted)\n", "        dy *= prob * (1 - prob)\n        dy /= len(wanted)\n"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "only the wanted symbol's error",
        OUTPUT_DELTA,
        (
            "dy = prob.copy()\n        dy[wanted[t]] -= 1",
            "dy = np.zeros_like(prob)\n        dy[wanted[t]] = prob[wanted[t]] - 1",
        ),
    ),
    plant(
        "derivative of the logarithm only",
        OUTPUT_DELTA,
        (
            "dy = prob.copy()\n        dy[wanted[t]] -= 1",
            "dy = np.zeros_like(prob)\n        dy[wanted[t]] = -1 / prob[wanted[t]]",
        ),
    ),
    plant("logits for probabilities", OUTPUT_DELTA, ("dy = prob.copy()", 'dy = P["Wy"] @ states[t + 1] + P["by"]')),
    # transposed recurrent matrix
    plant(
        "candidate's recurrent matrix not transposed",
        TRANSPOSED,
        (OLD_STATE, 'dh = dh_new * z + P[net + "_Wc"][:, :n] @ dac * r + dhx[:n]'),
    ),
    plant(
        "gates' recurrent matrices not transposed",
        TRANSPOSED,
        (OLD_STATE, 'dh = dh_new * z + drhx[:n] * r + P[net + "_Wz"][:, :n] @ daz + P[net + "_Wr"][:, :n] @ dar'),
    ),
    plant(
        "update gate's recurrent matrix not transposed",
        TRANSPOSED,
        (OLD_STATE, 'dh = dh_new * z + drhx[:n] * r + P[net + "_Wz"][:, :n] @ daz + P[net + "_Wr"][:, :n].T @ dar'),
    ),
    # bias sum
    plant("candidate's bias is one number", BIAS_SUM, ('G[net + "_bc"] += dac', 'G[net + "_bc"] += dac.sum()')),
    plant("update gate's bias averaged", BIAS_SUM, ('G[net + "_bz"] += daz', 'G[net + "_bz"] += daz.mean()')),
    plant("readout's bias is one number", BIAS_SUM, ('G["by"] += dy', 'G["by"] += dy[wanted[t]]')),
    plant("bridge's bias is one number", BIAS_SUM, ('G["bridge_b"] += da', 'G["bridge_b"] += np.sum(da)')),
    # update order
    plant(
        "readout learns before the error goes through it",
        UPDATE,
        ('        ds = ds + P["Wy"].T @ dy', '        Wy = P["Wy"] - 0.1 * G["Wy"]\n        ds = ds + Wy.T @ dy'),
    ),
    plant(
        "bridge learns before the error goes through it",
        UPDATE,
        ('    dh = P["bridge"].T @ da', '    bridge = P["bridge"] - 0.1 * G["bridge"]\n    dh = bridge.T @ da'),
    ),
    plant(
        "candidate's matrix learns within the step",
        UPDATE,
        ('    drhx = P[net + "_Wc"].T @ dac', '    Wc = P[net + "_Wc"] - 0.5 * G[net + "_Wc"]\n    drhx = Wc.T @ dac'),
    ),
    # branch
    plant("candidate's path to the state lost", BRANCH, (OLD_STATE, "dh = dh_new * z + dhx[:n]"), or_kinds=(CARRY,)),
    plant("gates' path to the state lost", BRANCH, (OLD_STATE, "dh = dh_new * z + drhx[:n] * r"), or_kinds=(CARRY,)),
    plant("candidate's path to the input lost", BRANCH, ("dx = drhx[n:] + dhx[n:]", "dx = dhx[n:]")),
    plant("gates' path to the input lost", BRANCH, ("dx = drhx[n:] + dhx[n:]", "dx = drhx[n:]")),
    plant("reset gate's path lost", BRANCH, (' + P[net + "_Wr"].T @ dar', ""), or_kinds=(CARRY,)),
    plant(
        "readout's error lost but at the end",
        BRANCH,
        ('ds = ds + P["Wy"].T @ dy', 'ds = ds if ds.any() else P["Wy"].T @ dy'),
        or_kinds=(INJECTION,),
    ),
    # sign
    plant("c - h in the update gate", SIGN, ("dh_new * (h - c) * z", "dh_new * (c - h) * z"), or_kinds=(OPERAND,)),
    plant("one added", SIGN, ("dy[wanted[t]] -= 1", "dy[wanted[t]] += 1"), or_kinds=(OUTPUT_DELTA,)),
    plant("bridge's bias subtracted", SIGN, ('G["bridge_b"] += da', 'G["bridge_b"] -= da')),
    plant("gates' path subtracted", SIGN, (OLD_STATE, "dh = dh_new * z + drhx[:n] * r - dhx[:n]"), or_kinds=(CARRY,)),
    # injection
    plant(
        "error of the symbol before",
        INJECTION,
        ("dy[wanted[t]] -= 1", "dy[wanted[t - 1]] -= 1"),
        or_kinds=(TIME_INDEX, OUTPUT_DELTA),
    ),
    plant(
        "symbols given for symbols wanted",
        INJECTION,
        ("dy[wanted[t]] -= 1", "dy[given[t]] -= 1"),
        or_kinds=(OPERAND, TIME_INDEX, OUTPUT_DELTA),
    ),
    plant(
        "last error at every step",
        INJECTION,
        ("dy = prob.copy()\n        dy[wanted[t]] -= 1", "dy = written[-1][1].copy()\n        dy[wanted[-1]] -= 1"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "last wanted symbol at every step",
        INJECTION,
        ("dy[wanted[t]] -= 1", "dy[wanted[-1]] -= 1"),
        or_kinds=(TIME_INDEX, OUTPUT_DELTA),
    ),
    plant(
        "reader is given the writer's first error at every step",
        INJECTION,
        ('dh, dx = gru_back(P, G, "enc", memo, dh)', 'dh, dx = gru_back(P, G, "enc", memo, dh + P["bridge"].T @ da)'),
    ),
    # state between calls
    plant(
        "gradients set back between the pairs",
        STATE,
        (
            "        total += loss",
            "        G = {name: np.zeros_like(value) for name, value in P.items()}\n        total += loss",
        ),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "writer's error clipped",
        STATE,
        (
            '        ds, dx = gru_back(P, G, "dec", memo, ds)',
            '        ds = np.clip(ds, -0.05, 0.05)\n        ds, dx = gru_back(P, G, "dec", memo, ds)',
        ),
        or_kinds=(CARRY,),
    ),
    plant(
        "reset gate overwritten by its derivative",
        STATE,
        ("    dar = drhx[:n] * h * r * (1 - r)", "    r *= 1 - r\n    dar = drhx[:n] * h * r"),
        lines=("r *= 1 - r", "dh = dh_new * z"),
    ),
    plant(
        "update gate overwritten by its derivative",
        STATE,
        ("    daz = dh_new * (h - c) * z * (1 - z)", "    z *= 1 - z\n    daz = dh_new * (h - c) * z"),
        lines=("z *= 1 - z", "dh = dh_new * z"),
    ),
    plant(
        "error of the state overwritten by the candidate's",
        STATE,
        ("    dac = dh_new * (1 - z) * (1 - c**2)", "    dac = dh_new\n    dac *= (1 - z) * (1 - c**2)"),
        lines=("dac = dh_new\n".strip(), "dac *= (1 - z)"),
        or_kinds=(OPERAND,),
    ),
)
