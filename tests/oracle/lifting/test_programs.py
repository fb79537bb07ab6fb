"""Whole programs as people write them, with their habits. Only their forward passes matter here."""

import numpy as np
import pytest

PROGRAMS = {
    "char-rnn": (
        {"Wxh": (4, 5), "Whh": (4, 4), "Why": (5, 4), "bh": (4, 1), "by": (5, 1)},
        """
        import numpy as np
        vocab_size = 5
        def lossFun(inputs, targets, hprev):
            xs, hs, ys, ps = {}, {}, {}, {}
            hs[-1] = np.copy(hprev)
            loss = 0
            for t in range(len(inputs)):
                xs[t] = np.zeros((vocab_size, 1))
                xs[t][inputs[t]] = 1
                hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t-1]) + bh)
                ys[t] = np.dot(Why, hs[t]) + by
                ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
                loss += -np.log(ps[t][targets[t], 0])
            dWhy, dhnext = np.zeros_like(Why), np.zeros_like(hs[0])
            for t in reversed(range(len(inputs))):
                dy = np.copy(ps[t])
                dy[targets[t]] -= 1
                dWhy += np.dot(dy, hs[t].T)
            np.clip(dWhy, -5, 5, out=dWhy)
            return loss, dWhy
        loss, dWhy = lossFun([0, 3, 2], [3, 2, 4], rng.normal(size=(4, 1)))
        """,
    ),
    "lstm-class": (
        {"Wi": (5, 3), "Wf": (5, 3), "Wo": (5, 3), "Wc": (5, 3), "b": (4, 3)},
        """
        import numpy as np
        from copy import deepcopy
        def sigmoid(x): return 1. / (1 + np.exp(-x))
        class LSTM(object):
            def __init__(self):
                self.params = dict(i=Wi, f=Wf, o=Wo, c=Wc)
                self.caches = []
                self.states = np.zeros((4, 2, 3))
            def step(self, x, h, c, t):
                z = np.hstack((x, h))
                gates = {k: (np.tanh if k == 'c' else sigmoid)(z @ w + b[n])
                         for n, (k, w) in enumerate(self.params.items())}
                c_next = gates['f'] * c + gates['i'] * gates['c']
                h = gates['o'] * np.tanh(c_next)
                self.caches.append({'z': z, 'gates': gates, 'c': deepcopy(c)})
                self.states[t] = h
                return h, c_next
            def loss(self, xs):
                h, c = np.zeros((2, 3)), np.zeros((2, 3))
                for t, x in enumerate(xs):
                    h, c = self.step(x, h, c, t)
                self.states[-1] *= 0.5
                return 0.5 * np.sum(self.states ** 2) + sum(np.mean(k['c']) for k in self.caches)
        loss = LSTM().loss(rng.normal(size=(3, 2, 2)))
        """,
    ),
    "gru-lists": (
        {"U": (3, 3, 2), "V": (3, 3, 3), "out": (2, 3)},
        """
        import numpy as np
        sigm = lambda a: 1 / (1 + np.exp(-a))
        s, hist = [np.zeros(3)], []
        for t in range(4):
            x = rng.random(2)
            z, r = sigm(U[0].dot(x) + V[0].dot(s[-1])), sigm(U[1].dot(x) + V[1].dot(s[-1]))
            g = np.tanh(U[2].dot(x) + V[2].dot(s[-1] * r))
            s.append((1 - z) * g + z * s[-1])
            hist.append(out.dot(s[-1]))
        loss = (np.array(hist) ** 2).sum() / len(hist) + np.mean([h[0] for h in hist])
        """,
    ),
    "convolution": (
        {"kernel": (2, 3, 3), "bias": (2,), "dense": (4, 2)},
        """
        import numpy as np
        image = rng.normal(size=(6, 6))
        maps = np.zeros((2, 4, 4))
        for f in range(2):
            for i in range(4):
                for j in range(4):
                    maps[f, i, j] = np.sum(image[i:i+3, j:j+3] * kernel[f]) + bias[f]
        maps[maps < 0] *= 0.1
        pooled = maps.reshape(2, 2, 2, 2, 2).max(axis=(2, 4))
        logits = np.dot(pooled.reshape(2, -1), dense)
        loss = np.log(np.sum(np.exp(logits))) - logits[0, 1]
        """,
    ),
    "layer-norm-views": (
        {"x": (3, 4), "gamma_beta": (2, 4)},
        """
        import numpy as np
        gamma, beta = gamma_beta
        out = np.empty_like(x)
        mean, var = x.mean(-1, keepdims=True), x.var(axis=-1, keepdims=True)
        np.subtract(x, mean, out=out)
        out /= np.sqrt(var + 1e-5)
        out *= gamma
        out += beta
        rows = out[::2]
        rows[:, 1:3] *= 2
        loss = np.sum(out ** 3) / out.size
        """,
    ),
    "attention": (
        {"Wq": (4, 4), "Wk": (4, 4), "Wv": (4, 4)},
        """
        import numpy as np
        x = rng.standard_normal((2, 3, 4))
        def heads(a): return a.reshape(2, 3, 2, 2).transpose(0, 2, 1, 3)
        q, k, v = (heads(x @ w) for w in (Wq, Wk, Wv))
        scores = np.einsum('bhqd,bhkd->bhqk', q, k) / np.sqrt(q.shape[-1])
        scores = np.where(np.tril(np.ones((3, 3))) == 0, -1e9, scores)
        scores -= scores.max(axis=-1, keepdims=True)
        e = np.exp(scores)
        y = (e / e.sum(axis=-1, keepdims=True)) @ v
        loss = (y.swapaxes(1, 2).reshape(2, 3, 4) ** 2).mean()
        """,
    ),
    "matrix-network": (
        {"W1": (3, 4), "W2": (4, 1)},
        """
        import numpy as np
        X, y = np.asmatrix(rng.normal(size=(5, 3))), np.matrix('1;0;1;1;0')
        A, B = np.matrix(W1), np.asmatrix(W2)
        hidden = 1 / (1 + np.exp(-X * A))
        output = 1 / (1 + np.exp(-hidden * B))
        error = y - output
        B += 0.1 * hidden.T * np.multiply(error, np.multiply(output, 1 - output))
        loss = (error.T * error)[0, 0] + np.sum(np.power(B, 2)) + float((hidden * B).sum())
        """,
    ),
    "binary-adder": (
        {"synapse_0": (2, 4), "synapse_1": (4, 1), "synapse_h": (4, 4)},
        """
        import copy, numpy as np
        np.random.seed(0)
        def sigmoid(x):
            output = 1/(1+np.exp(-x))
            return output
        int2binary = {}
        binary = np.unpackbits(np.array([range(256)], dtype=np.uint8).T, axis=1)
        for i in range(256):
            int2binary[i] = binary[i]
        synapse_0_update = np.zeros_like(synapse_0)
        a_int = np.random.randint(256 / 2)
        b_int = np.random.randint(256 / 2)
        a, b, c = int2binary[a_int], int2binary[b_int], int2binary[a_int + b_int]
        d = np.zeros_like(c)
        overallError = 0
        layer_2_deltas, layer_1_values = list(), list()
        layer_1_values.append(np.zeros(4))
        for position in range(8):
            X = np.array([[a[8 - position - 1], b[8 - position - 1]]])
            y = np.array([[c[8 - position - 1]]]).T
            layer_1 = sigmoid(np.dot(X, synapse_0) + np.dot(layer_1_values[-1], synapse_h))
            layer_2 = sigmoid(np.dot(layer_1, synapse_1))
            layer_2_error = y - layer_2
            layer_2_deltas.append((layer_2_error) * layer_2 * (1 - layer_2))
            overallError += 0.5 * layer_2_error[0] ** 2
            d[8 - position - 1] = np.round(layer_2[0][0])
            layer_1_values.append(copy.deepcopy(layer_1))
        synapse_0_update += np.atleast_2d(layer_1_values[-1]).T.dot(X).T
        synapse_0 += synapse_0_update * 0.1
        print('Error:' + str(overallError), 'Pred:' + str(d))
        loss = overallError
        """,
    ),
    "max-pool-by-sorting": (
        {"x": (2, 6), "w": (3, 3)},
        """
        import numpy as np
        order = np.argsort(-x, axis=1)[:, :3]
        best = x[np.arange(2)[:, None], order]
        windows = np.lib.stride_tricks.as_strided(x, (2, 3, 2), (x.strides[0], 2 * x.strides[1], x.strides[1]))
        picks = windows.argmax(axis=-1)
        pooled = np.zeros((2, 3))
        for n in range(2):
            for k in range(3):
                pooled[n, k] = windows[n, k, picks[n, k]]
        pooled[:, np.argsort(pooled[0])] += best
        loss = np.sum(np.dot(pooled, w) ** 2)
        """,
    ),
    "float-accumulator": (
        {"w": (3, 3), "u": (3,)},
        """
        import math
        import numpy as np
        def softplus(x): return math.log(1 + math.exp(x))
        total, history = 0.0, {}
        h = [0.0, 0.1, -0.2]
        for t in range(3):
            h = [math.tanh(sum(w[i][j] * h[j] for j in range(3)) + float(u[i])) for i in range(3)]
            history[t] = list(h)
            total += softplus(h[t])
        loss = total / len(history) + max(history[2]) ** 2
        """,
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("shapes, program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_program(shapes, program, agree):
    rng = np.random.default_rng(5)
    agree(program, {name: rng.normal(size=shape) * 0.7 for name, shape in shapes.items()})


def test_what_autograd_cannot_see_is_caught(lifted_run):
    """The pair of the tests above: a program that loses its graph is told apart from one that does not."""
    program = "import builtins\nloss = sum(v * [builtins.float(x) for x in v])"
    lifted, _, gradients = lifted_run(program, {"v": np.array([1.0, 2.0])})
    assert gradients["v"].tolist() == [1.0, 2.0]  # wrong: it is [2, 4]
    assert [leak.line for leak in lifted.leaks] == [2]
