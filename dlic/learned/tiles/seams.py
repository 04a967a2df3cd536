"""Seams: of a tile's outermost latents less is known than of others, and finer steps bring them as near to the original.

Their means and scales come from what is around them, and a tile knows nothing of its neighbours. In smooth areas, where means say
more than a step can, that cost 0.1 dB (an enlarged photograph) to 0.7 dB (a blurred one) in a band of 16 pixels.
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
ALIKE = 1.03  # mean squared errors that differ by less are taken for the same
INSIDE = 2  # latents from a seam from which on they are as good as any
BUSY = 2.0  # steps up to which a latent says how busy the picture is where it lies
CLASSES, FEWEST = 16, 64  # of latents as busy as each other, and how many there must be to compare with


@dataclass(frozen=True)
class Seams:
    """Where the latents of a tile lie beside those of others."""

    tile: Rectangle
    whole: Rectangle
    stride: int

    def scale(self, finer: int) -> NDArray[Any] | None:
        """How many times finer the steps of its latents are: (h, w) float32, or None where all are as ever."""
        return np.where(self.edge, np.float32(2 ** (finer / OCTAVE)), np.float32(1)) if finer else None

    @property
    def edge(self) -> NDArray[np.bool_]:
        """The outermost latents: (h, w) bool."""
        edge: NDArray[np.bool_] = self._distance == 0
        return edge

    def expected(self, errors: NDArray[Any], busy: NDArray[Any]) -> float | None:
        """What the mean of `errors` (h, w) would be at the edge, if it were as inside, where the picture is as `busy` (h, w).

        None where there is too little to compare with.
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
        """Latents between each and the nearest of another tile: (h, w)."""
        place, tile, whole = self.tile.in_steps(self.stride), self.tile, self.whole
        rows = _to_seam(place.height, tile.y > whole.y, tile.bottom < whole.bottom)
        return np.minimum(rows[:, None], _to_seam(place.width, tile.x > whole.x, tile.right < whole.right))


def _to_seam(length: int, before: bool, behind: bool) -> NDArray[Any]:
    """Latents between each and the nearest seam, of which there may be one before the first and one behind the last."""
    steps = np.arange(length)
    away = np.full(length, np.iinfo(steps.dtype).max)
    return np.minimum(np.minimum(away, steps if before else away), steps[::-1] if behind else away)


def finer_steps(error: Callable[[float], float], aim: float) -> int:
    """The least of CHOICES with which the mean squared `error` of the outermost latents is that of others, about.

    Where none brings it so far, the least that is about as good as any: what is not coded at all gains nothing.
    """
    least = error(2 ** (CHOICES[-1] / OCTAVE))
    return next(one for one in CHOICES if error(2 ** (one / OCTAVE)) <= ALIKE * max(aim, least))
