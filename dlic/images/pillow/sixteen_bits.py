"""Samples of 16 bits, which Pillow has no pixels for in colour.

It reads two bytes and keeps the higher one; told that the file has the other byte order, it keeps the lower one.
"""

import sys

import numpy as np
from PIL import Image

from dlic.images.pillow.opening import decoding, open_image
from dlic.images.pillow.orientation import turned
from dlic.images.transparency import with_alpha

OTHER_BYTE = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}  # ends of Pillow's raw modes


def is_16_bit_colour(image: Image.Image) -> bool:
    """Whether an image file that has not been loaded holds it; an image without a file never does."""
    return image.mode in ("RGB", "RGBA") and any(";16" in _raw_mode(tile) for tile in getattr(image, "tile", ()))


def sixteen_bit_colour(image: Image.Image, name: str) -> np.ndarray:
    """uint16 (H, W, 2, 3 or 4) of an image file that has not been loaded, orientation applied.

    Raises UnreadableImageError where Pillow cannot load it.
    """
    with decoding(name):
        low = open_image(image.fp.getvalue())
    gray_alpha = _raw_mode(image.tile[0]) == "LA;16B"
    low.tile = [_with_raw_mode(tile, "RGBA" if gray_alpha else _other(_raw_mode(tile))) for tile in low.tile]
    transparent = image.info.get("transparency")
    first, second = (np.asarray(turned(part, name)) for part in (image, low))
    if gray_alpha:  # its four bytes were read as four channels
        return second.copy().view(">u2").astype(np.uint16)
    samples = first.astype(np.uint16) << 8 | second
    return samples if transparent is None else with_alpha(samples, transparent)


def _raw_mode(tile: tuple) -> str:
    return tile[3] if isinstance(tile[3], str) else tile[3][0]


def _other(raw_mode: str) -> str:
    return raw_mode[:-4] + OTHER_BYTE[raw_mode[-4:]]


def _with_raw_mode(tile: tuple, raw_mode: str) -> tuple:
    return tile._replace(args=raw_mode if isinstance(tile.args, str) else (raw_mode, *tile.args[1:]))
