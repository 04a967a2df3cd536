"""Some blocks of an image in fewer colours: the bits and the error of each number of colours, and the best number.

Pixels of smooth shades may be clear: the network shows them, between the exact ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.container.exact_layer import write_mask
from dlic.learned.exact import layer
from dlic.learned.exact.blocks import blocks_of, squares, sums
from dlic.learned.exact.calming import OUTSIDE, Errors, Labels, calmed
from dlic.learned.exact.few_colours import MAX_COLOURS, Merging
from dlic.learned.exact.price import Price
from dlic.learned.exact.subject import Subject
from dlic.pixels.colour_codes import coloured, in_colours, packed
from dlic.pixels.rectangles import Rectangle

PALETTES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, MAX_COLOURS)  # numbers of colours to try
FIRST = 32  # where the search begins
MANY = 128  # colours from which on all of them are tried too
CLOSE = 1200  # weighted squared error up to which the ground does for a pixel: its colour does not count

Samples = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Painted:
    """Blocks in few colours."""

    pixels: Samples  # (H, W, 3), right in the blocks
    labels: Labels  # (H, W): equal where the layer's pixels are
    clear: Mask | None = None  # (H, W): pixels that the network shows; None: none

    @property
    def changes(self) -> NDArray[np.float64]:
        """How often neighbours differ in each block, to the right and below: (h, w)."""
        changes = np.zeros(self.labels.shape, np.float32)
        changes[:, 1:] += self.labels[:, 1:] != self.labels[:, :-1]
        changes[1:] += self.labels[1:] != self.labels[:-1]
        return sums(changes)


@dataclass(frozen=True, eq=False)
class Rendition:
    """A canvas in at most so many colours, at a price."""

    colours: int | None
    price: Price
    painted: Painted
    streams: tuple[bytes, ...]  # of its layer, quickly coded
    bits: int  # of the layer, about
    cost: float  # bits + error, with those of a network where pixels are clear


class Canvas:
    """The blocks of `mask` in an image. Only the colours of `sure` blocks count for palettes. `whole`: no pixel may be clear."""

    def __init__(self, subject: Subject, mask: Mask, sure: Mask | None = None, whole: bool = False):
        self._subject, self.mask, self._sure = subject, mask, mask if sure is None else sure
        self.whole = whole or subject.ground is None
        self._ground = None if whole else subject.ground
        self._costs: dict[tuple[int | None, Price], float] = {}
        self._best: dict[Price, int | None] = {}
        self._kept: Rendition | None = None  # the best one at the last price

    def best(self, price: Price, near: int | None = None) -> int | None:
        """The number of colours that costs least, sought from `near` on; None: all, which only cost less where many do."""
        if price not in self._best:
            start = PALETTES.index(near or FIRST)
            fewer = PALETTES[downhill(lambda place: self.cost(PALETTES[place], price), len(PALETTES), start)]
            choices = (None, fewer) if fewer >= MANY else (fewer,)
            self._best[price] = min(choices, key=lambda colours: self.cost(colours, price))
        return self._best[price]

    def settle(self, price: Price, colours: int) -> None:
        """Takes a number of colours for the best one, without a search."""
        self._best.setdefault(price, colours)

    def cost(self, colours: int | None, price: Price) -> float:
        """Bits + error of at most so many colours, with those of a network where pixels are clear."""
        if (colours, price) not in self._costs:
            rendition = self._rendered(colours, price)
            self._costs[colours, price] = rendition.cost
            if self._kept is None or self._kept.price != price or rendition.cost < self._kept.cost:
                self._kept = rendition
        return self._costs[colours, price]

    def rendition(self, price: Price, near: int | None = None) -> Rendition:
        """The best one at a price."""
        colours = self.best(price, near)
        if self._kept is None or (self._kept.colours, self._kept.price) != (colours, price):
            self._kept = self._rendered(colours, price)
        return self._kept

    def _rendered(self, colours: int | None, price: Price) -> Rendition:
        painted = self.painted(colours, price)
        streams = layer.quick(painted.pixels, self.mask, clear=painted.clear)
        bits = self._mask_bits + 8 * sum(map(len, streams))
        inside = float(self.errors(painted, price)[self.mask].sum() + self.behind(painted, price).sum())
        return Rendition(colours, price, painted, streams, bits, bits + inside)

    def errors(self, painted: Painted, price: Price) -> NDArray[np.float64]:
        """Errors of the exact pixels of each block, in bits: (h, w)."""
        errors = self._subject.weights * squares(painted.pixels, self._subject.image)
        if painted.clear is not None:
            errors[painted.clear] = 0
        return price.error(sums(errors))

    def behind(self, painted: Painted, price: Price) -> NDArray[np.float64]:
        """Cost of what a network shows in each block: (h, w)."""
        costs = np.zeros(self.mask.shape)
        if painted.clear is not None and self._ground is not None:
            blocks = self.mask & (sums(painted.clear) > 0)
            smooth = self._ground.copy()
            np.copyto(in_colours(smooth), in_colours(self._subject.image), where=painted.clear)
            costs[blocks] = price.of_network(blocks_of(smooth, blocks))
        return costs

    def painted(self, colours: int | None, price: Price) -> Painted:
        """The blocks in at most so many colours, with as few changes as the price asks for."""
        image = self._subject.image
        if colours is None:
            return Painted(image, packed(image).astype(np.int32))
        palette, entries = self._merging.palette(colours)
        labels = np.full(image.shape[:2], OUTSIDE, np.int32)
        labels[self._inside] = entries[self._merging.colours.places]
        clear = None if self._ground is None else self._subject.apart + np.float32(price.of_shades)
        if clear is not None:
            labels[self._inside & (clear < squares(coloured(palette, labels), image))] = len(palette)
        labels = calmed(labels, Errors(image, palette, self._subject.weights, clear), price.of_change)
        return self._shown(labels, palette)

    def _shown(self, labels: Labels, palette: Samples) -> Painted:
        pixels = coloured(palette, np.minimum(labels, len(palette) - 1))
        clear = labels == len(palette)
        if self._ground is None or not clear.any():
            return Painted(pixels, labels)
        np.copyto(in_colours(pixels), in_colours(self._ground), where=clear)
        return Painted(pixels, labels, clear)

    @cached_property
    def _mask_bits(self) -> int:
        return 0 if self.mask.all() else 8 * len(write_mask(self.mask))

    @cached_property
    def _inside(self) -> Mask:
        return layer.in_pixels(self.mask, self._everywhere)

    @cached_property
    def _merging(self) -> Merging:
        counts = layer.in_pixels(self._sure, self._everywhere)
        if self._ground is not None:
            counts &= self._subject.weights * self._subject.apart > CLOSE
        weights = np.where(counts, self._subject.weights, 0)
        return Merging(self._subject.colours.inside(self._inside, weights))

    @property
    def _everywhere(self) -> Rectangle:
        return Rectangle(0, 0, self._subject.image.shape[1], self._subject.image.shape[0])


def downhill(cost: Callable[[int], float], count: int, start: int) -> int:
    """The place 0 … count − 1 of a low cost, found from `start` downhill."""
    best = start
    for step in (1, -1):
        while 0 <= best + step < count and cost(best + step) < cost(best):
            best += step
        if best != start:
            break
    return best
