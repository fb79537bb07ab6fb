"""Gives every word of a sentence a tag, and hands its gradients to whatever optimizer it was made with."""

import numpy as np


class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999):
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self.m, self.v, self.t = {}, {}, 0

    def step(self, params, grads):
        self.t += 1
        for name, g in grads.items():
            self.m[name] = self.beta1 * self.m.get(name, 0) + (1 - self.beta1) * g
            self.v[name] = self.beta2 * self.v.get(name, 0) + (1 - self.beta2) * g * g
            m, v = self.m[name] / (1 - self.beta1**self.t), self.v[name] / (1 - self.beta2**self.t)
            params[name] -= self.lr * m / (np.sqrt(v) + 1e-8)


class Tagger:
    def __init__(self, params, optimizer):
        """params: E (words, hidden), R (hidden, hidden), O (hidden, tags)"""
        self.params, self.optimizer = params, optimizer

    def fit_sentence(self, words, tags):
        E, R, O = (self.params[k] for k in "ERO")  # noqa: E741
        h = [np.zeros(R.shape[0])]
        probabilities = []
        for w in words:
            h.append(np.maximum(0, E[w] + h[-1] @ R))
            e = np.exp(h[-1] @ O)
            probabilities.append(e / e.sum())
        loss = -sum(np.log(p[tag]) for p, tag in zip(probabilities, tags)) / len(words)

        dE, dR, dO = np.zeros_like(E), np.zeros_like(R), np.zeros_like(O)
        dh = np.zeros_like(h[0])
        for t in range(len(words), 0, -1):
            d_score = probabilities[t - 1].copy()
            d_score[tags[t - 1]] -= 1
            d_score /= len(words)
            dO += np.outer(h[t], d_score)
            da = (O @ d_score + dh) * (h[t] > 0)
            np.add.at(dE, words[t - 1], da)
            dR += np.outer(h[t - 1], da)
            dh = R @ da
        self.optimizer.step(self.params, {"E": dE, "R": dR, "O": dO})
        return loss
