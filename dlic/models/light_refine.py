"""Choosing the symbols of one image better than rounding does, for the decoder as it is: what `--effort` buys.

The goal is that of stochastic Gumbel annealing (Yang, Bamler & Mandt 2020, arXiv:2006.04240), bits by the deployed tables plus λ times
the distortion of the deployed decoder; the way is mean-field annealing (Peterson & Anderson 1987), which draws no random numbers.
Every symbol holds a distribution over the integers next to it, of which the decoder sees the mean. What an integer costs, given the
others, follows from its price in the table and the slope and curvature of the distortion; the distribution goes some of the way to the
Boltzmann distribution of these costs, again and again, while the temperature falls until one integer is left. Nothing but the slope
has to go through the network. 24 iterations saved more than 150 of Gumbel annealing with Adam at its best settings found.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dlic.entropy.tables import ESCAPE_BITS, PRECISION, REACH, FrequencyTables, escape_code
from dlic.models.deployed import to_batch, to_latent, to_tensor

if TYPE_CHECKING:
    from dlic.models.light_deployed import DeployedLight

ITERATIONS = (8, 8, 12, 16, 24, 36, 52, 76, 108)  # that each effort adds to the one below it
DAMPING = (0.15, 0.1, 0.1, 0.1, 0.07, 0.05, 0.05, 0.04, 0.04)  # share of the way to its expectation that a symbol goes at once
WARMEST, COOLEST = 3.0, 0.2  # temperatures, in bits, that a stage begins and ends with
PROBES = 2  # random directions in which curvature is measured
PROBE_STEP = 0.3  # of a symbol, along each
PRIOR = 20.0  # symbols of a channel whose own curvature counts as much as the mean over all channels


class SymbolCosts:
    """Bits + λ · distortion of one image at one level, as a function of the symbols of y, whole or in between: (1, M, h, w).

    Both are counted in bits and over the whole image; pixels beyond its border cost nothing. The symbols of z, the table rows and
    the decoder stay as they are.
    """

    def __init__(
        self, network: "DeployedLight", image: np.ndarray, z_symbols: np.ndarray, rows: np.ndarray, level: int, tables: FrequencyTables
    ):
        """`image` uint8 (H, W, 3) is without padding; `z_symbols` (h/4, w/4, Z) and `rows` (h, w, M) are those of its file."""
        self.network, self.image, self.level, self.tables = network, image, level, tables
        self.z_symbols, self.rows = z_symbols, rows
        self.x = to_tensor(image)
        self.lmbda = float(network.network.lmbdas[level])  # bits a pixel for a mean squared error of one 8-bit unit
        self.low, self.high = (to_batch(bound) for bound in tables.bounds(rows))
        self.prices = prices(tables)
        self.zeros = to_batch(rows).long() * self.prices.shape[1] + REACH  # where each symbol's row has the price of 0

    def bits(self, symbols: Tensor) -> Tensor:
        """Of each whole symbol. Far out, where doubling a value costs an escape one more bit, the growth is taken as linear."""
        inside = symbols.clamp(-REACH, REACH)
        return torch.take(self.prices, self.zeros + inside.long()) + (symbols - inside).abs() / REACH

    def y(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """The latent that rounds to whole `symbols`, and y_hat."""
        latent = symbols

        def quantise(means: Tensor, which: Tensor) -> Tensor:
            nonlocal latent
            quantised = symbols + means
            latent = torch.where(which, quantised, latent)
            return quantised

        y_hat = self._y_hat(quantise)
        return latent, y_hat

    def slope(self, symbols: Tensor) -> Tensor:
        """Derivative of λ · distortion by each symbol."""
        symbols = symbols.detach().requires_grad_()
        height, width = self.image.shape[:2]
        x_hat = self.network.network.g_s(self.y(symbols)[1], torch.tensor([self.level]))[..., :height, :width]
        distortion = (x_hat - self.x).square().sum() * (self.lmbda * 255**2 / 3)
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

    def rounded(self, y: Tensor) -> Tensor:
        """The symbols that an encoder takes for y."""
        symbols = torch.zeros_like(y)

        def quantise(means: Tensor, which: Tensor) -> Tensor:
            nonlocal symbols
            whole = torch.clamp(torch.round(y - means), self.low, self.high)
            symbols = torch.where(which, whole, symbols)
            return whole + means

        self._y_hat(quantise)
        return symbols

    def whole(self, symbols: Tensor) -> float:
        """Bits + λ · distortion of a file with whole `symbols`, as a reader measures it: by the tables, on rounded pixels."""
        height, width = self.image.shape[:2]
        _, y_hat = self.y(symbols)
        picture = self.network.synthesise(to_latent(y_hat), self.level)[:height, :width]
        squares = float(np.square(picture.astype(np.float64) - self.image).sum())
        return self.tables.bits(to_latent(symbols).astype(np.int32).ravel(), self.rows.ravel()) + self.lmbda * squares / 3

    def _y_hat(self, quantise: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        return self.network.y_hat(self.z_symbols, self.rows.shape[:2], self.level, quantise)


@torch.inference_mode(False)
@torch.enable_grad()
def refined(costs: SymbolCosts, y: np.ndarray, effort: int, progress: Callable[[float], None]) -> np.ndarray:
    """The y (h, w, M) with the lowest costs found by `effort` 1 … 9, starting from the plain one; never one that costs more.

    An effort goes through the stages of all below it first, and each stage starts where the last one ended, so that one more never
    costs bits. Takes about 1 kB of memory a pixel.
    """
    symbols = costs.rounded(to_batch(y))
    best, least = symbols, costs.whole(symbols)
    curvature = costs.curvature(symbols)
    done = 0
    for iterations, damping in zip(ITERATIONS[:effort], DAMPING, strict=False):
        for symbols in annealed(costs, symbols, curvature, iterations, damping):
            done += 1
            progress(done / sum(ITERATIONS[:effort]))
        found = costs.whole(symbols.round())
        if found < least:
            best, least = symbols.round(), found
    return to_latent(costs.y(best)[0])


def annealed(costs: SymbolCosts, symbols: Tensor, curvature: Tensor, iterations: int, damping: float) -> Iterator[Tensor]:
    """Symbols, in between whole ones, after each of so many iterations from the warmest temperature to the coolest."""
    for temperature in np.geomspace(WARMEST, COOLEST, iterations):
        slope, nearest = costs.slope(symbols), symbols.round()
        energies = []
        for candidate in (nearest - 1, nearest, nearest + 1):
            change = candidate - symbols
            energies.append(costs.bits(candidate) + change * (slope + change * curvature / 2))
        below, _, above = torch.softmax(torch.stack(energies) / -temperature, dim=0)
        expected = nearest + above - below
        symbols = (symbols + damping * (expected - symbols)).clamp(costs.low, costs.high)
        yield symbols


def prices(tables: FrequencyTables) -> Tensor:
    """Bits of the values −REACH … REACH in every row, escapes included; zero in skipped rows: (rows, 2 · REACH + 1)."""
    values = np.arange(-REACH, REACH + 1)
    bits = np.zeros((len(tables), values.size), np.float32)
    for row in np.flatnonzero(~tables.skipped):
        counts, inside = tables.counts[row], values - tables.minima[row]
        size = counts.size - 1
        outside = (inside < 0) | (inside >= size)
        bits[row] = (PRECISION - np.log2(counts))[np.where(outside, size, inside)]
        bits[row, outside] += np.log2(ESCAPE_BITS + 1) + np.floor(np.log2(escape_code(inside[outside], size)))
    return torch.from_numpy(bits)
