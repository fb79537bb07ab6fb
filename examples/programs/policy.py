"""REINFORCE with a recurrent policy: the gradient points uphill, for the parameters are stepped along it."""

import numpy as np


class Policy:
    def __init__(self, W, R, A):
        """W (hidden, observation), R (hidden, hidden), A (action, hidden)"""
        self.W, self.R, self.A = W, R, A

    def surrogate_and_ascent(self, observations, actions, returns):
        """The loss that is logged, minus the expected return, and the direction in which the return grows."""
        hs, ps, loss = [np.zeros(len(self.R))], [], 0.0
        for o, a, G in zip(observations, actions, returns):
            hs.append(np.tanh(self.W @ o + self.R @ hs[-1]))
            e = np.exp(self.A @ hs[-1])
            ps.append(e / e.sum())
            loss -= G * np.log(ps[-1][a])

        up = {"W": np.zeros_like(self.W), "R": np.zeros_like(self.R), "A": np.zeros_like(self.A)}
        carry = np.zeros(len(self.R))
        for t in reversed(range(len(actions))):
            score = -ps[t]
            score[actions[t]] += 1
            score *= returns[t]
            up["A"] += np.outer(score, hs[t + 1])
            delta = (self.A.T @ score + carry) * (1 - hs[t + 1] ** 2)
            up["W"] += np.outer(delta, observations[t])
            up["R"] += np.outer(delta, hs[t])
            carry = self.R.T @ delta
        return loss, up
