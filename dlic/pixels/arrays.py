"""Arrays of pixels: the protocol of codecs, checks and padding."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dlic.errors import CorruptFileError, DlicError
from dlic.pixels.rectangles import Rectangle


class Codec(Protocol):
    """A codec of images: uint8 (H, W, 3) pixels ⇄ bytes."""

    def compress(self, image: np.ndarray) -> bytes: ...

    def decompress(self, data: bytes) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decompressed image."""

    image: np.ndarray  # uint8 (H, W, 3)
    seconds: dict[str, float]  # by stage
    lost: tuple[Rectangle, ...] = ()  # parts of the picture that could not be recovered


def size_of_array(image: np.ndarray) -> tuple[int, int]:
    """Height and width of an array (H, W, …)."""
    height, width = image.shape[:2]
    return height, width


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raises CorruptFileError for a picture of more than `max_pixels` pixels, before anything is allocated for it."""
    if width * height > max_pixels:
        raise CorruptFileError(
            f"the picture would have {width} × {height} pixels, above the limit of {max_pixels:,}; --max-pixels raises it"
        )


def check_pixels(image: np.ndarray) -> np.ndarray:
    """Returns `image` if it is uint8 (H, W, 3) with at least one pixel. Raises DlicError otherwise."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        given_type = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise DlicError(f"an image must be a uint8 array of shape (height, width, 3), not {given_type}")
    if image.size == 0:
        raise DlicError(f"an image must have at least one pixel, not {image.shape[0]} × {image.shape[1]}")
    return image


def padded(image: np.ndarray, stride: int) -> np.ndarray:
    """(H, W, C) replicated at the bottom and right to multiples of `stride`."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, -height % stride), (0, -width % stride), (0, 0)), mode="edge")
