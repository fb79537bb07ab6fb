"""A character-level RNN: parameters are globals of the module, and the script trains until it is stopped."""

import numpy as np

data = open("input.txt").read()
chars = sorted(set(data))
vocab_size = len(chars)
char_to_ix = {ch: i for i, ch in enumerate(chars)}

hidden_size = 100
seq_length = 25
learning_rate = 1e-1

Wxh = np.random.randn(hidden_size, vocab_size) * 0.01
Whh = np.random.randn(hidden_size, hidden_size) * 0.01
Why = np.random.randn(vocab_size, hidden_size) * 0.01
bh = np.zeros((hidden_size, 1))
by = np.zeros((vocab_size, 1))


def loss_and_gradients(inputs, targets, hprev):
    """inputs, targets: lists of integers; hprev: (hidden_size, 1). Also returns the last hidden state."""
    xs, hs, ps = {}, {-1: np.copy(hprev)}, {}
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        y = Why @ hs[t] + by
        e = np.exp(y - np.max(y))
        ps[t] = e / np.sum(e)
        loss -= np.log(ps[t][targets[t], 0])

    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hprev)
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dhnext
        da = (1 - hs[t] ** 2) * dh
        dbh += da
        dWxh += da @ xs[t].T
        dWhh += da @ hs[t - 1].T
        dhnext = Whh.T @ da
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


position, h = 0, np.zeros((hidden_size, 1))
while True:
    if position + seq_length + 1 >= len(data):
        position, h = 0, np.zeros((hidden_size, 1))
    window = [char_to_ix[ch] for ch in data[position : position + seq_length + 1]]
    loss, *gradients, h = loss_and_gradients(window[:-1], window[1:], h)
    for parameter, gradient in zip([Wxh, Whh, Why, bh, by], gradients):
        parameter -= learning_rate * gradient
    position += seq_length
