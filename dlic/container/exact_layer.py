"""The exact layer of a picture: which blocks of 16 × 16 pixels are stored as they are, and the streams with their pixels.

    method  1       0: all blocks are exact, 1: a mask follows
    side    varint  pixels along a piece, a multiple of 64, at most MAX_SIDE; pieces lie as tiles do (`pixels.grid`)
    mask    …       of method 1: length varint, then bits by `entropy.binary`
    then for each piece with an exact block, row by row:
    length  varint  bytes of its stream
    stream  length  `classical.lossless.repeating`: the smallest rectangle of pixels that holds its exact blocks

The mask goes row by row. A bit says whether a row repeats the row above; in other rows, a bit says whether each block is exact.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from dlic.container.tiles import MAX_TILES, UNIT
from dlic.entropy.binary import BitDecoder, BitEncoder
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError
from dlic.pixels.grid import Grid
from dlic.pixels.rectangles import Rectangle

BLOCK = 16  # pixels along a block: one latent
ALL, MASKED = 0, 1
SIDE, MAX_SIDE = 2048, 8192  # of the pieces of new layers, and the limit of readers
MAX_BLOCKS = 1 << 22  # a gigapixel; bounds the memory and the time that a small file can ask for
REPEATED = 16  # the first of two contexts of the bits of rows; those before are of blocks
CONTEXTS = REPEATED + 2


@dataclass(frozen=True, eq=False, kw_only=True)
class ExactLayer:
    """The blocks and streams of a layer."""

    width: int  # of the picture, in pixels
    height: int
    mask: NDArray[np.bool_]  # (⌈height / 16⌉, ⌈width / 16⌉): exact blocks
    side: int = SIDE
    streams: tuple[bytes, ...]  # of the pieces that have exact blocks, in order

    @property
    def share(self) -> float:
        """Exact blocks per block, 0 … 1."""
        return float(self.mask.mean())

    @cached_property
    def places(self) -> list[Rectangle]:
        """The pixels that the streams hold."""
        return places(self.mask, self.width, self.height, self.side)


def size_of_mask(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of blocks."""
    return -(-height // BLOCK), -(-width // BLOCK)


def places(mask: NDArray[np.bool_], width: int, height: int, side: int = SIDE) -> list[Rectangle]:
    """The smallest rectangle around the exact blocks of each piece, in pixels; pieces without exact blocks have none."""
    pieces = Grid(width, height, side, UNIT).tiles
    return [place for piece in pieces if (place := _around(mask, piece, width, height)) is not None]


def _around(mask: NDArray[np.bool_], piece: Rectangle, width: int, height: int) -> Rectangle | None:
    blocks = piece.in_steps(BLOCK)
    inside = mask[blocks.slices]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return None
    left, top = BLOCK * (blocks.x + int(columns[0])), BLOCK * (blocks.y + int(rows[0]))
    right, bottom = BLOCK * (blocks.x + int(columns[-1]) + 1), BLOCK * (blocks.y + int(rows[-1]) + 1)
    return Rectangle.between(left, top, min(right, width), min(bottom, height))


def write(layer: ExactLayer) -> bytes:
    """The layer's bytes."""
    head = bytes([ALL if layer.mask.all() else MASKED]) + write_varint(layer.side)
    if not layer.mask.all():
        mask = write_mask(layer.mask)
        head += write_varint(len(mask)) + mask
    return head + b"".join(write_varint(len(stream)) + stream for stream in layer.streams)


def read(data: bytes, width: int, height: int) -> ExactLayer:
    """Inverse of `write` for a picture of this size. Raises CorruptFileError before memory is allocated for false sizes."""
    reader = Reader(data)
    if math.prod(size := size_of_mask(width, height)) > MAX_BLOCKS:
        raise CorruptFileError(f"a picture of {width:,} × {height:,} pixels has no exact blocks")
    method, side = reader.take(1)[0], read_varint(reader)
    if method not in (ALL, MASKED):
        raise CorruptFileError(f"the exact layer is coded by method {method}, which this dlic does not know")
    if not UNIT <= side <= MAX_SIDE or side % UNIT or len(Grid(width, height, side, UNIT)) > MAX_TILES:
        raise CorruptFileError(f"the pieces of the exact layer cannot be {side:,} pixels wide")
    mask = np.ones(size, bool) if method == ALL else read_mask(reader.take(read_varint(reader)), size)
    if not mask.any() or (method == MASKED and mask.all()):
        raise CorruptFileError("the mask of the exact layer is one that no encoder writes")
    streams = tuple(reader.take(read_varint(reader)) for _ in places(mask, width, height, side))
    if reader.position != len(data):
        raise CorruptFileError("the exact layer holds more than its pieces")
    return ExactLayer(width=width, height=height, mask=mask, side=side, streams=streams)


def write_mask(mask: NDArray[np.bool_]) -> bytes:
    """A mask (h, w) → its bits."""
    encoder = BitEncoder(CONTEXTS)
    above, repeated = [False] * mask.shape[1], False
    for row in mask.tolist():
        was, repeated = repeated, row == above
        encoder.push(repeated, REPEATED + was)
        if not repeated:
            _walk(above, partial(_pushed, encoder, iter(row)))
        above = row
    return encoder.finish()


def _pushed(encoder: BitEncoder, row: Iterator[bool], context: int) -> bool:
    """The visitor of an encoder: it knows the row."""
    encoder.push(bit := next(row), context)
    return bit


def read_mask(data: bytes, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Inverse of `write_mask` for a mask of `size` (h, w). Raises CorruptFileError."""
    decoder, rows = BitDecoder(data, CONTEXTS), list[list[bool]]()
    above, repeated = [False] * size[1], False
    for _ in range(size[0]):
        repeated = decoder.pull(REPEATED + repeated)
        if not repeated:
            above = _walk(above, decoder.pull)
        rows.append(above)
    decoder.finish()
    return np.array(rows, bool).reshape(size)


def _walk(above: list[bool], visit: Callable[[int], bool]) -> list[bool]:
    """The blocks of a row from left to right. `visit` gets a block's context: the block to the left, and those above to the left,
    straight and to the right.
    """
    row, left, three = list[bool](), False, 8 * above[0]  # three blocks above, those to the right in higher bits
    for right in [*above[1:], False]:
        three = three >> 1 & 6 | 8 * right
        left = visit(left + three)
        row.append(left)
    return row
