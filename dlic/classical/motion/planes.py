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
    """Luma of a frame in macroblocks and in blocks of 8 × 8, its border continued; rows come first, as sums over them are fast."""

    def __init__(self, gray: NDArray[np.uint8]):
        self.size = mh, mw = macroblocks(*gray.shape)
        self.sub_size = 2 * mh, 2 * mw
        whole = np.pad(gray, ((0, BLOCK * mh - gray.shape[0]), (0, BLOCK * mw - gray.shape[1])), mode="edge")
        self.blocks = _in_blocks(whole, BLOCK)  # (16, N, 16)
        self.sub_blocks = _in_blocks(whole, SUB)  # (8, 4 · N, 8)


def _in_blocks(whole: NDArray[np.uint8], block: int) -> NDArray[np.uint8]:
    height, width = whole.shape[0] // block, whole.shape[1] // block
    rows_first = whole.reshape(height, block, width, block).transpose(1, 0, 2, 3)
    return np.ascontiguousarray(rows_first).reshape(block, height * width, block)


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
        """Blocks at every place of the grid of 16 × 16 or 8 × 8, moved by vectors (h, w, 2): (block, h·w, block)."""
        height, width = vectors.shape[:2]
        y = vectors[..., 0].astype(np.int64) + FRACTION * block * np.arange(height)[:, None]
        x = vectors[..., 1].astype(np.int64) + FRACTION * block * np.arange(width)
        phase = FRACTION * (y % FRACTION) + x % FRACTION
        y = np.clip(y // FRACTION, -block - 1, self._height + 1) + MARGIN
        x = np.clip(x // FRACTION, -block - 1, self._width + 1) + MARGIN
        plane, row, _ = self._planes.strides
        run = f"V{block}"  # pixels in a row as one item, as NumPy copies items faster
        runs: NDArray[Any] = np.ndarray(self._planes.size - block + 1, run, buffer=self._planes.data, strides=(1,))
        starts = (plane * phase + row * y + x).ravel()
        return runs[starts + row * np.arange(block)[:, None]].view(np.uint8).reshape(block, -1, block)


def differences(current: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sums of absolute differences of blocks (block, N, block) in parts of 8 × 8: (block / 8, N, block / 8)."""
    apart = np.maximum(current, predicted)
    apart -= np.minimum(current, predicted)
    pairs = apart.view(np.uint16)  # of bytes, as sums of 16 bits take no conversion
    sums = (pairs & 255) + (pairs >> 8)
    parts, (rows, count, half) = apart.shape[0] // SUB, sums.shape
    down = sums.reshape(parts, SUB, count * half).sum(axis=1, dtype=np.uint16)
    assert rows == parts * SUB
    return down.reshape(parts, count, parts, SUB // 2).sum(axis=3, dtype=np.float32)


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
