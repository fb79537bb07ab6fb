"""Two Elman nets: one reads the source, its last state starts the other, which writes the target, taught by it."""

from itertools import pairwise

import numpy as np

from oracle import gradient_function


class Cell:
    """s' = tanh(A x + B s + c), columns are samples; gradients are added to gA, gB, gc"""

    def __init__(self, A, B, c):
        self.A, self.B, self.c = A, B, c
        self.gA, self.gB, self.gc = np.zeros_like(A), np.zeros_like(B), np.zeros_like(c)
        self.tape = []

    def __call__(self, x, s):
        new = np.tanh(self.A @ x + self.B @ s + self.c)
        self.tape.append((x, s, new))
        return new

    def back(self, ds):
        """ds of the state made last -> ds of the one before it"""
        x, s, new = self.tape.pop()
        dpre = (1 - new * new) * ds
        self.gA += dpre @ x.T
        self.gB += dpre @ s.T
        self.gc += dpre.sum(axis=1, keepdims=True)
        return self.B.T @ dpre


class Translator:
    def __init__(self, p):
        self.encoder = Cell(p["Ae"], p["Be"], p["ce"])
        self.decoder = Cell(p["Ad"], p["Bd"], p["cd"])
        self.M, self.m = p["M"], p["m"]
        self.R, self.r = p["R"], p["r"]

    def forward(self, source, written, s):
        """source: (I, N) arrays, written: (O, N) one-hot arrays, s (H, N) -> negative log likelihood"""
        for x in source:
            s = self.encoder(x, s)
        self.summary = s
        q = np.tanh(self.M @ s + self.m)
        self.opening = q
        self.answers = []
        nll = 0.0
        for last, word in pairwise(written):
            q = self.decoder(last, q)
            logits = self.R @ q + self.r
            chances = np.exp(logits) / np.exp(logits).sum(axis=0)
            nll += -np.sum(word * np.log(chances))
            self.answers.append((q, chances, word))
        return nll / s.shape[1]

    def backward(self):
        N = self.summary.shape[1]
        gR, gr = np.zeros_like(self.R), np.zeros_like(self.r)
        dq = np.zeros_like(self.opening)
        for q, chances, word in reversed(self.answers):
            dlogits = (chances - word) / N
            gR += dlogits @ q.T
            gr += dlogits.sum(axis=1, keepdims=True)
            dq += self.R.T @ dlogits
            dq = self.decoder.back(dq)

        dbridge = dq * (1 - self.opening**2)
        gM = dbridge @ self.summary.T
        gm = dbridge.sum(axis=1, keepdims=True)

        ds = self.M.T @ dbridge
        while self.encoder.tape:
            ds = self.encoder.back(ds)

        grads = dict(Ae=self.encoder.gA, Be=self.encoder.gB, ce=self.encoder.gc)
        grads.update(M=gM, m=gm)
        grads.update(Ad=self.decoder.gA, Bd=self.decoder.gB, cd=self.decoder.gc)
        grads.update(R=gR, r=gr)
        return grads


@gradient_function(
    Ae="reader input", Be="reader reader", ce="reader 1",
    M="writer reader", m="writer 1",
    Ad="writer words", Bd="writer writer", cd="writer 1",
    R="words writer", r="words 1",
)  # fmt: skip
def encoder_decoder(p, sizes, rng):
    source = rng.normal(size=(sizes.time, sizes.input, sizes.batch))
    numbers = rng.integers(sizes.words, size=(sizes.time + 2, sizes.batch))
    written = [np.eye(sizes.words)[:, row] for row in numbers]
    net = Translator(p)
    nll = net.forward(source, written, rng.normal(size=(sizes.reader, sizes.batch)))
    return nll, net.backward()
