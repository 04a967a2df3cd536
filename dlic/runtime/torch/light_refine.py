"""Refinement (`--effort`): searches for better symbols of one image than rounding gives, for an unchanged decoder.

The goal is that of stochastic Gumbel annealing (Yang, Bamler & Mandt 2020, arXiv:2006.04240): bits by the deployed tables plus λ
times the distortion through the deployed decoder. The method is mean-field annealing (`annealing`) in stages. Each stage anneals z,
for its use in predicting y, and then y.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlic.entropy.coder import estimated_bits
from dlic.entropy.parity import groups_of_steps, joined
from dlic.entropy.parts import Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.layers.gaussian import bits, scale_of_row
from dlic.layers.scale_rows import ROWS
from dlic.metrics.differentiable.distortions import Distortion, distortion
from dlic.models.light import Light
from dlic.progress import Progress
from dlic.runtime.network import DecoderNetwork, RefinementGoal, TableRows
from dlic.runtime.tile_context import Surroundings
from dlic.runtime.torch.annealing import Prices, anneal, curvature, derivative
from dlic.runtime.torch.arrays import to_batch, to_latent, to_tensor
from dlic.runtime.torch.even_groups import EvenGroups
from dlic.runtime.torch.light_context import Context, ContextLoop

# Iterations of the stages of y, which each effort adds to the one below it. Bits of four crops of training photographs at four
# levels fell, at equal PSNR, by 4.2 % in the first stage and by 7.8 % in all; by 7.4 % in two of 16 and 84, by 7.6 % in two of 50
# and 100, by 6.4 % in one of 100, and 200 or 400 bring no more. A longer stage begins at a higher temperature, and loses more of
# its starting point.
ITERATIONS = (8, 6, 8, 10, 14, 20, 30, 50, 100)
# SSIMULACRA 2's 4-norms weigh the worst places. Its curvature differs between places by more than the estimate can tell. Twice the
# estimate keeps annealing stable. A new z moves all latents off their whole numbers, which costs more there than a stage wins back.
# On two held-out crops at two qualities, effort 4 then takes 0.4 to 1.6 % of bits + λ · distortion; with 1 and a new z nothing.
UNEVEN = {"visual": 2.0}
HYPER_ITERATIONS = 30  # iterations of z in every stage; without g_s, they take as long as a dozen of y
ROUNDING = 1 / 12  # mean squared error of rounding, in squared steps


@dataclass(frozen=True, eq=False)
class LightParts:
    """The parts of a deployed `Light` that refinement calls."""

    network: Light
    loop: ContextLoop
    decoder: DecoderNetwork
    rows: TableRows


@dataclass(frozen=True, eq=False)
class Goal:
    """Bits + λ · distortion of one image by one network, and its derivatives."""

    parts: LightParts
    task: RefinementGoal

    @property
    def level(self) -> int:
        return self.task.level

    @property
    def tables(self) -> FrequencyTables:
        return self.task.tables

    @property
    def distortion(self) -> Distortion:
        return distortion(self.task.distortion)

    @property
    def uneven(self) -> bool:
        """The curvature of the distortion differs much between places."""
        return self.task.distortion in UNEVEN

    @property
    def stiffness(self) -> float:
        """Factor of the estimated curvature."""
        return UNEVEN.get(self.task.distortion, 1.0)

    @property
    def image(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3); a tile has its surroundings."""
        return self.task.around.image if self.task.around else self.task.image

    @property
    def lmbda(self) -> float:
        """λ: bits a pixel for a distortion of 1."""
        return float(self.parts.network.lmbdas[self.level])

    @property
    def scale(self) -> Tensor:
        """How many times finer than ordinary the steps of latents are; broadcasts to (1, M, h, w)."""
        around = self.task.around
        return torch.ones(1, 1) if around is None or around.scale is None else torch.from_numpy(around.scale)

    def cost(self, symbols: Symbols) -> float:
        """Bits + λ · distortion of a file, as a reader measures it: by the tables, on rounded pixels, over the whole image."""
        height, width = self.image.shape[:2]
        y_hat = self._y_hat(self._context(symbols), _in_between(symbols.y))
        picture = self.parts.decoder.synthesise(to_latent(self._amid(y_hat)), self.level)[:height, :width]
        with torch.no_grad():
            lost = self._lost(*(to_tensor(pixels, torch.float64) for pixels in (picture, self.image)))
        return estimated_bits(symbols, self.task.coder, self.tables) + float(lost)

    def cheaper(self, best: tuple[float, Symbols], other: Symbols) -> tuple[float, Symbols]:
        """The cheaper of two candidates, with its cost."""
        cost = self.cost(other)
        return (cost, other) if cost < best[0] else best

    def distortion_slope(self, symbols: Symbols) -> Callable[[Tensor], Tensor]:
        """Derivative of λ · distortion by each symbol of y (1, M, h, w), for the z of `symbols`; padding costs nothing."""
        x, context, (height, width) = to_tensor(self.image), self._context(symbols), self.image.shape[:2]

        def distortion(y: Tensor) -> Tensor:
            x_hat = self.parts.network.g_s(self._amid(self._y_hat(context, y)), torch.tensor([self.level]))
            return self._lost(x_hat[..., :height, :width], x)

        return partial(derivative, distortion)

    def _lost(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """λ · distortion in bits, over the whole image: (1, 3, H, W) twice → a scalar."""
        distortion: Tensor
        (distortion,) = self.distortion(x_hat, x, torch.tensor([self.lmbda]))
        return distortion * (self.lmbda * x.shape[-2] * x.shape[-1])

    def with_z(self, z: NDArray[Any], symbols: Symbols) -> Symbols:
        """Replaces the symbols of z, and the table rows that depend on them."""
        rows = self.parts.rows.rows(z, _size(symbols), self.level)
        return symbols.with_part("z", z).with_part("y", symbols.y, rows)

    @torch.no_grad()
    def y_of(self, symbols: Symbols) -> Tensor:
        """y (1, M, h, w), in steps of the level, that symbols represent: `residual` of it with their z gives the symbols back."""
        context = self._context(symbols)
        return self._y_hat(context, _in_between(symbols.y)) / context.inverse_gain

    def residual(self, y: Tensor, z: Tensor) -> Tensor:
        """Fractional symbols (1, M, h, w) that represent y with symbols of z (1, Z, h/4, w/4); differentiable."""
        return self.parts.loop.residual(y, z, self.level) * self.scale

    def _y_hat(self, context: Context, symbols: Tensor) -> Tensor:
        return self.parts.loop.y_hat(context, symbols / self.scale)

    def _amid(self, y_hat: Tensor) -> Tensor:
        return amid(self.task.around, y_hat)

    def _context(self, symbols: Symbols) -> Context:
        return self.parts.loop.context_of(symbols.z, _size(symbols), self.level)


@torch.inference_mode(False)
@torch.enable_grad()
def refined(
    parts: LightParts,
    task: RefinementGoal,
    y: NDArray[np.float32],
    plain: Symbols,
    rounded: Callable[[NDArray[np.int32]], Symbols],
    effort: int,
    progress: Progress,
) -> Symbols:
    """Refines the plain symbols with an `effort` of 1 … 9; a higher effort never gives a higher cost.

    An effort goes through the stages of all efforts below it. Each stage starts from the best whole symbols of the stages before:
    it anneals z for the y that they represent, and then y. For uneven distortions z stays.
    `learned.tiles.plan` states the memory that it takes. The arguments are those of `EncoderNetwork.refine`.
    """
    goal = Goal(parts, task)
    first, *further = ITERATIONS[:effort]
    bend = curvature(_in_between(plain.y), Prices(goal.tables, plain.y_rows), goal.distortion_slope(plain)) * goal.stiffness
    tick = counter(sum(ITERATIONS[:effort]), progress)
    candidate = rounded(annealed_z(goal, to_batch(y.copy()), plain, bend, ROUNDING))
    least, best = goal.cheaper((goal.cost(plain), plain), candidate)
    least, best = goal.cheaper((least, best), annealed_y(goal, best, _in_between(best.y), bend, first, tick))
    for iterations in further:
        candidate, start = next_start(goal, best, bend)
        least, best = goal.cheaper((least, best), annealed_y(goal, candidate, start, bend, iterations, tick))
    return best


def amid(around: Surroundings | None, y_hat: Tensor) -> Tensor:
    """Latents (1, M, h, w) with their surroundings."""
    if around is None:
        return y_hat
    joined = to_batch(around.y_hat.copy())
    rows, columns = around.place.slices
    joined[..., rows, columns] = y_hat
    return joined


def next_start(goal: Goal, best: Symbols, bend: Tensor) -> tuple[Symbols, Tensor]:
    """The symbols that a further stage begins with: `best`, or it with another z. And their y (1, M, h, w), whole or fractional."""
    if goal.uneven:
        return best, _in_between(best.y)
    latent = goal.y_of(best)
    candidate = goal.with_z(annealed_z(goal, latent, best, bend), best)
    return candidate, goal.residual(latent, _in_between(candidate.z))


def annealed_y(goal: Goal, symbols: Symbols, start: Tensor, bend: Tensor, iterations: int, tick: Callable[[], None]) -> Symbols:
    """`symbols` with symbols of y annealed from `start` (1, M, h, w), which may be fractional."""
    prices, slope = Prices(goal.tables, symbols.y_rows), goal.distortion_slope(symbols)
    groups = EvenGroups(joined(groups_of_steps(symbols["y"].part, goal.tables))) if goal.task.coder.even else None
    whole = anneal(start.clamp(prices.low, prices.high), prices, slope, bend, iterations, tick, groups).round()
    return symbols.with_part("y", _whole(groups.repaired(whole, prices, slope, bend) if groups else whole))


def annealed_z(goal: Goal, y: Tensor, best: Symbols, bend: Tensor, error: float = 0.0) -> NDArray[np.int32]:
    """Anneals symbols of z (h/4, w/4, Z) from `best`, for the least bits of z and y (1, M, h, w) together.

    The cost of a latent assumes that all others stay: either its bits and a squared `error`, or, coded as zero, the squared value
    lost. `bend` (1, M, h, w), the curvature of λ · distortion, prices both errors.
    """
    prices = Prices(goal.tables, best.z_rows)

    def cost_of_y(z: Tensor) -> Tensor:
        scale = scale_of_row(goal.parts.network.h_s_scale(z, torch.tensor([goal.level])).clamp(0, ROWS - 1))
        scale = scale[..., : y.shape[2], : y.shape[3]]
        residual = goal.residual(y, z)
        as_zero = bits(torch.zeros_like(residual), scale) + bend / 2 * residual.square()
        return torch.minimum(as_zero, bits(residual, scale) + bend / 2 * error).sum()

    slope, start = partial(derivative, cost_of_y), _in_between(best.z)
    return _whole(anneal(start, prices, slope, curvature(start, prices, slope), HYPER_ITERATIONS))


def _size(symbols: Symbols) -> tuple[int, int]:
    """Height and width of y."""
    height, width, _ = symbols.y_rows.shape
    return height, width


def counter(total: int, progress: Progress) -> Callable[[], None]:
    """A function that reports one iteration more of `total`."""
    done = iter(range(1, total + 1))
    return lambda: progress(next(done) / total)


def _whole(symbols: Tensor) -> NDArray[np.int32]:
    return to_latent(symbols.round()).astype(np.int32)


def _in_between(symbols: NDArray[Any]) -> Tensor:
    """Whole symbols → the fractional symbols that annealing starts from."""
    return to_batch(symbols.astype(np.float32))
