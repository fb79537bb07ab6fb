"""Our check of a hand-written gradient beside torch.autograd.gradcheck: how long, and how small an error is noticed.

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/gradcheck.py --markdown docs/gradcheck.md

The same NumPy LSTM with the same scalar loss for all three, T=10 B=4 I=8, float64, one thread. gradcheck gets it as a
torch.autograd.Function and its own tolerances. An error is planted in one element of the gradient of W_hh: the element
times 1 + e, for e = 1, 0.1, 0.01 ...; the smallest e that is noticed is given for the median element and for the worst
of the elements tried.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from machine import description
from rich.progress import Progress

from oracle import check_gradients
from rnn_manual import Network, backward, forward, initial_parameters

TIME, BATCH, INPUT = 10, 4, 8
ELEMENTS = 12
SMALLEST = 16  # decades

TEXT = """# Beside torch.autograd.gradcheck

`env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/gradcheck.py`: a hand-written NumPy LSTM with a scalar
loss, T={time} B={batch} I={input}, float64. One element of the gradient of W_hh is multiplied by 1 + e; the table has
the smallest e, in decades, that is noticed, for the median and for the worst of {elements} elements drawn at random.

| check | H | time | times the function itself | noticed, median element | worst element |
|---|---|---|---|---|---|
{rows}

The function itself, loss and all gradients in NumPy, takes {own}. Ours is two calls to see whether anything is kept
between them, the lifted run, and eight evaluations of the loss along two directions. gradcheck compares with
differences at its default tolerances; fast mode compares one random projection.

## What gradcheck does better

- It takes nothing but the function and its inputs, and is part of torch: for a `torch.autograd.Function` it is one
  line.
- It trusts no derivative but the difference quotient. This project lets autograd differentiate the forward pass, and
  holds that against differences along two directions only.
- It compares the whole Jacobian, of several outputs at once, on any device. This project compares the gradient of one
  scalar, on the CPU.
- Complex inputs, sparse ones, forward mode, batched and undefined gradients; and with `gradgradcheck` second
  derivatives. This project has none of these.

## What it does not do

It does not take NumPy code as it stands, its tolerances are numbers that you choose (`atol=1e-5`, `rtol=1e-3` if you
do not), and of what is wrong it prints the two Jacobians. They are made for float64; here float32 code is judged with
the noise of float32.

