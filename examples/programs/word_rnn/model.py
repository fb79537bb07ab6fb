"""Predicts the next word; the embedding is used again, transposed, to score the words."""

from layers import Embedding, Recurrent
from losses import CrossEntropy


class WordModel:
    def __init__(self, E, Wx, Wh, b):
        self.embedding = Embedding(E)
        self.recurrent = Recurrent(Wx, Wh, b)
        self.loss = CrossEntropy()

    def forward(self, words, targets):
        self.h = self.recurrent.forward(self.embedding.forward(words))
        return self.loss.forward(self.h @ self.embedding.W.T, targets)

    def backward(self):
        d_scores = self.loss.backward()
        self.embedding.backward(self.recurrent.backward(d_scores @ self.embedding.W))
        self.embedding.dW += d_scores.T @ self.h
