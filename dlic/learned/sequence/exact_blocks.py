"""Exact blocks of a predicted frame: their pixels in one small picture, and pasted into the frame.

Rows and columns of blocks without an exact block are left out; the others move together. So blocks that touch stay together, and
few blocks make a small picture, wherever they are. It is stored as pixels that repeat (`classical.lossless.repeating`). Its clear
pixels are those of the prediction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless import webp
from dlic.container.exact_layer import BLOCK, ExactLayer
from dlic.learned.exact import layer
from dlic.pixels.rectangles import Rectangle

Samples = NDArray[np.uint8]  # (H, W, 3)
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ExactBlocks:
    """The exact blocks of a frame."""

    mask: Mask  # (⌈H / 16⌉, ⌈W / 16⌉); one block at least
    stream: bytes  # of the packed picture


@dataclass(frozen=True, eq=False)
class Packing:
    """Where the pixels of a packed picture lie in a frame."""

    rows: NDArray[np.intp]  # (h,) of the frame's pixels
    columns: NDArray[np.intp]  # (w,)
    mask: Mask  # exact blocks of the packed picture; each row and each column has one

    @classmethod
    def of(cls, mask: Mask, height: int, width: int) -> "Packing":
        """For the blocks of a mask in a frame of that size."""
        down, across = mask.any(axis=1), mask.any(axis=0)
        rows, columns = (np.flatnonzero(used.repeat(BLOCK)[:side]) for used, side in ((down, height), (across, width)))
        return cls(rows, columns, mask[np.ix_(down, across)])

    @property
    def inside(self) -> Mask:
        """The packed picture's pixels in exact blocks: (h, w)."""
        return layer.in_pixels(self.mask, Rectangle(0, 0, len(self.columns), len(self.rows)))

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """The packed picture of values (H, W, …): (h, w, …)."""
        return np.asarray(values[np.ix_(self.rows, self.columns)])

    def put(self, values: NDArray[Any], frame: NDArray[Any]) -> None:
        """Writes the exact blocks of packed values into a frame."""
        place = np.ix_(self.rows, self.columns)
        frame[place] = np.where(self.inside[..., None], values, frame[place])

    def store(self, pixels: Samples, clear: Mask | None, searches: Iterable[webp.Search]) -> bytes:
        """The stream of a packed picture (h, w, 3) with clear pixels (h, w)."""
        return layer.store(pixels, self.mask, searches, webp.MAX_SIDE, clear).streams[0]

    def about(self, pixels: Samples, clear: Mask | None) -> int:
        """Bytes of that stream, quickly."""
        return sum(map(len, layer.quick(pixels, self.mask, webp.MAX_SIDE, clear)))

    def shown(self, stream: bytes, p: Samples) -> Samples:
        """The packed picture of a stream: uint8 (h, w, 3), given the prediction (H, W, 3). Raises CorruptFileError."""
        packed = self.take(p)
        height, width = packed.shape[:2]
        stored = ExactLayer(width=width, height=height, mask=self.mask, side=webp.MAX_SIDE, streams=(stream,))
        layer.paste(stored, packed, Rectangle(0, 0, width, height))
        return packed


def paste(blocks: ExactBlocks, p: Samples, x_hat: Samples) -> None:
    """Writes exact blocks into a frame `x_hat` that was predicted by `p`. Raises CorruptFileError."""
    packing = Packing.of(blocks.mask, *p.shape[:2])
    packing.put(packing.shown(blocks.stream, p), x_hat)
