"""An LSTM that tags each word: a class with a step forward and a step backward, and a dict of values for each step."""

import numpy as np

from oracle import gradient_function


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class LSTMTagger:
    def __init__(self, params):
        self.Wx, self.Wh, self.b = params["Wx"], params["Wh"], params["b"]
        self.Wy, self.by = params["Wy"], params["by"]
        H = len(self.Wh)
        self.F, self.I, self.G, self.O = (slice(k * H, (k + 1) * H) for k in range(4))

    def forward_step(self, x, h_prev, c_prev):
        a = x @ self.Wx + h_prev @ self.Wh + self.b
        f, i, o = (sigmoid(a[:, gate]) for gate in (self.F, self.I, self.O))
        g = np.tanh(a[:, self.G])
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        odds = np.exp(h @ self.Wy + self.by)
        probs = odds / odds.sum(axis=1, keepdims=True)
        self.caches.append(dict(x=x, h_prev=h_prev, c_prev=c_prev, f=f, i=i, g=g, o=o, c=c, h=h, probs=probs))
        return h, c

    def forward(self, X, tags, h, c):
        """X (T, B, D), tags (T, B) integers, h and c (B, H) -> cross-entropy, the mean over all words"""
        self.caches = []
        loss = 0.0
        for x, tag in zip(X, tags):
            h, c = self.forward_step(x, h, c)
            loss -= np.log(self.caches[-1]["probs"][np.arange(len(tag)), tag]).sum()
        return loss / tags.size

    def backward_step(self, cache, tag, dh_next, dc_next):
        f, i, g, o = (cache[name] for name in "figo")
        dscores = cache["probs"].copy()
        dscores[np.arange(len(tag)), tag] -= 1
        dscores /= len(tag) * len(self.caches)
        self.dWy += cache["h"].T @ dscores
        self.dby += dscores.sum(axis=0)

        dh = dscores @ self.Wy.T + dh_next
        tanh_c = np.tanh(cache["c"])
        do = dh * tanh_c
        dc = dc_next + dh * o * (1 - tanh_c**2)
        df = dc * cache["c_prev"]
        di = dc * g
        dg = dc * i

        da = np.empty((len(dh), 4 * dh.shape[1]))
        da[:, self.F] = df * f * (1 - f)
        da[:, self.I] = di * i * (1 - i)
        da[:, self.G] = dg * (1 - g**2)
        da[:, self.O] = do * o * (1 - o)

        self.dWx += cache["x"].T @ da
        self.dWh += cache["h_prev"].T @ da
        self.db += da.sum(axis=0)
        return da @ self.Wh.T, dc * f

    def backward(self, tags):
        self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        self.dWy, self.dby = np.zeros_like(self.Wy), np.zeros_like(self.by)
        dh = np.zeros_like(self.caches[-1]["h"])
        dc = np.zeros_like(self.caches[-1]["c"])
        for t in reversed(range(len(tags))):
            dh, dc = self.backward_step(self.caches[t], tags[t], dh, dc)
        return {"Wx": self.dWx, "Wh": self.dWh, "b": self.db, "Wy": self.dWy, "by": self.dby}


@gradient_function(Wx="features 4*hidden", Wh="hidden 4*hidden", b="4*hidden", Wy="hidden tags", by="tags")
def lstm_tagger(p, sizes, rng):
    X = rng.normal(size=(sizes.time, sizes.batch, sizes.features))
    tags = rng.integers(sizes.tags, size=(sizes.time, sizes.batch))
    h, c = rng.normal(size=(2, sizes.batch, sizes.hidden))
    model = LSTMTagger(p)
    return model.forward(X, tags, h, c), model.backward(tags)