{machine}
"""


class Lstm:
    """The function under test: loss and gradients of a NumPy LSTM, with one element of dW_hh off by a factor."""

    def __init__(self, hidden: int) -> None:
        rng = np.random.default_rng(0)
        self.network = Network(cell="lstm", input_size=INPUT, hidden_size=hidden)
        self.parameters = initial_parameters(self.network, rng)
        self.x = rng.normal(size=(TIME, BATCH, INPUT))
        self.upstream = rng.normal(size=(TIME, BATCH, hidden))
        self.index, self.off = (0, 0), 0.0

    def loss(self, p: dict[str, np.ndarray]) -> tuple[float, object]:
        run = forward(self.network, p, self.x)
        return (run.outputs * self.upstream).sum(), run

    def __call__(self, p: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
        loss, run = self.loss(p)
        gradients = backward(run, self.upstream)
        gradients["weight_hh"][self.index] *= 1 + self.off
        return loss, {name: gradients[name] for name in p}


def lifted_lstm(lstm: Lstm) -> Callable:
    """The same written without our own library's checks, which refuse what is no plain array, for the lifted run."""
    x, upstream, hidden = lstm.x, lstm.upstream, lstm.network.hidden_size

    def function(p: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
        w_ih, w_hh, bias = p["weight_ih"], p["weight_hh"], p["bias_ih"] + p["bias_hh"]
        h, c = np.zeros((BATCH, hidden)), np.zeros((BATCH, hidden))
        states, cells, gates, loss = [h], [c], [], 0.0
        for t in range(TIME):
            a = x[t] @ w_ih + h @ w_hh + bias
            i, f, o = (1 / (1 + np.exp(-a[:, k * hidden : (k + 1) * hidden])) for k in (0, 1, 3))
            g = np.tanh(a[:, 2 * hidden : 3 * hidden])
            c = f * c + i * g
            h = o * np.tanh(c)
            states.append(h)
            cells.append(c)
            gates.append((i, f, g, o))
            loss = loss + (h * upstream[t]).sum()
        deltas = np.zeros((TIME, BATCH, 4 * hidden))
        dh_next, dc_next = np.zeros((BATCH, hidden)), np.zeros((BATCH, hidden))
        for t in reversed(range(TIME)):
            i, f, g, o = gates[t]
            tanh_c = np.tanh(cells[t + 1])
            dh = upstream[t] + dh_next
            dc = dh * o * (1 - tanh_c**2) + dc_next
            deltas[t] = np.concatenate(
                [dc * g * i * (1 - i), dc * cells[t] * f * (1 - f), dc * i * (1 - g**2), dh * tanh_c * o * (1 - o)], 1
            )
            dh_next, dc_next = deltas[t] @ w_hh.T, dc * f
        dw_hh = sum(states[t].T @ deltas[t] for t in range(TIME))
        dw_hh[lstm.index] *= 1 + lstm.off
        db = deltas.sum(axis=(0, 1))
        dw_ih = sum(x[t].T @ deltas[t] for t in range(TIME))
        return loss, {"weight_ih": dw_ih, "weight_hh": dw_hh, "bias_ih": db, "bias_hh": db.copy()}

    return function


def gradcheck(function: Callable, parameters: dict[str, np.ndarray], fast: bool) -> bool:
    """Whether torch.autograd.gradcheck is content."""
    names = list(parameters)

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            loss, gradients = function({name: tensor.detach().numpy() for name, tensor in zip(names, tensors)})
            ctx.gradients = [torch.from_numpy(gradients[name]) for name in names]
            return torch.tensor(float(loss), dtype=torch.float64)

        @staticmethod
        def backward(ctx, upstream):
            return tuple(upstream * gradient for gradient in ctx.gradients)

    inputs = [torch.tensor(parameters[name], requires_grad=True) for name in names]
    return torch.autograd.gradcheck(Wrapped.apply, inputs, raise_exception=False, fast_mode=fast)


def ours(function: Callable, parameters: dict[str, np.ndarray]) -> bool:
    return check_gradients(function, parameters).outcome == "agrees"


def smallest_noticed(content: Callable[[], bool], lstm: Lstm, index: tuple[int, int]) -> float:
    """The smallest e = 10**-k at which the check is not content; inf if it is content with twice the element."""
    lstm.index = index
    low, high = -1, SMALLEST  # noticed at 10**-low, not at 10**-high
    while high - low > 1:
        middle = (low + high) // 2
        lstm.off = 10.0**-middle
        noticed = not content()
        low, high = (middle, high) if noticed else (low, middle)
    lstm.off = 0.0
    return 10.0**-low if low >= 0 else np.inf


def measured(hidden: int, elements: int, progress: Progress) -> tuple[list[str], float]:
    """Three rows of the table, and the seconds of the function itself."""
    lstm = Lstm(hidden)
    function = lifted_lstm(lstm)
    loss, gradients = function(lstm.parameters)
    same = lstm(lstm.parameters)
    assert np.isclose(loss, same[0]) and all(np.allclose(gradients[name], same[1][name]) for name in gradients)
    own = timed(lambda: function(lstm.parameters), 50)
    rng = np.random.default_rng(1)
    indices = [tuple(int(k) for k in rng.integers((hidden, 4 * hidden))) for _ in range(elements)]
    checks = {
        "this project": lambda: ours(function, lstm.parameters),
        "gradcheck, fast mode": lambda: gradcheck(function, lstm.parameters, True),
        "gradcheck": lambda: gradcheck(function, lstm.parameters, False),
    }
    rows = []
    for name, content in checks.items():
        assert content(), f"{name} is not content with a right gradient"
        seconds = timed(content, 1 if name == "gradcheck" else 5)
        few = indices if seconds < 2 else indices[:3]
        task = progress.add_task(f"H={hidden} {name}", total=len(few))
        noticed = []
        for index in few:
            noticed.append(smallest_noticed(content, lstm, index))
            progress.advance(task)
        median = sorted(noticed)[len(noticed) // 2]
        count = "" if len(few) == elements else f" (of {len(few)})"
        rows.append(
            f"| {name} | {hidden} | {seconds:.3g} s | {seconds / own:,.0f} | {in_words(median)}{count} "
            f"| {in_words(max(noticed))} |"
        )
    return rows, own


def in_words(smallest: float) -> str:
    return f"{smallest:.0e}" if np.isfinite(smallest) else "not even twice the right one"


def timed(call: Callable[[], object], runs: int) -> float:
    """Median seconds."""
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden-sizes", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--elements", type=int, default=ELEMENTS)
    parser.add_argument("--markdown", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, own = [], []
    with Progress(disable=not sys.stderr.isatty()) as progress:
        for hidden in arguments.hidden_sizes:
            found, seconds = measured(hidden, arguments.elements, progress)
            rows += found
            own.append(f"{1000 * seconds:.2g} ms at H={hidden}")
    text = TEXT.format(
        time=TIME, batch=BATCH, input=INPUT, elements=arguments.elements,
        rows="\n".join(rows), own=" and ".join(own), machine=description(),
    )  # fmt: skip
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text)


if __name__ == "__main__":
    main()
