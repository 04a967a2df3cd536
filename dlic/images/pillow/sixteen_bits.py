"""16-bit colour samples, for which Pillow has no mode.

Pillow reads two bytes and keeps the higher one. If it is told the other byte order, it keeps the lower one.
"""

import sys
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from dlic.images.pillow.opening import beginning_of, decoding, open_image
from dlic.images.pillow.orientation import turned
from dlic.images.transparency import with_alpha

if TYPE_CHECKING:
    from PIL.ImageFile import _Tile as Tile

OTHER_BYTE = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}  # ends of Pillow's raw modes

ENDINGS = tuple(OTHER_BYTE)  # unlike that of BGR;16, which has five or six bits a sample


def is_16_bit_colour(image: Image.Image) -> TypeGuard[ImageFile]:
    """Whether an image file that has not been loaded holds it; an image without a file never does."""
    return (
        image.mode in ("RGB", "RGBA")
        and isinstance(image, ImageFile)
        and any(_raw_mode(tile).endswith(ENDINGS) for tile in image.tile)
    )


def sixteen_bit_colour(image: ImageFile, name: str) -> NDArray[np.uint16]:
    """uint16 (H, W, 2, 3 or 4) of an image file that has not been loaded, orientation applied.

    Raises UnreadableImageError where Pillow cannot load it.
    """
    with decoding(name):
        low = open_image(beginning_of(image))
    gray_alpha = _raw_mode(image.tile[0]) == "LA;16B"
    low.tile = [_with_raw_mode(tile, "RGBA" if gray_alpha else _other(_raw_mode(tile))) for tile in low.tile]
    transparent = image.info.get("transparency")
    first, second = (np.asarray(turned(part, name)) for part in (image, low))
    if gray_alpha:  # its four bytes were read as four channels
        return second.copy().view(">u2").astype(np.uint16)
    samples = first.astype(np.uint16) << 8 | second
    return samples if transparent is None else with_alpha(samples, transparent)


def _raw_mode(tile: "Tile") -> str:
    raw_mode = tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0]
    return str(raw_mode)


def _other(raw_mode: str) -> str:
    return raw_mode[:-4] + OTHER_BYTE[raw_mode[-4:]]


def _with_raw_mode(tile: "Tile", raw_mode: str) -> "Tile":
    return tile._replace(args=(raw_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else raw_mode)
