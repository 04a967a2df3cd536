"""Full search in small copies of two frames: first vectors for the search in the frames themselves."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dlic.classical.motion.field import BLOCK, FRACTION

SIDE = 4  # pixels of a small copy along a block
SCALES = ((4, 12), (16, 10))  # pixels in one of the copy; the search's reach in the copy's pixels: 48 and 160 pixels


def candidates(current: NDArray[np.uint8], reference: NDArray[np.uint8], size: tuple[int, int]) -> list[NDArray[np.int16]]:
    """Vectors (mh, mw, 2) in quarter pels: the best of each block of 16 × 16, of it with its neighbours, and of larger blocks.

    `current` and `reference`: luma (H, W); `size`: macroblocks down and across.
    """
    found = []
    for scale, reach in SCALES:
        costs, offsets = block_costs(smaller(current, scale), smaller(reference, scale), reach)
        step, first = scale * SIDE // BLOCK, [costs] if scale * SIDE == BLOCK else []
        for one in (*first, _with_neighbours(costs)):
            vectors = offsets[one.argmin(axis=0)] * (scale * FRACTION)
            found.append(vectors.repeat(step, axis=0).repeat(step, axis=1)[: size[0], : size[1]].astype(np.int16))
    return found


def smaller(gray: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Means of scale × scale pixels, of as many as whole blocks take: (SIDE·h, SIDE·w)."""
    block = scale * SIDE
    padded = np.pad(gray, ((0, -gray.shape[0] % block), (0, -gray.shape[1] % block)), mode="edge")
    rows = padded.reshape(-1, scale, padded.shape[1]).sum(axis=1, dtype=np.uint16)
    sums = sum((rows[:, i::scale] for i in range(1, scale)), rows[:, ::scale].copy())  # NumPy is slow along so short an axis
    return np.asarray(sums // np.uint16(scale**2), np.uint8)


def block_costs(current: NDArray[np.uint8], reference: NDArray[np.uint8], reach: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Differences of all blocks for all offsets, uint16 (K, h, w), and the offsets (K, 2); near ones first.

    Both frames get rows of one length, so that an offset is a distance in memory and NumPy runs through whole frames.
    """
    count, (height, width) = 2 * reach + 1, current.shape
    length = width + 2 * reach + -(width + 2 * reach) % SIDE
    around = np.pad(reference, ((reach, reach + 1), (reach, length - width - reach)), mode="edge").ravel()
    rows = np.pad(current, ((0, 0), (0, length - width))).ravel()
    costs = np.empty((count, count, height // SIDE, width // SIDE), np.uint16)
    apart = np.empty((count, rows.size), np.uint8)  # by offset across
    lower = np.empty_like(apart)
    for down, of_row in enumerate(costs):
        moved = sliding_window_view(around[down * length :], rows.size)[:count]
        np.maximum(rows, moved, out=apart)
        apart -= np.minimum(rows, moved, out=lower)
        pairs, odd = apart.view(np.uint16), lower.view(np.uint16)  # of bytes, as sums of 16 bits take no conversion
        np.right_shift(pairs, 8, out=odd)
        pairs &= 255
        pairs += odd
        blocks = pairs.reshape(count, height // SIDE, SIDE, length // 2)[..., : width // 2]
        columns = blocks[:, :, 0] + blocks[:, :, 1]
        columns += blocks[:, :, 2]
        columns += blocks[:, :, 3]
        np.add(columns[..., ::2], columns[..., 1::2], out=of_row)
    offsets = _near_first(reach)
    return costs[offsets[:, 0] + reach, offsets[:, 1] + reach], offsets


@lru_cache(maxsize=8)
def _near_first(reach: int) -> NDArray[np.int64]:
    """All offsets up to `reach`, near ones first: (K, 2)."""
    places = np.ndindex(2 * reach + 1, 2 * reach + 1)
    return np.array(sorted(places, key=lambda at: abs(at[0] - reach) + abs(at[1] - reach))) - reach


def _with_neighbours(costs: NDArray[Any]) -> NDArray[Any]:
    """Costs (K, h, w) plus half of those of the eight blocks around, times two: at most 10 · 16 · 255, which 16 bits hold."""
    rows = _plus_neighbours(costs, costs, axis=1)
    return _plus_neighbours(rows + costs, rows, axis=2)


def _plus_neighbours(sums: NDArray[Any], values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Sums plus the values before and after each along an axis; at the border its own."""
    sums, values = np.moveaxis(sums.copy(), axis, 0), np.moveaxis(values, axis, 0)
    sums[1:] += values[:-1]
    sums[0] += values[0]
    sums[:-1] += values[1:]
    sums[-1] += values[-1]
    return np.moveaxis(sums, 0, axis)
