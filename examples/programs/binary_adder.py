"""Learns to add binary numbers. A script: it reads its settings from a file and trains when it is imported."""

import json

import numpy as np

with open("settings.json") as f:
    settings = json.load(f)

alpha = settings["alpha"]
hidden_dim = settings["hidden_dim"]
binary_dim = 8

synapse_0 = 2 * np.random.random((2, hidden_dim)) - 1
synapse_h = 2 * np.random.random((hidden_dim, hidden_dim)) - 1
synapse_1 = 2 * np.random.random((hidden_dim, 1)) - 1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def bits(number):
    return np.array([number >> k & 1 for k in range(binary_dim)])


def train_on(a, b, c):
    """One step on a + b = c, arrays of bits, the lowest first. Changes the weights and returns the error before."""
    global synapse_0, synapse_h, synapse_1
    layer_1 = [np.zeros((1, synapse_h.shape[0]))]
    deltas, error = [], 0
    for x1, x2, y in zip(a, b, c):
        hidden = sigmoid(np.array([[x1, x2]]) @ synapse_0 + layer_1[-1] @ synapse_h)
        out = sigmoid(hidden @ synapse_1)
        error += 0.5 * np.sum((out - y) ** 2)
        deltas.append((out - y) * out * (1 - out))
        layer_1.append(hidden)

    update_0, update_h, update_1 = 0, 0, 0
    future_delta = np.zeros((1, synapse_h.shape[0]))
    for t in range(len(a))[::-1]:
        hidden, before = layer_1[t + 1], layer_1[t]
        delta = (deltas[t] @ synapse_1.T + future_delta @ synapse_h.T) * hidden * (1 - hidden)
        update_1 += hidden.T @ deltas[t]
        update_h += before.T @ delta
        update_0 += np.array([[a[t], b[t]]]).T @ delta
        future_delta = delta
    synapse_0 -= alpha * update_0
    synapse_h -= alpha * update_h
    synapse_1 -= alpha * update_1
    return error


step = 0
while True:
    left, right = np.random.randint(0, 2 ** (binary_dim - 1), size=2)
    error = train_on(bits(left), bits(right), bits(left + right))
    step += 1
    if step % 1000 == 0:
        print(step, error)
