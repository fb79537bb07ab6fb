"""Many to one: words are looked up by number, the last state is classified, softmax cross-entropy."""

import numpy as np

from oracle import gradient_function


class Classifier:
    def __init__(self, embedding, W, U, b, V, c):
        self.embedding, self.W, self.U, self.b, self.V, self.c = embedding, W, U, b, V, c

    def predict(self, words, h):
        """words: (T, B) integers, h (B, H) -> probabilities (B, classes)"""
        self.words = words
        self.xs = [self.embedding[words[t]] for t in range(len(words))]
        self.hs = [h]
        for x in self.xs:
            h = np.tanh(np.dot(x, self.W) + np.dot(h, self.U) + self.b)
            self.hs.append(h)
        self.logits = np.dot(h, self.V) + self.c
        exps = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        self.probs = exps / exps.sum(axis=1, keepdims=True)
        return self.probs

    def loss(self, labels):
        return -np.log(self.probs[np.arange(len(labels)), labels]).mean()

    def gradients(self, labels):
        batch = len(labels)
        d_embedding = np.zeros_like(self.embedding)
        dW, dU, db = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.b)

        d_logits = self.probs.copy()
        d_logits[np.arange(batch), labels] -= 1
        d_logits /= batch
        dV = np.dot(self.hs[-1].T, d_logits)
        dc = d_logits.sum(axis=0)

        dh = np.dot(d_logits, self.V.T)
        for t in range(len(self.words), 0, -1):
            dz = dh * (1 - self.hs[t] ** 2)
            dW += np.dot(self.xs[t - 1].T, dz)
            dU += np.dot(self.hs[t - 1].T, dz)
            db += dz.sum(axis=0)
            dx = np.dot(dz, self.W.T)
            for row, word in enumerate(self.words[t - 1]):
                d_embedding[word] += dx[row]
            dh = np.dot(dz, self.U.T)
        return {"embedding": d_embedding, "W": dW, "U": dU, "b": db, "V": dV, "c": dc}


@gradient_function(
    embedding="words features", W="features hidden", U="hidden hidden", b="hidden", V="hidden classes", c="classes"
)
def word_classifier(p, sizes, rng):
    net = Classifier(**p)
    words = rng.integers(sizes.words, size=(sizes.time, sizes.batch))
    labels = rng.integers(sizes.classes, size=sizes.batch)
    net.predict(words, rng.normal(size=(sizes.batch, sizes.hidden)))
    return net.loss(labels), net.gradients(labels)
