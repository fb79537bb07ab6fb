"""Each line of a program is NumPy's business; that autograd sees through it is ours."""

import textwrap

import pytest

LINES = {
    # building arrays from lifted values
    "array-of-list": "loss = (np.array([v[0], 2.0, v[1] * v[2]]) ** 2).sum()",
    "array-of-nested-lists": "loss = (np.array([[v[0], 1], [v[1] ** 2, v[2]]]) @ np.ones(2)).prod()",
    "array-of-rows": "loss = (np.array([W[0], W[1] * 2]) ** 2).sum()",
    "asarray-aliases": "a = np.asarray(W); a[0] *= 3; loss = (W ** 2).sum()",
    "array-copies": "a = np.array(W); a[0] = 0; loss = (W * (a + 1)).sum()",
    "mean-of-list": "loss = np.mean([v[0] ** 2, v[1], v[2] ** 3])",
    "sum-of-list": "loss = np.sum([W[0], W[1] ** 2])",
    "sum-of-generator": "loss = sum(x ** 2 for x in v)",
    "stack": "loss = (np.stack([W[0], W[1]], axis=1) * S[:, :2]).sum()",
    "concatenate-mixed": "loss = (np.concatenate([W, np.ones((1, 3)), S], axis=0) ** 2).sum()",
    "concatenate-out": "o = np.zeros((7, 3)); np.concatenate([W, S], out=o); loss = (o ** 3).sum()",
    "hstack-vstack": "loss = (np.hstack([W.T, S]) ** 2).sum() + (np.vstack((W, v)) ** 3).sum()",
    "append-insert-delete": "loss = (np.append(v, v[0] * 2)[1:] * np.insert(np.delete(v, 1), 1, v[2])[0]).sum()",
    "r_": "loss = (np.r_[v, 1.0, v[0] ** 2][::2] ** 2).sum()",
    "c_": "loss = (np.c_[S, v] ** 3).sum()",
    "full-of-lifted": "loss = (np.full((2, 3), v) * W[:2]).sum() + np.full(2, v[0]).prod()",
    "fromiter": "loss = (np.fromiter((x * x for x in v), float) ** 2).sum()",
    "block": "loss = (np.block([[S, W.T], [v, np.zeros(4)]]) ** 2).sum()",
    # views and copies
    "negative-step": "loss = (W[3:0:-1] * S).sum()",
    "reversed-view-is-written": "r = v[::-1]; r[0] = v[0] * 5; loss = (v ** 2).sum()",
    "flip-is-a-view": "f = np.flip(W, 0); f[0] *= 3; loss = (W ** 2).sum()",
    "flipud-fliplr-rot90": "loss = (np.flipud(S) * np.fliplr(S) * np.rot90(S)).sum()",
    "flatten-copies": "f = W.flatten(); f *= 0; loss = (W ** 2).sum() + f.sum()",
    "ravel-is-a-view": "f = W.ravel(); f[2:5] *= v; loss = (W ** 2).sum()",
    "ravel-of-transposed-copies": "f = W.T.ravel(); f[0] = 0; loss = (W ** 2).sum() + (f ** 3).sum()",
    "unary-plus-copies": "a = +v; a *= 2; loss = (v ** 2).sum() + a.prod()",
    "astype-same-copies": "a = v.astype(float); a *= 2; loss = (v ** 2).sum() + a.prod()",
    "astype-without-copy": "a = v.astype(np.float64, copy=False); a *= 2; loss = (v ** 2).sum()",
    "copy-deepcopy": """
        import copy
        a = copy.deepcopy({'x': [v]})['x'][0]
        b = copy.copy(v)
        a *= 2
        loss = (a * b * v).sum()
    """,
    "view-made-before-it-depends": "b = np.zeros((2, 3)); r = b[1]; b[:] = S[:2]; r *= 2; loss = (b ** 2).sum()",
    "view-writes-base": "b = np.zeros((2, 3)); r = b[1]; r[:] = v ** 2; loss = (b + 1).prod()",
    "iterated-rows-are-written": "for r in W: r *= v\nloss = (W ** 2).sum()",
    "order-f": "a = np.array(W, order='F'); a[1] = v; loss = (a.ravel(order='K') * np.arange(12)).sum()",
    "overlapping": "v[1:] = v[:-1]; loss = (v * np.arange(3)).sum()",
    "overlapping-in-place": "v[1:] += v[:-1]; loss = (v ** 2).sum()",
    "transpose-swapaxes-moveaxis": "loss = (np.moveaxis(W.reshape(2, 2, 3), 0, 2).swapaxes(0, 1)[0] @ S[0, :2]).prod()",
    "reshape-order": "loss = (W.reshape((3, 4), order='F') * W.T.reshape(3, -1)).sum()",
    "squeeze-expand": "loss = (np.squeeze(v[None, :, None]) * np.expand_dims(v, 0)).sum()",
    "diagonal-fill": """
        d = np.diag(v) + np.eye(3)
        np.fill_diagonal(d, v[0])
        loss = (d * S).sum() + np.diagonal(S).prod()
    """,
    "split": "a, b = np.split(W, 2); b[...] = a * 2; loss = (W ** 3).sum()",
    "atleast-broadcast": "loss = (np.atleast_2d(v) * np.broadcast_to(v[0], (2, 3))).sum()",
    "meshgrid": "a, b = np.meshgrid(v, W[:, 0]); loss = (a * b ** 2).sum()",
    "sliding-windows": """
        loss = (np.lib.stride_tricks.sliding_window_view(W, (2, 2)) ** 2 * np.arange(4).reshape(2, 2)).sum()
    """,
    "as-strided": "loss = (np.lib.stride_tricks.as_strided(v, (2, 2), (8, 8)) * S[:2, :2]).sum()",
    "update-in-place": "g = 2 * W; W -= 0.1 * g; loss = (W ** 2).sum()",
    "swap-rows": "W[[0, 1]] = W[[1, 0]]; loss = (W ** 2 * np.arange(4)[:, None]).sum()",
    "flat": "W.flat[3] = v[0]; loss = sum(x ** 2 for x in W.flat) + W.flat[5] ** 3",
    "flat-of-a-buffer": "b = np.zeros((2, 2)); b.flat[1] = v[0]; b.flat[2:] = v[1:]; loss = (b ** 2).sum()",
    "polyval": "loss = np.polyval(v, 0.5) + np.polyval([1, 2], v).prod()",
    "fill": "b = np.zeros(3); b.fill(v[0]); loss = (b * v).sum()",
    "nested-views": "a = W[1:]; b = a[:, 1:]; c = b.T; c[0] *= 3; loss = (W ** 2).sum()",
    "shape-is-assigned": "W.shape = (3, 4); loss = (W[0] ** 2).sum()",
    "buffer-read-and-written-in-turn": """
        H = np.zeros((5, 3))
        H[0] = v
        for t in range(1, 5):
            H[t] = np.tanh(H[t - 1] @ S) + H[:t].mean(0)
        loss = (H ** 2).sum() + H[1:3].prod()
    """,
    "ufunc-of-lists": "loss = np.exp([v[0], v[1]]).sum() + np.maximum([v[0], 0.1], [v[1], v[2]]).sum()",
    # indexing
    "fancy": "loss = (W[[0, 2, 0]] * S).sum()",
    "fancy-pairs": "loss = -np.log(W[np.arange(3), [0, 2, 1]] ** 2).sum()",
    "boolean-mask": "m = W > 0; W[m] *= 2; loss = (W ** 2).sum() + W[~m].sum()",
    "fancy-augmented": "W[[0, 0, 1]] += v; loss = (W ** 2).sum()",
    "element": "W[1, 2] = v[0] * W[0, 0]; loss = (W ** 2).sum()",
    "ellipsis-none": "loss = (W[..., 0][:, None] * v[None]).sum()",
    "take-put": "W.put([0, 5], v[:2]); np.put(S, 1, v[2]); loss = (W.take([0, 1, 5]) ** 2).sum() + (S ** 2).sum()",
    "take-along-axis": "i = np.argsort(W, axis=1); loss = (np.take_along_axis(W, i, axis=1) * v).sum()",
    "put-along-axis": "np.put_along_axis(W, W.argmax(0)[None], 3 * v[None], 0); loss = (W ** 2).sum()",
    "where": "loss = np.where(W > 0, W ** 2, 0.1 * W).sum() + np.where([1, 0, 1], v, 5.0).prod()",
    "select-choose": """
        loss = np.select([v > 1, v > 0], [v, v ** 2], v ** 3).sum() + np.choose([0, 1, 0], [v, v ** 2]).sum()
    """,
    "copyto-place-putmask": "np.copyto(W[0], v); np.putmask(S, S > 0, S * 2); loss = (W ** 2).sum() + (S ** 2).sum()",
    "zero-dimensional-key": "d = {x: 1 for x in v}; loss = (v * len(d)).prod()",
    "integer-index-of-lifted": "loss = W[np.argmax(W[:, 0])].prod() + W[int(np.argmin(v))].sum()",
    "one-hot-rows": "loss = (np.eye(4)[[1, 3]] @ W).prod()",
    "assign-list": "b = np.zeros((2, 2)); b[0] = [v[0], v[1]]; b[1] = 1.0, v[2]; loss = (b ** 2).sum()",
    # arithmetic
    "integer-division": "n = np.array([7, 8]) // 2; loss = (W[: n[0]] ** 2).sum() + float(n[1] // 3) * v[0]",
    "remainder-floor": "loss = (W % 0.7).sum() + (np.floor(W) * W).sum() + np.fmod(v, 0.3).sum()",
    "reflected-operators": "loss = ((2.0 - v) / (3.0 + v ** 2)).sum() + (2.0 ** v).sum() + np.float64(2) * v[0]",
    "real-array-times-lifted": "real = np.array([1.0, 2.0, 3.0]); loss = (real * v).sum() + (real @ v) ** 2",
    "matmul-in-place": "a = S.copy(); a @= S; loss = (a ** 2).sum()",
    "dot-out": "o = np.empty((4, 3)); np.dot(W, S, out=o); np.dot(W, S.T, o[:, :]); loss = (o ** 2).sum()",
    "ufunc-out-positional": "np.exp(v, v); np.multiply(v, 2, v); loss = (v ** 2).sum()",
    "ufunc-where-out": "o = np.ones(3); np.log(v, out=o, where=v > 0); loss = (o ** 2 * v).sum()",
    "divide-where": "m = W > 0.2; loss = np.divide(1.0, W, out=np.zeros_like(W), where=m).sum()",
    "ufunc-reduce": """
        loss = np.add.reduce(W, axis=1).prod() + np.multiply.reduce(v) + np.maximum.reduce(W, axis=0).sum()
    """,
    "ufunc-accumulate": "loss = (np.add.accumulate(W, axis=1) ** 2).sum() + np.multiply.accumulate(v).sum()",
    "ufunc-outer": "loss = (np.multiply.outer(v, W) ** 2).sum() + np.subtract.outer(v, v)[0].prod()",
    "ufunc-at": """
        b = np.zeros((3, 3))
        np.add.at(b, [0, 0, 2], S)
        np.add.at(v, [1, 1], 2 * v[:2])
        loss = (b ** 2).sum() + (v ** 2).sum()
    """,
    "subtract-at-2d": "np.subtract.at(W, ([0, 0], [1, 1]), v[:2]); loss = (W ** 2).sum()",
    "reduceat": "loss = (np.add.reduceat(W.ravel(), [0, 3, 7]) ** 2).sum()",
    "elementary": """
        x = v ** 2 + 0.1
        loss = (np.exp(-x) + np.log(x) + np.sqrt(x) + np.tanh(x) + np.log1p(x) + np.expm1(-x)).sum()
    """,
    "trigonometric": """
        loss = (np.sin(v) * np.cos(v) + np.arctan(v) + np.arctan2(v, 2.0) + np.hypot(v, 1) + np.sinh(v)).sum()
    """,
    "maximum-clip": "loss = (np.maximum(W, 0) * np.clip(W, -0.5, 0.5) + np.minimum(W, v)).sum() + W.clip(0).sum()",
    "logaddexp": "loss = np.logaddexp(v, 1.0).sum() + np.logaddexp.reduce(v) + np.sign(v[0]) * v[1]",
    "power": "loss = (np.power(np.abs(v), 1.5) + v ** 2 + v ** -1 + np.square(v) + np.abs(v) ** v).sum()",
    "exponent-at-zero": "loss = ((v - v) ** 2).sum() + (v ** 0).sum() + v.prod()",
    "divmod-modf": "a, b = np.divmod(v, 0.3); c, d = np.modf(v); loss = (a * b).sum() + (c * d * v).sum()",
    "scalar-in-place": "t = v[0]; u = t; t += 1; t *= 2; loss = t * u",
    "accumulated-loss": "loss = 0\nfor x in v: loss += x ** 2\nold = loss; loss -= 1; loss = loss * old",
    # reductions
    "reductions": """
        loss = W.sum(0).prod() + W.mean(axis=1, keepdims=True).prod() + W.prod(1).sum() + W.max() - W.min(0).sum()
    """,
    "keepdims": "e = np.exp(W - np.max(W, axis=-1, keepdims=True)); loss = ((e / e.sum(-1, keepdims=True)) * v).sum()",
    "var-std": "loss = W.var(axis=0).sum() + np.std(W, axis=1, ddof=1).prod() + W.std()",
    "cumulative": """
        loss = (
            (np.cumsum(W, axis=0) ** 2).sum()
            + W.cumsum()[5]
            + np.cumprod(v).sum()
            + (np.diff(W, axis=1) ** 2).sum()
        )
    """,
    "average-median": """
        loss = np.average(W, axis=0, weights=[1, 2, 3, 4]).prod() + np.median(v) + np.percentile(v, 30) ** 2
    """,
    "sum-where": "loss = np.sum(W, where=W > 0) ** 2 + W.mean(where=W < 1) + np.ptp(v)",
    "nan-functions": "a = np.append(v, np.nan); loss = np.nansum(a) ** 2 + np.nanmean(a ** 2) + np.nanmax(a)",
    "reduction-out": "o = np.zeros(3); np.sum(W, axis=0, out=o); np.mean(W, 0, out=o[:]); loss = (o ** 2).sum()",
    # linear algebra
    "dot-shapes": """
        T = W.reshape(2, 2, 3)
        loss = np.dot(T, v).prod() + np.dot(S, T.swapaxes(1, 2)[0]).sum() + v.dot(v) + np.dot(2, v).sum()
    """,
    "outer-of-2d": "loss = (np.outer(W, S) ** 2).sum() + np.outer(v, [1, 2]).prod()",
    "inner-vdot-kron": "loss = np.inner(W, S).prod() + np.vdot(S, S) + (np.kron(S, v) ** 2).sum()",
    "einsum": "loss = np.einsum('ij,jk,k->i', W, S, v).prod() + np.einsum('ij->', W) + np.einsum('ii', S)",
    "tensordot": """
        loss = (
            (np.tensordot(W, S, axes=(1, 0)) ** 2).sum()
            + np.tensordot(W, W, 2)
            + np.tensordot(W, S, ([1], [1])).sum()
        )
    """,
    "matmul-batched": "loss = ((W.reshape(2, 2, 3) @ S) ** 2).sum() + np.matmul(v, S).prod()",
    "linalg": """
        A = S @ S.T + np.eye(3)
        loss = (
            np.linalg.det(A)
            + np.linalg.inv(A).sum()
            + np.linalg.solve(A, v).prod()
            + np.linalg.cholesky(A).sum()
        )
    """,
    "norms": """
        loss = (
            np.linalg.norm(W)
            + np.linalg.norm(v, 1)
            + np.linalg.norm(W, axis=1).prod()
            + np.linalg.norm(v, np.inf)
        )
    """,
    "trace-cross": "loss = np.trace(S) ** 2 + S.trace() + np.cross(v, W[0]).prod()",
    "convolve": """
        loss = (
            (np.convolve(W[:, 0], v, 'same') ** 2).sum()
            + np.convolve(v, v).prod()
            + np.correlate(W[:, 1], v).sum()
        )
    """,
    "cov-interp": "loss = (np.cov(W.T) ** 2).sum() + np.interp(0.3, [0.0, 1.0], v[:2]) ** 2",
    # sorting and searching
    "sort": "loss = (np.sort(W, axis=0) * np.arange(4)[:, None]).sum()",
    "sort-in-place": "v.sort(); loss = (v * np.arange(3)).sum()",
    "argsort-unique": "loss = (v[np.argsort(-v)] * np.arange(3)).sum() + (np.unique(v) * [1, 2, 3]).sum()",
    "sorted-min-max": "loss = sorted(v)[1] * max(v) + min(v[0], v[1]) + abs(v[2]) ** 3",
    # moving
    "pad": """
        loss = (
            (np.pad(W, ((1, 0), (0, 2))) [1:, :4] ** 2).sum()
            + (np.pad(v, 1, mode='reflect') ** 3).sum()
            + np.pad(v, 1, constant_values=2).prod()
        )
    """,
    "roll-repeat-tile": """
        loss = (
            (np.roll(v, 1) * v).sum()
            + (v.repeat(2) * np.tile(v, 2)).sum()
            + np.repeat(W, [1, 2, 0, 1], axis=0).prod()
        )
    """,
    "tril-triu": "loss = (np.tril(S) @ np.triu(S)).sum() + (S[np.triu_indices(3, 1)] ** 2).sum()",
    # loops of NumPy
    "vectorize": "f = np.vectorize(lambda x: x ** 2 if x > 0 else -x); loss = (f(W) * W).sum()",
    "apply-along-axis": "loss = np.apply_along_axis(lambda r: r / r.sum(), 1, W ** 2)[:, 0].prod() * 100",
    "ndenumerate-ndindex": """
        loss = 0
        for (i, j), x in np.ndenumerate(W): loss += i * x ** 2
        for i in np.ndindex(3): loss += v[i] ** 3
    """,
    "nditer": "for x in np.nditer(v, op_flags=['readwrite']): x[...] = 2 * x\nloss = sum(x ** 2 for x in np.nditer(v))",
    "nditer-index": """
        it = np.nditer(W, flags=['multi_index'])
        loss = 0
        while not it.finished:
          loss += it[0] * W[it.multi_index]; it.iternext()
    """,
    # Python numbers
    "float": "loss = float(v[0]) ** 2 + float(np.sum(v)) * float('2.5')",
    "float-is-a-float": """
        x = float(v[0])
        assert isinstance(x, float) and isinstance(1.0, float) and not isinstance(x, np.ndarray)
        loss = x * x
    """,
    "item-tolist": "loss = v[0].item() * v.item(1) + sum(v.tolist()) ** 2 + W.tolist()[1][2] ** 2",
    "math": """
        import math
        loss = (
            math.exp(v[0])
            + math.tanh(v[1]) * math.sqrt(v[2] ** 2)
            + math.log(v[0] ** 2, 10)
            + math.pow(v[1], 2)
            + math.pi
        )
    """,
    "math-names": "from math import exp, log\nloss = log(1 + exp(v[0])) + exp(0.5)",
    "math-special": "import math\nloss = math.erf(v[0]) + math.hypot(v[0], v[1]) + math.fsum(v)",
    "rounding": "loss = v[0] * round(v[1], 1) + v[2] * int(3 * v[0]) + np.round(W, 1).sum() * v[1]",
    "float64": "loss = np.float64(v[0]) ** 2 + np.float64(W).sum() * np.double(v[1])",
    "max-builtin": "loss = max(0.0, v[0]) + max(v[1], 0) + min(1.0, v[2])",
    "formatted": """
        s = f'{v[0]:.3f} {v} ' + '%.2f' % v[1] + '{:5.1e}'.format(v[2]) + str(W) + repr(v[0])
        print(s, v[0])
        loss = v.prod()
    """,
    # types
    "dtype-comparisons": """
        assert W.dtype == np.float64 == v[0].dtype and W.dtype == float and W.dtype == 'float64'
        loss = W.sum() ** 2
    """,
    "dtype-attributes": """
        d = W.dtype
        assert (d.kind, d.char, d.itemsize, d.name) == ('f', 'd', 8, 'float64') and d.type == np.float64
        loss = W.prod()
    """,
    "issubdtype-finfo": """
        assert np.issubdtype(W.dtype, np.floating) and np.issubdtype(W.dtype, np.float64)
        loss = (v / (np.abs(v) + np.finfo(float).eps) + v ** 2).sum()
    """,
    "isinstance": """
        assert isinstance(W, np.ndarray)
        assert isinstance(v[0], np.floating)
        assert isinstance(v[0], (int, float, np.generic))
        assert not isinstance(v[0], np.ndarray)
        loss = v.prod()
    """,
    "isscalar-type": """
        assert np.isscalar(v[0]) and not np.isscalar(v) and type(W) is np.ndarray and type(1.0) == float
        loss = v.prod()
    """,
    "integers-stay": """
        n = np.arange(3) + 1
        assert n.dtype.kind == 'i' and (n // 2).tolist() == [0, 1, 1] and n.sum() == 6
        loss = (v * n).prod()
    """,
    "comparisons": """
        assert (v == v).all() and not np.any(v > 100) and np.allclose(v, v) and (v[0] < 100) is not None
        loss = v.prod()
    """,
    "shape-functions": """
        assert np.shape(W) == (4, 3) and np.ndim(v) == 1 and np.size(W) == 12 and len(W) == 4
        loss = W.prod()
    """,
    "object-array": "a = np.empty(2, dtype=object); a[0] = v; a[1] = W[0] * 2; loss = (a[0] * a[1]).sum()",
    "complex": "z = v + 1j * W[0]; loss = (z * z.conj()).real.sum() + np.abs(z).prod() + (z.imag * z.real).sum()",
    # matrices
    "matrix-product": "M = np.matrix(S); loss = (M * M.T).sum() + (M ** 2)[0, 1] + (M * np.matrix(v).T)[1, 0]",
    "matrix-parts": """
        M = np.mat(S) if hasattr(np, 'mat') else np.asmatrix(S)
        loss = M.A1[2] * M.A[0, 1] + (M + 3 * np.eye(3)).I.sum() + M[0].sum(axis=1)[0, 0]
    """,
    "matrix-rows": """
        M = np.matrix(W)
        assert M[1].shape == (1, 3) and isinstance(M, np.matrix)
        M[0] = v
        loss = np.multiply(M, M).sum() + (M.T * M)[0, 0]
    """,
    # random numbers
    "random-module": """
        np.random.seed(0)
        a = np.random.randn(3, 2) * 0.1
        a[0] = v[:2]
        loss = (a ** 2).sum() * np.random.rand()
    """,
    "random-generators": """
        r = np.random.default_rng(0)
        s = np.random.RandomState(1)
        b = r.normal(size=3)
        b[0] = v[0]
        loss = (b * v * s.rand(3)).sum()
    """,
    "rng-handed-in": "h = rng.normal(size=(2, 3)); h[1] = v; i = rng.integers(3); loss = (h ** 2).sum() * v[i]",
    "choice-with-probabilities": """
        p = np.exp(v) / np.exp(v).sum()
        np.random.seed(1)
        i = np.random.choice(range(3), p=p.ravel())
        loss = -np.log(p[i])
    """,
    "shuffle-permutation": """
        np.random.seed(2)
        np.random.shuffle(W)
        loss = (W ** 2 * np.arange(4)[:, None]).sum() + (np.random.permutation(v) * [1, 2, 3]).sum()
    """,
    "normal-of-parameters": """
        np.random.seed(2)
        loss = (np.random.normal(v, 0.5) ** 2).sum() + np.random.uniform(0, v[0] ** 2)
    """,
    # names that are NumPy's own
    "names-of-numpy": """
        np.set_printoptions(precision=3)
        b = np.unpackbits(np.array([[5]], dtype=np.uint8), axis=1)
        with np.errstate(all='ignore'): loss = (b[0, -3:] * v).sum() ** 2
    """,
    "testing": """
        np.testing.assert_allclose(v, v)
        loss = np.linspace(0, v[0], 4).prod() + v[1] * np.linspace(0, 1, 3)[1]
    """,
    "star-import": "from numpy import *\nloss = exp(v).sum() + dot(v, v) + sum(W)",
    "submodule-imports": """
        from numpy.linalg import norm
        import numpy.random as nr
        nr.seed(0)
        loss = norm(v) * nr.rand()
    """,
    "zeros-like": "a = np.zeros_like(W); b = np.ones_like(v, dtype=int); a[1] += v * b; loss = ((a + 1) * W).sum()",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_lifted_line(line, agree, parameters):
    agree("import numpy as np\n" + textwrap.dedent(line), parameters)
