"""Windows of blocks that overlap, blended into pixels.

A window reaches OVERLAP pixels beyond its block. Across each edge between two blocks the weight of the one falls and that of the
other rises, over 2 · OVERLAP pixels (Orchard and Sullivan, "Overlapped block motion compensation", IEEE Transactions on Image
Processing 3, 1994), so the weights of all windows over a pixel sum to one. At the frame's border there is nothing to overlap with.

    a row of all windows ─ · weights, + the window above's ─ + the window left's ─ one row of pixels of every block

All numbers are whole multiples of a power of two with at most 24 bits, which float32 holds exactly.
"""

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import BLOCK, SUB
from dlic.classical.motion.interpolation import SCALE

OVERLAP = 4
BAND = 2 * OVERLAP  # pixels that two windows share
WINDOW = BLOCK + BAND
ONE = 4 * OVERLAP  # the weight one along an axis
RISE = np.arange(1, ONE, 2, dtype=np.float32)  # of the later window; that of the other is ONE − RISE
TOTAL = 2 * SCALE * ONE**2  # of a sum: two references, 1/16 grey levels, weights down and across
APART = 3 * WINDOW - BLOCK  # from a value in the last columns of a window to that which it is added to, in the window at the right
MOST = 255.5  # what becomes 255 without a fraction

Windows = NDArray[np.int16]  # (rows, …, 3, columns), in 1 / (2 · SCALE) grey levels


def blended(windows: Windows, split: NDArray[np.bool_], blocks: Windows) -> NDArray[np.uint8]:
    """Pixels (BLOCK · h, BLOCK · w, 3) of macroblocks.

    Args:
        windows: (WINDOW, h, w, 3, WINDOW); of split ones anything.
        split: (h, w).
        blocks: (SUB + BAND, 2, 2, N, 3, SUB + BAND), of the blocks down and across of split macroblocks.
    """
    height, width = split.shape
    pixels = np.empty((BLOCK * height + OVERLAP, BLOCK * width + OVERLAP, 3), np.uint8)
    rows = pixels[: BLOCK * height].reshape(height, BLOCK, -1, 3)
    across, some = _Across(width), bool(split.any())

    def weighted(row: int) -> NDArray[np.float32]:
        """One row of all windows (h, w, 3, WINDOW), where no other block shares its pixels times their weight."""
        values = windows[row] * (across.middle * np.float32(ONE) if BAND <= row < BLOCK else across.middle)
        if some:
            values[split] = _joined(blocks, row)
        return values

    for row in range(BLOCK):
        if row < BAND:
            values, above = weighted(row), weighted(BLOCK + row)
            pixels_below = above[-1:] * ONE
            values[0] *= ONE
            values[1:] *= RISE[row]
            values[1:] += above[:-1] * (ONE - RISE[row])
            if row < OVERLAP:
                pixels[BLOCK * height + row] = across.pixels(pixels_below)[0]
        else:
            values = weighted(row)
        rows[:, row] = across.pixels(values)
    return pixels[OVERLAP:, OVERLAP:]


def _joined(blocks: Windows, row: int) -> NDArray[np.float32]:
    """A row of the windows of the four blocks of split macroblocks as one, blended where they overlap: (N, 3, WINDOW)."""
    if row < BAND:
        halves = blocks[row, 0].astype(np.float32)
    elif row < BLOCK:
        rise = RISE[row - BAND]
        halves = blocks[row, 0] * (ONE - rise) + blocks[row - SUB, 1] * rise
    else:
        halves = blocks[row - SUB, 1].astype(np.float32)
    left, right = halves.reshape(2, -1, SUB + BAND)
    return np.asarray(left @ _LEFT + right @ _RIGHT).reshape(-1, 3, WINDOW)


def _placed() -> NDArray[np.float32]:
    """The row of a block's window (SUB + BAND,) → of the macroblock's, for the block at the left: (SUB + BAND, WINDOW)."""
    return np.eye(SUB + BAND, WINDOW, dtype=np.float32) * np.concatenate([np.ones(SUB), ONE - RISE])[:, None].astype(np.float32)


_LEFT, _RIGHT = _placed(), np.ascontiguousarray(_placed()[::-1, ::-1])


class _Across:
    """Weights of a row of macroblocks' windows, (w · 3 · WINDOW,) each, and the sum of such a row."""

    def __init__(self, width: int):
        own, left = np.full((width, 3, WINDOW), ONE, np.float32), np.zeros((width, 3, WINDOW), np.float32)
        own[1:, :, :BAND], left[1:, :, :BAND] = RISE, ONE - RISE
        own[..., BAND:BLOCK] = 1  # `middle` has their weight
        self._own, self._left = own.reshape(-1) / np.float32(TOTAL), left.reshape(-1)[APART:] / np.float32(TOTAL)
        self.middle = np.ones((width, 3, WINDOW), np.float32)
        self.middle[..., BAND:BLOCK] = ONE

    def pixels(self, windows: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Rows of windows (n, w, 3, WINDOW) → of pixels (n, BLOCK · w + OVERLAP, 3), from OVERLAP left of the first block on."""
        count, width = windows.shape[:2]
        values = windows.reshape(count, -1)
        total = values * self._own
        total[:, APART:] += values[:, :-APART] * self._left
        total += np.float32(0.5)
        np.minimum(np.maximum(total, 0, out=total), MOST, out=total)
        levels = total.astype(np.uint8).reshape(windows.shape)
        pixels = np.empty((count, BLOCK * width + OVERLAP, 3), np.uint8)
        inside = pixels[:, : BLOCK * width].reshape(count, width, BLOCK, 3)
        for plane in range(3):  # all at once would be runs of three
            inside[..., plane] = levels[:, :, plane, :BLOCK]
            pixels[:, BLOCK * width :, plane] = levels[:, -1, plane, BLOCK : BLOCK + OVERLAP]
        return pixels
