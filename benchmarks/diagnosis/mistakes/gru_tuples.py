"""The mistakes planted in programs/gru_tuples.py."""

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

plant = planter("gru_tuples")

MISTAKES = (
    plant("update gate's recurrent weights not transposed", TRANSPOSED, ('du @ w["Ru"].T', 'du @ w["Ru"]')),
    plant("reset gate's recurrent weights not transposed", TRANSPOSED, ('dr @ w["Rr"].T', 'dr @ w["Rr"]')),
    plant("candidate's recurrent weights not transposed", TRANSPOSED, ('dc @ w["Rc"].T', 'dc @ w["Rc"]')),
    plant("candidate's derivative left out", DERIVATIVE, ("dc = dcand * (1 - cand**2)", "dc = dcand")),
    plant("tanh of the candidate again", DERIVATIVE, ("(1 - cand**2)", "(1 - np.tanh(cand) ** 2)")),
    plant("candidate's derivative a logistic one", DERIVATIVE, ("(1 - cand**2)", "cand * (1 - cand)")),
    plant("update gate's derivative left out", DERIVATIVE, ("du = dupdate * update * (1 - update)", "du = dupdate")),
    plant(
        "update gate activated again",
        DERIVATIVE,
        ("dupdate * update * (1 - update)", "dupdate * logistic(update) * (1 - logistic(update))"),
    ),
    plant("reset gate's derivative a tanh's", DERIVATIVE, ("dreset * reset * (1 - reset)", "dreset * (1 - reset**2)")),
    plant("reset gate's derivative by half", DERIVATIVE, ("dreset * reset * (1 - reset)", "dreset * (1 - reset)")),
    plant(
        "candidate's derivative at what is kept", DERIVATIVE, ("(1 - cand**2)", "(1 - kept**2)"), or_kinds=(OPERAND,)
    ),
    plant(
        "state that was made in the update gate",
        TIME_INDEX,
        ('"Ru": h_prev.T @ du', '"Ru": (h_prev + update * (cand - h_prev)).T @ du'),
        or_kinds=(OPERAND,),
    ),
    plant(
        "state that was made in the reset gate",
        TIME_INDEX,
        ('"Rr": h_prev.T @ dr', '"Rr": (h_prev + update * (cand - h_prev)).T @ dr'),
        or_kinds=(OPERAND,),
    ),
    plant("state before in the readout", TIME_INDEX, ("dscore @ h_t", "dscore @ cache[1]"), or_kinds=(OPERAND,)),
    plant("embedding of the first event", TIME_INDEX, ("events[t].T @ dx", "events[0].T @ dx")),
    plant("embedding of the event after", TIME_INDEX, ("events[t].T @ dx", "events[(t + 1) % length].T @ dx")),
    plant(
        "caches from the front",
        TIME_INDEX,
        ("*cache, h_t = caches[t]", "*cache, h_t = caches[length - 1 - t]"),
        or_kinds=(STATE,),
    ),
    plant(
        "misfits from the front", TIME_INDEX, ("2 * misfits[t]", "2 * misfits[length - 1 - t]"), or_kinds=(INJECTION,)
    ),
    plant("later steps forgotten", CARRY, ("dh = dh + np.outer(", "dh = np.outer("), or_kinds=(BRANCH,)),
    plant(
        "running sum of the misfits' gradients",
        CARRY,
        ("dx, dh, dw = step_grad(w, dh, cache)", "dx, _, dw = step_grad(w, dh, cache)"),
    ),
    plant(
        "from the first step to the last",
        CARRY,
        ("range(length - 1, -1, -1)", "range(length)"),
        lines=(CHANGED, "dh = dh + np.outer", "dx, dh, dw = step_grad"),
    ),
    plant(
        "gradient of the state grows",
        CARRY,
        (
            "dx, dh, dw = step_grad(w, dh, cache)",
            "dx, dh_prev, dw = step_grad(w, dh, cache)\n        dh = dh + dh_prev",
        ),
        lines=("dh = dh + dh_prev",),
    ),
    plant(
        "whole gradient past the update gate",
        CARRY,
        ("dh_prev = dh * (1 - update)", "dh_prev = dh"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "candidate's carry without the weights", CARRY, ('dkept = dc @ w["Rc"].T', "dkept = dc"), or_kinds=(OPERAND,)
    ),
    plant(
        "update for its complement",
        OPERAND,
        ("dh_prev = dh * (1 - update)", "dh_prev = dh * update"),
        or_kinds=(CARRY,),
    ),
    plant("complement for the update", OPERAND, ("dcand = dh * update", "dcand = dh * (1 - update)")),
    plant("update gate in place of reset gate", OPERAND, ("dkept * reset", "dkept * update"), or_kinds=(CARRY,)),
    plant("candidate for the state before", OPERAND, ("dreset = dkept * h_prev", "dreset = dkept * cand")),
    plant("kept state in the reset gate", OPERAND, ("dreset = dkept * h_prev", "dreset = dkept * kept")),
    plant("state before for what is kept", OPERAND, ('"Rc": kept.T', '"Rc": h_prev.T')),
    plant("reset gate's delta in the update gate", OPERAND, ('"Ku": x.T @ du', '"Ku": x.T @ dr')),
    plant("update gate's weights in the reset path", OPERAND, ('dr @ w["Rr"].T', 'dr @ w["Ru"].T'), or_kinds=(CARRY,)),
    plant("candidate's weights for the gate's in dx", OPERAND, ('du @ w["Ku"].T', 'du @ w["Kc"].T')),
    plant(
        "gradient of the activated gate in the weights",
        OPERAND,
        ('"Ru": h_prev.T @ du', '"Ru": h_prev.T @ dupdate'),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "gradient of the candidate in its bias",
        OPERAND,
        ('"bc": dc.sum(0)', '"bc": dcand.sum(0)'),
        or_kinds=(DERIVATIVE, BIAS_SUM),
    ),
    plant(
        "gradient of the candidate sent to what is kept",
        OPERAND,
        ('dkept = dc @ w["Rc"].T', 'dkept = dcand @ w["Rc"].T'),
        or_kinds=(DERIVATIVE,),
    ),
    plant("reset gate's bias copied", OPERAND, ('"br": dr.sum(0)', '"br": du.sum(0)'), or_kinds=(BIAS_SUM,)),
    plant("two forgotten", FACTOR, ("dscore = 2 * misfits[t]", "dscore = misfits[t]")),
    plant(
        "mean over the steps forgotten",
        FACTOR,
        ("dscore = 2 * misfits[t] / (length * batch)", "dscore = 2 * misfits[t] / batch"),
    ),
    plant(
        "mean over the batch forgotten",
        FACTOR,
        ("dscore = 2 * misfits[t] / (length * batch)", "dscore = 2 * misfits[t] / length"),
    ),
    plant("embedding averaged over the batch", FACTOR, ("events[t].T @ dx", "events[t].T @ dx / batch")),
    plant("half of the candidate's weights", FACTOR, ("kept.T @ dc", "0.5 * kept.T @ dc")),
    plant("weights of the cell overwritten", ACCUMULATION, ("total[name] += dw[name]", "total[name] = dw[name]")),
    plant("embedding overwritten", ACCUMULATION, ('total["emb"] +=', 'total["emb"] =')),
    plant("readout overwritten", ACCUMULATION, ('total["out"] +=', 'total["out"] =')),
    plant("first step not reached", ACCUMULATION, ("range(length - 1, -1, -1)", "range(length - 1, 0, -1)")),
    plant(
        "starts one step early",
        ACCUMULATION,
        ("range(length - 1, -1, -1)", "range(length - 2, -1, -1)"),
        lines=(CHANGED, "*cache, h_t = caches[t]"),
    ),
    plant(
        "embedding outside the loop",
        ACCUMULATION,
        ('        total["emb"] += events[t].T @ dx', '    total["emb"] += events[t].T @ dx'),
    ),
    plant(
        "shift of the first misfit only",
        ACCUMULATION,
        ('total["shift"] += dscore.sum()', 'total["shift"] += (t == 0) * dscore.sum()'),
        or_kinds=(BIAS_SUM,),
    ),
    plant(
        "recurrent gradient of the update gate the wrong way round",
        LAYOUT,
        ('"Ru": h_prev.T @ du', '"Ru": du.T @ h_prev'),
    ),
    plant("kept state reshaped", LAYOUT, ('"Rc": kept.T @ dc', '"Rc": kept.reshape(kept.T.shape) @ dc')),
    plant("input weights reshaped in dx", LAYOUT, ('dc @ w["Kc"].T', 'dc @ w["Kc"].reshape(-1, x.shape[1])')),
    plant("events reshaped", LAYOUT, ("events[t].T @ dx", "events[t].reshape(-1, batch) @ dx")),
    plant(
        "outer product in another order",
        LAYOUT,
        ('np.outer(dscore, w["out"])', 'np.outer(w["out"], dscore).reshape(dh.shape)'),
    ),
    plant(
        "gates' input weights exchanged in dx",
        LAYOUT,
        ('du @ w["Ku"].T + dr @ w["Kr"].T', 'du @ w["Kr"].T + dr @ w["Ku"].T'),
        or_kinds=(OPERAND,),
    ),
    plant(
        "tanh' at the score",
        OUTPUT_DELTA,
        (
            "dscore = 2 * misfits[t] / (length * batch)",
            "dscore = 2 * misfits[t] * (1 - misfits[t] ** 2) / (length * batch)",
        ),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "sign of the misfit",
        OUTPUT_DELTA,
        ("dscore = 2 * misfits[t]", "dscore = 2 * np.sign(misfits[t])"),
    ),
    plant(
        "predictions for misfits",
        OUTPUT_DELTA,
        ("dscore = 2 * misfits[t]", "dscore = 2 * (misfits[t] + scores[t])"),
        or_kinds=(OPERAND,),
    ),
    plant("update gate's bias averaged", BIAS_SUM, ('"bu": du.sum(0)', '"bu": du.mean(0)'), or_kinds=(FACTOR,)),
    plant("candidate's bias one number", BIAS_SUM, ('"bc": dc.sum(0)', '"bc": dc.sum()')),
    plant("reset gate's bias of one sample", BIAS_SUM, ('"br": dr.sum(0)', '"br": dr[0]')),
    plant(
        "shift averaged",
        BIAS_SUM,
        ('total["shift"] += dscore.sum()', 'total["shift"] += dscore.mean()'),
        or_kinds=(FACTOR,),
    ),
    plant("minus the misfit", SIGN, ("dscore = 2 * misfits[t]", "dscore = -2 * misfits[t]")),
    plant(
        "update gate's difference reversed", SIGN, ("dupdate = dh * (cand - h_prev)", "dupdate = dh * (h_prev - cand)")
    ),
    plant(
        "kept state's path subtracted",
        SIGN,
        ("dh_prev = dh_prev + dkept * reset", "dh_prev = dh_prev - dkept * reset"),
        or_kinds=(CARRY,),
    ),
    plant("one plus the square of the candidate", SIGN, ("(1 - cand**2)", "(1 + cand**2)"), or_kinds=(DERIVATIVE,)),
    plant(
        "candidate only, in the update gate",
        BRANCH,
        ("dupdate = dh * (cand - h_prev)", "dupdate = dh * cand"),
        or_kinds=(OPERAND,),
    ),
    plant("reset gate's path lost", BRANCH, (' + dr @ w["Rr"].T', ""), or_kinds=(CARRY,)),
    plant("update gate's path lost", BRANCH, ('dh_prev + du @ w["Ru"].T', "dh_prev"), or_kinds=(CARRY,)),
    plant(
        "kept state's path lost",
        BRANCH,
        ("    dh_prev = dh_prev + dkept * reset\n", ""),
        lines=("dh_prev = dh * (1 - update)", "dh_prev = dh_prev + du"),
        or_kinds=(CARRY,),
    ),
    plant(
        "direct path lost", BRANCH, ("dh_prev = dh_prev + dkept * reset", "dh_prev = dkept * reset"), or_kinds=(CARRY,)
    ),
    plant("gates alone reach the state before", BRANCH, ("dh_prev = dh_prev + du", "dh_prev = du"), or_kinds=(CARRY,)),
    plant("candidate alone reaches the embedding", BRANCH, (' + du @ w["Ku"].T + dr @ w["Kr"].T', "")),
    plant("last misfit at every step", INJECTION, ("2 * misfits[t]", "2 * misfits[-1]"), or_kinds=(TIME_INDEX,)),
    plant(
        "only the last misfit goes back",
        INJECTION,
        (
            '        dh = dh + np.outer(dscore, w["out"])',
            '        if t == length - 1:\n            dh = dh + np.outer(dscore, w["out"])',
        ),
        or_kinds=(BRANCH,),
    ),
    plant(
        "misfit added after the step",
        INJECTION,
        (
            '        dh = dh + np.outer(dscore, w["out"])\n        dx, dh, dw = step_grad(w, dh, cache)\n',
            '        dx, dh, dw = step_grad(w, dh, cache)\n        dh = dh + np.outer(dscore, w["out"])\n',
        ),
        lines=(CHANGED, "dx, dh, dw = step_grad", "dh = dh + np.outer"),
        or_kinds=(TIME_INDEX, CARRY),
    ),
    plant(
        "candidate overwritten by the difference",
        STATE,
        ("dupdate = dh * (cand - h_prev)", "dupdate = dh * np.subtract(cand, h_prev, out=cand)"),
        lines=(CHANGED, "dc = dcand * (1 - cand**2)"),
    ),
    plant(
        "gradient of the state clipped",
        STATE,
        ("dx, dh, dw = step_grad(w, dh, cache)", "dx, dh, dw = step_grad(w, np.clip(dh, -0.01, 0.01), cache)"),
    ),
    plant(
        "sum clipped at each step",
        STATE,
        (
            "            total[name] += dw[name]\n",
            "            total[name] += dw[name]\n            np.clip(total[name], -0.02, 0.02, out=total[name])\n",
        ),
    ),
    plant(
        "upstream gradient overwritten",
        STATE,
        ("dcand = dh * update", "dcand = np.multiply(dh, update, out=dh)"),
        lines=(CHANGED, "dupdate = dh * (cand - h_prev)"),
    ),
    plant(
        "readout moved before it is used",
        UPDATE,
        (
            "        dh = dh + np.outer",
            '        w = {**w, "out": w["out"] - 0.5 * total["out"]}\n        dh = dh + np.outer',
        ),
        lines=(CHANGED, "dh = dh + np.outer"),
    ),
    plant(
        "candidate's weights moved on the way",
        UPDATE,
        (
            "        dx, dh, dw = step_grad",
            '        w = {**w, "Rc": w["Rc"] - 5 * total["Rc"]}\n        dx, dh, dw = step_grad',
        ),
        lines=(CHANGED, "dx, dh, dw = step_grad"),
    ),
)
