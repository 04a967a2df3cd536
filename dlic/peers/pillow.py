"""The peers: codecs that Pillow ships."""

import io
from collections.abc import Callable, Mapping
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


def jpeg2000(ratio: float) -> PillowCodec:
    """OpenJPEG's 9/7 wavelet at a ratio of 24 bits per pixel to those of the file.

    With the colour transform, which Pillow leaves out by default: that costs 2 to 5 dB.
    """
    return PillowCodec("JPEG2000", {"irreversible": True, "mct": 1, "quality_mode": "rates", "quality_layers": [ratio]})


@dataclass(frozen=True)
class FoundJpeg:
    """A JPEG that reaches a quality."""

    data: bytes
    quality: int
    psnr: float  # dB, of its pixels


def jpeg_at_psnr(
    image: np.ndarray, least: float, psnr: Callable[[np.ndarray, np.ndarray], float], metadata: Mapping[str, bytes]
) -> FoundJpeg | None:
    """The smallest progressive JPEG of at least `least` dB, 4:2:0 or 4:4:4; None where no JPEG reaches that. `metadata`: Pillow's
    options icc_profile, exif and xmp. For each subsampling the lowest quality is found by bisection, which takes PSNR to rise with
    quality.
    """
    options = {"optimize": True, "progressive": True, **metadata}
    candidates = (_lowest_quality(image, least, psnr, {**options, "subsampling": sampling}) for sampling in ("4:2:0", "4:4:4"))
    return min(filter(None, candidates), key=lambda found: len(found.data), default=None)


def _lowest_quality(
    image: np.ndarray, least: float, psnr: Callable[[np.ndarray, np.ndarray], float], options: Mapping
) -> FoundJpeg | None:
    low, high, best = 1, 100, None
    while low <= high:
        middle = (low + high) // 2
        codec = PillowCodec("JPEG", {"quality": middle, **options})
        data = codec.compress(image)
        decoded = codec.decompress(data)
        reached = psnr(image, decoded if image.ndim == 3 else decoded[..., 0])
        if reached >= least:
            best, high = FoundJpeg(data, middle, reached), middle - 1
        else:
            low = middle + 1
    return best
