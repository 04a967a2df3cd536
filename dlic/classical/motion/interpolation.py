"""Pixels between pixels: windows of a frame at quarter-pel positions, by 8-tap filters in whole numbers.

The filters are those of HEVC for luma (ITU-T H.265, table 8-11), in 1/64. Sums of the first direction fit int16. Those of both stay
below 2²⁴, so float32 holds them exactly in any order of summation, and a matrix product may compute them.

Arrays have the rows of all windows first, and planes of colours: (rows, N, 3, columns). So what a filter adds up are long runs.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
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
TOGETHER = 64  # windows filtered at a time: half a megabyte, which a cache of level 2 holds; BLAS needs no threads for so few


class Reference:
    """A part of a decoded frame with its border continued, from which windows are taken."""

    def __init__(self, pixels: NDArray[np.uint8], largest: int, corner: tuple[int, int] = (0, 0)):
        """`largest`: pixels along a window at most. `corner`: y and x of the part, in which all windows lie."""
        self._margin, self._corner, self._size = largest + 2 * TAPS, corner, pixels.shape[:2]
        self._planes = _bordered(pixels, self._margin)

    def windows(self, y: NDArray[np.int64], x: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
        """Windows of size × size pixels whose first pixels lie at y, x (N,) in quarter pels, in an order (N,) of their numbers:
        (size, N, 3, size) in 1/16 grey levels. Pixels outside of the frame are those of its border.
        """
        phases = (y % FRACTION) * FRACTION + x % FRACTION
        order = np.argsort(phases, kind="stable")
        phases = phases[order]
        rows, columns = (
            # Beyond that all windows are the same
            np.minimum(np.maximum(at[order] // FRACTION - corner, -size - TAPS), end + TAPS) + self._margin
            for at, corner, end in zip((y, x), self._corner, self._size, strict=True)
        )
        first, result = rows * self._planes.shape[2] + columns, np.empty((size, y.size, 3, size), np.int16)
        for part in _in_groups(phases):
            down, right = divmod(int(phases[part.start]), FRACTION)
            self._filter(first[part], down, right, result[:, part])
        return order, result

    def _filter(self, first: NDArray[np.int64], down: int, right: int, result: NDArray[np.int16]) -> None:
        """Windows that begin so many quarters down and right of the pixels `first` (N,) of a plane, into (size, N, 3, size)."""
        size, rows, columns = len(result), (TAPS - 1) * (down > 0), (TAPS - 1) * (right > 0)
        before = BEFORE * (self._planes.shape[2] * (down > 0) + (right > 0))
        taken = self._taken(first - before, size + rows, size + columns)
        if not down and not right:
            np.multiply(taken, SCALE, out=result, dtype=np.int16)
            return
        values = taken.astype(np.int16)
        if down:
            values = _summed([values[i : i + size] for i in range(TAPS)], down)
        if not right:
            _round_once(values, result)
        elif not down:
            run = values.reshape(-1)
            length = run.size - columns
            run[:length] = _summed([run[i : i + length] for i in range(TAPS)], right)
            _round_once(values[..., :size], result)
        else:
            sums = values.astype(np.float32).reshape(size, -1, size + columns) @ _matrix(right, size)
            sums += _HALF
            result[...] = np.floor(sums, out=sums).reshape(result.shape)

    def _taken(self, first: NDArray[np.int64], height: int, width: int) -> NDArray[np.uint8]:
        """Whole pixels from the `first` (N,) of a plane on: (height, N, 3, width)."""
        planes = self._planes
        # Pixels in a row as one item, as NumPy copies items faster
        runs: NDArray[Any] = np.ndarray((planes.size - width + 1,), f"V{width}", buffer=planes.data, strides=(1,))
        taken = runs[_offsets(height, *planes.shape[1:]) + first[:, None]]
        return taken.view(np.uint8).reshape(height, first.size, 3, width)


_HALF, _TWO = np.float32(0.5), np.int16(2)


@lru_cache(maxsize=64)
def _offsets(rows: int, height: int, width: int) -> NDArray[np.int64]:
    """Places of the rows of a window in three planes, from that in the first plane on: (rows, 1, 3)."""
    return np.arange(rows)[:, None, None] * width + np.arange(3) * (height * width)


def _bordered(pixels: NDArray[np.uint8], margin: int) -> NDArray[np.uint8]:
    """The planes of pixels (H, W, 3), with their border continued: (3, H + 2 · margin, W + 2 · margin)."""
    height, width = pixels.shape[:2]
    planes = np.empty((3, height + 2 * margin, width + 2 * margin), np.uint8)
    inside = planes[:, margin : margin + height]
    inside[:, :, margin : margin + width] = pixels.transpose(2, 0, 1)
    inside[:, :, :margin], inside[:, :, margin + width :] = inside[:, :, margin, None], inside[:, :, margin + width - 1, None]
    planes[:, :margin], planes[:, margin + height :] = inside[:, :1], inside[:, -1:]
    return planes


def _in_groups(phases: NDArray[np.int64]) -> Iterator[slice]:
    """Runs of equal numbers in sorted ones, at most TOGETHER long."""
    for start, stop in pairwise([*np.flatnonzero(np.diff(phases, prepend=-1)).tolist(), phases.size]):
        for first in range(start, stop, TOGETHER):
            yield slice(first, min(first + TOGETHER, stop))


def _summed(parts: Sequence[NDArray[np.int16]], phase: int) -> NDArray[np.int16]:
    """The sum of eight arrays times the taps of a filter."""
    total, product = parts[BEFORE] * FILTERS[phase, BEFORE], np.empty_like(parts[0])
    for place, tap in _OTHERS[phase]:
        if tap in (1, -1):
            (np.add if tap == 1 else np.subtract)(total, parts[place], out=total)
        else:
            total += np.multiply(parts[place], tap, out=product)
    return total


_OTHERS = [[(place, tap) for place, tap in enumerate(taps) if tap and place != BEFORE] for taps in FILTERS.tolist()]


def _round_once(sums: NDArray[np.int16], result: NDArray[np.int16]) -> None:
    """Sums of one direction, in 1/64, → in 1/16."""
    rounded = sums + _TWO
    np.right_shift(rounded, 2, out=result)


@lru_cache(maxsize=16)
def _matrix(phase: int, size: int) -> NDArray[np.float32]:
    """The filter across of one quarter as a matrix, divided by ROUND: (size + 7, size)."""
    matrix = np.zeros((size + TAPS - 1, size), np.float32)
    for i in range(size):
        matrix[i : i + TAPS, i] = FILTERS[phase]
    return matrix / np.float32(ROUND)
