"""Binary addition, a task that a recurrent network learns in seconds, on gradients written by hand.

Each step brings one bit of either number, the least significant first, and wants one bit of the sum. All there is to
remember from step to step is the carry, so a network that has learned it on 8 bits may well add 64. N pairs of numbers:

    numbers (bits, N, 2) --add--> x (bits+1, N, 2), targets (bits+1, N, 1)

The sum has a bit more than the numbers, so a last step brings two zeros and asks for the carry.

Every gradient comes from `rnn_manual`; torch only takes Adam's step with it. Source: D. Kingma, J. Ba, "Adam: a
method for stochastic optimization", ICLR (2015).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

import rnn_manual
from oracle.network_check import Report, check
from oracle.problem import Problem
from rnn_manual import Network

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

NETWORK = Network(
    cell="elman", input_size=2, hidden_size=16, output_size=1, loss="binary_cross_entropy", reduction="mean"
)
BITS = 8  # of the numbers it is trained on
BATCH = 128
LEARNING_RATE = 0.01
LIMIT = 2000  # training steps
LOOK_EVERY = 100  # steps, to see whether all sums are right


def add(
    numbers: Integer[np.ndarray, "bits pairs 2"],
) -> tuple[Float[np.ndarray, "bits+1 pairs 2"], Float[np.ndarray, "bits+1 pairs 1"]]:
    """What the network reads and what it should answer; `numbers` holds zeros and ones, the least significant first."""
    x = np.concatenate([numbers, np.zeros_like(numbers[:1])])  # (bits+1, N, 2)
    targets = np.empty((*x.shape[:2], 1))
    carry = np.zeros(x.shape[1], x.dtype)
    for t in range(len(x)):
        total = x[t].sum(axis=-1) + carry  # (N,): 0 .. 3
        targets[t, :, 0] = total % 2
        carry = total // 2
    return x.astype(np.float64), targets


def every_pair(bits: int = BITS) -> Integer[np.ndarray, "bits pairs 2"]:
    """All 4**bits pairs of numbers of so many bits: 65,536 for 8."""
    shifts = np.arange(2 * bits)[:, None]
    both = np.arange(4**bits) >> shifts & 1  # (2*bits, N): one number in the upper bits, the other in the lower
    return np.moveaxis(both.reshape(2, bits, -1), 0, -1)


def random_pairs(bits: int, pairs: int, rng: np.random.Generator) -> Integer[np.ndarray, "bits pairs 2"]:
    """Every bit a coin toss."""
    return rng.integers(2, size=(bits, pairs, 2))


def carry_chains(bits: int) -> Integer[np.ndarray, "bits pairs 2"]:
    """(2**k - 1) + 1 for k = 1 .. bits: a carry that starts at the first bit and must be passed on k times."""
    step, k = np.arange(bits)[:, None], np.arange(1, bits + 1)
    ones = np.where(step < k, 1, 0)  # (bits, bits): column k-1 holds k ones, then zeros
    one = np.where(step == 0, 1, 0) * np.ones_like(k)
    return np.stack([ones, one], axis=-1)


def right_bits(
    parameters: dict[str, np.ndarray], numbers: Integer[np.ndarray, "bits pairs 2"]
) -> Bool[np.ndarray, "bits+1 pairs"]:
    """Which bits of the sums the network gets right. A sum is right where all of its bits are."""
    x, targets = add(numbers)
    h = rnn_manual.forward(NETWORK, parameters, x).outputs  # (bits+1, N, 16)
    logits = h @ parameters["weight_ho"] + parameters["bias_ho"]  # (bits+1, N, 1) = (bits+1, N, 16)(16, 1) + (1,)
    return ((logits > 0) == targets)[..., 0]


def learned(parameters: dict[str, np.ndarray]) -> bool:
    """Whether all 65,536 sums of two 8-bit numbers are right."""
    pairs = every_pair()
    parts = 16  # the first few pairs already tell a network that has not learned, and take no time
    return all(right_bits(parameters, pairs[:, k::parts]).all() for k in range(parts))


def train(parameters: dict[str, np.ndarray], rng: np.random.Generator, limit: int = LIMIT) -> Iterator[float]:
    """Change `parameters` in place, one step after another, until the network has `learned` or `limit` is reached.

    Yields the loss of each step, before the step is taken.
    """
    tensors = {name: torch.from_numpy(array) for name, array in parameters.items()}  # the same memory
    adam = torch.optim.Adam(tensors.values(), lr=LEARNING_RATE)
    for step in range(1, limit + 1):
        x, targets = add(random_pairs(BITS, BATCH, rng))
        loss, gradients = rnn_manual.loss_and_gradients(NETWORK, parameters, x, targets)
        yield float(loss)
        for name, tensor in tensors.items():
            tensor.grad = torch.from_numpy(gradients[name])
        adam.step()
        if step % LOOK_EVERY == 0 and learned(parameters):
            return


def check_gradients(parameters: dict[str, np.ndarray], rng: np.random.Generator, device: str = "cpu") -> Report:
    """Every gradient of one small batch, judged by the oracle. The parameters are copied, so training may go on."""
    x, targets = add(random_pairs(BITS, BATCH, rng))
    h_0 = np.zeros([size for _, size in NETWORK.state_axes(BATCH)["h_0"]])
    copies = {name: array.copy() for name, array in parameters.items()}
    return check(Problem(NETWORK, copies, x, h_0, targets=targets), device=device, always_measure=True)
