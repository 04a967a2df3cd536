"""Refinement of second layers (`--effort` of progressive pictures): their symbols are annealed for the full level, next to a first
layer that stays.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlic.metrics.differentiable.distortions import distortion
from dlic.progress import Progress
from dlic.runtime.network import FurtherGoal
from dlic.runtime.torch.annealing import Prices, anneal, curvature, derivative
from dlic.runtime.torch.arrays import to_batch, to_latent, to_tensor
from dlic.runtime.torch.even_groups import EvenGroups
from dlic.runtime.torch.light_refine import ITERATIONS, UNEVEN, LightParts, amid, counter

Slope = Callable[[Tensor], Tensor]


@torch.inference_mode(False)
@torch.enable_grad()
def refined_layer(
    parts: LightParts, goal: FurtherGoal, plain: NDArray[np.int32], effort: int, progress: Progress
) -> NDArray[np.int32]:
    """The refinements of the least bits + λ · distortion found with an effort of 1 … 9; `plain` is never worse."""
    prices, slope = Prices(goal.tables, goal.rows), _slope(parts, goal)
    start = to_batch(plain.astype(np.float32))
    bend = curvature(start, prices, slope) * UNEVEN.get(goal.distortion, 1.0)
    groups = EvenGroups(goal.groups) if goal.groups is not None else None
    least, best = _cost(parts, goal, plain), plain
    tick = counter(sum(ITERATIONS[:effort]), progress)
    for iterations in ITERATIONS[:effort]:
        start = to_batch(best.astype(np.float32)).clamp(prices.low, prices.high)
        whole = anneal(start, prices, slope, bend, iterations, tick, groups).round()
        whole = groups.repaired(whole, prices, slope, bend) if groups else whole
        found: NDArray[np.int32] = to_latent(whole).astype(np.int32)
        cost = _cost(parts, goal, found)
        least, best = (cost, found) if cost < least else (least, best)
    return best


def _slope(parts: LightParts, goal: FurtherGoal) -> Slope:
    """Derivative of λ · distortion by each refinement (1, M, h, w)."""
    image = _image(goal)
    x, base, unit = to_tensor(image), to_batch(goal.base), to_batch(goal.unit)
    height, width = image.shape[:2]

    def lost(refinements: Tensor) -> Tensor:
        x_hat = parts.network.g_s(amid(goal.around, base + refinements * unit), torch.tensor([goal.level]))
        return _lost(parts, goal, x_hat[..., :height, :width], x)

    return partial(derivative, lost)


def _image(goal: FurtherGoal) -> NDArray[np.uint8]:
    """uint8 (H, W, 3); a tile has its surroundings."""
    return goal.around.image if goal.around else goal.image


def _lost(parts: LightParts, goal: FurtherGoal, x_hat: Tensor, x: Tensor) -> Tensor:
    """λ · distortion in bits over the whole image."""
    lmbda = float(parts.network.lmbdas[goal.level])
    error: Tensor = distortion(goal.distortion)(x_hat, x, torch.tensor([lmbda]))[0]
    return error * (lmbda * x.shape[-2] * x.shape[-1])


def _cost(parts: LightParts, goal: FurtherGoal, refinements: NDArray[Any]) -> float:
    """Bits by the tables + λ · distortion of rounded pixels, as a reader measures them."""
    image = _image(goal)
    height, width = image.shape[:2]
    y_hat = to_latent(amid(goal.around, to_batch(goal.y_hat(refinements))))
    picture = parts.decoder.synthesise(y_hat, goal.level)[:height, :width]
    with torch.no_grad():
        lost = _lost(parts, goal, *(to_tensor(pixels, torch.float64) for pixels in (picture, image)))
    return goal.bits(refinements) + float(lost)
