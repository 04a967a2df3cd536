"""The samples of an image that Pillow has decoded."""

import numpy as np
from PIL import Image

STRIP = 1 << 22  # samples copied at once


def pixels_of(image: Image.Image) -> np.ndarray:
    """A writable array as `np.array(image)` gives it, copied by strips: Pillow would hold all of it twice more meanwhile."""
    width, height = image.size
    rows = max(1, STRIP // (width * len(image.getbands())))
    if rows >= height:
        return np.array(image)
    pixels: np.ndarray | None = None
    for top in range(0, height, rows):
        strip = np.asarray(image.crop((0, top, width, min(height, top + rows))))
        if pixels is None:
            pixels = np.empty((height, *strip.shape[1:]), strip.dtype)
        pixels[top : top + len(strip)] = strip
    return pixels
