"""Choosing the symbols of one image better than rounding does, for the decoder as it is: what `--effort` buys.

The goal is that of stochastic Gumbel annealing (Yang, Bamler & Mandt 2020, arXiv:2006.04240): bits by the deployed tables plus λ
times the distortion through the deployed decoder. The way is mean-field annealing (Peterson and Anderson 1987), without sampling:
every symbol holds a distribution over the integers next to it, and the decoder sees its mean. What an integer would cost, given the
other symbols, follows from its price in the table and from slope and curvature of the distortion; the distribution goes some of the
way to the Boltzmann distribution of these costs, over and over, while the temperature falls until one integer is left.
"""

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dlic.entropy.symbols import Symbols
from dlic.entropy.tables import REACH, FrequencyTables
from dlic.models.deployed import to_batch, to_latent, to_tensor
from dlic.models.light import Light
from dlic.progress import Progress

# Iterations of the stages: what each effort adds to the one below it. Bits + λ · distortion of six crops of training photographs at
# levels 15, 30 and 45 fell by 1.2 % in 8 iterations, 1.8 % in 16, 2.0 % in 28, 2.25 % in 68, 2.37 % in 156 and 2.44 % in 232; more
# than these 200 are not worth waiting for.
ITERATIONS = (8, 6, 8, 10, 14, 20, 30, 44, 60)
WARMEST, COOLEST = 3.0, 0.2  # temperatures that a stage begins and ends with, in bits
DAMPING = 0.1  # share of the way to its expectation that a symbol goes in the first iteration
DAMPINGS = (0.01, 0.3)  # it adapts within these bounds …
AGREEMENT, HASTE = 0.5, 0.3  # … so that one iteration's changes keep this cosine to the last one's, by at most so much a time
PROBES = 2  # random directions in which curvature is measured
PROBE_STEP = 0.3  # of a symbol, along each
PRIOR = 20.0  # symbols of a channel whose own curvature counts as much as the mean over all channels


