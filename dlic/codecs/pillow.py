"""The peers: codecs that Pillow ships."""

import io
from dataclasses import dataclass, field

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class PillowCodec:
    """A Pillow format with fixed save options, such as `PillowCodec("JPEG", {"quality": 75})`."""

    format: str
    options: dict = field(default_factory=dict)

    def compress(self, image: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format=self.format, **self.options)
        return buffer.getvalue()

    def decompress(self, data: bytes) -> np.ndarray:
        return np.array(Image.open(io.BytesIO(data)).convert("RGB"))


def jpeg(quality: int) -> PillowCodec:
    """JPEG 4:2:0 with optimised Huffman tables, the line to beat."""
    return PillowCodec("JPEG", {"quality": quality, "optimize": True, "subsampling": "4:2:0"})


def jpeg_at_size(image: np.ndarray, size: int) -> tuple[int, bytes]:
    """(quality, bytes) of the best JPEG 4:2:0 of at most `size` bytes; the smallest JPEG where none fits."""
    low, high = 1, 95
    best = jpeg(low).compress(image)
    while low < high:
        middle = (low + high + 1) // 2
        data = jpeg(middle).compress(image)
        if len(data) <= size:
            low, best = middle, data
        else:
            high = middle - 1
    return low, best
