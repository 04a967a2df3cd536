"""Colours as numbers, to sort and to compare."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(pixels: NDArray[Any]) -> NDArray[np.uint32]:
    """Pixels (…, C) of three or four channels as numbers (…): their order is that of red, green, blue and alpha."""
    codes = np.zeros(pixels.shape[:-1], np.uint32)
    for channel in range(pixels.shape[-1]):
        codes <<= np.uint32(8)
        codes |= pixels[..., channel]
    return codes


def unpacked(codes: NDArray[np.uint32], channels: int = 3) -> NDArray[np.uint8]:
    """Inverse of `packed`: (…, channels)."""
    pixels: NDArray[np.uint8] = np.stack([codes >> 8 * place for place in reversed(range(channels))], axis=-1).astype(np.uint8)
    return pixels


def in_colours(pixels: NDArray[np.uint8]) -> NDArray[Any]:
    """A view of pixels (…, 3 or 4) as one value of three bytes each, which is copied several times as fast: (…). No channel is
    seen that follows blue.
    """
    colours = np.dtype({"names": ["colour"], "formats": ["V3"], "itemsize": pixels.shape[-1]})
    return pixels.view(colours)[..., 0]["colour"]


def coloured(palette: NDArray[np.uint8], entries: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The colours (…, C) of entries (…) of a palette (K, C)."""
    colours = np.ascontiguousarray(palette).view(f"V{palette.shape[1]}")[:, 0]
    pixels: NDArray[np.uint8] = colours.take(entries).view(np.uint8).reshape(*entries.shape, palette.shape[1])
    return pixels
