"""The choice of exact blocks and their colours: the least bits + λ · squared error.

image ─ first look ─ possible blocks ─ colours of the sure ones ─ costs of blocks ─ regions ─ mask ─ colours ─ layer
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless import webp
from dlic.container.exact_layer import ExactLayer, size_of_mask
from dlic.errors import DlicError
from dlic.learned.exact import layer
from dlic.learned.exact.blocks import blocks_of
from dlic.learned.exact.canvas import Canvas
from dlic.learned.exact.connected import components
from dlic.learned.exact.first_look import FirstLook, first_look
from dlic.learned.exact.price import Price
from dlic.learned.exact.subject import Subject

AUTO, PHOTO, SCREEN = "auto", "photo", "screen"
CONTENTS = (AUTO, PHOTO, SCREEN)
EXHAUSTIVE_FROM = 3  # effort from which on a search of three seconds a megapixel is worth its 2 %
HIDDEN = 5.0  # bits that a network spends on a block of nothing
RIVAL = 1.6  # estimated cost, of the lowest, up to which a choice is tried
REGION = 400  # bits of a region: its share of the mask, and network bits at its edges

Searches = tuple[webp.Search, ...]
QUICKLY: Searches = (webp.THOROUGH,)  # after the quick one that estimates sizes

Samples = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Exact:
    """The exact blocks of a picture at one level."""

    image: Samples  # (H, W, 3), right where the layer's mask is set and nothing is clear
    layer: ExactLayer
    clear: Mask | None = None  # (H, W): pixels of exact blocks that the network shows; None: none

    @property
    def whole(self) -> bool:
        """Whether nothing is left to a network."""
        return self.clear is None and bool(self.layer.mask.all())


def check_content(content: str) -> str:
    """`content` if it is one of CONTENTS. Raises DlicError otherwise."""
    if content not in CONTENTS:
        raise DlicError(f"content is one of {', '.join(CONTENTS)}, not {content!r}")
    return content


@dataclass(frozen=True, eq=False)
class Chooser:
    """Chooses the exact blocks of one image (H, W, 3), at any level."""

    image: Samples
    content: str = AUTO
    visual: bool = True  # whether errors count as eyes see them, or alike everywhere
    canvases: dict[tuple[bytes, bytes, bool], Canvas] = field(default_factory=dict)  # by their masks, and whether they are whole
    found: dict[Price, list[Canvas | None]] = field(default_factory=dict)  # choices by price
    networks: dict[Price, NDArray[np.float32]] = field(default_factory=dict)  # costs of blocks by price

    def __post_init__(self) -> None:
        check_content(self.content)

    @cached_property
    def look(self) -> FirstLook | None:
        """The blocks to weigh: those of the first look, or all of a screen."""
        look = None if self.content == PHOTO else first_look(self.image)
        if self.content != SCREEN:
            return look
        return FirstLook(self._all, look.sure if look else self._all)

    @cached_property
    def _subject(self) -> Subject:
        return Subject(np.ascontiguousarray(self.image), self.visual)

    def at(self, price: Price, searches: Searches = QUICKLY) -> Exact | None:
        """The exact blocks that cost least by estimates at a price of errors, stored after some `searches`; None for none."""
        return self.stored(self.rivals(price)[0], price, searches)

    def stored(self, canvas: Canvas | None, price: Price, searches: Searches = QUICKLY) -> Exact | None:
        """The exact blocks of a canvas."""
        return None if canvas is None else _stored(canvas, price, searches)

    def quickly(self, canvas: Canvas | None, price: Price) -> Exact | None:
        """The same exact blocks, coded quickly."""
        if canvas is None:
            return None
        rendition, (height, width) = canvas.rendition(price), self.image.shape[:2]
        stored = ExactLayer(width=width, height=height, mask=canvas.mask, streams=rendition.streams)
        return Exact(rendition.painted.pixels, stored, rendition.painted.clear)

    def rivals(self, price: Price) -> list[Canvas | None]:
        """Choices of exact blocks whose estimated costs are close, the lowest first; None is the choice of none."""
        if price not in self.found:
            self.found[price] = [None] if self.look is None else self._rivals(price, self.look)
        return self.found[price]

    def _rivals(self, price: Price, look: FirstLook) -> list[Canvas | None]:
        """Of these: no exact blocks, some with clear pixels, some without, and nothing else."""
        costs: list[tuple[float, Canvas | None]] = [(float(self._network(price).sum()), None)]
        near, few_left = None, False
        for whole in (False, True):
            possible = self._canvas(look.possible, look.sure, whole)
            if near is not None:
                possible.settle(price, near)  # only the blocks are chosen by it
            near = possible.best(price)
            mask = self._mask(price, possible)
            if mask is None:
                continue
            canvas, rest = self._canvas(mask, whole=possible.whole), float(self._network(price)[~mask].sum())
            cost = canvas.cost(canvas.best(price, near), price)
            costs.append((cost + REGION + rest + HIDDEN * mask.size, canvas))
            few_left |= rest < cost
        if few_left:
            everything = self._canvas(self._all, whole=True)
            costs.append((everything.cost(everything.best(price, near), price), everything))
        return _close(costs)

    def _network(self, price: Price) -> NDArray[np.float32]:
        """Cost of each block for a network: (h, w)."""
        if price not in self.networks:
            self.networks[price] = price.of_network(blocks_of(self.image, self._all)).reshape(self._all.shape)
        return self.networks[price]

    def everything(self, price: Price, searches: Searches = QUICKLY) -> Exact:
        """All blocks exactly, whatever that costs."""
        return _stored(self._canvas(self._all, whole=True), price, searches)

    @property
    def _all(self) -> Mask:
        return np.ones(size_of_mask(self.image.shape[1], self.image.shape[0]), bool)

    def _mask(self, price: Price, canvas: Canvas) -> Mask | None:
        """The blocks of a canvas that are cheaper exactly, in regions that are worth it."""
        saved = np.where(canvas.mask, self._network(price), 0) - _exact(price, canvas)
        regions, count = components(canvas.mask & (_around(saved) > 0))
        worth = np.bincount(regions.ravel(), saved.ravel(), count + 1) > REGION
        worth[0] = False
        mask: Mask = worth[regions]
        return mask if mask.any() else None

    def _canvas(self, mask: Mask, sure: Mask | None = None, whole: bool = False) -> Canvas:
        sure = mask if sure is None else sure
        key = mask.tobytes(), sure.tobytes(), whole or self._subject.ground is None
        return self.canvases.setdefault(key, Canvas(self._subject, mask, sure, whole))


def _close(costs: list[tuple[float, Canvas | None]]) -> list[Canvas | None]:
    """Those of different canvases whose cost is at most RIVAL times the lowest, by cost."""
    ordered = sorted(costs, key=lambda pair: pair[0])
    return list(dict.fromkeys(canvas for cost, canvas in ordered if cost <= RIVAL * ordered[0][0]))


def _exact(price: Price, canvas: Canvas) -> NDArray[np.float64]:
    """Bits + error of each block of a canvas (h, w): its bits in proportion to the changes between neighbouring pixels."""
    rendition = canvas.rendition(price)
    painted = rendition.painted
    changes = painted.changes * canvas.mask
    rate = rendition.bits / max(1, changes.sum())
    costs: NDArray[np.float64] = rate * changes + canvas.errors(painted, price) + canvas.behind(painted, price)
    return np.where(canvas.mask, costs, 0)


def _stored(canvas: Canvas, price: Price, searches: Searches) -> Exact:
    rendition = canvas.rendition(price)
    painted = rendition.painted
    stored = layer.store(painted.pixels, canvas.mask, searches, clear=painted.clear, known=rendition.streams)
    return Exact(painted.pixels, stored, painted.clear)


def searches_of(effort: int) -> Searches:
    """How thoroughly the pixels are coded at an effort."""
    return (*QUICKLY, webp.EXHAUSTIVE) if effort >= EXHAUSTIVE_FROM else QUICKLY


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over blocks and their eight neighbours: a flat block goes with those around it."""
    framed = np.pad(values, 1)
    rows = framed[:-2] + framed[1:-1] + framed[2:]
    sums: NDArray[np.float64] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return sums
