"""An LSTM layer over a batch: weights in a dict, (in, out) each, a cache for every step."""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class LSTM:
    def __init__(self, n_in, n_hidden):
        scale = 1.0 / np.sqrt(n_hidden)
        self.params = {}
        for gate in "ifog":
            self.params["W" + gate] = np.random.uniform(-scale, scale, (n_in + n_hidden, n_hidden))
            self.params["b" + gate] = np.zeros(n_hidden)
        self.grads = {}
        self.caches = []

    def forward(self, x, h, c):
        """x (T, B, n_in), h and c (B, n_hidden) -> all hidden states (T, B, n_hidden)"""
        p = self.params
        self.caches = []
        hs = []
        for x_t in x:
            z = np.concatenate([x_t, h], axis=1)
            i = sigmoid(z @ p["Wi"] + p["bi"])
            f = sigmoid(z @ p["Wf"] + p["bf"])
            o = sigmoid(z @ p["Wo"] + p["bo"])
            g = np.tanh(z @ p["Wg"] + p["bg"])
            c_prev, c = c, f * c + i * g
            tanh_c = np.tanh(c)
            h = o * tanh_c
            self.caches.append({"z": z, "i": i, "f": f, "o": o, "g": g, "c_prev": c_prev, "tanh_c": tanh_c})
            hs.append(h)
        return np.array(hs)

    def backward(self, dhs):
        """dhs (T, B, n_hidden) -> gradient with respect to x; those of the parameters go to self.grads"""
        p = self.params
        self.grads = {name: np.zeros_like(value) for name, value in p.items()}
        n_hidden = dhs.shape[2]
        dx = []
        dh_next = np.zeros_like(dhs[0])
        dc_next = np.zeros_like(dhs[0])
        for dh, k in zip(dhs[::-1], self.caches[::-1]):
            dh = dh + dh_next
            dc = dc_next + dh * k["o"] * (1 - k["tanh_c"] ** 2)
            da = {
                "i": dc * k["g"] * k["i"] * (1 - k["i"]),
                "f": dc * k["c_prev"] * k["f"] * (1 - k["f"]),
                "o": dh * k["tanh_c"] * k["o"] * (1 - k["o"]),
                "g": dc * k["i"] * (1 - k["g"] ** 2),
            }
            dz = 0
            for gate in "ifog":
                self.grads["W" + gate] += k["z"].T @ da[gate]
                self.grads["b" + gate] += da[gate].sum(axis=0)
                dz = dz + da[gate] @ p["W" + gate].T
            dx.insert(0, dz[:, :-n_hidden])
            dh_next = dz[:, -n_hidden:]
            dc_next = dc * k["f"]
        return np.array(dx)
