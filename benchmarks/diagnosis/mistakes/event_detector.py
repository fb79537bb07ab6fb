"""The mistakes planted in programs/event_detector.py."""

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

plant = planter("event_detector")

MISTAKES = (
    plant(
        "W_ss not transposed", TRANSPOSED, ('epsilon = params["W_ss"].T @ delta', 'epsilon = params["W_ss"] @ delta')
    ),
    plant("tanh' left out", DERIVATIVE, ("delta = eta * (1 - states[t + 1] ** 2)", "delta = eta")),
    plant(
        "tanh' one step early", DERIVATIVE, ("(1 - states[t + 1] ** 2)", "(1 - states[t] ** 2)"), or_kinds=(TIME_INDEX,)
    ),
    plant(
        "tanh' as if the states were not squashed",
        DERIVATIVE,
        ("(1 - states[t + 1] ** 2)", "(1 - np.tanh(states[t + 1]) ** 2)"),
    ),
    plant("sigma' for tanh'", DERIVATIVE, ("(1 - states[t + 1] ** 2)", "states[t + 1] * (1 - states[t + 1])")),
    plant("no square in tanh'", DERIVATIVE, ("(1 - states[t + 1] ** 2)", "(1 - states[t + 1])")),
    plant(
        "tanh' on the output's share alone",
        DERIVATIVE,
        (
            'eta = params["W_sy"].T @ deltas_y[t] + epsilon',
            'eta = params["W_sy"].T @ deltas_y[t] * (1 - states[t + 1] ** 2) + epsilon',
        ),
        ("delta = eta * (1 - states[t + 1] ** 2)", "delta = eta"),
        or_kinds=(CARRY,),
    ),
    plant("s_t for s_{t-1}", TIME_INDEX, ("zip(deltas_s, states[:-1])", "zip(deltas_s, states[1:])")),
    plant("s_{t-1} for s_t in the readout", TIME_INDEX, ("zip(deltas_y, states[1:])", "zip(deltas_y, states[:-1])")),
    plant(
        "states read as if s_0 were not in front", TIME_INDEX, ("zip(deltas_y, states[1:])", "zip(deltas_y, states)")
    ),
    plant(
        "deltas left in backward order",
        TIME_INDEX,
        ("deltas_s.insert(0, delta)", "deltas_s.append(delta)"),
        lines=(CHANGED, "deltas_s = []", 'grads["W_xs"]', 'grads["W_ss"]'),
        or_kinds=(ACCUMULATION,),
    ),
    plant("inputs one step late", TIME_INDEX, ("zip(deltas_s, xs))", "zip(deltas_s[1:], xs))")),
    plant(
        "error of the step before",
        TIME_INDEX,
        ("deltas_y[t] + epsilon", "deltas_y[t - 1] + epsilon"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "s_0 in every recurrent product",
        TIME_INDEX,
        (
            "sum(delta @ s.T for delta, s in zip(deltas_s, states[:-1]))",
            "sum(delta @ states[0].T for delta in deltas_s)",
        ),
    ),
    plant("nothing from the next step", CARRY, ("deltas_y[t] + epsilon", "deltas_y[t]"), or_kinds=(BRANCH,)),
    plant("carry without the weights", CARRY, ('epsilon = params["W_ss"].T @ delta', "epsilon = delta")),
    plant(
        "carry without tanh'",
        CARRY,
        ('params["W_ss"].T @ delta\n', 'params["W_ss"].T @ eta\n'),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    plant("carry adds up", CARRY, ('epsilon = params["W_ss"].T', 'epsilon += params["W_ss"].T')),
    plant(
        "carry never set",
        CARRY,
        ('        epsilon = params["W_ss"].T @ delta\n', ""),
        lines=("epsilon = np.zeros_like", "eta = ", "deltas_s.insert"),
    ),
    plant(
        "carry set to zero in the loop",
        CARRY,
        (
            "    epsilon = np.zeros_like(states[0])\n    for t in reversed(range(steps)):\n",
            "    for t in reversed(range(steps)):\n        epsilon = np.zeros_like(states[0])\n",
        ),
        lines=("epsilon = np.zeros_like",),
        or_kinds=(STATE,),
    ),
    plant(
        "steps from the first on",
        CARRY,
        ("        deltas_s.insert(0, delta)\n", "        deltas_s.append(delta)\n"),
        ("reversed(range(steps))", "range(steps)"),
        lines=("for t in range(steps)", "eta = ", "epsilon = params"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "gradients carried for two steps",
        CARRY,
        (
            "        eta = params",
            "        if t == steps - 3:\n            epsilon = np.zeros_like(epsilon)\n        eta = params",
        ),
    ),
    plant(
        "gradient of the state for its delta in W_xs",
        OPERAND,
        ("deltas_s.insert(0, delta)", "deltas_s.insert(0, eta)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "carried gradient alone in the delta", OPERAND, ("delta = eta * (1", "delta = epsilon * (1"), or_kinds=(BRANCH,)
    ),
    plant(
        "pre-activations for states in the readout",
        OPERAND,
        ("zip(deltas_y, states[1:]))", "zip(deltas_y, map(np.arctanh, states[1:])))"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "W_ss reshaped by its order",
        LAYOUT,
        ('grads["W_ss"] = sum(delta @ s.T for', 'grads["W_ss"] = sum(s @ delta.T for'),
    ),
    plant(
        "W_xs filled in another order",
        LAYOUT,
        (
            "sum(delta @ x.T for delta, x in zip(deltas_s, xs))",
            "sum((x @ delta.T).reshape(len(delta), -1) for delta, x in zip(deltas_s, xs))",
        ),
    ),
    plant(
        "readout reshaped, not transposed",
        LAYOUT,
        ('params["W_sy"].T @ deltas_y[t]', 'params["W_sy"].reshape(-1, len(deltas_y[t])) @ deltas_y[t]'),
    ),
    plant(
        "elementwise product for the matrix product in W_ss",
        LAYOUT,
        ('grads["W_ss"] = sum(delta @ s.T for', 'grads["W_ss"] = sum(delta * s for'),
    ),
    plant("mean over the steps forgotten", FACTOR, ("[(phi - y) / steps for", "[phi - y for")),
    plant("mean over the events as well", FACTOR, ("[(phi - y) / steps for", "[(phi - y) / (steps * y.size) for")),
    plant("W_xs divided by the steps again", FACTOR, ("zip(deltas_s, xs))\n", "zip(deltas_s, xs)) / steps\n")),
    plant("first step left out", ACCUMULATION, ("zip(deltas_s, states[:-1])", "zip(deltas_s[1:], states[1:-1])")),
    plant(
        "b_s of the loop's last delta",
        ACCUMULATION,
        ('grads["b_s"] = sum(deltas_s)', 'grads["b_s"] = delta'),
        or_kinds=(BIAS_SUM,),
    ),
    plant("last input left out", ACCUMULATION, ("zip(deltas_s, xs))", "zip(deltas_s, xs[:-1]))")),
    plant(
        "W_xs written over in a loop",
        ACCUMULATION,
        (
            '    grads["W_xs"] = sum(delta @ x.T for delta, x in zip(deltas_s, xs))\n',
            '    for delta, x in zip(deltas_s, xs):\n        grads["W_xs"] = delta @ x.T\n',
        ),
        lines=('grads["W_xs"] = delta',),
    ),
    plant(
        "sigma' on top of the cross-entropy",
        OUTPUT_DELTA,
        ("[(phi - y) / steps for", "[(phi - y) * phi * (1 - phi) / steps for"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "gradient of the probabilities",
        OUTPUT_DELTA,
        ("[(phi - y) / steps for", "[(phi - y) / (phi * (1 - phi)) / steps for"),
    ),
    plant(
        "error of the events that happened alone",
        OUTPUT_DELTA,
        ("[(phi - y) / steps for", "[y * (phi - 1) / steps for"),
        or_kinds=(BRANCH,),
    ),
    plant("probabilities without the events", OUTPUT_DELTA, ("[(phi - y) / steps for", "[phi / steps for")),
    plant(
        "pre-activations for probabilities",
        OUTPUT_DELTA,
        ("[(phi - y) / steps for", "[(np.log(phi / (1 - phi)) - y) / steps for"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "b_s a mean",
        BIAS_SUM,
        ('grads["b_s"] = sum(deltas_s)', 'grads["b_s"] = np.mean(deltas_s, axis=0)'),
        or_kinds=(FACTOR,),
    ),
    plant(
        "b_s one number",
        BIAS_SUM,
        ('grads["b_s"] = sum(deltas_s)', 'grads["b_s"] = np.full_like(params["b_s"], np.sum(deltas_s))'),
    ),
    plant(
        "b_y a mean",
        BIAS_SUM,
        ('grads["b_y"] = sum(deltas_y)', 'grads["b_y"] = sum(deltas_y) / steps'),
        or_kinds=(FACTOR,),
    ),
    plant("events minus probabilities", SIGN, ("[(phi - y) / steps", "[(y - phi) / steps"), or_kinds=(OUTPUT_DELTA,)),
    plant("carry subtracted", SIGN, ("deltas_y[t] + epsilon", "deltas_y[t] - epsilon"), or_kinds=(CARRY,)),
    plant(
        "one plus the square", SIGN, ("(1 - states[t + 1] ** 2)", "(1 + states[t + 1] ** 2)"), or_kinds=(DERIVATIVE,)
    ),
    plant("minus the gradient of W_ss", SIGN, ('grads["W_ss"] = sum(', 'grads["W_ss"] = -sum(')),
    plant(
        "output's error lost after the last step",
        BRANCH,
        (
            'eta = params["W_sy"].T @ deltas_y[t] + epsilon',
            'eta = epsilon if deltas_s else params["W_sy"].T @ deltas_y[t]',
        ),
        or_kinds=(INJECTION,),
    ),
    plant(
        "last error at every step",
        INJECTION,
        ("deltas_y[t] + epsilon", "deltas_y[-1] + epsilon"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "errors in backward order",
        INJECTION,
        ("deltas_y[t] + epsilon", "deltas_y[steps - 1 - t] + epsilon"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "one buffer for all deltas",
        STATE,
        ("    deltas_s = []\n", "    deltas_s, delta = [], np.zeros_like(states[0])\n"),
        (
            "        delta = eta * (1 - states[t + 1] ** 2)\n",
            "        np.multiply(eta, 1 - states[t + 1] ** 2, out=delta)\n",
        ),
        lines=(CHANGED, "deltas_s.insert(0, delta)"),
    ),
    plant(
        "delta scaled after it is listed",
        STATE,
        (
            '        epsilon = params["W_ss"].T @ delta\n',
            '        epsilon = params["W_ss"].T @ delta\n        delta *= 0.9\n',
        ),
        lines=(CHANGED, "deltas_s.insert(0, delta)"),
        or_kinds=(FACTOR,),
    ),
    plant(
        "states squared in place",
        STATE,
        (
            "        delta = eta * (1 - states[t + 1] ** 2)\n",
            "        np.square(states[t + 1], out=states[t + 1])\n        delta = eta * (1 - states[t + 1])\n",
        ),
        lines=(CHANGED, 'grads["W_sy"]', 'grads["W_ss"]'),
    ),
    plant(
        "deltas clipped",
        STATE,
        (
            "        deltas_s.insert(0, delta)\n",
            "        delta = np.clip(delta, -0.05, 0.05)\n        deltas_s.insert(0, delta)\n",
        ),
    ),
    plant(
        "readout moved before it is used",
        UPDATE,
        (
            "    deltas_s = []\n",
            "    step = sum(delta @ s.T for delta, s in zip(deltas_y, states[1:]))\n"
            '    params = {**params, "W_sy": params["W_sy"] - 0.1 * step}\n'
            "    deltas_s = []\n",
        ),
        lines=('params = {**params, "W_sy"', "eta = "),
    ),
    plant(
        "W_ss moved at every step",
        UPDATE,
        (
            '        epsilon = params["W_ss"].T',
            '        params["W_ss"] = params["W_ss"] - 0.5 * delta @ states[t].T\n        epsilon = params["W_ss"].T',
        ),
        lines=(CHANGED, 'epsilon = params["W_ss"].T'),
    ),
    plant(
        "probabilities for errors in the readout",
        OPERAND,
        ("zip(deltas_y, states[1:])", "zip(phis, states[1:])"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant(
        "probabilities for errors in b_y",
        OPERAND,
        ('grads["b_y"] = sum(deltas_y)', 'grads["b_y"] = sum(phis)'),
        or_kinds=(OUTPUT_DELTA, BIAS_SUM),
    ),
    plant(
        "carry made before the delta is",
        CARRY,
        ("    epsilon = np.zeros_like(states[0])\n", "    epsilon = delta = np.zeros_like(states[0])\n"),
        (
            "        delta = eta * (1 - states[t + 1] ** 2)\n"
            "        deltas_s.insert(0, delta)\n"
            '        epsilon = params["W_ss"].T @ delta\n',
            '        epsilon = params["W_ss"].T @ delta\n'
            "        delta = eta * (1 - states[t + 1] ** 2)\n"
            "        deltas_s.insert(0, delta)\n",
        ),
        lines=('epsilon = params["W_ss"].T', "delta = eta *"),
        or_kinds=(TIME_INDEX,),
    ),
)
