"""First vectors of screens: how far the rows, or the columns, of each part of a frame have gone, and where windows were dragged.

Lines of text look alike in small copies of frames, where `coarse` searches. The means of the rows of a part tell them apart, and so
do the phases of the whole frame (Kuglin and Hines 1975): their correlation has a peak for each part that has gone anywhere.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dlic.classical.motion.field import BLOCK, FRACTION, REACH

PART = 64  # pixels along a part
FAR = REACH // FRACTION - BLOCK  # pixels that a part may have gone
PEAKS = 4  # of the correlation of phases
LARGEST = 1 << 22  # pixels of a frame whose phases are compared: 50 bytes of memory each
LEAST = 0.02  # height of a peak: about the share of the frame that went there; noise has 0.002 in 640 × 400 pixels
NEAR = 2  # pixels around a peak that belong to it


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
    return found + [np.broadcast_to(vector, (*size, 2)).copy() for vector in _dragged(current, reference)]


def _dragged(current: NDArray[np.uint8], reference: NDArray[np.uint8]) -> list[NDArray[np.int16]]:
    """Vectors (2,) in quarter pels: the highest peaks of the correlation of phases, but for the one at 0, which others try."""
    if current.size > LARGEST:
        return []
    cross = np.conj(np.fft.rfft2(current)) * np.fft.rfft2(reference)
    cross /= np.maximum(np.abs(cross), 1e-6)
    peaks = np.fft.irfft2(cross, s=current.shape)
    near, at, found = np.arange(-NEAR, NEAR + 1), (0, 0), list[NDArray[np.int16]]()
    for _ in range(PEAKS):
        peaks[np.ix_(*((place + near) % side for place, side in zip(at, peaks.shape, strict=True)))] = 0
        row, column = at = divmod(int(peaks.argmax()), peaks.shape[1])
        if peaks[row, column] < LEAST:
            break
        moved = [place - side * (2 * place >= side) for place, side in zip(at, peaks.shape, strict=True)]
        if max(map(abs, moved)) <= FAR:
            found.append(np.array(moved, np.int16) * FRACTION)
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
