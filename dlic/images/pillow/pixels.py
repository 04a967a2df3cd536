"""Pillow's decoded images → arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STRIP = 1 << 22  # samples copied at once


def pixels_of(image: Image.Image) -> NDArray[Any]:
    """A writable array as `np.array(image)` gives it, copied by strips: Pillow would hold all of it twice more meanwhile."""
    width, height = image.size
    rows = max(1, STRIP // (width * len(image.getbands())))
    if rows >= height:
        return np.array(image)
    first = np.asarray(image.crop((0, 0, width, rows)))
    pixels = np.empty((height, *first.shape[1:]), first.dtype)
    pixels[:rows] = first
    for top in range(rows, height, rows):
        pixels[top : top + rows] = np.asarray(image.crop((0, top, width, min(height, top + rows))))
    return pixels
