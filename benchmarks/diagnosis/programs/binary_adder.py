"""An adder of binary numbers: sigmoid units, row vectors, output deltas kept while going forward."""

import numpy as np

from oracle import gradient_function


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_output_to_derivative(output):
    return output * (1 - output)


def train_step(synapse_0, synapse_h, synapse_1, inputs, targets, first):
    """inputs (T, 1, bits), targets (T, 1, 1), first (1, hidden): the state before the first bit"""
    binary_dim = len(inputs)
    layer_1_values = [first]
    layer_2_values = []
    layer_2_deltas = []
    overall_error = 0

    for position in range(binary_dim):
        X = inputs[position]
        y = targets[position]
        layer_1 = sigmoid(np.dot(X, synapse_0) + np.dot(layer_1_values[-1], synapse_h))
        layer_2 = sigmoid(np.dot(layer_1, synapse_1))
        layer_2_error = layer_2 - y
        layer_2_values.append(layer_2)
        layer_2_deltas.append(layer_2_error * sigmoid_output_to_derivative(layer_2))
        overall_error += 0.5 * np.sum(layer_2_error**2)
        layer_1_values.append(layer_1)

    synapse_0_update = np.zeros_like(synapse_0)
    synapse_h_update = np.zeros_like(synapse_h)
    synapse_1_update = np.zeros_like(synapse_1)
    future_layer_1_delta = np.zeros_like(first)
    for position in range(binary_dim):
        X = inputs[-position - 1]
        layer_1 = layer_1_values[-position - 1]
        prev_layer_1 = layer_1_values[-position - 2]
        layer_2_delta = layer_2_deltas[-position - 1]
        layer_1_error = future_layer_1_delta.dot(synapse_h.T) + layer_2_delta.dot(synapse_1.T)
        layer_1_delta = layer_1_error * sigmoid_output_to_derivative(layer_1)

        synapse_1_update += layer_1.T.dot(layer_2_delta)
        synapse_h_update += prev_layer_1.T.dot(layer_1_delta)
        synapse_0_update += X.T.dot(layer_1_delta)
        future_layer_1_delta = layer_1_delta

    return overall_error, synapse_0_update, synapse_h_update, synapse_1_update


@gradient_function(synapse_0="bits hidden", synapse_h="hidden hidden", synapse_1="hidden 1")
def binary_adder(p, sizes, rng):
    inputs = rng.uniform(size=(sizes.time, 1, sizes.bits))
    targets = rng.integers(2, size=(sizes.time, 1, 1))
    first = rng.uniform(size=(1, sizes.hidden))
    loss, d0, dh, d1 = train_step(p.synapse_0, p.synapse_h, p.synapse_1, inputs, targets, first)
    return loss, {"synapse_0": d0, "synapse_h": dh, "synapse_1": d1}
