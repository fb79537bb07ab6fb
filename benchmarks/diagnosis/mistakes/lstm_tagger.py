"""The mistakes planted in programs/lstm_tagger.py."""

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

plant = planter("lstm_tagger")


MISTAKES = (
    plant(
        "recurrent blocks not transposed",
        TRANSPOSED,
        (
            "return da @ self.Wh.T, dc * f",
            "return sum(da[:, k] @ self.Wh[:, k] for k in (self.F, self.I, self.G, self.O)), dc * f",
        ),
    ),
    plant("cell's derivative left out", DERIVATIVE, ("dh * o * (1 - tanh_c**2)", "dh * o")),
    plant(
        "cell's derivative at the cell", DERIVATIVE, ("(1 - tanh_c**2)", '(1 - cache["c"] ** 2)'), or_kinds=(OPERAND,)
    ),
    plant("cell's tanh taken again", DERIVATIVE, ("(1 - tanh_c**2)", "(1 - np.tanh(tanh_c) ** 2)")),
    plant("forget gate's derivative left out", DERIVATIVE, ("df * f * (1 - f)", "df")),
    plant("half of the output gate's derivative", DERIVATIVE, ("do * o * (1 - o)", "do * (1 - o)")),
    plant("sigmoid of the input gate again", DERIVATIVE, ("di * i * (1 - i)", "di * sigmoid(i) * (1 - sigmoid(i))")),
    plant("candidate's derivative a sigmoid's", DERIVATIVE, ("dg * (1 - g**2)", "dg * g * (1 - g)")),
    plant("h_t for h_{t-1}", TIME_INDEX, ('cache["h_prev"].T @ da', 'cache["h"].T @ da'), or_kinds=(OPERAND,)),
    plant("c_t for c_{t-1}", TIME_INDEX, ('dc * cache["c_prev"]', 'dc * cache["c"]'), or_kinds=(OPERAND,)),
    plant(
        "readout with the state before",
        TIME_INDEX,
        ('cache["h"].T @ dscores', 'cache["h_prev"].T @ dscores'),
        or_kinds=(OPERAND,),
    ),
    plant(
        "tags one step off",
        TIME_INDEX,
        ("self.caches[t], tags[t], dh, dc", "self.caches[t], tags[t - 1], dh, dc"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "caches in the order of time",
        TIME_INDEX,
        ("self.caches[t], tags[t], dh, dc", "self.caches[len(tags) - 1 - t], tags[t], dh, dc"),
        or_kinds=(STATE,),
    ),
    plant("input of the first step", TIME_INDEX, ('cache["x"].T @ da', 'self.caches[0]["x"].T @ da')),
    plant(
        "nothing from the next state",
        CARRY,
        ("dscores @ self.Wy.T + dh_next", "dscores @ self.Wy.T"),
        or_kinds=(BRANCH,),
    ),
    plant("nothing from the next cell", CARRY, ("dc = dc_next + dh * o", "dc = dh * o"), or_kinds=(BRANCH,)),
    plant("forget gate left out of the carry", CARRY, ("self.Wh.T, dc * f", "self.Wh.T, dc")),
    plant(
        "cell's gradient dropped by the loop",
        CARRY,
        ("dh, dc = self.backward_step(", "dh, _ = self.backward_step("),
        lines=(CHANGED, 'dc = np.zeros_like(self.caches[-1]["c"])'),
    ),
    plant("step's results dropped by the loop", CARRY, ("dh, dc = self.backward_step(", "self.backward_step(")),
    plant(
        "steps in the order of time",
        CARRY,
        ("reversed(range(len(tags)))", "range(len(tags))"),
        lines=(CHANGED, "dh, dc = self.backward_step(", "dh = dscores @", "dc = dc_next"),
    ),
    plant(
        "state's gradient piles up",
        CARRY,
        (
            "            dh, dc = self.backward_step(self.caches[t], tags[t], dh, dc)",
            "            dh_prev, dc = self.backward_step(self.caches[t], tags[t], dh, dc)\n            dh += dh_prev",
        ),
        lines=("dh += dh_prev",),
    ),
    plant(
        "state's gradient cut after two steps",
        CARRY,
        (
            "            dh, dc = self.backward_step(",
            "            if t == len(tags) - 3:\n"
            "                dh = np.zeros_like(dh)\n"
            "            dh, dc = self.backward_step(",
        ),
    ),
    plant("input gate in the cell's carry", OPERAND, ("self.Wh.T, dc * f", "self.Wh.T, dc * i"), or_kinds=(CARRY,)),
    plant("input gate for the candidate", OPERAND, ("di = dc * g", "di = dc * i")),
    plant("candidate for the input gate", OPERAND, ("dg = dc * i\n", "dg = dc * g\n")),
    plant("cell for its tanh", OPERAND, ("do = dh * tanh_c", 'do = dh * cache["c"]')),
    plant("state's gradient for the cell's in f", OPERAND, ('df = dc * cache["c_prev"]', 'df = dh * cache["c_prev"]')),
    plant(
        "output gate's line copied from f's", OPERAND, ("do * o * (1 - o)", "do * f * (1 - f)"), or_kinds=(DERIVATIVE,)
    ),
    plant("forget gate's gradient in the input gate", OPERAND, ("di * i * (1 - i)", "df * i * (1 - i)")),
    plant(
        "blocks of f and i exchanged",
        LAYOUT,
        ("da[:, self.F] =", "da[:, self.I] ="),
        ("da[:, self.I] =", "da[:, self.F] ="),
    ),
    plant(
        "blocks of g and o exchanged",
        LAYOUT,
        ("da[:, self.G] =", "da[:, self.O] ="),
        ("da[:, self.O] =", "da[:, self.G] ="),
    ),
    plant("inputs reshaped, not transposed", LAYOUT, ('cache["x"].T @ da', 'cache["x"].reshape(-1, len(da)) @ da')),
    plant(
        "readout reshaped, not transposed",
        LAYOUT,
        ("dscores @ self.Wy.T + dh_next", "dscores @ self.Wy.reshape(-1, len(self.Wy)) + dh_next"),
    ),
    plant(
        "recurrent blocks' gradients transposed",
        LAYOUT,
        (
            'cache["h_prev"].T @ da',
            'np.hstack([da[:, k].T @ cache["h_prev"] for k in (self.F, self.I, self.G, self.O)])',
        ),
    ),
    plant("mean over the batch only", FACTOR, ("dscores /= len(tag) * len(self.caches)", "dscores /= len(tag)")),
    plant(
        "mean forgotten",
        FACTOR,
        ("        dscores /= len(tag) * len(self.caches)\n", ""),
        lines=("dscores[np.arange(len(tag)), tag] -= 1", 'self.dWy += cache["h"].T'),
    ),
    plant("Wh overwritten", ACCUMULATION, ("self.dWh +=", "self.dWh =")),
    plant("readout overwritten", ACCUMULATION, ("self.dWy +=", "self.dWy =")),
    plant("first word skipped", ACCUMULATION, ("reversed(range(len(tags)))", "reversed(range(1, len(tags)))")),
    plant(
        "last word skipped",
        ACCUMULATION,
        ("reversed(range(len(tags)))", "reversed(range(len(tags) - 1))"),
        lines=(CHANGED, "dh, dc = self.backward_step("),
    ),
    plant(
        "readout zeroed at every step",
        ACCUMULATION,
        ("        self.dWy, self.dby = np.zeros_like(self.Wy), np.zeros_like(self.by)\n", ""),
        (
            "            dh, dc = self.backward_step(",
            "            self.dWy, self.dby = np.zeros_like(self.Wy), np.zeros_like(self.by)\n"
            "            dh, dc = self.backward_step(",
        ),
        lines=("self.dWy, self.dby = np.zeros_like", "for t in reversed("),
        or_kinds=(STATE,),
    ),
    plant(
        "readout's bias never added",
        ACCUMULATION,
        ("        self.dby += dscores.sum(axis=0)\n", ""),
        lines=("self.dWy, self.dby = np.zeros_like", 'return {"Wx"', 'self.dWy += cache["h"].T'),
        or_kinds=(BIAS_SUM,),
    ),
    plant(
        "derivative of the probabilities once more",
        OUTPUT_DELTA,
        (
            "        dscores /= len(tag)",
            '        dscores *= cache["probs"] * (1 - cache["probs"])\n        dscores /= len(tag)',
        ),
        or_kinds=(DERIVATIVE,),
    ),
    plant("scores for probabilities", OUTPUT_DELTA, ('cache["probs"].copy()', 'cache["h"] @ self.Wy + self.by')),
    plant(
        "one not taken away",
        OUTPUT_DELTA,
        ("        dscores[np.arange(len(tag)), tag] -= 1\n", ""),
        lines=('dscores = cache["probs"].copy()', "dscores /= len(tag)"),
    ),
    plant(
        "one taken from a column for all samples",
        OUTPUT_DELTA,
        ("dscores[np.arange(len(tag)), tag] -= 1", "dscores[:, tag] -= 1"),
        or_kinds=(LAYOUT,),
    ),
    plant(
        "b averaged over the batch",
        BIAS_SUM,
        ("self.db += da.sum(axis=0)", "self.db += da.mean(axis=0)"),
        or_kinds=(FACTOR,),
    ),
    plant("readout's bias one number", BIAS_SUM, ("self.dby += dscores.sum(axis=0)", "self.dby += dscores.sum()")),
    plant(
        "one added",
        SIGN,
        ("dscores[np.arange(len(tag)), tag] -= 1", "dscores[np.arange(len(tag)), tag] += 1"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant("plus in the cell's derivative", SIGN, ("(1 - tanh_c**2)", "(1 + tanh_c**2)"), or_kinds=(DERIVATIVE,)),
    plant("next state subtracted", SIGN, ("self.Wy.T + dh_next", "self.Wy.T - dh_next"), or_kinds=(CARRY,)),
    plant(
        "output gate alone sent back",
        BRANCH,
        ("return da @ self.Wh.T, dc * f", "return da[:, self.O] @ self.Wh[:, self.O].T, dc * f"),
        or_kinds=(CARRY,),
    ),
    plant("cell gets nothing from its state", BRANCH, ("dc = dc_next + dh * o * (1 - tanh_c**2)", "dc = dc_next")),
    plant(
        "last probabilities at every step",
        INJECTION,
        ('cache["probs"].copy()', 'self.caches[-1]["probs"].copy()'),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "error enters a step too early",
        INJECTION,
        ("dh = dscores @ self.Wy.T + dh_next", "dh = dh_next"),
        ("return da @ self.Wh.T, dc * f", "return da @ self.Wh.T + dscores @ self.Wy.T, dc * f"),
        or_kinds=(TIME_INDEX, BRANCH),
    ),
    plant(
        "forget gate replaced by its derivative",
        STATE,
        ("        da[:, self.F] = df * f * (1 - f)", "        f *= 1 - f\n        da[:, self.F] = df * f"),
        lines=(CHANGED, "return da @ self.Wh.T, dc * f"),
    ),
    plant(
        "tanh of the cell overwritten",
        STATE,
        ("do = dh * tanh_c", "do = np.multiply(dh, tanh_c, out=tanh_c)"),
        lines=(CHANGED, "dc = dc_next + dh * o"),
    ),
    plant(
        "deltas clipped",
        STATE,
        ('        self.dWx += cache["x"]', '        np.clip(da, -0.01, 0.01, out=da)\n        self.dWx += cache["x"]'),
    ),
    plant(
        "readout moved before it is used",
        UPDATE,
        (
            "        dh = dscores @ self.Wy.T",
            "        self.Wy = self.Wy - 0.5 * self.dWy\n        dh = dscores @ self.Wy.T",
        ),
        lines=(CHANGED, "dh = dscores @ self.Wy.T"),
    ),
    plant(
        "recurrent weights moved at every step",
        UPDATE,
        ("        return da @ self.Wh.T", "        self.Wh = self.Wh - 0.5 * self.dWh\n        return da @ self.Wh.T"),
        lines=(CHANGED, "return da @ self.Wh.T"),
    ),
)
