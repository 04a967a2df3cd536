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
    """Luma of a frame in macroblocks, its border continued."""

    def __init__(self, gray: NDArray[np.uint8]):
        self.size = mh, mw = macroblocks(*gray.shape)
        whole = np.pad(gray, ((0, BLOCK * mh - gray.shape[0]), (0, BLOCK * mw - gray.shape[1])), mode="edge")
        blocks = whole.reshape(mh, BLOCK, mw, BLOCK).transpose(0, 2, 1, 3)
        self.blocks = np.ascontiguousarray(blocks).reshape(-1, BLOCK, BLOCK)  # (N, 16, 16)


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

    def blocks(self, vectors: NDArray[Any], block: int = BLOCK) -> NDArray[np.uint8]:
        """Blocks at every place of the grid of 16 × 16 or 8 × 8, moved by vectors (h, w, 2): (h·w, block, block)."""
        height, width = vectors.shape[:2]
        at = vectors.astype(np.int64) + FRACTION * block * np.moveaxis(np.mgrid[:height, :width], 0, 2)
        phase = (at[..., 0] % FRACTION * FRACTION + at[..., 1] % FRACTION).reshape(-1, 1)
        y = np.clip(at[..., 0] // FRACTION, -block - 1, self._height + 1).reshape(-1, 1) + MARGIN
        x = np.clip(at[..., 1] // FRACTION, -block - 1, self._width + 1).reshape(-1, 1) + MARGIN
        shape = (*self._planes.shape[:2], self._planes.shape[2] - block + 1)
        runs: NDArray[Any] = np.ndarray(shape, f"V{block}", buffer=self._planes.data, strides=self._planes.strides)
        return runs[phase, y + np.arange(block), x].view(np.uint8).reshape(-1, block, block)


def differences(current: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sums of absolute differences of blocks (N, 16, 16) in their quarters: (N, 2, 2)."""
    apart = np.maximum(current, predicted)
    apart -= np.minimum(current, predicted)
    rows = apart.reshape(-1, 2, SUB, 2, SUB).sum(axis=2, dtype=np.uint16)  # (N, 2, 2, 8)
    return rows.sum(axis=3, dtype=np.float32)


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
