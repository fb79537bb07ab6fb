"""The mistakes planted in programs/relu_einsum.py."""

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

plant = planter("relu_einsum")

MISTAKES = (
    plant(
        "recurrent weights not transposed",
        TRANSPOSED,
        ('"nh,hj->nj", lam[t], w["rec"]', '"nh,jh->nj", lam[t], w["rec"]'),
    ),
    plant("relu' left out", DERIVATIVE, ("lam[t] = gate[t] * (from_out[t] + future)", "lam[t] = from_out[t] + future")),
    plant("relu for its derivative", DERIVATIVE, ("gate = (pre > 0).astype(float)", "gate = np.maximum(pre, 0.0)")),
    plant(
        "relu' at the states before",
        DERIVATIVE,
        ("gate = (pre > 0)", "gate = (s[:-1] > 0)"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant("tanh' for relu'", DERIVATIVE, ("gate = (pre > 0).astype(float)", "gate = 1 - s[1:] ** 2")),
    plant(
        "relu' on the outputs' share alone",
        DERIVATIVE,
        ("gate[t] * (from_out[t] + future)", "gate[t] * from_out[t] + future"),
        or_kinds=(CARRY,),
    ),
    plant(
        "relu' of the step before", DERIVATIVE, ("lam[t] = gate[t] *", "lam[t] = gate[t - 1] *"), or_kinds=(TIME_INDEX,)
    ),
    plant(
        "relu' of the outputs' gradient",
        DERIVATIVE,
        (
            'gate = (pre > 0).astype(float)\n    from_out = np.einsum("tno,oh->tnh", e, w["out"])\n',
            'from_out = np.einsum("tno,oh->tnh", e, w["out"])\n    gate = (from_out > 0).astype(float)\n',
        ),
        lines=("gate = (from_out",),
        or_kinds=(OPERAND,),
    ),
    plant("s_t for s_{t-1}", TIME_INDEX, ('"tnh,tnj->hj", lam, s[:-1]', '"tnh,tnj->hj", lam, s[1:]')),
    plant(
        "s_{t-1} for s_t in the outputs' weights", TIME_INDEX, ('"tno,tnh->oh", e, s[1:]', '"tno,tnh->oh", e, s[:-1]')
    ),
    plant(
        "zeros for the first state",
        TIME_INDEX,
        ("lam, s[:-1])", "lam, np.concatenate([0 * s[:1], s[1:-1]]))"),
        or_kinds=(ACCUMULATION,),
    ),
    plant("inputs one step late", TIME_INDEX, ('"tnh,tni->hi", lam, u)', '"tnh,tni->hi", lam[1:], u[:-1])')),
    plant(
        "deltas in the order of the loop",
        TIME_INDEX,
        ('"tnh,tnj->hj", lam, s[:-1]', '"tnh,tnj->hj", lam[::-1], s[:-1]'),
    ),
    plant("skip's inputs one step late", TIME_INDEX, ('"tno,tni->oi", e, u)', '"tno,tni->oi", e[1:], u[:-1])')),
    plant("future left out", CARRY, ("(from_out[t] + future)", "from_out[t]"), or_kinds=(BRANCH,)),
    plant(
        "future never set",
        CARRY,
        ('        future = np.einsum("nh,hj->nj", lam[t], w["rec"])\n', ""),
        lines=("future = np.zeros_like", "lam[t] = gate[t]"),
    ),
    plant(
        "future without the weights", CARRY, ('future = np.einsum("nh,hj->nj", lam[t], w["rec"])', "future = lam[t]")
    ),
    plant("future adds up", CARRY, ('future = np.einsum("nh', 'future += np.einsum("nh')),
    plant(
        "future of the outputs' share alone",
        CARRY,
        ('"nh,hj->nj", lam[t], w["rec"]', '"nh,hj->nj", gate[t] * from_out[t], w["rec"]'),
        or_kinds=(BRANCH, OPERAND),
    ),
    plant(
        "future without relu'",
        CARRY,
        ('"nh,hj->nj", lam[t], w["rec"]', '"nh,hj->nj", from_out[t] + future, w["rec"]'),
        or_kinds=(DERIVATIVE, OPERAND),
    ),
    plant(
        "time runs forward",
        CARRY,
        ("reversed(range(len(u)))", "range(len(u))"),
        lines=(CHANGED, "lam[t] = gate", "future = np.einsum"),
    ),
    plant(
        "future made before the delta",
        CARRY,
        (
            "        lam[t] = gate[t] * (from_out[t] + future)\n"
            '        future = np.einsum("nh,hj->nj", lam[t], w["rec"])\n',
            '        future = np.einsum("nh,hj->nj", lam[t], w["rec"])\n'
            "        lam[t] = gate[t] * (from_out[t] + future)\n",
        ),
        lines=("lam[t] = gate", "future = np.einsum"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "states' gradient for their deltas in the input weights",
        OPERAND,
        ('"tnh,tni->hi", lam, u', '"tnh,tni->hi", from_out, u'),
        or_kinds=(CARRY, DERIVATIVE, BRANCH),
    ),
    plant(
        "outputs' share for the deltas in the bias",
        OPERAND,
        ('"tnh->h", lam', '"tnh->h", from_out'),
        or_kinds=(BIAS_SUM, CARRY),
    ),
    plant("pre-activations for states", OPERAND, ('"tno,tnh->oh", e, s[1:]', '"tno,tnh->oh", e, pre')),
    plant("recurrent gradient the wrong way round", LAYOUT, ('"tnh,tnj->hj", lam', '"tnh,tnj->jh", lam')),
    plant(
        "outputs' weights reshaped",
        LAYOUT,
        ('"tno,oh->tnh", e, w["out"]', '"tno,ho->tnh", e, w["out"].reshape(-1, e.shape[2])'),
    ),
    plant(
        "input gradient filled in another order",
        LAYOUT,
        ('np.einsum("tnh,tni->hi", lam, u)', 'np.einsum("tnh,tni->ih", lam, u).reshape(w["in"].shape)'),
    ),
    plant(
        "skip filled in another order",
        LAYOUT,
        ('np.einsum("tno,tni->oi", e, u)', 'np.einsum("tno,tni->io", e, u).reshape(w["skip"].shape)'),
    ),
    plant("all samples with all samples", LAYOUT, ('"tnh,tnj->hj", lam, s[:-1]', '"tnh,tmj->hj", lam, s[:-1]')),
    plant(
        "all steps with all steps",
        LAYOUT,
        ('"tno,tnh->oh", e, s[1:]', '"tno,snh->oh", e, s[1:]'),
        or_kinds=(TIME_INDEX,),
    ),
    plant("mean over the steps", FACTOR, ('"tnh,tnj->hj", lam, s[:-1])', '"tnh,tnj->hj", lam, s[:-1]) / len(u)')),
    plant(
        "mean over the samples once more", FACTOR, ('"tno,tnh->oh", e, s[1:])', '"tno,tnh->oh", e, s[1:]) / e.shape[1]')
    ),
    plant("half of the outputs' gradient", FACTOR, ("from_out = np.einsum(", "from_out = 0.5 * np.einsum(")),
    plant("two forgotten", FACTOR, ("e = 2 * weight * miss / sizes.batch", "e = weight * miss / sizes.batch")),
    plant(
        "mean over the steps where the loss sums",
        FACTOR,
        ("e = 2 * weight * miss / sizes.batch", "e = 2 * weight * miss / (sizes.batch * sizes.time)"),
    ),
    plant("first step left out of the recurrent weights", ACCUMULATION, ("lam, s[:-1])", "lam[1:], s[1:-1])")),
    plant(
        "input weights of the last step",
        ACCUMULATION,
        ('"tnh,tni->hi", lam, u)', '"nh,ni->hi", lam[-1], u[-1])'),
        or_kinds=(TIME_INDEX,),
    ),
    plant("first step not reached", ACCUMULATION, ("reversed(range(len(u)))", "reversed(range(1, len(u)))")),
    plant(
        "recurrent weights written over",
        ACCUMULATION,
        (
            '        future = np.einsum("nh,hj',
            '        d_rec = np.einsum("nh,nj->hj", lam[t], s[t])\n        future = np.einsum("nh,hj',
        ),
        ('np.einsum("tnh,tnj->hj", lam, s[:-1])', "d_rec"),
        lines=(CHANGED,),
    ),
    plant(
        "weights of the steps forgotten",
        OUTPUT_DELTA,
        ("e = 2 * weight * miss / sizes.batch", "e = 2 * miss / sizes.batch"),
        or_kinds=(FACTOR, INJECTION),
    ),
    plant(
        "outputs for what they miss",
        OUTPUT_DELTA,
        ("e = 2 * weight * miss", "e = 2 * weight * out"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "relu' at the outputs",
        OUTPUT_DELTA,
        ("e = 2 * weight * miss", "e = 2 * weight * (out > 0) * miss"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "bias averaged over the samples",
        BIAS_SUM,
        ('"tnh->h", lam)', '"tnh->h", lam) / lam.shape[1]'),
        or_kinds=(FACTOR,),
    ),
    plant(
        "bias one number", BIAS_SUM, ('np.einsum("tnh->h", lam)', 'np.full_like(w["bias"], np.einsum("tnh->", lam))')
    ),
    plant("offset of the first sample", BIAS_SUM, ('np.einsum("tno->o", e)', 'np.einsum("to->o", e[:, 0])')),
    plant(
        "offset of the last step",
        BIAS_SUM,
        ('np.einsum("tno->o", e)', 'np.einsum("no->o", e[-1])'),
        or_kinds=(ACCUMULATION,),
    ),
    plant("goal minus output", SIGN, ("miss = out - goal", "miss = goal - out"), or_kinds=(OUTPUT_DELTA,)),
    plant("future subtracted", SIGN, ("(from_out[t] + future)", "(from_out[t] - future)"), or_kinds=(CARRY,)),
    plant(
        "outputs' share lost where there is a future",
        BRANCH,
        ("(from_out[t] + future)", "(future if future.any() else from_out[t])"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "last error at every step",
        INJECTION,
        ("(from_out[t] + future)", "(from_out[-1] + future)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "errors in backward order",
        INJECTION,
        ("(from_out[t] + future)", "(from_out[-1 - t] + future)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "only the last error goes back",
        INJECTION,
        ("    lam = np.zeros_like(pre)\n", "    from_out[:-1] = 0\n    lam = np.zeros_like(pre)\n"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "error of the step after",
        INJECTION,
        ("(from_out[t] + future)", "(from_out[(t + 1) % len(u)] + future)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "deltas clipped",
        STATE,
        (
            '        future = np.einsum("nh',
            '        np.clip(lam[t], -0.1, 0.1, out=lam[t])\n        future = np.einsum("nh',
        ),
    ),
    plant(
        "errors scaled in place",
        STATE,
        ("    lam = np.zeros_like(pre)\n", "    lam = np.zeros_like(pre)\n    e *= 0.5\n"),
        or_kinds=(FACTOR,),
    ),
    plant(
        "outputs' weights moved before they are used",
        UPDATE,
        (
            "    from_out = np.einsum",
            '    w = {**w, "out": w["out"] - 0.1 * np.einsum("tno,tnh->oh", e, s[1:])}\n    from_out = np.einsum',
        ),
        lines=(CHANGED, "from_out = np.einsum"),
    ),
    plant(
        "recurrent weights moved at every step",
        UPDATE,
        (
            '        future = np.einsum("nh',
            '        w = {**w, "rec": w["rec"] - 0.1 * np.einsum("nh,nj->hj", lam[t], s[t])}\n'
            '        future = np.einsum("nh',
        ),
        lines=(CHANGED, 'future = np.einsum("nh'),
    ),
    plant(
        "deltas scaled to a norm of one",
        STATE,
        (
            '        future = np.einsum("nh',
            '        lam[t] /= max(1.0, np.linalg.norm(lam[t]))\n        future = np.einsum("nh',
        ),
    ),
)
