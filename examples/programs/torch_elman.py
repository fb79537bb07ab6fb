"""An Elman network in torch tensors whose backward pass is written out: for learning, not for speed."""

import torch
from torch.nn.functional import softmax


class Elman:
    def __init__(self, w_ih, w_hh, w_ho, b_h):
        """w_ih (n_in, n_hidden), w_hh (n_hidden, n_hidden), w_ho (n_hidden, n_out), b_h (n_hidden,)"""
        self.w_ih, self.w_hh, self.w_ho, self.b_h = w_ih, w_hh, w_ho, b_h

    @torch.no_grad()
    def forward(self, x, labels):
        """x (T, B, n_in), labels (T, B) -> the mean cross-entropy"""
        self.x, self.labels = x, labels
        self.h = [torch.zeros(x.shape[1], len(self.b_h), dtype=x.dtype)]
        self.p = []
        for x_t in x:
            self.h.append(torch.tanh(x_t @ self.w_ih + self.h[-1] @ self.w_hh + self.b_h))
            self.p.append(softmax(self.h[-1] @ self.w_ho, dim=1))
        picked = torch.stack(self.p).gather(2, labels.unsqueeze(2))
        return -picked.log().mean()

    @torch.no_grad()
    def backward(self):
        grads = {name: torch.zeros_like(getattr(self, name)) for name in ("w_ih", "w_hh", "w_ho", "b_h")}
        carry = torch.zeros_like(self.h[0])
        for t in reversed(range(len(self.x))):
            d_scores = self.p[t].clone()
            d_scores[torch.arange(len(d_scores)), self.labels[t]] -= 1
            d_scores /= self.labels.numel()
            grads["w_ho"] += self.h[t + 1].t() @ d_scores
            delta = (d_scores @ self.w_ho.t() + carry) * (1 - self.h[t + 1].pow(2))
            grads["w_ih"] += self.x[t].t() @ delta
            grads["w_hh"] += self.h[t].t() @ delta
            grads["b_h"] += delta.sum(0)
            carry = delta @ self.w_hh.t()
        return grads
