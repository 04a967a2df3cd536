"""Intermediate results of the learned codec for a whole picture, which is one unit or tiles."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import Container, write
from dlic.learned.unit import AnalysedUnit, UnitCodec
from dlic.pixels.grid import Grid
from dlic.pixels.rectangles import Rectangle


@dataclass(frozen=True, eq=False)
class AnalysedPicture:
    """An image with its analysed units. They are kept for all levels, as far as memory allows."""

    image: NDArray[np.uint8]  # (H, W, 3)
    grid: Grid | None = None  # tiles; None: the picture is one unit
    room: int = 0  # tiles that are kept for other levels
    kept: dict[int, AnalysedUnit] = field(default_factory=dict)

    @property
    def height(self) -> int:
        return self.image.shape[0]

    @property
    def width(self) -> int:
        return self.image.shape[1]

    @property
    def units(self) -> list[Rectangle]:
        """The places of the units in the image."""
        return self.grid.tiles if self.grid else [Rectangle(0, 0, self.width, self.height)]

    def unit(self, codec: UnitCodec, index: int) -> AnalysedUnit:
        """A unit: the kept one, or newly analysed."""
        if index in self.kept:
            return self.kept[index]
        analysed = codec.analyse(self.image, self.units[index])
        if index < self.room:
            self.kept[index] = replace(analysed, seconds={})  # a kept unit takes no time again
        return analysed


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoded:
    """A compressed picture, with its symbols' checksums and the times of its stages."""

    container: Container
    crcs: tuple[int, ...]  # of the symbols of each unit
    estimate: Callable[[], float]
    seconds: dict[str, float]  # by stage
    y_hat: NDArray[np.float32] | None = None  # (h, w, M) of a picture of one unit
    exact: float = 0.0  # share of exact blocks, 0 … 1

    @cached_property
    def data(self) -> bytes:
        """The file."""
        return write(self.container)

    @property
    def level(self) -> int:
        """Rate level."""
        return self.container.level

    @cached_property
    def estimated_bits(self) -> float:
        """Ideal bits of the symbols by the frequency tables; compare them with the bytes of the file."""
        return self.estimate()
