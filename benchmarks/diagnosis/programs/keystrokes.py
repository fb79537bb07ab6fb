"""The next key from those before: embedding, simple recurrent layer, LSTM, each with a pass over all the steps."""

import numpy as np

from oracle import gradient_function


def squash(x):
    return 1.0 / (1.0 + np.exp(-x))


class KeyPredictor:
    def __init__(self, weights):
        self.w = weights
        self.grads = {name: np.zeros(value.shape) for name, value in weights.items()}

    # ---------------------------------------------------------------- forward
    def forward(self, keys, s0, h0, c0):
        """keys (T, B) -> log-probabilities of the next key (T, B, keys)"""
        self.keys = keys
        self.embedded = self.w["table"][keys]
        self.forward_simple(s0)
        self.forward_lstm(h0, c0)
        return self.forward_readout()

    def forward_simple(self, s0):
        self.s = [s0]
        for e_t in self.embedded:
            self.s.append(np.tanh(e_t @ self.w["We"] + self.s[-1] @ self.w["Ws"] + self.w["bs"]))

    def forward_lstm(self, h0, c0):
        self.h, self.c, self.gates = [h0], [c0], []
        for s_t in self.s[1:]:
            net = s_t @ self.w["Wx"] + self.h[-1] @ self.w["Wh"] + self.w["bh"]
            n = net.shape[1] // 4
            i, f, o = squash(net[:, :n]), squash(net[:, n : 2 * n]), squash(net[:, 2 * n : 3 * n])
            g = np.tanh(net[:, 3 * n :])
            self.gates.append((i, f, o, g))
            self.c.append(f * self.c[-1] + i * g)
            self.h.append(o * np.tanh(self.c[-1]))

    def forward_readout(self):
        scores = np.stack(self.h[1:]) @ self.w["Wk"] + self.w["bk"]
        self.probs = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
        return np.log(self.probs)

    # --------------------------------------------------------------- backward
    def backward(self, next_keys):
        dh_above = self.backward_readout(next_keys)
        ds_above = self.backward_lstm(dh_above)
        d_embedded = self.backward_simple(ds_above)
        np.add.at(self.grads["table"], self.keys, d_embedded)
        return self.grads

    def backward_readout(self, next_keys):
        steps, batch, n_keys = self.probs.shape
        d_scores = (self.probs - np.eye(n_keys)[next_keys]) / (steps * batch)
        for t in range(steps):
            self.grads["Wk"] += self.h[t + 1].T @ d_scores[t]
            self.grads["bk"] += d_scores[t].sum(axis=0)
        return d_scores @ self.w["Wk"].T

    def backward_lstm(self, dh_above):
        dh_carry, dc_carry = np.zeros(self.h[0].shape), np.zeros(self.c[0].shape)
        ds_above = []
        for t in reversed(range(len(dh_above))):
            i, f, o, g = self.gates[t]
            tanh_c = np.tanh(self.c[t + 1])
            dh = dh_above[t] + dh_carry
            dc = dc_carry + dh * o * (1 - tanh_c**2)
            d_i = dc * g * i * (1 - i)
            d_f = dc * self.c[t] * f * (1 - f)
            d_o = dh * tanh_c * o * (1 - o)
            d_g = dc * i * (1 - g**2)
            d_net = np.hstack((d_i, d_f, d_o, d_g))
            self.grads["Wx"] += self.s[t + 1].T @ d_net
            self.grads["Wh"] += self.h[t].T @ d_net
            self.grads["bh"] += d_net.sum(axis=0)
            ds_above.insert(0, d_net @ self.w["Wx"].T)
            dh_carry = d_net @ self.w["Wh"].T
            dc_carry = dc * f
        return ds_above

    def backward_simple(self, ds_above):
        ds_carry = np.zeros(self.s[0].shape)
        d_embedded = np.zeros(self.embedded.shape)
        for t in reversed(range(len(ds_above))):
            ds = ds_above[t] + ds_carry
            d_pre = ds * (1 - self.s[t + 1] ** 2)
            self.grads["We"] += self.embedded[t].T @ d_pre
            self.grads["Ws"] += self.s[t].T @ d_pre
            self.grads["bs"] += d_pre.sum(axis=0)
            d_embedded[t] = d_pre @ self.w["We"].T
            ds_carry = d_pre @ self.w["Ws"].T
        return d_embedded


@gradient_function(
    table="alphabet features", We="features simple", Ws="simple simple", bs="simple",
    Wx="simple 4*cell", Wh="cell 4*cell", bh="4*cell", Wk="cell alphabet", bk="alphabet",
)  # fmt: skip
def keystrokes(p, sizes, rng):
    text = rng.integers(sizes.alphabet, size=(sizes.time + 1, sizes.batch))
    s0 = rng.normal(size=(sizes.batch, sizes.simple))
    h0, c0 = rng.normal(size=(2, sizes.batch, sizes.cell))
    model = KeyPredictor(dict(p))
    log_probs = model.forward(text[:-1], s0, h0, c0)
    picked = np.take_along_axis(log_probs, text[1:, :, None], axis=2)
    return -picked.mean(), model.backward(text[1:])
