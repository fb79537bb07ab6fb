"""Reads a sentence, says at its end what mood it has: many inputs, one output."""

import numpy as np


class SentimentRNN:
    def __init__(self, U, W, V, b, c):
        self.U, self.W, self.V, self.b, self.c = U, W, V, b, c

    def forward(self, words):
        """words: a list of word numbers -> the probability of every mood"""
        self.words = words
        self.h = np.zeros((len(words) + 1, self.W.shape[0]))
        for t, word in enumerate(words, start=1):
            self.h[t] = np.tanh(self.U[:, word] + self.W @ self.h[t - 1] + self.b)
        scores = self.V @ self.h[-1] + self.c
        scores -= scores.max()
        self.p = np.exp(scores) / np.exp(scores).sum()
        return self.p

    def loss(self, label):
        return -np.log(self.p[label])

    def backward(self, label):
        d_scores = self.p.copy()
        d_scores[label] -= 1
        dU, dW, db = np.zeros(self.U.shape), np.zeros(self.W.shape), np.zeros(self.b.shape)
        dh = self.V.T @ d_scores
        for t in range(len(self.words), 0, -1):
            da = dh * (1 - self.h[t] ** 2)
            dU[:, self.words[t - 1]] += da
            dW += np.outer(da, self.h[t - 1])
            db += da
            dh = self.W.T @ da
        return {"U": dU, "W": dW, "V": np.outer(d_scores, self.h[-1]), "b": db, "c": d_scores}
