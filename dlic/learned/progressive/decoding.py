"""Second layers for the decoders of pictures and tiles, as far as a file has them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.container.layers import FirstLayerData, SecondLayerData
from dlic.container.units import CodedUnit
from dlic.entropy.parts import Symbols
from dlic.learned.progressive.refinement import FirstLayer, Refined, SecondLayer
from dlic.learned.tiles.seams import Seams
from dlic.learned.unit import DecodedUnit


def first_of(unit: CodedUnit, symbols: Symbols, y_hat: NDArray[np.float32]) -> FirstLayer:
    """The first layer of a unit."""
    return FirstLayer(symbols, y_hat, unit.level, unit.symbols_crc)


@dataclass(frozen=True, eq=False, kw_only=True)
class Further:
    """The second layer of a picture, for `learned.tiles.decoder`."""

    second: SecondLayer
    first: FirstLayerData
    data: SecondLayerData
    full_level: int
    tolerant: bool = False  # leaves out a damaged part and those behind it

    @property
    def level(self) -> int:
        """Level of the synthesis: the first layer's as long as that is alone, then half of the way to the full level and, with the
        square of the missing share, up to it: within 0.04 dB of the best of all levels (two photographs, two levels, all cuts).
        """
        whole, gap = self.data.count * len(self.data.finer), self.full_level - self.first.level
        missing = whole - len(self.data.parts)
        return self.full_level - gap * missing**2 // (2 * whole**2) if self.data.parts else self.first.level

    def y_hat(self, index: int, decoded: DecodedUnit, seams: Seams) -> NDArray[np.float32]:
        """The refined latent of a tile. Raises CorruptFileError."""
        first = FirstLayer(decoded.symbols, decoded.y_hat, self.first.level, self.first.of_tile(index)[-1].crc)
        refined = self.parsed(index, first)
        scale = seams.scale(self.data.finer[index])
        return self.second.y_hat(refined, first, self.full_level, self.level, scale)

    def parsed(self, index: int, first: FirstLayer) -> Refined:
        """The refinements of a tile. Raises CorruptFileError."""
        parts = self.data.of_tile(index)
        return self.second.decode(parts, first, self.full_level, self.data.count, self.tolerant)
