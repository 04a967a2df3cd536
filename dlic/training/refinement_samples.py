"""Latents of second layers of photographs, from which `training.refinement` counts tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from dlic.errors import UnreadableImageError
from dlic.images.files import read_image
from dlic.learned.codec import LearnedCodec
from dlic.learned.progressive.refinement import FirstLayer, left_over
from dlic.learned.progressive.tables import CLASSES, GAP, LEVELS_A_BAND, SPREADS

SIDE = 512  # pixels of a photograph's centre
LEVEL_STRIDE = 7  # from one photograph to the next: coprime to the 44 levels that second layers can have


@dataclass(frozen=True, eq=False, kw_only=True)
class Samples:
    """Latents of second layers of one checkpoint: (N,) each."""

    channels: NDArray[np.int16]
    band: NDArray[np.int8]
    row: NDArray[np.uint8]  # by z at the level of the second layer
    spread: NDArray[np.uint8]
    kind: NDArray[np.uint8]  # class of the first symbol
    distance: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: Sequence["Samples"]) -> "Samples":
        return cls(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def samples_of(codec: LearnedCodec, paths: Sequence[Path]) -> Iterator[Samples]:
    """The centre of each photograph at one level, in turn, so that all are seen."""
    for number, path in enumerate(track(paths, f"photographs by {codec.name}", console=Console(stderr=True))):
        try:
            pixels = read_image(str(path)).pixels
        except UnreadableImageError:
            continue
        if pixels.ndim == 3 and min(pixels.shape[:2]) >= SIDE:
            top, left = ((size - SIDE) // 2 for size in pixels.shape[:2])
            crop = np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE, :3])
            yield _of_crop(codec, crop, GAP + number * LEVEL_STRIDE % (codec.levels - GAP))


def _of_crop(codec: LearnedCodec, crop: NDArray[np.uint8], level: int) -> Samples:
    deployed = codec.unit.deployed
    assert deployed.gains is not None, f"{codec.name} has one rate"
    latent = deployed.encoder.analyse(crop)
    plain = codec.unit.rounding.plain(latent, level - GAP)
    first = FirstLayer(plain.symbols, plain.y_hat, level - GAP, plain.symbols.crc)
    rows = deployed.rows.rows(plain.symbols.z, first.size, level)
    return Samples(
        channels=np.broadcast_to(np.arange(latent.shape[2], dtype=np.int16), latent.shape).ravel(),
        band=np.full(latent.size, level // LEVELS_A_BAND, np.int8),
        row=rows.astype(np.uint8).ravel(),
        spread=np.clip(rows.astype(np.int16) - plain.symbols.y_rows, 0, SPREADS - 1).astype(np.uint8).ravel(),
        kind=np.minimum(np.abs(plain.symbols.y), CLASSES - 1).astype(np.uint8).ravel(),
        distance=left_over(latent, first, level, deployed.gains).ravel(),
    )
