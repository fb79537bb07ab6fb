"""A recurrent network learns to add binary numbers, on backpropagation through time written by hand.

    python examples/binary_addition.py                      train, verify, test
    python examples/binary_addition.py --plot loss.png      the same, and draw the loss curve
    python examples/binary_addition.py --seeds 20           train with the seeds 0 .. 19 and print a table

Exits with 1 if the network does not learn or a gradient is wrong, with 3 if nothing can be told of a gradient.
"""

import sys

import click
import numpy as np
import torch
from rich.progress import track

from oracle.binary_addition import (
    LIMIT,
    NETWORK,
    carry_chains,
    check_gradients,
    learned,
    random_pairs,
    right_bits,
    train,
)
from oracle.verdict import AGREES, WRONG
from rnn_manual import initial_parameters

# The story. Somebody writes this network by hand, 2 inputs, 16 hidden units, 1 output, one pair of numbers at a time,
# and stops at the backward pass: the hidden matrix is 16x16, the delta that should go through it is 1x2, and no
# transpose makes the two fit. The shapes say what happened. The delta of the hidden units is 1x16. Multiplied by the
# transposed *input* matrix, (1x16)(16x2), it becomes 1x2: that is dL/dx, the way out of the network, and the wrong
# thing to carry. To the step before goes the same delta through the transposed *hidden* matrix:
#
#     delta_t = (dy_t W_ho^T + delta_{t+1} W_hh^T) * (1 - h_t^2)        1x16 = ((1x1)(1x16) + (1x16)(16x16)) * 1x16
#     dW_hh  += h_{t-1}^T delta_t                                       16x16 = (16x1)(1x16)
#
# And then the trap: 16x16 is square. delta_{t+1} W_hh, without the transpose, fits as well and is wrong. Shapes find
# the first mistake, never the second; so every gradient is compared with PyTorch's, before, during and after training.

WIDTHS = (64, 1024)  # bits of the numbers it is tested on
PAIRS = 10_000  # of 64 bits; of longer numbers as many as come to the same number of bits


def verify(parameters: dict, when: str, rng: np.random.Generator) -> str:
    """Compare every gradient with PyTorch autograd, print the worst, return the outcome."""
    report = check_gradients(parameters, rng)
    print(f"gradients {when}: {report.outcome}; the worst: {report.gradients[0]}")
    return report.outcome


def right_sums(parameters: dict, numbers: np.ndarray) -> str:
    right = right_bits(parameters, numbers).all(axis=0)  # (N,): a sum is right where all its bits are
    return f"{right.sum():,} of {right.size:,}"


def test(parameters: dict, rng: np.random.Generator) -> None:
    """Print how the network does on numbers longer than any it was trained on."""
    for width in WIDTHS:
        numbers = random_pairs(width, PAIRS * WIDTHS[0] // width, rng)
        bits = f"{right_bits(parameters, numbers).mean():.4%} of the bits"
        chains = f"{right_sums(parameters, carry_chains(width))} sums (2^k - 1) + 1, k = 1 .. {width}"
        print(f"{width} bits: {bits} and {right_sums(parameters, numbers)} random sums right; {chains}")


def plot(losses: list[float], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")  # a file, no window
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    axes.plot(range(1, len(losses) + 1), losses)
    axes.axhline(np.log(2), color="gray", linestyle=":", label="guessing: log 2")
    axes.set(xlabel="training step", ylabel="binary cross entropy per bit", title="16 hidden units learn to add")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path, dpi=150)


def table(seeds: int) -> bool:
    """Print a line of Markdown for each seed; return whether all of them learned."""
    print("| seed | steps | 8 bits: all sums | 64 bits: random sums | (2^k - 1) + 1 | 1,024 bits: random sums |")
    print("|---|---|---|---|---|---|")
    all_learned = True
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        parameters = initial_parameters(NETWORK, rng)
        steps = sum(1 for _ in train(parameters, rng))
        ok = learned(parameters)
        all_learned = all_learned and ok
        sums = [
            right_sums(parameters, numbers)
            for numbers in (random_pairs(64, PAIRS, rng), carry_chains(64), random_pairs(1024, PAIRS // 16, rng))
        ]
        print("|", " | ".join([str(seed), str(steps), "yes" if ok else "no", *sums]), "|", flush=True)
    return all_learned


@click.command(help=__doc__.split("\n")[0])
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights and numbers.")
@click.option("--plot", "path", type=click.Path(dir_okay=False), help="Save the loss curve here (png, pdf, svg).")
@click.option("--seeds", type=click.IntRange(min=1), help="Instead: a table over the seeds 0 .. SEEDS-1.")
def main(seed: int, path: str | None, seeds: int | None) -> None:
    torch.set_num_threads(1)  # the arrays are small: more threads only wait for each other
    if seeds:
        sys.exit(0 if table(seeds) else 1)
    rng = np.random.default_rng(seed)
    parameters = initial_parameters(NETWORK, rng)

    outcomes = [verify(parameters, "at the start", rng)]
    losses: list[float] = []
    steps = train(parameters, rng)
    for loss in track(steps, "training", total=LIMIT, transient=True, disable=not sys.stdout.isatty()):
        losses.append(loss)
        if len(outcomes) == 1 and loss < 0.75 * losses[0]:
            outcomes.append(verify(parameters, f"at step {len(losses)}, loss {loss:.2f}", rng))
    outcomes.append(verify(parameters, f"at the end, step {len(losses)}, loss {loss:.2f}", rng))
    if path:
        plot(losses, path)
        print(f"loss curve: {path}")

    if not learned(parameters):
        print(f"not learned: some of the 65,536 sums of 8 bits are still wrong after {len(losses):,} steps")
        sys.exit(1)
    print("8 bits: all 65,536 sums right")
    test(parameters, rng)
    if set(outcomes) != {AGREES}:
        sys.exit(1 if WRONG in outcomes else 3)


if __name__ == "__main__":
    main()
