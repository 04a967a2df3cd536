"""One image through one codec: a file is written, read back and decoded, and its pixels are compared."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlic.codecs.base import Codec
from dlic.evaluation.metrics import ms_ssim, psnr
from dlic.timing import timed


@dataclass(frozen=True)
class Measured:
    """One image at one setting."""

    bytes: int
    bpp: float
    psnr: float
    ms_ssim: float | None
    encode_ms: float  # pixels to bytes and back, without the disk
    decode_ms: float


@dataclass(frozen=True)
class Means:
    """Means over images of the per-image values; of the times medians, which a busy machine moves less."""

    bpp: float
    psnr: float
    ms_ssim: float | None
    encode_ms: float
    decode_ms: float


def measure(codec: Codec, image: np.ndarray) -> Measured:
    """uint8 (H, W, 3) → what its file costs and what comes back from it."""
    return measure_file(codec, image)[0]


def measure_file(codec: Codec, image: np.ndarray) -> tuple[Measured, bytes]:
    """`measure`, and the bytes of the file."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        with timed(seconds, "encode"):
            data = codec.compress(image)
        path.write_bytes(data)
        size, data = path.stat().st_size, path.read_bytes()
        with timed(seconds, "decode"):
            decoded = codec.decompress(data)
    bpp = size * 8 / (image.shape[0] * image.shape[1])
    milliseconds = [1000 * seconds[stage] for stage in ("encode", "decode")]
    return Measured(size, bpp, psnr(image, decoded), ms_ssim(image, decoded), *milliseconds), data


def means(rows: Iterable[Measured]) -> Means:
    """What a table has of the images at one setting."""
    rows = list(rows)
    similarities = [row.ms_ssim for row in rows if row.ms_ssim is not None]
    return Means(
        float(np.mean([row.bpp for row in rows])),
        float(np.mean([row.psnr for row in rows])),
        float(np.mean(similarities)) if similarities else None,
        float(np.median([row.encode_ms for row in rows])),
        float(np.median([row.decode_ms for row in rows])),
    )
