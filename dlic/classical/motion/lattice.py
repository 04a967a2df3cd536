"""The order in which values on a grid are coded: from coarse to fine, so that later ones have neighbours on all sides.

a . . . b . . . a       passes for steps of 4: a; then d and b, c of half a step, each with up to four known neighbours
. . d . . . d . .       d: at the corners; b and c: above, below, left and right
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

COARSEST = 8
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
STRAIGHT = ((-1, 0), (0, -1), (0, 1), (1, 0))


@dataclass(frozen=True, eq=False)
class Pass:
    """Places that are coded together, with their neighbours of earlier passes."""

    places: NDArray[np.int64]  # (N,) in the raveled grid
    neighbours: NDArray[np.int64]  # (N, 4) in the raveled grid; where one is outside, another neighbour in its stead
    known: NDArray[np.int64]  # (N,) how many neighbours there are: 0 … 4; with 0 `neighbours` are 0


@lru_cache(maxsize=16)
def passes(height: int, width: int) -> tuple[Pass, ...]:
    """The passes over a grid."""
    y, x = np.mgrid[:height, :width]
    found, step = [_pass((y % COARSEST == 0) & (x % COARSEST == 0), COARSEST, ())], COARSEST
    while step > 1:
        half = step // 2
        found.append(_pass((y % step == half) & (x % step == half), half, DIAGONAL))
        found.append(_pass((y % half == 0) & (x % half == 0) & ((y % step == half) != (x % step == half)), half, STRAIGHT))
        step = half
    return tuple(one for one in found if one.places.size)


def _pass(mask: NDArray[Any], distance: int, directions: tuple[tuple[int, int], ...]) -> Pass:
    (height, width), (y, x) = mask.shape, np.nonzero(mask)
    neighbours, there = np.zeros((y.size, 4), np.int64), np.zeros((y.size, 4), bool)
    for i, (down, right) in enumerate(directions):
        ny, nx = y + down * distance, x + right * distance
        there[:, i] = (ny >= 0) & (ny < height) & (nx >= 0) & (nx < width)
        neighbours[:, i] = np.where(there[:, i], ny * width + nx, 0)
    known = there.sum(axis=1)
    order = np.argsort(~there, axis=1, kind="stable")  # those that are there first
    sorted_neighbours = np.take_along_axis(neighbours, order, axis=1)
    filled = np.take_along_axis(sorted_neighbours, np.arange(4) % np.maximum(known, 1)[:, None], axis=1)
    return Pass(y * width + x, filled, known)


def medians(values: NDArray[Any]) -> NDArray[Any]:
    """Medians of an even number of whole values along axis 1, the mean of the middle two rounded down: (N, K, …) → (N, …)."""
    ordered, half = np.sort(values, axis=1), values.shape[1] // 2
    return (ordered[:, half - 1] + ordered[:, half]) >> 1


def spreads(values: NDArray[Any]) -> NDArray[Any]:
    """Largest less smallest of four values along axis 1: (N, 4, …) → (N, …)."""
    return np.asarray(values.max(axis=1) - values.min(axis=1))
