"""What a codec is: uint8 (H, W, 3) pixels ⇄ bytes."""

from typing import Protocol

import numpy as np

from dlic.errors import DlicError


class Codec(Protocol):
    """One way of coding an image; every codec dlic measures has this shape."""

    def compress(self, image: np.ndarray) -> bytes: ...

    def decompress(self, data: bytes) -> np.ndarray: ...


def check_pixels(image: np.ndarray) -> np.ndarray:
    """`image` if it is uint8 (H, W, 3) with at least one pixel; DlicError otherwise."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise DlicError(f"an image must be a uint8 array of shape (height, width, 3), not {found}")
    if image.size == 0:
        raise DlicError(f"an image must have at least one pixel, not {image.shape[0]} × {image.shape[1]}")
    return image
