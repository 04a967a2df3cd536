"""The areas of a frame that the network runs on: rectangles around its coded superblocks."""

import numpy as np
from numpy.typing import NDArray

from dlic.pixels.rectangles import Rectangle

SUPERBLOCK = 64  # pixels
WORTH = 4  # superblocks that a division must save: an area more costs about as much time as their pixels


def superblocks(height: int, width: int) -> tuple[int, int]:
    """Superblocks down and across that cover a frame."""
    return -(-height // SUPERBLOCK), -(-width // SUPERBLOCK)


def areas(coded: NDArray[np.bool_]) -> list[Rectangle]:
    """Disjoint rectangles in superblocks that hold all that are set in `coded` (h, w). Encoder and decoder find the same ones."""
    rows, columns = np.flatnonzero(coded.any(axis=1)), np.flatnonzero(coded.any(axis=0))
    if not rows.size:
        return []
    box = Rectangle.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    parts = _divided(box, rows, columns)
    if len(parts) == 1:
        return parts
    return [
        Rectangle(part.x + area.x, part.y + area.y, area.width, area.height) for part in parts for area in areas(coded[part.slices])
    ]


def _divided(box: Rectangle, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[Rectangle]:
    """A box in two at its widest gap, or as it is."""
    down, y = _widest_gap(rows)
    right, x = _widest_gap(columns)
    if max(down * box.width, right * box.height) < WORTH:
        return [box]
    if down * box.width >= right * box.height:
        return [Rectangle.between(box.x, box.y, box.right, y), Rectangle.between(box.x, y + down, box.right, box.bottom)]
    return [Rectangle.between(box.x, box.y, x, box.bottom), Rectangle.between(x + right, box.y, box.right, box.bottom)]


def _widest_gap(places: NDArray[np.int64]) -> tuple[int, int]:
    """Length and first place of the longest run of missing numbers between sorted ones; of equals the first."""
    gaps = np.diff(places) - 1
    if not gaps.size:
        return 0, 0
    widest = int(gaps.argmax())
    return int(gaps[widest]), int(places[widest]) + 1


def pixels_of(area: Rectangle, height: int, width: int) -> Rectangle:
    """The pixels of an area of a frame."""
    whole = Rectangle(SUPERBLOCK * area.x, SUPERBLOCK * area.y, SUPERBLOCK * area.width, SUPERBLOCK * area.height)
    return whole.overlap(Rectangle(0, 0, width, height))


def of_pixels(coded: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Values of superblocks (h, w) → of pixels (height, width)."""
    return coded.repeat(SUPERBLOCK, axis=0).repeat(SUPERBLOCK, axis=1)[:height, :width]
