"""Seams: a tile's outermost latents are predicted worse than others; finer quantisation steps bring them as near to the original.

Means and scales come from neighbouring latents, and a tile does not have those of other tiles. In smooth areas the prediction of
means is more precise than a step; there its absence cost 0.1 dB (an enlarged photograph) to 0.7 dB (a blurred one) in a band of 16
pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.pixels.rectangles import Rectangle

COARSE = 3 / 8  # of the levels: steps so large that latents at seams come out within 0.1 dB of others, or nearer
OCTAVE = 64  # `finer` to halve a step
CHOICES = (0, 2, 4, 6, 8, 11, 14, 18, 22, 27, 32, 40, 48, 56, 64)  # `finer` that an encoder tries
ALIKE = 1.03  # mean squared errors that differ by less count as equal
INSIDE = 2  # distance from a seam, in latents, from which on latents are predicted as well as any
BUSY = 2.0  # steps up to which a latent measures the picture's local activity
CLASSES, FEWEST = 16, 64  # classes of equal activity, and the least number of inner latents to compare with


@dataclass(frozen=True)
class Seams:
    """The seams of a tile: places where its latents are next to those of other tiles."""

    tile: Rectangle
    whole: Rectangle
    stride: int

    def scale(self, finer: int) -> NDArray[Any] | None:
        """How many times finer the steps of the tile's latents are: (h, w) float32; None if all steps are ordinary."""
        return np.where(self.edge, np.float32(2 ** (finer / OCTAVE)), np.float32(1)) if finer else None

    @property
    def edge(self) -> NDArray[np.bool_]:
        """The outermost latents: (h, w) bool."""
        edge: NDArray[np.bool_] = self._distance == 0
        return edge

    def expected(self, errors: NDArray[Any], busy: NDArray[Any]) -> float | None:
        """Mean of `errors` (h, w) at the edge if they were as small as inside, at equal activity `busy` (h, w). None where too few
        latents are comparable.
        """
        inside = self._distance >= INSIDE
        if not self.edge.any() or inside.sum() < FEWEST:
            return None
        order = np.argsort(busy[inside], kind="stable")
        busyness, error = ([part.mean() for part in np.array_split(of[inside][order], CLASSES)] for of in (busy, errors))
        typical = np.interp(busy[self.edge], busyness, error)
        return float(typical.mean())

    @cached_property
    def _distance(self) -> NDArray[Any]:
        """Distance of each latent from the nearest other tile, in latents: (h, w)."""
        place, tile, whole = self.tile.in_steps(self.stride), self.tile, self.whole
        rows = _to_seam(place.height, tile.y > whole.y, tile.bottom < whole.bottom)
        return np.minimum(rows[:, None], _to_seam(place.width, tile.x > whole.x, tile.right < whole.right))


def _to_seam(length: int, before: bool, behind: bool) -> NDArray[Any]:
    """Distance of each latent from the nearest seam; there may be one before the first latent and one behind the last."""
    steps = np.arange(length)
    away = np.full(length, np.iinfo(steps.dtype).max)
    return np.minimum(np.minimum(away, steps if before else away), steps[::-1] if behind else away)


def finer_steps(error: Callable[[float], float], aim: float) -> int:
    """The smallest of CHOICES that brings the mean squared `error` of the outermost latents down to about that of others. Where
    none does, the smallest choice of about the least error: latents in skipped rows gain nothing.
    """
    least = error(2 ** (CHOICES[-1] / OCTAVE))
    return next(choice for choice in CHOICES if error(2 ** (choice / OCTAVE)) <= ALIKE * max(aim, least))
