"""The mistakes planted in programs/lstm_class.py."""

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

plant = planter("lstm_class")

MISTAKES = (
    plant("one of the recurrent matrices not transposed", TRANSPOSED, ("delta_f @ self.U_f.T", "delta_f @ self.U_f")),
    plant(
        "all the recurrent matrices not transposed",
        TRANSPOSED,
        (
            "delta_i @ self.U_i.T + delta_f @ self.U_f.T + delta_o @ self.U_o.T + delta_g @ self.U_g.T",
            "delta_i @ self.U_i + delta_f @ self.U_f + delta_o @ self.U_o + delta_g @ self.U_g",
        ),
    ),
    plant("tanh' at the cell", DERIVATIVE, ("dtanh(tanh_c)", "dtanh(self.cs[t + 1])"), or_kinds=(OPERAND,)),
    plant(
        "tanh' at the cell before",
        DERIVATIVE,
        ("dtanh(tanh_c)", "dtanh(np.tanh(c_prev))"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant(
        "sigmoid' of the activated gate",
        DERIVATIVE,
        ("delta_i = dc * g * dsigmoid(i)", "delta_i = dc * g * dsigmoid(sigmoid(i))"),
    ),
    plant("sigmoid' for the candidate", DERIVATIVE, ("dc * i * dtanh(g)", "dc * i * dsigmoid(g)")),
    plant(
        "tanh' misses the one",
        DERIVATIVE,
        ("return 1 - y * y", "return 1 - y"),
        lines=(CHANGED, "dc = dc_next + dh * o * dtanh(tanh_c)"),
    ),
    plant(
        "sigmoid's derivative forgets the factor",
        DERIVATIVE,
        ("return y * (1 - y)", "return 1 - y"),
        lines=(CHANGED, "delta_o = dh * tanh_c * dsigmoid(o)"),
    ),
    plant("output gate's derivative left out", DERIVATIVE, ("dh * tanh_c * dsigmoid(o)", "dh * tanh_c")),
    plant(
        "cell after the step",
        TIME_INDEX,
        ("self.hs[t], self.cs[t]\n", "self.hs[t], self.cs[t + 1]\n"),
        lines=(CHANGED, "delta_f = dc * c_prev"),
    ),
    plant(
        "state after the step",
        TIME_INDEX,
        ("self.hs[t], self.cs[t]\n", "self.hs[t + 1], self.cs[t]\n"),
        lines=(CHANGED, 'd["U_i"] += h_prev'),
    ),
    plant("readout without the shift of the list", TIME_INDEX, ("self.hs[t + 1].T @ dy", "self.hs[t].T @ dy")),
    plant(
        "last cell's tanh everywhere",
        TIME_INDEX,
        ("tanh_c = np.tanh(self.cs[t + 1])", "tanh_c = np.tanh(self.cs[-1])"),
        or_kinds=(STATE,),
    ),
    plant("cell's carry left out", CARRY, ("dc = dc_next + dh * o", "dc = dh * o"), or_kinds=(BRANCH,)),
    plant("cell's carry through the input gate", CARRY, ("dc_next = dc * f", "dc_next = dc * i"), or_kinds=(OPERAND,)),
    plant(
        "state's carry never assigned",
        CARRY,
        (
            "            dh_next = delta_i @ self.U_i.T + delta_f @ self.U_f.T"
            " + delta_o @ self.U_o.T + delta_g @ self.U_g.T\n",
            "",
        ),
        lines=("dh_next = np.zeros_like", "dh = dy @ self.V.T + dh_next"),
    ),
    plant("cell's carry adds up", CARRY, ("dc_next = dc * f", "dc_next = dc_next + dc * f")),
    plant("cell's carry is that of the state", CARRY, ("dc_next = dc * f", "dc_next = dh * f"), or_kinds=(OPERAND,)),
    plant(
        "forget gate's delta from the candidate",
        OPERAND,
        ("delta_f = dc * c_prev * dsigmoid(f)", "delta_f = dc * g * dsigmoid(f)"),
    ),
    plant(
        "input gate's delta in the forget gate's weights",
        OPERAND,
        ('d["W_f"] += x.T @ delta_f', 'd["W_f"] += x.T @ delta_i'),
    ),
    plant(
        "forget gate's delta in the output gate's recurrent weights",
        OPERAND,
        ('d["U_o"] += h_prev.T @ delta_o', 'd["U_o"] += h_prev.T @ delta_f'),
    ),
    plant("input gate's recurrent matrix for the candidate", OPERAND, ("delta_g @ self.U_g.T", "delta_g @ self.U_i.T")),
    plant("cell state in the recurrent weights", OPERAND, ('d["U_g"] += h_prev.T', 'd["U_g"] += c_prev.T')),
    plant("candidate's bias copied from the output gate", OPERAND, ('d["b_g"] += delta_g', 'd["b_g"] += delta_o')),
    plant("dh where dc belongs", OPERAND, ("delta_i = dc * g", "delta_i = dh * g")),
    plant(
        "mean over the batch",
        FACTOR,
        ("dy = self.ys[t] - targets[t]", "dy = (self.ys[t] - targets[t]) / len(targets[t])"),
    ),
    plant("twice the error", FACTOR, ("dy = self.ys[t] - targets[t]", "dy = 2 * (self.ys[t] - targets[t])")),
    plant("input gate's weights overwritten", ACCUMULATION, ('d["W_i"] +=', 'd["W_i"] =')),
    plant(
        "forget gate's recurrent weights never written",
        ACCUMULATION,
        ('            d["U_f"] += h_prev.T @ delta_f\n', ""),
        lines=("d = {name: np.zeros_like",),
    ),
    plant("first step dropped", ACCUMULATION, ("reversed(range(len(self.xs)))", "reversed(range(1, len(self.xs)))")),
    plant(
        "tanh' at a linear output",
        OUTPUT_DELTA,
        ("dy = self.ys[t] - targets[t]", "dy = (self.ys[t] - targets[t]) * dtanh(self.ys[t])"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("bias averaged", BIAS_SUM, ("delta_f.sum(0)", "delta_f.mean(0)")),
    plant("output bias is one number", BIAS_SUM, ("dy.sum(0)", "dy.sum()")),
    plant("candidate's path lost", BRANCH, (" + delta_g @ self.U_g.T", ""), or_kinds=(CARRY,)),
    plant(
        "only the output gate's path",
        BRANCH,
        (
            "delta_i @ self.U_i.T + delta_f @ self.U_f.T + delta_o @ self.U_o.T + delta_g @ self.U_g.T",
            "delta_o @ self.U_o.T",
        ),
        or_kinds=(CARRY,),
    ),
    plant("target minus output", SIGN, ("dy = self.ys[t] - targets[t]", "dy = targets[t] - self.ys[t]")),
    plant("cell's part of the loss subtracted", SIGN, ("dc = dc_next + dh * o", "dc = dc_next - dh * o")),
    plant(
        "last target at every step",
        INJECTION,
        ("dy = self.ys[t] - targets[t]", "dy = self.ys[t] - targets[-1]"),
        or_kinds=(OUTPUT_DELTA, TIME_INDEX),
    ),
    plant("last error at every step", INJECTION, ("dy = self.ys[t] - targets[t]", "dy = self.ys[-1] - targets[-1]")),
    plant("recurrent weights reshaped", LAYOUT, ("h_prev.T @ delta_i", "h_prev.reshape(h_prev.T.shape) @ delta_i")),
    plant("recurrent gradient transposed", LAYOUT, ("h_prev.T @ delta_g", "delta_g.T @ h_prev")),
    plant("readout matrix reshaped for transposed", LAYOUT, ("dy @ self.V.T", "dy @ self.V.reshape(self.V.T.shape)")),
    plant(
        "readout changed before it is used",
        UPDATE,
        (
            "            dh = dy @ self.V.T",
            '            self.V = self.V - 0.1 * d["V"]\n            dh = dy @ self.V.T',
        ),
        lines=(CHANGED, "dh = dy @ self.V.T"),
    ),
    plant("cell's carry clipped", STATE, ("dc_next = dc * f", "dc_next = np.clip(dc * f, -0.1, 0.1)")),
    plant(
        "gate overwritten by its derivative",
        STATE,
        ("delta_f = dc * c_prev * dsigmoid(f)", "f *= 1 - f\n            delta_f = dc * c_prev * f"),
        lines=("f *= 1 - f", "dc_next = dc * f"),
    ),
)
