"""The mistakes planted in programs/elman_class.py."""

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

plant = planter("elman_class")

MISTAKES = (
    plant("recurrent matrix transposed", TRANSPOSED, ("delta_next @ self.W\n", "delta_next @ self.W.T\n")),
    plant("derivative at the pre-activation", DERIVATIVE, ("np.square(self.states[t + 1])", "np.square(self.pre[t])")),
    plant(
        "derivative left out", DERIVATIVE, ("delta = grad_h * (1.0 - np.square(self.states[t + 1]))", "delta = grad_h")
    ),
    plant("tanh for its derivative", DERIVATIVE, ("(1.0 - np.square(self.states[t + 1]))", "np.tanh(self.pre[t])")),
    plant(
        "tanh of the state again",
        DERIVATIVE,
        ("np.square(self.states[t + 1])", "np.square(np.tanh(self.states[t + 1]))"),
    ),
    plant("plus the square", DERIVATIVE, ("(1.0 - np.square(", "(1.0 + np.square("), or_kinds=(SIGN,)),
    plant(
        "derivative misses the shift of the list",
        TIME_INDEX,
        ("np.square(self.states[t + 1])", "np.square(self.states[t])"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "state after the step in the recurrent weights",
        TIME_INDEX,
        ("delta.T @ self.states[t]", "delta.T @ self.states[t + 1]"),
    ),
    plant(
        "readout misses the shift of the list", TIME_INDEX, ("grad.T @ self.states[t + 1]", "grad.T @ self.states[t]")
    ),
    plant(
        "zeros for the first state",
        TIME_INDEX,
        ("delta.T @ self.states[t]", "delta.T @ (self.states[t] * (t > 0))"),
        or_kinds=(ACCUMULATION, STATE),
    ),
    plant("input of the last step", TIME_INDEX, ("delta.T @ self.inputs[t]", "delta.T @ self.inputs[-1]")),
    plant(
        "carry never assigned",
        CARRY,
        ("            delta_next = delta\n", ""),
        lines=("delta_next = np.zeros_like", "grad_h = grad_h + delta_next"),
    ),
    plant(
        "carry is the adjoint of the state",
        CARRY,
        ("delta_next = delta\n", "delta_next = grad_h\n"),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    plant("carry adds up", CARRY, ("delta_next = delta\n", "delta_next = delta_next + delta\n")),
    plant("carry without the matrix", CARRY, ("grad_h + delta_next @ self.W", "grad_h + delta_next")),
    plant(
        "loop runs forward",
        CARRY,
        ("range(len(self.inputs) - 1, -1, -1)", "range(len(self.inputs))"),
        lines=(CHANGED, "grad_h = grad_h + delta_next @ self.W"),
    ),
    plant(
        "product for the sum",
        CARRY,
        ("grad_h + delta_next @ self.W", "grad_h * (delta_next @ self.W)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "bias from the adjoint of the state",
        OPERAND,
        ("np.sum(delta, axis=0)", "np.sum(grad_h, axis=0)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("pre-activation in the readout", OPERAND, ("grad.T @ self.states[t + 1]", "grad.T @ self.pre[t]")),
    plant(
        "gradient of the matrix for the matrix",
        OPERAND,
        ("delta_next @ self.W\n", "delta_next @ self.dW\n"),
        or_kinds=(CARRY,),
    ),
    plant("twice the derivative", FACTOR, ("delta = grad_h * (1.0", "delta = 2 * grad_h * (1.0")),
    plant(
        "averaged over the batch", FACTOR, ("grad = grad_outputs[t]", "grad = grad_outputs[t] / len(grad_outputs[t])")
    ),
    plant(
        "only the input weights are averaged over time",
        FACTOR,
        ("self.dU += delta.T @ self.inputs[t]", "self.dU += delta.T @ self.inputs[t] / len(self.inputs)"),
    ),
    plant("recurrent weights overwritten", ACCUMULATION, ("self.dW += delta", "self.dW = delta")),
    plant("output bias overwritten", ACCUMULATION, ("self.dc += np.sum", "self.dc = np.sum")),
    plant(
        "first step never reached",
        ACCUMULATION,
        ("range(len(self.inputs) - 1, -1, -1)", "range(len(self.inputs) - 1, 0, -1)"),
    ),
    plant(
        "output taken for activated",
        OUTPUT_DELTA,
        ("grad = grad_outputs[t]", "grad = grad_outputs[t] * (1 - self.outputs[t] ** 2)"),
    ),
    plant("bias averaged", BIAS_SUM, ("np.sum(delta, axis=0)", "np.mean(delta, axis=0)")),
    plant(
        "bias not summed over the batch", BIAS_SUM, ("self.db += np.sum(delta, axis=0)", "self.db = self.db + delta")
    ),
    plant("output bias summed over everything", BIAS_SUM, ("np.sum(grad, axis=0)", "np.sum(grad)")),
    plant("recurrent gradient transposed", LAYOUT, ("delta.T @ self.states[t]", "self.states[t].T @ delta")),
    plant(
        "states reshaped for transposed",
        LAYOUT,
        ("delta.T @ self.states[t]", "delta.reshape(delta.T.shape) @ self.states[t]"),
    ),
    plant(
        "readout matrix updated before its use",
        UPDATE,
        (
            "            grad_h = grad @ self.V\n",
            "            self.V = self.V - 0.05 * self.dV\n            grad_h = grad @ self.V\n",
        ),
        lines=(CHANGED, "grad_h = grad @ self.V"),
    ),
    plant(
        "own gradient lost",
        BRANCH,
        ("grad_h + delta_next @ self.W", "delta_next @ self.W if np.any(delta_next) else grad_h"),
    ),
    plant("minus the readout", SIGN, ("grad_h = grad @ self.V\n", "grad_h = -(grad @ self.V)\n")),
    plant("readout gradient subtracted", SIGN, ("self.dV += grad.T", "self.dV -= grad.T")),
    plant("upstream of the mirrored step", INJECTION, ("grad = grad_outputs[t]", "grad = grad_outputs[-t - 1]")),
    plant(
        "upstream of the last step only",
        INJECTION,
        ("grad_h = grad @ self.V\n", "grad_h = grad @ self.V * (t == len(self.inputs) - 1)\n"),
        or_kinds=(BRANCH,),
    ),
    plant("delta clipped", STATE, ("delta_next = delta\n", "delta_next = np.clip(delta, -0.3, 0.3)\n")),
    plant(
        "states overwritten in place",
        STATE,
        (
            "grad_h * (1.0 - np.square(self.states[t + 1]))",
            "grad_h * (1.0 - np.square(self.states[t + 1]))\n            self.states[t] *= self.states[t + 1]",
        ),
        lines=("self.states[t] *= self.states[t + 1]", "self.dW += delta.T"),
    ),
)
