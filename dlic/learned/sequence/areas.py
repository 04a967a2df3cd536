"""The areas of a frame that the network runs on: rectangles around its coded superblocks."""

import numpy as np
from numpy.typing import NDArray

from dlic.pixels.coverage import covering
from dlic.pixels.rectangles import Rectangle

SUPERBLOCK = 64  # pixels
WORTH = 4  # superblocks that a division must save: an area more costs about as much time as their pixels


def superblocks(height: int, width: int) -> tuple[int, int]:
    """Superblocks down and across that cover a frame."""
    return -(-height // SUPERBLOCK), -(-width // SUPERBLOCK)


def areas(coded: NDArray[np.bool_]) -> list[Rectangle]:
    """Disjoint rectangles in superblocks that hold all that are set in `coded` (h, w). Encoder and decoder find the same ones."""
    return covering(coded, WORTH)


def pixels_of(area: Rectangle, height: int, width: int) -> Rectangle:
    """The pixels of an area of a frame."""
    whole = Rectangle(SUPERBLOCK * area.x, SUPERBLOCK * area.y, SUPERBLOCK * area.width, SUPERBLOCK * area.height)
    return whole.overlap(Rectangle(0, 0, width, height))
