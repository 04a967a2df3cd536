"""Some blocks of an image in fewer colours: the bits and the error of each number of colours, and the best number."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless import webp
from dlic.container.exact_layer import write
from dlic.learned.exact import layer
from dlic.learned.exact.few_colours import MAX_COLOURS, Colours, Merging, packed, unpacked
from dlic.learned.exact.price import Price
from dlic.pixels.rectangles import Rectangle

PALETTES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, MAX_COLOURS, None)  # numbers of colours to try; None: all
FIRST = 8  # where the search begins among them
AHEAD = 2  # costlier neighbours after which a search turns back
NEAREST = 1 << 20  # distances computed at a time

Samples = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Cost:
    """Bits and error of a number of colours."""

    bits: float
    squares: float  # squared errors of samples, summed

    def at(self, price: Price) -> float:
        return self.bits + price.error(self.squares)


class Canvas:
    """The blocks of `mask` in an image (H, W, 3)."""

    def __init__(self, image: Samples, mask: Mask):
        self._image, self.mask = image, mask
        self._costs: dict[int | None, Cost] = {}

    def best(self, price: Price) -> int | None:
        """The number of colours that costs least; None: all."""
        return PALETTES[_lowest(lambda place: self.cost(PALETTES[place]).at(price), len(PALETTES), FIRST)]

    def cost(self, colours: int | None) -> Cost:
        """The cost of at most so many colours."""
        if colours not in self._costs:
            stored = layer.store(self.painted(colours), self.mask, [webp.QUICK])
            self._costs[colours] = Cost(8 * len(write(stored)), self._squares(colours))
        return self._costs[colours]

    def painted(self, colours: int | None) -> Samples:
        """The image in at most so many colours: those of the blocks, and the nearest for other pixels."""
        if colours is None:
            return self._image
        entries, codes = self._merging.palette(colours), self._codes
        places = np.minimum(np.searchsorted(codes, self._packed), len(codes) - 1)
        painted: Samples = entries[places]
        others = codes[places] != self._packed
        if others.any():
            values, which = np.unique(self._packed[others], return_inverse=True)
            painted[others] = _nearest(unpacked(values), np.unique(entries, axis=0))[which]
        return painted

    @cached_property
    def _merging(self) -> Merging:
        whole = Rectangle(0, 0, self._image.shape[1], self._image.shape[0])
        return Merging(Colours.of(self._image[layer.in_pixels(self.mask, whole)]))

    @cached_property
    def _packed(self) -> NDArray[np.uint32]:
        return packed(self._image)

    @cached_property
    def _codes(self) -> NDArray[np.uint32]:
        return packed(self._merging.colours.values)

    def _squares(self, colours: int | None) -> float:
        if colours is None:
            return 0.0
        of = self._merging.colours
        errors = of.values.astype(np.int64) - self._merging.palette(colours)
        return float(((errors**2).sum(axis=1) * of.counts).sum())


def _lowest(cost: Callable[[int], float], count: int, start: int) -> int:
    """The place 0 … count − 1 of the lowest cost, found from `start` downhill."""
    best = start
    for step in (1, -1):
        place, worse = best + step, 0
        while 0 <= place < count and worse < AHEAD:
            worse = 0 if cost(place) < cost(best) else worse + 1
            best = place if worse == 0 else best
            place += step
    return best


def _nearest(values: Samples, palette: Samples) -> Samples:
    """The entry of a palette (K, 3) that is nearest to each value (N, 3)."""
    result, step = np.empty_like(values), max(1, NEAREST // len(palette))
    centres = palette.astype(np.float32)
    for start in range(0, len(values), step):
        part = values[start : start + step].astype(np.float32)
        result[start : start + step] = palette[((centres**2).sum(axis=1) - 2 * part @ centres.T).argmin(axis=1)]
    return result
