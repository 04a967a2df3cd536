"""The order in which values on a grid are coded: from coarse to fine, so that later ones have neighbours on all sides.

a . . . b . . . a       passes for steps of 4: a; then d and b, c of half a step, each with up to four known neighbours
. . d . . . d . .       d: at the corners; b and c: above, below, left and right
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.int64]

COARSEST = 8
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
STRAIGHT = ((-1, 0), (0, -1), (0, 1), (1, 0))


@dataclass(frozen=True, eq=False)
class Pass:
    """Places that are coded together, with their neighbours of earlier passes."""

    places: NDArray[np.int64]  # (N,) in the raveled grid
    neighbours: NDArray[np.int64] | None  # (4, N) in the raveled grid; where one is outside, another in its stead. None: first pass


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
    return Pass(y * width + x, np.ascontiguousarray(filled.T) if directions else None)


def sorted_three(a: Values, b: Values, c: Values) -> tuple[Values, Values, Values]:
    """The values of three arrays, at each place from the least to the largest."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    return np.minimum(low, c), np.maximum(low, np.minimum(high, c)), np.maximum(high, c)


def sorted_four(a: Values, b: Values, c: Values, d: Values) -> tuple[Values, Values, Values, Values]:
    """The values of four arrays, likewise: a network of five exchanges."""
    a, b, c, d = np.minimum(a, b), np.maximum(a, b), np.minimum(c, d), np.maximum(c, d)
    a, b, c, d = np.minimum(a, c), np.minimum(b, d), np.maximum(a, c), np.maximum(b, d)
    return a, np.minimum(b, c), np.maximum(b, c), d
