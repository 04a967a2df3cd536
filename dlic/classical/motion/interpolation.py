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

    def __init__(self, pixels: NDArray[np.uint8], margin: int, corner: tuple[int, int] = (0, 0)):
        """`margin`: pixels around the part; no window may be larger. `corner`: y and x of the part, in which all windows lie."""
        self._margin, self._corner, (self._height, self._width) = margin, corner, pixels.shape[:2]
        self._planes = _bordered(pixels, margin)

    def windows(self, y: NDArray[np.int64], x: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
        """Windows of size × size pixels whose first pixels lie at y, x (N,) in quarter pels, in an order (N,) of their numbers:
        (size, N, 3, size) in 1/16 grey levels. Pixels outside of the frame are those of its border.
        """
        y, x = y - FRACTION * self._corner[0], x - FRACTION * self._corner[1]
        phases = (y % FRACTION) * FRACTION + x % FRACTION
        order = np.argsort(phases, kind="stable")
        y, x, phases = y[order] // FRACTION, x[order] // FRACTION, phases[order]
        result = np.empty((size, y.size, 3, size), np.int16)
        for part in _in_groups(phases):
            down, right = divmod(int(phases[part.start]), FRACTION)
            self._filter(y[part], x[part], down, right, result[:, part])
        return order, result

    def _filter(self, y: NDArray[np.int64], x: NDArray[np.int64], down: int, right: int, result: NDArray[np.int16]) -> None:
        """Windows whose first pixels lie at whole y and x, and so many quarters down and right of them, into (size, N, 3, size)."""
        size, rows, columns = len(result), (TAPS - 1) * (down > 0), (TAPS - 1) * (right > 0)
        taken = self._taken(y - BEFORE * (down > 0), x - BEFORE * (right > 0), size + rows, size + columns)
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
            sums += np.float32(0.5)
            result[...] = np.floor(sums, out=sums).reshape(result.shape)

    def _taken(self, y: NDArray[np.int64], x: NDArray[np.int64], height: int, width: int) -> NDArray[np.uint8]:
        """Whole pixels: (height, N, 3, width)."""
        y = np.clip(y, -height, self._height) + self._margin  # beyond that all windows are the same
        x = np.clip(x, -width, self._width) + self._margin
        planes, run = self._planes, f"V{width}"  # pixels in a row as one item, as NumPy copies items faster
        shape = planes.shape[0] * planes.shape[1], planes.shape[2] - width + 1
        runs: NDArray[Any] = np.ndarray(shape, run, buffer=planes.data, strides=(planes.strides[1], 1))
        rows = np.arange(height)[:, None, None] + y[:, None] + planes.shape[1] * np.arange(3)
        return runs[rows, x[:, None]].view(np.uint8).reshape(height, y.size, 3, width)


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
    taps = FILTERS[phase]
    total, product = parts[BEFORE] * taps[BEFORE], np.empty_like(parts[0])
    for part, tap in zip(parts, taps, strict=True):
        if part is parts[BEFORE] or tap == 0:
            continue
        if abs(tap) == 1:
            (np.add if tap > 0 else np.subtract)(total, part, out=total)
        else:
            total += np.multiply(part, tap, out=product)
    return total


def _round_once(sums: NDArray[np.int16], result: NDArray[np.int16]) -> None:
    """Sums of one direction, in 1/64, → in 1/16."""
    rounded = sums + np.int16(2)
    np.right_shift(rounded, 2, out=result)


@lru_cache(maxsize=16)
def _matrix(phase: int, size: int) -> NDArray[np.float32]:
    """The filter across of one quarter as a matrix, divided by ROUND: (size + 7, size)."""
    matrix = np.zeros((size + TAPS - 1, size), np.float32)
    for i in range(size):
        matrix[i : i + TAPS, i] = FILTERS[phase]
    return matrix / np.float32(ROUND)
