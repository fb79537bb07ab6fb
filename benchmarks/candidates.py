"""How many candidates of a repair are tried a second, beside how often the pass itself could be called.

    python benchmarks/candidates.py

The pass, Elman with a backward loop of 15 lines, has more mistakes than the search undoes: all its time is used;
what it takes to make the candidates, to start the processes and to look at the first wrong values is in it.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from oracle.diagnosis import diagnose
from oracle.gradient_check import functions_in, subject_at
from oracle.sizes import points
from oracle.subject import run

PASS = """
import numpy as np

from oracle import gradient_function


def loss_and_gradients(p, xs, h0, targets):
    hs, loss, dys = {-1: h0}, 0.0, {}
    for t in range(len(xs)):
        hs[t] = np.tanh(xs[t] @ p["W"] + hs[t - 1] @ p["R"] + p["b"])
        y = hs[t] @ p["V"] + p["c"]
        dys[t] = y - targets[t]
        loss += 0.5 * np.sum(dys[t] ** 2)

    dW, dR, dV = np.zeros_like(p["W"]), np.zeros_like(p["R"]), np.zeros_like(p["V"])
    db, dc = np.zeros_like(p["b"]), np.zeros_like(p["c"])
    dh_next = np.zeros_like(h0)
    for t in reversed(range(len(xs))):
        dy = np.sort(dys[t], axis=0)  # nobody would look for this
        dV += np.sort(hs[t].T @ dy)
        dc += np.sort(dy.sum(axis=0))
        dh = dy @ p["V"].T + dh_next
        da = dh * (1 - hs[t] ** 2)
        dW += xs[t].T @ np.sort(da, axis=0)
        dR += np.sort(hs[t - 1].T @ da)
        db += da.sum(axis=0)
        dh_next = np.sort(da, axis=1) @ p["R"].T
    return loss, {"W": dW, "R": dR, "V": dV, "b": db, "c": dc}


@gradient_function(W="input hidden", R="hidden hidden", V="hidden output", b="hidden", c="output")
def elman(p, sizes, rng):
    xs = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    targets = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    return loss_and_gradients(p, xs, rng.normal(size=(sizes.batch, sizes.hidden)), targets)
"""


def calls_a_second(path: Path) -> float:
    """Of the function as it stands, at the sizes at which candidates are tried."""
    (function,) = functions_in(path).values()
    subject, _ = subject_at(function, points(function.shapes)[0].with_sizes(time=4, batch=3))
    seconds = []
    for _ in range(200):
        start = time.perf_counter()
        run(subject, subject.parameters)
        seconds.append(time.perf_counter() - start)
    return 1 / statistics.median(seconds)


@click.command()
@click.option("--budget", default=10.0, show_default=True, help="Seconds of one search.")
@click.option("--times", default=3, show_default=True, help="Searches of which the median is taken.")
def main(budget: float, times: int) -> None:
    """Print candidates a second on one core and on two."""
    every = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "elman.py"
        path.write_text(PASS)
        calls = calls_a_second(path)
        print(f"{calls:,.0f} calls of the pass a second, one core")
        for cores in (1, 2):
            if len(every) < cores:
                continue
            os.sched_setaffinity(0, every[:cores])
            without = statistics.median(diagnose(str(path), "elman", 0.0).seconds for _ in range(times))
            found = [diagnose(str(path), "elman", budget) for _ in range(times)]
            rate = statistics.median(one.tried / (one.seconds - without) for one in found)
            fixed = sum(one.repair is not None for one in found)
            print(
                f"{cores} core{'s' * (cores > 1)}: {rate:,.0f} candidates a second, {rate / calls:.2f} of the calls"
                + (f"; {fixed} searches ended early" if fixed else "")
            )


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
