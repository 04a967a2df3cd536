"""Luma of a reference at all quarter-pel positions, and differences of a frame's blocks from it: the encoder's search alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import BLOCK, FRACTION, SUB, macroblocks
from dlic.classical.motion.interpolation import BEFORE, FILTERS, TAPS

MARGIN = 2 * BLOCK + TAPS
STRIP = 32  # rows filtered at a time: so few stay in a cache


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) → (H, W): (R + 2 G + B) / 4."""
    total = pixels[..., 1].astype(np.uint16)
    total *= 2
    total += pixels[..., 0]
    total += pixels[..., 2]
    total += 2
    total >>= 2
    return total.astype(np.uint8)


class CurrentBlocks:
    """Luma of a frame in macroblocks and in blocks of 8 × 8, row by row, its border continued."""

    def __init__(self, gray: NDArray[np.uint8]):
        self.size = mh, mw = macroblocks(*gray.shape)
        self.sub_size = 2 * mh, 2 * mw
        whole = np.pad(gray, ((0, BLOCK * mh - gray.shape[0]), (0, BLOCK * mw - gray.shape[1])), mode="edge")
        self.blocks = _in_blocks(whole, BLOCK)  # (N, 16, 16)
        self.sub_blocks = _in_blocks(whole, SUB)  # (4 · N, 8, 8)
        self.places = _places(self.size, BLOCK)  # (N, 2)
        self.sub_places = _places(self.sub_size, SUB)  # (4 · N, 2)
        numbers = np.arange(4 * mh * mw).reshape(mh, 2, mw, 2)
        self.parts = numbers.transpose(0, 2, 1, 3).reshape(-1, 4).copy()  # the blocks of 8 × 8 of each macroblock: (N, 4)


def _in_blocks(whole: NDArray[np.uint8], block: int) -> NDArray[np.uint8]:
    height, width = whole.shape[0] // block, whole.shape[1] // block
    in_order = whole.reshape(height, block, width, block).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(in_order).reshape(height * width, block, block)


def _places(size: tuple[int, int], block: int) -> NDArray[np.int32]:
    """First pixels of the blocks of a grid, y and x in quarter pels, row by row: (h · w, 2)."""
    return (FRACTION * block * np.indices(size, np.int32)).reshape(2, -1).T.copy()


class Planes:
    """Luma of a reference, its border continued, shifted by every number of quarter pels."""

    def __init__(self, gray: NDArray[np.uint8]):
        self._height, self._width = gray.shape
        whole = np.pad(gray, MARGIN + TAPS, mode="edge")
        self._planes = np.empty((FRACTION**2, self._height + 2 * MARGIN, self._width + 2 * MARGIN), np.uint8)
        for top in range(0, self._planes.shape[1], STRIP):
            bottom = min(top + STRIP, self._planes.shape[1])
            strip = whole[top + TAPS - BEFORE : bottom + 2 * TAPS - BEFORE].astype(np.int16)
            for down in range(FRACTION):
                rows = _filtered(strip, FILTERS[down], bottom - top, axis=0).astype(np.int16)
                rows = rows[:, TAPS - BEFORE : rows.shape[1] - BEFORE]
                for right in range(FRACTION):
                    self._planes[FRACTION * down + right, top:bottom] = _filtered(
                        rows, FILTERS[right], self._planes.shape[2], axis=1
                    )

    def blocks(self, places: NDArray[np.int32], block: int = BLOCK) -> NDArray[np.uint8]:
        """Blocks of 16 × 16 or 8 × 8 whose first pixels are y and x (N, 2) in quarter pels: (N, block, block)."""
        y, x = places[:, 0], places[:, 1]
        phase = FRACTION * (y & FRACTION - 1) + (x & FRACTION - 1)
        y = np.minimum(np.maximum(y // FRACTION, -block - 1), self._height + 1)  # beyond that all blocks are the same
        x = np.minimum(np.maximum(x // FRACTION, -block - 1), self._width + 1)
        plane, row, _ = self._planes.strides
        starts = plane * phase.astype(np.int64) + (row * (y + MARGIN) + (x + MARGIN))
        # every position begins a block, whose items are rows: NumPy copies these several times as fast as pixels
        count, strides = self._planes.size - (row + 1) * (block - 1), (1, row)
        everywhere: NDArray[Any] = np.ndarray((count, block), f"V{block}", buffer=self._planes.data, strides=strides)
        return everywhere[starts].view(np.uint8).reshape(-1, block, block)


LOW = np.uint64(0x00FF00FF00FF00FF)  # every second byte
LANES = np.uint64(0x0001000100010001)  # times this, the highest lane of 16 bits becomes the sum of all four
HALVES = np.kron(np.ones((SUB, 1)), np.eye(2)).astype(np.float32)  # left and right halves of 8 rows: (16, 2)


def differences(current: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sums of absolute differences of blocks (N, block, block): (N,)."""
    rows = _rows(current, predicted)
    return rows @ np.ones(rows.shape[1], np.float32)


def differences_of_parts(current: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sums of absolute differences of blocks (N, 16, 16) in parts of 8 × 8: (N, 4)."""
    return (_rows(current, predicted).reshape(-1, 2 * SUB) @ HALVES).reshape(-1, 4)


def _rows(current: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sums of absolute differences of runs of 8 pixels: (N, block² / 8). Eight are added in one number of 64 bits."""
    eights = apart(current, predicted).reshape(-1, current.shape[1] * current.shape[2]).view(np.uint64)
    sums = eights & LOW
    eights >>= np.uint64(8)
    eights &= LOW
    sums += eights
    sums *= LANES
    sums >>= np.uint64(48)
    return sums.astype(np.float32)


def apart(current: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute differences."""
    difference: NDArray[np.uint8] = np.maximum(current, predicted)
    difference -= np.minimum(current, predicted)
    return difference


def _filtered(values: NDArray[np.int16], taps: NDArray[np.int16], size: int, axis: int) -> NDArray[np.uint8]:
    """One filter along an axis, rounded to grey levels; `size` results."""
    part = [slice(None), slice(None)]

    def shifted(i: int) -> NDArray[np.int16]:
        part[axis] = slice(i, i + size)
        return values[tuple(part)]

    if taps[BEFORE] == 64:
        return shifted(BEFORE).astype(np.uint8)
    total = shifted(BEFORE) * taps[BEFORE]
    for i in range(TAPS):
        if i != BEFORE and taps[i]:
            total += shifted(i) * taps[i]
    total += 32
    total >>= 6
    return np.clip(total, 0, 255, out=total).astype(np.uint8)
