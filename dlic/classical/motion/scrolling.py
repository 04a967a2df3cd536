"""First vectors of screens that scroll: how far the rows, or the columns, of each part of a frame have gone.

Lines of text look alike in small copies of frames, where `coarse` searches. The means of the rows of a part tell them apart.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dlic.classical.motion.field import BLOCK, FRACTION, REACH

PART = 64  # pixels along a part
FAR = REACH // FRACTION - BLOCK  # pixels that a part may have gone


def candidates(current: NDArray[np.uint8], reference: NDArray[np.uint8], size: tuple[int, int]) -> list[NDArray[np.int16]]:
    """Vectors (mh, mw, 2) in quarter pels: of each part of 64 × 64 pixels and of it with its neighbours, down and across.

    `current` and `reference`: luma (H, W); `size`: macroblocks down and across.
    """
    found = []
    for axis in (0, 1):
        costs = _costs(*(np.moveaxis(gray, axis, 0) for gray in (current, reference)))  # (K, along, across)
        for one in (costs, _with_neighbours(costs)):
            moved = np.moveaxis(one.argmin(axis=0) - len(costs) // 2, axis, 0) * FRACTION
            vectors = np.zeros((*moved.shape, 2), np.int16)
            vectors[..., axis] = moved
            times = PART // BLOCK
            found.append(vectors.repeat(times, axis=0).repeat(times, axis=1)[: size[0], : size[1]])
    return found


def _costs(current: NDArray[np.uint8], reference: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Differences of the means of rows, of all parts for all distances: (2 · reach + 1, ⌈H / 64⌉, ⌈W / 64⌉)."""
    reach = min(FAR, len(current) - 1)
    x, around = _means(current), np.pad(_means(reference), ((reach, reach), (0, 0)), mode="edge")
    starts = np.arange(0, len(x), PART)
    windows = sliding_window_view(around, len(x), axis=0)  # (2 · reach + 1, bands, H)
    costs = np.empty((2 * reach + 1, len(starts), x.shape[1]), np.float32)
    for to, window in zip(costs, windows, strict=True):
        to[...] = np.add.reduceat(np.abs(window.T - x), starts, axis=0)
    return costs


def _means(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means of the rows of bands of 64 columns: (H, ⌈W / 64⌉)."""
    starts = np.arange(0, gray.shape[1], PART)
    widths = np.diff(starts, append=gray.shape[1])
    means: NDArray[np.float32] = (np.add.reduceat(gray, starts, axis=1, dtype=np.float32) / widths).astype(np.float32)
    return means


def _with_neighbours(costs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Costs plus those of the eight parts around."""
    whole = np.pad(costs, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = whole[:, :-2] + whole[:, 1:-1] + whole[:, 2:]
    sums: NDArray[np.float32] = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    return sums
