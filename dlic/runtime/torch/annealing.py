"""Mean-field annealing: whole numbers that cost little together, found without sampling (Peterson and Anderson 1987).

Every symbol holds a distribution over the integers next to it; all other terms of the cost use its mean. The cost of an integer,
given the other symbols, is its price in a table plus a quadratic model of the other terms by slope and curvature. Each iteration
moves the distribution some of the way to the Boltzmann distribution of these costs. The temperature falls until one integer is
left.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlic.entropy.tables import REACH, FrequencyTables
from dlic.runtime.torch.arrays import to_batch

COOLEST = 0.2  # temperature at the end of a stage, in bits
WARMEST = 3.0, 10.0  # the start temperature lies within these bounds …
WARMTH = 0.1  # … and grows by this much an iteration: a warm start loses its starting point and must find a good one again
DAMPING = 0.1  # share of the way to its expectation that a symbol moves in the first iteration
DAMPINGS = (0.01, 0.3)  # it adapts within these bounds …
AGREEMENT, HASTE = 0.5, 0.3  # … towards this cosine between the moves of one iteration and the next, by this factor an iteration
MOMENTUM = 0.7  # share of the last step in the next one; it saves most of the iterations …
RUN_UP = 5  # … and grows over this many iterations at the start of a stage, where the direction still turns
PROBES = 2  # random directions for the estimate of curvature
PROBE_STEP = 0.3  # step of a symbol along each direction
PRIOR = 20.0  # symbols of a channel, or of a place, at which its own curvature has the weight of the mean over all

Slope = Callable[[Tensor], Tensor]  # symbols (1, M, h, w), whole or fractional → gradient of the cost without their own bits


class Groups(Protocol):
    """Groups of symbols with a joint constraint."""

    def chance_of_moving(self, nearest: Tensor, stays: Tensor) -> Tensor:
        """How many times likelier each symbol leaves its nearest whole number than it would alone: (1, M, h, w)."""


class Prices:
    """Bits of the symbols at places of known table rows, and the bounds they have there: tensors (1, M, h, w)."""

    def __init__(self, tables: FrequencyTables, rows: NDArray[Any]):
        """`rows` (h, w, M)."""
        rows = np.array(rows)  # they may be a read-only view
        self.low, self.high = (to_batch(bound) for bound in tables.bounds(rows))
        self._prices = prices(tables)
        self._zeros = to_batch(rows).long() * self._prices.shape[1] + REACH  # where each symbol's row has the price of 0

    def bits(self, symbols: Tensor) -> Tensor:
        """Bits of each whole symbol. Beyond REACH, where an escape costs one more bit for each doubling, growth is taken as
        linear.
        """
        inside = symbols.clamp(-REACH, REACH)
        return torch.take(self._prices, self._zeros + inside.long()) + (symbols - inside).abs() / REACH


def anneal(
    symbols: Tensor,
    prices: Prices,
    slope: Slope,
    curvature: Tensor,
    iterations: int,
    tick: Callable[[], None] = lambda: None,
    groups: Groups | None = None,
) -> Tensor:
    """Anneals symbols (1, M, h, w), whole or fractional, to nearly whole symbols of low cost.

    `curvature` (1, M, h, w) belongs to `slope`; `tick` is called after every iteration; nearly all of `groups` end with even sums.
    Steps are those of heavy-ball descent (Polyak 1964).
    """
    direction, step, damping = torch.zeros_like(symbols), torch.zeros_like(symbols), DAMPING
    for done, temperature in enumerate(np.geomspace(np.clip(WARMTH * iterations, *WARMEST), COOLEST, iterations), start=1):
        last, direction = direction, expected(symbols, prices, slope, curvature, temperature, groups) - symbols
        damping = adapted(damping, direction, last)
        step = damping * direction + MOMENTUM * min(1, done / RUN_UP) * step
        last_symbols, symbols = symbols, (symbols + step).clamp(prices.low, prices.high)
        step = symbols - last_symbols
        tick()
    return symbols


def expected(
    symbols: Tensor, prices: Prices, slope: Slope, curvature: Tensor, temperature: float, groups: Groups | None = None
) -> Tensor:
    """Expectation of each symbol over its neighbouring integers at a temperature in bits, with all other symbols fixed."""
    slopes, nearest = slope(symbols), symbols.round()
    energies = []
    for candidate in (nearest - 1, nearest, nearest + 1):
        change = candidate - symbols
        energies.append(prices.bits(candidate) + change * (slopes + change * curvature / 2))
    below, stays, above = torch.softmax(torch.stack(energies) / -temperature, dim=0)
    likelier = torch.ones(()) if groups is None else groups.chance_of_moving(nearest, stays)
    mean: Tensor = nearest + likelier * (above - below)
    return mean.clamp(prices.low, prices.high)


def adapted(damping: float, wanted: Tensor, last: Tensor) -> float:
    """Adapts the damping: more where dependent symbols overshoot together, less where they move slowly. Stable values differ
    tenfold between low and high rates.
    """
    scale = float(wanted.norm() * last.norm())
    cosine = float((wanted * last).sum()) / scale if scale > 0 else AGREEMENT
    return min(max(damping * (1 + HASTE * (cosine - AGREEMENT)), DAMPINGS[0]), DAMPINGS[1])


def curvature(symbols: Tensor, prices: Prices, slope: Slope) -> Tensor:
    """Derivative of `slope` by each symbol: (1, M, h, w), the product of a value of its channel and a value of its place.

    Hutchinson's estimate of a Hessian's diagonal, from the slopes a small step away in random directions. Squared errors have about
    the same curvature everywhere; SSIM's curvature is highest in flat areas.
    """
    generator = torch.Generator().manual_seed(0)
    free = (prices.high > prices.low).float()
    slopes, estimate = slope(symbols), torch.zeros_like(symbols)
    for _ in range(PROBES):
        direction = (torch.randint(0, 2, symbols.shape, generator=generator) * 2 - 1) * free
        estimate += direction * (slope(symbols + PROBE_STEP * direction) - slopes) / (PROBE_STEP * PROBES)
    mean = (estimate.sum() / free.sum().clamp_min(1)).clamp_min(1e-12)
    of_channels = (estimate.sum((2, 3), keepdim=True) + PRIOR * mean) / (free.sum((2, 3), keepdim=True) + PRIOR)
    of_channels = of_channels.clamp_min(0.2 * mean)  # an estimate from a few symbols can be far off, even negative
    of_places = (estimate.sum(1, keepdim=True) + PRIOR * mean) / ((of_channels * free).sum(1, keepdim=True) + PRIOR * mean)
    return of_channels * of_places.clamp_min(0.2)


def derivative(of: Callable[[Tensor], Tensor], symbols: Tensor) -> Tensor:
    """The gradient of a scalar function."""
    symbols = symbols.detach().requires_grad_()
    return torch.autograd.grad(of(symbols), symbols)[0]


def prices(tables: FrequencyTables) -> Tensor:
    """Bits of the values −REACH … REACH in every row, escapes included; zero in skipped rows: (rows, 2 · REACH + 1)."""
    values = np.arange(-REACH, REACH + 1)
    bits = np.zeros((len(tables), values.size), np.float32)
    for row in np.flatnonzero(~tables.skipped):
        bits[row] = tables.prices(row, values)
    return torch.from_numpy(bits)
