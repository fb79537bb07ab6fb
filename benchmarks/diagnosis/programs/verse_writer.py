"""The next word of a verse: two GRU layers, dropout between, one table for words in and out; a column a verse."""

import numpy as np

from oracle import gradient_function

KEEP = 0.8


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class GRULayer:
    """A GRU as in TensorFlow: gates r, u from Wg on [x; h], candidate from Wc on [x; r * h]."""

    def __init__(self, Wg, bg, Wc, bc):
        self.Wg, self.bg, self.Wc, self.bc = Wg, bg, Wc, bc
        self.units = len(bc)

    def forward(self, x, h0):
        self.x, self.h = x, [h0]
        self.r, self.u, self.c = [], [], []
        for x_t in x:
            h = self.h[-1]
            gates = sigmoid(self.Wg @ np.vstack((x_t, h)) + self.bg)
            r, u = gates[: self.units], gates[self.units :]
            c = np.tanh(self.Wc @ np.vstack((x_t, r * h)) + self.bc)
            self.r.append(r)
            self.u.append(u)
            self.c.append(c)
            self.h.append(u * h + (1 - u) * c)
        return self.h[1:]

    def backward(self, dout):
        n = self.units
        self.dWg, self.dbg = np.zeros(self.Wg.shape), np.zeros(self.bg.shape)
        self.dWc, self.dbc = np.zeros(self.Wc.shape), np.zeros(self.bc.shape)
        dx = [None] * len(dout)
        dh_next = np.zeros(self.h[0].shape)
        for t in reversed(range(len(dout))):
            h_prev, r, u, c = self.h[t], self.r[t], self.u[t], self.c[t]
            dh = dout[t] + dh_next
            # candidate
            dc = dh * (1 - u)
            dac = dc * (1 - c**2)
            self.dWc += dac @ np.vstack((self.x[t], r * h_prev)).T
            self.dbc += dac.sum(axis=1, keepdims=True)
            dxrh = self.Wc.T @ dac
            drh = dxrh[-n:]
            # gates
            dr = drh * h_prev
            du = dh * (h_prev - c)
            dag = np.vstack((dr * r * (1 - r), du * u * (1 - u)))
            self.dWg += dag @ np.vstack((self.x[t], h_prev)).T
            self.dbg += dag.sum(axis=1, keepdims=True)
            dxh = self.Wg.T @ dag
            # down and back
            dx[t] = dxrh[:-n] + dxh[:-n]
            dh_next = dh * u + drh * r + dxh[-n:]
        return dx


class Dropout:
    def __init__(self, rng):
        self.rng = rng

    def forward(self, x):
        self.mask = [(self.rng.random(x_t.shape) < KEEP) / KEEP for x_t in x]
        return [m * x_t for m, x_t in zip(self.mask, x)]

    def backward(self, dout):
        return [m * d for m, d in zip(self.mask, dout)]


class TiedWords:
    """The rows of E are the words: they go into the net, and the state at the end is compared with each of them."""

    def __init__(self, E, by):
        self.E, self.by = E, by
        self.dE, self.dby = np.zeros(E.shape), np.zeros(by.shape)

    def look_up(self, words):
        self.words = words
        return [self.E[w].T for w in words]

    def look_up_backward(self, dx):
        for w, d in zip(self.words, dx):
            np.add.at(self.dE, w, d.T)

    def loss(self, h, following):
        self.h, self.following = h, following
        self.prob, total = [], 0.0
        for h_t, w in zip(h, following):
            scores = np.exp(self.E @ h_t + self.by)
            self.prob.append(scores / scores.sum(axis=0))
            total -= np.log(self.prob[-1][w, np.arange(len(w))]).sum()
        return total / len(w)

    def loss_backward(self):
        dh = []
        for t, w in enumerate(self.following):
            verses = len(w)
            dy = self.prob[t].copy()
            dy[w, np.arange(verses)] -= 1
            dy /= verses
            self.dE += dy @ self.h[t].T
            self.dby += dy.sum(axis=1, keepdims=True)
            dh.append(self.E.T @ dy)
        return dh


@gradient_function(
    E="words vector", by="words 1",
    Wg1="2*lower vector+lower", bg1="2*lower 1", Wc1="lower vector+lower", bc1="lower 1",
    Wg2="2*vector lower+vector", bg2="2*vector 1", Wc2="vector lower+vector", bc2="vector 1",
)  # fmt: skip
def verse_writer(p, sizes, rng):
    text = rng.integers(sizes.words, size=(sizes.time + 1, sizes.batch))
    h1_0 = rng.normal(size=(sizes.lower, sizes.batch))
    h2_0 = rng.normal(size=(sizes.vector, sizes.batch))
    table = TiedWords(p.E, p.by)
    lower = GRULayer(p.Wg1, p.bg1, p.Wc1, p.bc1)
    upper = GRULayer(p.Wg2, p.bg2, p.Wc2, p.bc2)
    dropout = Dropout(rng)

    x = table.look_up(text[:-1])
    h1 = dropout.forward(lower.forward(x, h1_0))
    h2 = upper.forward(h1, h2_0)
    loss = table.loss(h2, text[1:])

    dh2 = table.loss_backward()
    dh1 = dropout.backward(upper.backward(dh2))
    table.look_up_backward(lower.backward(dh1))
    grads = {"E": table.dE, "by": table.dby}
    for number, layer in (("1", lower), ("2", upper)):
        grads |= {f"Wg{number}": layer.dWg, f"bg{number}": layer.dbg}
        grads |= {f"Wc{number}": layer.dWc, f"bc{number}": layer.dbc}
    return loss, grads
