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
from dlic.learned.exact.canvas import Canvas
from dlic.learned.exact.connected import components
from dlic.learned.exact.first_look import FirstLook, blocks_of, first_look
from dlic.learned.exact.price import Price

AUTO, PHOTO, SCREEN = "auto", "photo", "screen"
CONTENTS = (AUTO, PHOTO, SCREEN)
NETWORK = 1.5  # cost of networks, of an ideal transform coder's: 1.5 … 1.8 on photographs, text and charts, and more above level 40
EXHAUSTIVE_FROM = 3  # effort from which on a search of three seconds a megapixel is worth its 2 %
HIDDEN = 5.0  # bits that a network spends on a block of nothing
REGION = 400  # bits of a region: its share of the mask, and network bits at its edges

Searches = tuple[webp.Search, ...]
QUICKLY: Searches = (webp.QUICK, webp.THOROUGH)

Samples = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Exact:
    """The exact blocks of a picture at one level."""

    image: Samples  # (H, W, 3), right where the layer's mask is set
    layer: ExactLayer


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
    canvases: dict[bytes, Canvas] = field(default_factory=dict)  # by mask
    chosen: dict[tuple[Price, Searches], Exact | None] = field(default_factory=dict)  # by price and searches

    def __post_init__(self) -> None:
        check_content(self.content)

    @cached_property
    def look(self) -> FirstLook | None:
        """The blocks to weigh: those of the first look, or all of a screen."""
        look = None if self.content == PHOTO else first_look(self.image)
        if self.content != SCREEN:
            return look
        return FirstLook(self._all, look.sure if look else self._all)

    def at(self, price: Price, searches: Searches = QUICKLY) -> Exact | None:
        """The exact blocks at a price of errors, stored after some `searches`; None for none."""
        if (price, searches) not in self.chosen:
            canvas = None if self.look is None else self._best(price, self.look)
            self.chosen[price, searches] = None if canvas is None else self._stored(canvas, price, searches)
        return self.chosen[price, searches]

    def _best(self, price: Price, look: FirstLook) -> Canvas | None:
        """The cheapest of three: no exact blocks, some, or nothing else."""
        mask = self._mask(price, look)
        if mask is None:
            return None
        canvas = self._canvas(mask)
        cost = canvas.cost(canvas.best(price)).at(price) + REGION
        if cost > self._network(price, mask):
            return None
        rest = self._network(price, ~mask) + HIDDEN * mask.size
        if mask.all() or self._network(price, ~mask) > cost:
            return canvas
        everything = self._canvas(self._all)
        return everything if everything.cost(everything.best(price)).at(price) < cost + rest else canvas

    def _network(self, price: Price, mask: Mask) -> float:
        """Cost of some blocks for a network."""
        return NETWORK * float(price.of_network(blocks_of(self.image, mask)).sum())

    def everything(self, price: Price, searches: Searches = QUICKLY) -> Exact:
        """All blocks exactly, whatever that costs."""
        return self._stored(self._canvas(self._all), price, searches)

    def _stored(self, canvas: Canvas, price: Price, searches: Searches) -> Exact:
        painted = canvas.painted(canvas.best(price))
        return Exact(painted, layer.store(painted, canvas.mask, searches))

    @property
    def _all(self) -> Mask:
        return np.ones(size_of_mask(self.image.shape[1], self.image.shape[0]), bool)

    def _mask(self, price: Price, look: FirstLook) -> Mask | None:
        """The possible blocks that are cheaper exactly, in regions that are worth it."""
        saved = np.zeros(look.possible.shape)
        saved[look.possible] = NETWORK * price.of_network(blocks_of(self.image, look.possible)) - self._exact(price, look)
        regions, count = components(look.possible & (_around(saved) > 0))
        worth = np.bincount(regions.ravel(), saved.ravel(), count + 1) > REGION
        worth[0] = False
        mask: Mask = worth[regions]
        return mask if mask.any() else None

    def _exact(self, price: Price, look: FirstLook) -> NDArray[np.float64]:
        """Bits + error of each possible block, stored in the colours of the sure ones: their bits in proportion to the changes
        between neighbouring pixels.
        """
        canvas = self._canvas(look.sure)
        colours = canvas.best(price)
        painted = blocks_of(canvas.painted(colours), look.possible)
        changes = _changes(painted)
        rate = canvas.cost(colours).bits / max(1, changes[look.sure[look.possible]].sum())
        errors = blocks_of(self.image, look.possible).astype(np.int32) - painted
        costs: NDArray[np.float64] = rate * changes + price.lmbda / 3 * np.square(errors).sum(axis=(1, 2, 3))
        return costs

    def _canvas(self, mask: Mask) -> Canvas:
        return self.canvases.setdefault(mask.tobytes(), Canvas(self.image, mask))


def searches_of(effort: int) -> Searches:
    """How thoroughly the pixels are coded at an effort."""
    return (*QUICKLY, webp.EXHAUSTIVE) if effort >= EXHAUSTIVE_FROM else QUICKLY


def _changes(blocks: NDArray[np.uint8]) -> NDArray[np.intp]:
    """How often neighbours differ in blocks (N, 16, 16, 3), across and down: (N,)."""
    across = (blocks[:, :, 1:] != blocks[:, :, :-1]).any(axis=3).sum(axis=(1, 2))
    down = (blocks[:, 1:] != blocks[:, :-1]).any(axis=3).sum(axis=(1, 2))
    changes: NDArray[np.intp] = across + down
    return changes


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over blocks and their eight neighbours: a flat block goes with those around it."""
    framed = np.pad(values, 1)
    rows = framed[:-2] + framed[1:-1] + framed[2:]
    sums: NDArray[np.float64] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return sums
