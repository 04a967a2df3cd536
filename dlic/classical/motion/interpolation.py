"""Pixels between pixels: windows of a frame at quarter-pel positions, by 8-tap filters in whole numbers.

The filters are those of HEVC for luma (ITU-T H.265, table 8-11), in 1/64. Sums of the first direction fit int16. Those of both stay
below 2²⁴, so float32 holds them exactly in any order of summation, and a matrix product may compute them.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import FRACTION

TAPS = 8
BEFORE = 3  # taps before the pixel
FILTERS = np.array(
    [[0, 0, 0, 64, 0, 0, 0, 0], [-1, 4, -10, 58, 17, -5, 1, 0], [-1, 4, -11, 40, 40, -11, 4, -1], [0, 1, -5, 17, 58, -10, 4, -1]],
    np.int16,
)  # by quarter of a pixel
SCALE = 16  # of results: 1/16 of a grey level is kept
ROUND = 64 * 64 // SCALE
TOGETHER = 64  # windows filtered at a time: half a megabyte, which a cache of level 2 holds


class Reference:
    """A part of a decoded frame with its border continued, from which windows are taken."""

    def __init__(self, pixels: NDArray[np.uint8], margin: int, corner: tuple[int, int] = (0, 0)):
        """`margin`: pixels around the part; no window may be larger. `corner`: y and x of the part, in which all windows lie."""
        self._margin, self._corner, (self._height, self._width) = margin, corner, pixels.shape[:2]
        self._pixels = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="edge")

    def windows(self, y: NDArray[np.int64], x: NDArray[np.int64], size: int) -> NDArray[np.int16]:
        """Windows of size × size pixels whose first pixels lie at y, x (N,) in quarter pels: (N, size, 3·size) in 1/16 grey levels.

        Pixels outside of the frame are those of its border.
        """
        result = np.empty((y.size, size, 3 * size), np.int16)
        y, x = y - FRACTION * self._corner[0], x - FRACTION * self._corner[1]
        right, whole = x % FRACTION, (y % FRACTION == 0) & (x % FRACTION == 0)
        for which in _in_groups(np.where(whole, FRACTION, right)):
            if whole[which[0]]:
                result[which] = self._taken(y[which] // FRACTION, x[which] // FRACTION, size).astype(np.int16) * np.int16(SCALE)
            else:
                result[which] = self._between(y[which], x[which], size, int(right[which[0]]))
        return result

    def _between(self, y: NDArray[np.int64], x: NDArray[np.int64], size: int, right: int) -> NDArray[np.int16]:
        """Windows of one quarter across: (N, size, 3·size)."""
        taken = self._taken(y // FRACTION - BEFORE, x // FRACTION - BEFORE, size + TAPS - 1)  # (N, size + 7, 3·(size + 7))
        rows = _filtered(taken.astype(np.int16), FILTERS[y % FRACTION], size)
        sums = rows.reshape(-1, taken.shape[2]).astype(np.float32) @ _matrix(right, size)
        sums += ROUND // 2
        sums *= np.float32(1 / ROUND)
        return np.floor(sums, out=sums).astype(np.int16).reshape(y.size, size, 3 * size)

    def _taken(self, y: NDArray[np.int64], x: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        """Whole pixels: (N, size, 3·size)."""
        y = np.clip(y, -size, self._height) + self._margin  # beyond that all windows are the same
        x = np.clip(x, -size, self._width) + self._margin
        rows, run = self._pixels.strides[0], f"V{3 * size}"  # pixels in a row as one item, as NumPy copies items faster
        shape = self._pixels.shape[0], self._pixels.shape[1] - size + 1
        runs: NDArray[Any] = np.ndarray(shape, run, buffer=self._pixels.data, strides=(rows, 3))
        taken = runs[y[:, None] + np.arange(size), x[:, None]]
        return taken.view(np.uint8).reshape(y.size, size, 3 * size)


def _in_groups(numbers: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The places (n,) of equal numbers, at most TOGETHER at a time."""
    for number in np.unique(numbers):
        places = np.flatnonzero(numbers == number)
        for start in range(0, places.size, TOGETHER):
            yield places[start : start + TOGETHER]


def _filtered(taken: NDArray[np.int16], taps: NDArray[np.int16], size: int) -> NDArray[np.int16]:
    """Filters down, one for each window (N, 8): (N, size + 7, …) → (N, size, …)."""
    total = taken[:, BEFORE : BEFORE + size] * taps[:, BEFORE, None, None]
    for i in range(TAPS):
        if i != BEFORE and taps[:, i].any():
            total += taken[:, i : i + size] * taps[:, i, None, None]
    return total


@lru_cache(maxsize=16)
def _matrix(phase: int, size: int) -> NDArray[np.float32]:
    """The filter across of one quarter as a matrix: (3·(size + 7), 3·size)."""
    matrix = np.zeros((size + TAPS - 1, size), np.float32)
    for i in range(size):
        matrix[i : i + TAPS, i] = FILTERS[phase]
    return np.kron(matrix, np.eye(3, dtype=np.float32))