class Refinable(Protocol):
    """What refining needs of a deployed network beside the trained one it holds."""

    network: Light

    def context_of(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> Any:
        """What z says of y, in a form that can be differentiated further."""

    def y_hat(self, context: Any, symbols: Tensor) -> Tensor:
        """Symbols (1, M, h, w) → what they stand for, differentiably."""

    def synthesise(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        """y_hat (h, w, M) → uint8 (H, W, 3)."""


class SymbolCosts:
    """Bits + λ · distortion of one image at one level, as a function of the symbols of y, whole or in between: (1, M, h, w).

    Both are counted in bits and over the whole image; pixels beyond its border cost nothing. The symbols of z, the table rows and
    the decoder stay as they are.
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        network: Refinable,
        image: np.ndarray,
        symbols: Symbols,
        level: int,
        tables: FrequencyTables,
    ):
        """`image` uint8 (H, W, 3) is without padding; `symbols` are those of a file of it, z (h/4, w/4, Z) and y (h, w, M)."""
        self.network, self.image, self.level, self.tables = network, image, level, tables
        self.rows = symbols.y_rows
        self.context = network.context_of(symbols.z, self.rows.shape[:2], level)
        self.x = to_tensor(image)
        self.lmbda = float(network.network.lmbdas[level])  # bits a pixel for a mean squared error of one 8-bit unit
        self.low, self.high = (to_batch(bound) for bound in tables.bounds(self.rows))
        self.prices = prices(tables)
        self.zeros = to_batch(self.rows).long() * self.prices.shape[1] + REACH  # where each symbol's row has the price of 0

    def bits(self, symbols: Tensor) -> Tensor:
        """Of each whole symbol. Far out, where doubling a value costs an escape one more bit, the growth is taken as linear."""
        inside = symbols.clamp(-REACH, REACH)
        return torch.take(self.prices, self.zeros + inside.long()) + (symbols - inside).abs() / REACH

    def slope(self, symbols: Tensor) -> Tensor:
        """Derivative of λ · distortion by each symbol."""
        symbols = symbols.detach().requires_grad_()
        height, width = self.image.shape[:2]
        x_hat = self.network.network.g_s(self.network.y_hat(self.context, symbols), torch.tensor([self.level]))
        distortion = (x_hat[..., :height, :width] - self.x).square().sum() * (self.lmbda * 255**2 / 3)
        return torch.autograd.grad(distortion, symbols)[0]

    def curvature(self, symbols: Tensor) -> Tensor:
        """Second derivative of λ · distortion by the symbols of each channel: (1, M, 1, 1).

        Hutchinson's estimate of a Hessian's diagonal, from the slopes a small step away in random directions.
        """
        generator = torch.Generator().manual_seed(0)
        free = (self.high > self.low).float()
        here, seen = self.slope(symbols), torch.zeros_like(symbols)
        for _ in range(PROBES):
            direction = (torch.randint(0, 2, symbols.shape, generator=generator) * 2 - 1) * free
            seen += direction * (self.slope(symbols + PROBE_STEP * direction) - here) / (PROBE_STEP * PROBES)
        mean = (seen.sum() / free.sum().clamp_min(1)).clamp_min(0)
        of_channels = (seen.sum((2, 3), keepdim=True) + PRIOR * mean) / (free.sum((2, 3), keepdim=True) + PRIOR)
        return of_channels.clamp_min(0.2 * mean)  # what a few symbols show can be far off, even negative

    def whole(self, symbols: Tensor) -> float:
        """Bits + λ · distortion of a file with whole `symbols`, as a reader measures it: by the tables, on rounded pixels."""
        height, width = self.image.shape[:2]
        picture = self.network.synthesise(to_latent(self.network.y_hat(self.context, symbols)), self.level)[:height, :width]
        squares = float(np.square(picture.astype(np.float64) - self.image).sum())
        return self.tables.bits(to_latent(symbols).astype(np.int32).ravel(), self.rows.ravel()) + self.lmbda * squares / 3


@torch.inference_mode(False)
@torch.enable_grad()
def refined(costs: SymbolCosts, plain: Symbols, effort: int, progress: Progress) -> Symbols:
    """The best symbols of y that `effort` 1 … 9 finds from the plain ones on; they never cost more than with less effort.

    An effort goes through the stages of all efforts below it, each of which continues where the last one ended, and keeps the best
    whole symbols seen at their ends. Takes about 350 bytes of memory a pixel beside plain encoding, as it is not done in tiles.
    """
    symbols = best = to_batch(plain.y.astype(np.float32))
    least, curvature = costs.whole(best), costs.curvature(best)
    damping, last, done = DAMPING, torch.zeros_like(symbols), 0
    for iterations in ITERATIONS[:effort]:
        for temperature in np.geomspace(WARMEST, COOLEST, iterations):
            change = expected(costs, symbols, curvature, temperature) - symbols
            damping = adapted(damping, change, last)
            symbols, last = symbols + damping * change, change
            done += 1
            progress(done / sum(ITERATIONS[:effort]))
        found = costs.whole(symbols.round())
        if found < least:
            least, best = found, symbols.round()
    return replace(plain, y=to_latent(best).astype(np.int32))


def adapted(damping: float, change: Tensor, last: Tensor) -> float:
    """More damping where symbols that depend on each other overshoot together, less where they creep.

    What is stable differs tenfold between low rates and high ones.
    """
    scale = float(change.norm() * last.norm())
    cosine = float((change * last).sum()) / scale if scale > 0 else AGREEMENT
    return min(max(damping * (1 + HASTE * (cosine - AGREEMENT)), DAMPINGS[0]), DAMPINGS[1])


def expected(costs: SymbolCosts, symbols: Tensor, curvature: Tensor, temperature: float) -> Tensor:
    """What each symbol would be in the mean at a temperature in bits, among the whole ones next to it, if the others stayed."""
    slope, nearest = costs.slope(symbols), symbols.round()
    energies = []
    for candidate in (nearest - 1, nearest, nearest + 1):
        change = candidate - symbols
        energies.append(costs.bits(candidate) + change * (slope + change * curvature / 2))
    below, _, above = torch.softmax(torch.stack(energies) / -temperature, dim=0)
    return (nearest + above - below).clamp(costs.low, costs.high)


def prices(tables: FrequencyTables) -> Tensor:
    """Bits of the values −REACH … REACH in every row, escapes included; zero in skipped rows: (rows, 2 · REACH + 1)."""
    values = np.arange(-REACH, REACH + 1)
    bits = np.zeros((len(tables), values.size), np.float32)
    for row in np.flatnonzero(~tables.skipped):
        bits[row] = tables.prices(row, values)
    return torch.from_numpy(bits)
