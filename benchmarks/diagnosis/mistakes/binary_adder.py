"""The mistakes planted in programs/binary_adder.py."""

from benchmarks.diagnosis.mistake import CHANGED, planter
from oracle.kinds import (
    ACCUMULATION,
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

plant = planter("binary_adder")

MISTAKES = (
    plant(
        "recurrent matrix not transposed",
        TRANSPOSED,
        ("future_layer_1_delta.dot(synapse_h.T)", "future_layer_1_delta.dot(synapse_h)"),
    ),
    plant(
        "sigmoid of the activated value",
        DERIVATIVE,
        ("sigmoid_output_to_derivative(layer_1)", "sigmoid_output_to_derivative(sigmoid(layer_1))"),
    ),
    plant("tanh's derivative", DERIVATIVE, ("* sigmoid_output_to_derivative(layer_1)", "* (1 - layer_1**2)")),
    plant("the layer for its derivative", DERIVATIVE, ("* sigmoid_output_to_derivative(layer_1)", "* layer_1")),
    plant(
        "derivative left out",
        DERIVATIVE,
        ("layer_1_delta = layer_1_error * sigmoid_output_to_derivative(layer_1)", "layer_1_delta = layer_1_error"),
    ),
    plant(
        "derivative at the layer before",
        DERIVATIVE,
        ("sigmoid_output_to_derivative(layer_1)", "sigmoid_output_to_derivative(prev_layer_1)"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant(
        "derivative applied twice",
        DERIVATIVE,
        ("* sigmoid_output_to_derivative(layer_1)", "* sigmoid_output_to_derivative(layer_1) ** 2"),
    ),
    plant(
        "previous layer without the shift",
        TIME_INDEX,
        ("prev_layer_1 = layer_1_values[-position - 2]", "prev_layer_1 = layer_1_values[-position - 1]"),
        lines=(CHANGED, "synapse_h_update += prev"),
    ),
    plant(
        "layer read with the shift",
        TIME_INDEX,
        ("        layer_1 = layer_1_values[-position - 1]", "        layer_1 = layer_1_values[-position - 2]"),
        lines=(CHANGED, "layer_1_delta = layer_1_error"),
    ),
    plant(
        "input of the mirrored position",
        TIME_INDEX,
        ("X = inputs[-position - 1]", "X = inputs[position]"),
        lines=(CHANGED, "synapse_0_update += X"),
    ),
    plant(
        "input one position late",
        TIME_INDEX,
        ("X = inputs[-position - 1]", "X = inputs[-position]"),
        lines=(CHANGED, "synapse_0_update += X"),
    ),
    plant(
        "deltas of the mirrored position",
        INJECTION,
        ("layer_2_delta = layer_2_deltas[-position - 1]", "layer_2_delta = layer_2_deltas[position]"),
        lines=(CHANGED, "layer_1_error = future"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "last delta at every position",
        INJECTION,
        ("layer_2_deltas[-position - 1]", "layer_2_deltas[-1]"),
        lines=(CHANGED, "layer_1_error = future"),
    ),
    plant(
        "delta of the last position only",
        INJECTION,
        ("layer_2_delta.dot(synapse_1.T)", "layer_2_delta.dot(synapse_1.T) * (position == 0)"),
        or_kinds=(BRANCH,),
    ),
    plant("future delta left out", CARRY, ("future_layer_1_delta.dot(synapse_h.T) + ", ""), or_kinds=(BRANCH,)),
    plant(
        "future delta never assigned",
        CARRY,
        ("        future_layer_1_delta = layer_1_delta\n", ""),
        lines=("future_layer_1_delta = np.zeros_like", "layer_1_error = future"),
    ),
    plant(
        "future error for future delta",
        CARRY,
        ("future_layer_1_delta = layer_1_delta", "future_layer_1_delta = layer_1_error"),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    plant(
        "future deltas add up", CARRY, ("future_layer_1_delta = layer_1_delta", "future_layer_1_delta += layer_1_delta")
    ),
    plant("future delta without the matrix", CARRY, ("future_layer_1_delta.dot(synapse_h.T)", "future_layer_1_delta")),
    plant(
        "error for delta in the input weights",
        OPERAND,
        ("X.T.dot(layer_1_delta)", "X.T.dot(layer_1_error)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "error for delta in the recurrent weights",
        OPERAND,
        ("prev_layer_1.T.dot(layer_1_delta)", "prev_layer_1.T.dot(layer_1_error)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "previous layer in the readout",
        OPERAND,
        ("layer_1.T.dot(layer_2_delta)", "prev_layer_1.T.dot(layer_2_delta)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "future delta in the recurrent weights",
        OPERAND,
        ("prev_layer_1.T.dot(layer_1_delta)", "prev_layer_1.T.dot(future_layer_1_delta)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "recurrent update for the recurrent matrix",
        OPERAND,
        ("future_layer_1_delta.dot(synapse_h.T)", "future_layer_1_delta.dot(synapse_h_update.T)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "half the recurrent weights",
        FACTOR,
        ("prev_layer_1.T.dot(layer_1_delta)", "0.5 * prev_layer_1.T.dot(layer_1_delta)"),
    ),
    plant(
        "averaged over the positions", FACTOR, ("synapse_0_update += X.T", "synapse_0_update += 1 / binary_dim * X.T")
    ),
    plant(
        "a learning rate in all of them",
        FACTOR,
        ("layer_2_delta = layer_2_deltas[-position - 1]", "layer_2_delta = 0.1 * layer_2_deltas[-position - 1]"),
    ),
    plant(
        "twice the error",
        FACTOR,
        ("layer_2_deltas.append(layer_2_error *", "layer_2_deltas.append(2 * layer_2_error *"),
    ),
    plant("recurrent weights overwritten", ACCUMULATION, ("synapse_h_update += ", "synapse_h_update = ")),
    plant("readout overwritten", ACCUMULATION, ("synapse_1_update += ", "synapse_1_update = ")),
    plant(
        "first position skipped",
        ACCUMULATION,
        (
            "    for position in range(binary_dim):\n        X = inputs[-",
            "    for position in range(binary_dim - 1):\n        X = inputs[-",
        ),
    ),
    plant(
        "recurrent weights never written",
        ACCUMULATION,
        ("        synapse_h_update += prev_layer_1.T.dot(layer_1_delta)\n", ""),
        lines=("synapse_h_update = np.zeros_like", "return overall_error"),
    ),
    plant(
        "output's derivative left out",
        OUTPUT_DELTA,
        ("layer_2_error * sigmoid_output_to_derivative(layer_2)", "layer_2_error"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "output's derivative of the activated value",
        OUTPUT_DELTA,
        ("sigmoid_output_to_derivative(layer_2)", "sigmoid_output_to_derivative(sigmoid(layer_2))"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "output's derivative twice",
        OUTPUT_DELTA,
        (
            "layer_2_delta = layer_2_deltas[-position - 1]",
            "out = layer_2_values[-position - 1]\n"
            "        layer_2_delta = layer_2_deltas[-position - 1] * out * (1 - out)",
        ),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "own error lost",
        BRANCH,
        (" + layer_2_delta.dot(synapse_1.T)", " + (layer_2_delta.dot(synapse_1.T) if position == 0 else 0)"),
        or_kinds=(INJECTION,),
    ),
    plant("target minus output", SIGN, ("layer_2_deltas.append(layer_2_error", "layer_2_deltas.append(-layer_2_error")),
    plant("own error subtracted", SIGN, ("+ layer_2_delta.dot(synapse_1.T)", "- layer_2_delta.dot(synapse_1.T)")),
    plant(
        "recurrent gradient transposed",
        LAYOUT,
        ("prev_layer_1.T.dot(layer_1_delta)", "layer_1_delta.T.dot(prev_layer_1)"),
    ),
    plant("elementwise for the product", LAYOUT, ("prev_layer_1.T.dot(layer_1_delta)", "prev_layer_1 * layer_1_delta")),
    plant(
        "readout updated before it is used",
        UPDATE,
        (
            "        layer_1_error = future",
            "        synapse_1 = synapse_1 - 0.5 * layer_1.T.dot(layer_2_delta)\n        layer_1_error = future",
        ),
        lines=(CHANGED, "layer_1_error = future"),
    ),
    plant(
        "recurrent matrix updated in the loop",
        UPDATE,
        (
            "        synapse_0_update += X",
            "        synapse_h = synapse_h - 0.5 * synapse_h_update\n        synapse_0_update += X",
        ),
        lines=(CHANGED, "layer_1_error = future"),
    ),
    plant(
        "delta clipped",
        STATE,
        ("future_layer_1_delta = layer_1_delta", "future_layer_1_delta = np.clip(layer_1_delta, -0.001, 0.001)"),
    ),
    plant(
        "layers overwritten by their derivatives",
        STATE,
        (
            "        layer_1_delta = layer_1_error *",
            "        prev_layer_1 *= layer_1\n        layer_1_delta = layer_1_error *",
        ),
        lines=("prev_layer_1 *= layer_1", "synapse_h_update += prev"),
    ),
)
