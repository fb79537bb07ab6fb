"""The state a machine is in at each moment: an estimator as in scikit-learn, with coefs_, intercepts_, partial_fit."""

import numpy as np

from oracle import gradient_function


def softmax(Z):
    Z = np.exp(Z - Z.max(axis=1, keepdims=True))
    return Z / Z.sum(axis=1, keepdims=True)


def inplace_tanh_derivative(Z, delta):
    """Z holds activations; delta is multiplied in place."""
    delta *= 1 - Z**2


class ElmanClassifier:
    def __init__(self, coefs, intercepts, learning_rate_init=0.05):
        self.coefs_ = list(coefs)  # into the hidden units, between them, out of them
        self.intercepts_ = list(intercepts)
        self.learning_rate_init = learning_rate_init

    def _forward_pass(self, X, context):
        """X (T, B, features), context (B, hidden): the units as the last call left them"""
        hidden, proba = [context], []
        for X_t in X:
            Z = X_t @ self.coefs_[0] + hidden[-1] @ self.coefs_[1] + self.intercepts_[0]
            hidden.append(np.tanh(Z))
            proba.append(softmax(hidden[-1] @ self.coefs_[2] + self.intercepts_[1]))
        return hidden, proba

    def _backprop(self, X, Y, hidden, proba, weight):
        """Y (T, B, classes) with a one for the right class, weight (B, 1): how much each machine counts, sums to 1"""
        T = len(X)
        loss = 0.0
        coef_grads = [np.zeros_like(coef) for coef in self.coefs_]
        intercept_grads = [np.zeros_like(intercept) for intercept in self.intercepts_]
        from_later = np.zeros_like(hidden[0])
        steps = zip(X, Y, hidden[:-1], hidden[1:], proba)
        for X_t, Y_t, before, after, proba_t in reversed(list(steps)):
            loss -= np.sum(weight * Y_t * np.log(proba_t)) / T

            delta_out = weight * (proba_t - Y_t) / T
            coef_grads[2] += after.T @ delta_out
            intercept_grads[1] += delta_out.sum(axis=0)

            delta = delta_out @ self.coefs_[2].T
            delta += from_later
            inplace_tanh_derivative(after, delta)
            coef_grads[0] += X_t.T @ delta
            coef_grads[1] += before.T @ delta
            intercept_grads[0] += delta.sum(axis=0)
            from_later = delta @ self.coefs_[1].T
        return loss, coef_grads, intercept_grads

    def partial_fit(self, X, y, context, sample_weight):
        """X (B, T, features), y (B, T): the number of the class, sample_weight (B,)"""
        X = np.swapaxes(X, 0, 1)
        Y = np.eye(len(self.intercepts_[1]))[y.T]
        weight = sample_weight[:, np.newaxis] / sample_weight.sum()
        hidden, proba = self._forward_pass(X, context)
        loss, coef_grads, intercept_grads = self._backprop(X, Y, hidden, proba, weight)
        self.coefs_ = [c - self.learning_rate_init * g for c, g in zip(self.coefs_, coef_grads)]
        self.intercepts_ = [b - self.learning_rate_init * g for b, g in zip(self.intercepts_, intercept_grads)]
        return loss, coef_grads, intercept_grads


@gradient_function(
    W_in="features hidden", W_rec="hidden hidden", W_out="hidden classes", b_hidden="hidden", b_out="classes"
)
def machine_states(p, sizes, rng):
    X = rng.normal(size=(sizes.batch, sizes.time, sizes.features))
    y = rng.integers(sizes.classes, size=(sizes.batch, sizes.time))
    context = np.tanh(rng.normal(size=(sizes.batch, sizes.hidden)))
    sample_weight = rng.uniform(0.5, 2.0, size=sizes.batch)
    model = ElmanClassifier((p.W_in, p.W_rec, p.W_out), (p.b_hidden, p.b_out))
    loss, coef_grads, intercept_grads = model.partial_fit(X, y, context, sample_weight)
    return loss, dict(zip(("W_in", "W_rec", "W_out", "b_hidden", "b_out"), (*coef_grads, *intercept_grads)))
