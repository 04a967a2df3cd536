"""The codec of big pictures: applies a unit codec to every tile."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import Container
from dlic.learned.guarded_rounding import GuardedRounding
from dlic.learned.picture import AnalysedPicture, Encoded
from dlic.learned.tiles import decoder, encoder
from dlic.learned.tiles.plan import Tiling
from dlic.learned.unit import UnitCodec
from dlic.pixels.arrays import Decoded
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress


@dataclass(frozen=True, eq=False)
class TileCodec:
    """Images ⇄ containers of tiles."""

    unit: UnitCodec
    tiling: Tiling

    def analyse(self, image: NDArray[np.uint8], keep: bool) -> AnalysedPicture:
        """An image (H, W, 3) in tiles; with `keep` latents stay in memory for other levels."""
        return encoder.analyse(self.unit, self.tiling, image, keep)

    def encode(self, analysed: AnalysedPicture, level: int, effort: int, progress: Progress) -> Encoded:
        """All tiles of an image at one level."""
        return encoder.encode(self.unit, self.tiling, analysed, level, effort, progress)

    def decode(
        self,
        picture: Container,
        crop: Rectangle | None,
        progress: Progress,
        damaged: bool = False,
        further: decoder.FurtherLayer | None = None,
        rounding: GuardedRounding | None = None,
        reduction: int = 1,
    ) -> Decoded:
        """A picture or a part of it, with a further layer if there is one; of a damaged picture, the readable tiles. With
        `rounding`, the frame of a sequence; with `reduction`, a part that begins at multiples of it.
        """
        return decoder.decode(self.unit, self.tiling, picture, crop, progress, damaged, further, rounding, reduction)

    def crcs(self, picture: Container) -> tuple[int, ...]:
        """CRC-32 of the symbols of every tile, read and checked."""
        return decoder.crcs(self.unit, self.tiling, picture)
