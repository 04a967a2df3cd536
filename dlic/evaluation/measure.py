"""One image through one codec: a file is written, read back and decoded, and its pixels are compared."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlic.codecs.base import Codec
from dlic.evaluation.metrics import ms_ssim, psnr


@dataclass(frozen=True)
class Measured:
    """One image at one setting."""

    bytes: int
    bpp: float
    psnr: float
    ms_ssim: float | None


@dataclass(frozen=True)
class Means:
    """Means over images of the per-image values."""

    bpp: float
    psnr: float
    ms_ssim: float


def measure(codec: Codec, image: np.ndarray) -> Measured:
    """uint8 (H, W, 3) → what its file costs and what comes back from it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(codec.compress(image))
        size = path.stat().st_size
        decoded = codec.decompress(path.read_bytes())
    pixels = image.shape[0] * image.shape[1]
    return Measured(size, size * 8 / pixels, psnr(image, decoded), ms_ssim(image, decoded))


def means(rows: Iterable[Measured]) -> Means:
    rows = list(rows)
    similarities = [row.ms_ssim for row in rows if row.ms_ssim is not None]
    return Means(
        float(np.mean([row.bpp for row in rows])),
        float(np.mean([row.psnr for row in rows])),
        float(np.mean(similarities)) if similarities else float("nan"),
    )
