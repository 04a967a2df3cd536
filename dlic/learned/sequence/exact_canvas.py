"""Blocks of a predicted frame in few colours; pixels may be those of the prediction."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless import webp
from dlic.learned.exact.blocks import sums
from dlic.learned.exact.calming import OUTSIDE, Errors, calmed
from dlic.learned.exact.canvas import FIRST, PALETTES, Painted, downhill
from dlic.learned.exact.few_colours import Colours, Merging
from dlic.learned.exact.price import Price
from dlic.learned.sequence.exact_blocks import ExactBlocks, Mask, Packing, Samples
from dlic.pixels.colour_codes import packed


@dataclass(frozen=True, eq=False)
class PredictedFrame:
    """A frame to encode, what it is predicted by, and how errors in it count."""

    x: Samples
    p: Samples
    weights: NDArray[np.float32]  # (H, W)

    def errors(self, shown: Samples, price: Price) -> NDArray[np.float64]:
        """Errors of each block of a decoded frame (H, W, 3), in bits: (⌈H / 16⌉, ⌈W / 16⌉)."""
        return price.error(sums(self.weights * squares(shown, self.x)))


class FrameCanvas:
    """The blocks of a mask in a frame. `over`: pixels that the prediction has right may be clear."""

    def __init__(self, frame: PredictedFrame, mask: Mask, price: Price, over: bool):
        self.mask, self._price, self._over = mask, price, over
        self.packing = Packing.of(mask, *frame.x.shape[:2])
        self._x, self._p, self._weights = (self.packing.take(values) for values in (frame.x, frame.p, frame.weights))
        self._apart = squares(self._x, self._p)
        self._costs: dict[int | None, float] = {}

    @cached_property
    def colours(self) -> int | None:
        """The number of colours that costs least; None: all."""
        fewer = PALETTES[downhill(lambda place: self._cost(PALETTES[place]), len(PALETTES), PALETTES.index(FIRST))]
        return min((None, fewer), key=self._cost)

    @property
    def cost(self) -> float:
        """Bits + error."""
        return self._cost(self.colours)

    @property
    def costs(self) -> NDArray[np.float64]:
        """Bits + error of each block of the frame: bits in proportion to the changes between neighbouring pixels."""
        painted = self.painted(self.colours)
        changes = painted.changes * self.packing.mask
        rate = 8 * self.packing.about(painted.pixels, painted.clear) / max(1, changes.sum())
        costs = np.zeros(self.mask.shape)
        costs[self.mask] = (rate * changes + self._errors(painted))[self.packing.mask]
        return costs

    def stored(self, searches: tuple[webp.Search, ...]) -> ExactBlocks:
        """The blocks in the best number of colours."""
        painted = self.painted(self.colours)
        return ExactBlocks(self.mask, self.packing.store(painted.pixels, painted.clear, searches))

    def painted(self, colours: int | None) -> Painted:
        """The packed blocks in at most so many colours."""
        if colours is None:
            clear = self._apart == 0
            return self._shown(np.where(clear & self._over, -1, packed(self._x).astype(np.int32)), self._x)
        palette, entries = self._merging.palette(colours)
        labels = np.full(self._apart.shape, OUTSIDE, np.int32)
        labels[self._inside] = entries[self._merging.colours.places]
        clear = self._apart if self._over else None
        if clear is not None:
            labels[self._inside & (clear <= squares(palette[labels], self._x))] = len(palette)
        labels = calmed(labels, Errors(self._x, palette, self._weights, clear), self._price.of_change)
        labels[labels == len(palette)] = -1
        return self._shown(labels, palette[labels])

    def _shown(self, labels: NDArray[np.int32], pixels: Samples) -> Painted:
        clear = self._inside & (labels < 0)
        if not clear.any():
            return Painted(pixels, labels)
        return Painted(np.where(clear[..., None], self._p, pixels), labels, clear)

    def _cost(self, colours: int | None) -> float:
        if colours not in self._costs:
            painted = self.painted(colours)
            self._costs[colours] = 8 * self.packing.about(painted.pixels, painted.clear) + float(
                self._errors(painted)[self.packing.mask].sum()
            )
        return self._costs[colours]

    def _errors(self, painted: Painted) -> NDArray[np.float64]:
        """Errors of each block of the packed picture, in bits."""
        return self._price.error(sums(self._weights * squares(painted.pixels, self._x)))

    @cached_property
    def _inside(self) -> Mask:
        return self.packing.inside

    @cached_property
    def _merging(self) -> Merging:
        weights = np.where(self._apart > 0, self._weights, 0) if self._over else self._weights
        return Merging(Colours.of(self._x[self._inside], weights[self._inside]))


def squares(first: Samples, second: Samples) -> NDArray[np.float32]:
    """Squared differences of pixels (H, W, 3), all channels together: (H, W)."""
    summed: NDArray[np.float32] = np.square(first.astype(np.float32) - second).sum(axis=2)
    return summed
