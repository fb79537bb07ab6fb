"""Is a review kind: words are embedded, the mean of all states is classified, and the weights are kept small."""

import numpy as np

from oracle import gradient_function

LAMBDA = 0.3


class ReviewNet:
    def __init__(self, E, Wx, Wh, bh, Wo, bo):
        self.E, self.Wx, self.Wh, self.bh, self.Wo, self.bo = E, Wx, Wh, bh, Wo, bo

    def forward(self, tokens, h0):
        """tokens (B, T) -> log probabilities (B, C)"""
        self.tokens = tokens
        self.emb = self.E[tokens]
        self.h = {-1: h0}
        pooled = 0
        for t in range(tokens.shape[1]):
            self.h[t] = np.tanh(self.emb[:, t] @ self.Wx + self.h[t - 1] @ self.Wh + self.bh)
            pooled = pooled + self.h[t]
        self.pooled = pooled / tokens.shape[1]
        scores = self.pooled @ self.Wo + self.bo
        scores = scores - scores.max(axis=1, keepdims=True)
        self.logp = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return self.logp

    def loss(self, labels):
        nll = -self.logp[np.arange(len(labels)), labels].mean()
        return nll + 0.5 * LAMBDA * sum(np.sum(W**2) for W in (self.Wx, self.Wh, self.Wo))

    def backward(self, labels):
        B, T = self.tokens.shape
        self.gE = np.zeros_like(self.E)
        self.gWx = LAMBDA * self.Wx
        self.gWh = LAMBDA * self.Wh
        self.gbh = np.zeros_like(self.bh)

        onehot = np.eye(len(self.bo))[labels]
        gscores = (np.exp(self.logp) - onehot) / B
        self.gWo = self.pooled.T @ gscores + LAMBDA * self.Wo
        self.gbo = gscores.sum(0)
        gpooled = gscores @ self.Wo.T

        gh = np.zeros_like(self.pooled)
        gemb = np.zeros_like(self.emb)
        for t in range(T)[::-1]:
            gh += gpooled / T
            ga = gh * (1 - self.h[t] ** 2)
            self.gWx += self.emb[:, t].T @ ga
            self.gWh += self.h[t - 1].T @ ga
            self.gbh += ga.sum(0)
            gemb[:, t] = ga @ self.Wx.T
            gh = ga @ self.Wh.T
        np.add.at(self.gE, self.tokens, gemb)

    def gradients(self):
        return {name[1:]: value for name, value in vars(self).items() if name.startswith("g")}


@gradient_function(
    E="words embed", Wx="embed hidden", Wh="hidden hidden", bh="hidden", Wo="hidden classes", bo="classes"
)
def review_scores(p, sizes, rng):
    net = ReviewNet(**p)
    tokens = rng.integers(sizes.words, size=(sizes.batch, sizes.time))
    labels = rng.integers(sizes.classes, size=sizes.batch)
    net.forward(tokens, rng.normal(size=(sizes.batch, sizes.hidden)))
    loss = net.loss(labels)
    net.backward(labels)
    return loss, net.gradients()
