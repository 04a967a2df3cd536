"""Small previews as WebP, which browsers and desktops can show."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.images.bit_depth import to_eight_bits

SIDE = 160  # pixels at most, unless asked for otherwise
MAX_SIDE = 256
MAX_BYTES = 3000
QUALITIES = (75, 60, 45, 30, 15)


def thumbnail(pixels: NDArray[Any], side: int = SIDE) -> bytes:
    """uint8 or uint16 (H, W), (H, W, 2), (H, W, 3) or (H, W, 4) → a WebP file of at most `side` pixels a side and MAX_BYTES."""
    image = Image.fromarray(to_eight_bits(pixels) if pixels.dtype == np.uint16 else pixels)
    image = image.convert("RGBA") if image.mode == "LA" else image
    while True:
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)  # in place: a copy of a big one takes its memory
        for quality in QUALITIES:
            data = _webp(image, quality)
            if len(data) <= MAX_BYTES:
                return data
        side //= 2


def _webp(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=quality, alpha_quality=quality)
    return buffer.getvalue()
