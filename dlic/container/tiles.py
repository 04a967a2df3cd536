"""The stream of a big picture: a table of tiles, then the tiles, each coded as a picture of its own.

    side    varint  pixels along a tile, a multiple of 64; with the picture's size it says where all tiles lie (`Grid`)
    then of each tile, row by row:
      length varint bytes of its stream
      crc    4      CRC-32 of its symbols
      finer  1      steps of its latents next to those of another tile are 2^(−finer / 64) as large as others
    crc     4       CRC-32 of the file's header, up to the stream's length, and of the table above
    streams …       of the tiles, in the same order

Tiles do not depend on each other, so damage in one loses no other. The header's symbols_crc is the
CRC-32 of the tiles' CRCs as they stand in the table.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from dlic.container.format import TILED, Container, header
from dlic.container.units import CodedUnit
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError
from dlic.pixels.grid import Grid

SMALLEST_ENTRY = 6  # bytes of a tile in the table
UNIT = 64  # pixels: tiles begin at multiples of it, so that latents lie where those of the whole picture would
MAX_SIDE = 1024  # the limit of writers, too; bounds the memory that a reader allocates for one tile
MAX_TILES = 1 << 17  # 137 gigapixels in tiles of 1024 × 1024; bounds the memory that a reader allocates for a table


def is_side(pixels: int) -> bool:
    """Whether tiles in a file can have this side."""
    return UNIT <= pixels <= MAX_SIDE and pixels % UNIT == 0


def tile_grid(width: int, height: int, side: int) -> Grid:
    """The tiles of a picture in a file."""
    return Grid(width, height, side, UNIT)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The table in front of the tiles' streams."""

    grid: Grid
    lengths: tuple[int, ...]  # bytes of the stream of each tile
    crcs: tuple[int, ...]  # of its symbols
    finer: tuple[int, ...]  # 0 … 255


def join(grid: Grid, tiles: Sequence[CodedUnit]) -> Container:
    """Units of all tiles of a grid, of one checkpoint, coder and level → the container of the picture."""
    first = tiles[0]
    table = Table(
        grid=grid,
        lengths=tuple(len(tile.stream) for tile in tiles),
        crcs=tuple(tile.symbols_crc for tile in tiles),
        finer=tuple(tile.finer for tile in tiles),
    )
    picture = Container(
        kind=TILED,
        coder=first.coder,
        width=grid.width,
        height=grid.height,
        level=first.level,
        model=first.model,
        symbols_crc=crc_of_crcs(table.crcs),
        stream=b"",
    )
    return replace(picture, stream=b"".join([write_table(table, picture), *(tile.stream for tile in tiles)]))


def split(picture: Container) -> tuple[Grid, list[CodedUnit]]:
    """Inverse of `join`. Raises CorruptFileError where the table is damaged, or its lengths do not match the streams."""
    table, start = read_table(picture)
    if start + sum(table.lengths) != len(picture.stream):
        raise CorruptFileError("the tiles' streams are not as long as the table of tiles says")
    return table.grid, _tiles(picture, table, start)


def split_beginning(picture: Container) -> tuple[Grid, list[CodedUnit | None]]:
    """`split` of a picture that may be truncated or damaged after its table: None for incomplete tiles. Only the CRCs of their
    symbols verify the other tiles' streams. Raises CorruptFileError for a damaged table, as `split` does.
    """
    table, start = read_table(picture)
    tiles = _tiles(picture, table, start)
    whole = [len(tile.stream) == length for tile, length in zip(tiles, table.lengths, strict=True)]
    return table.grid, [tile if complete else None for tile, complete in zip(tiles, whole, strict=True)]


def _tiles(picture: Container, table: Table, start: int) -> list[CodedUnit]:
    ends = accumulate(table.lengths, initial=start)
    streams = [picture.stream[begin:end] for begin, end in pairwise(ends)]
    return [
        CodedUnit(
            width=place.width,
            height=place.height,
            level=picture.level,
            coder=picture.coder,
            model=picture.model,
            symbols_crc=crc,
            stream=stream,
            finer=finer,
        )
        for place, crc, stream, finer in zip(table.grid.tiles, table.crcs, streams, table.finer, strict=True)
    ]


def write_table(table: Table, picture: Container) -> bytes:
    """The bytes before the streams of a picture; their CRC-32 also covers the header."""
    entries = zip(table.lengths, table.crcs, table.finer, strict=True)
    written = write_varint(table.grid.side) + b"".join(
        write_varint(length) + _four_bytes(crc) + bytes([finer]) for length, crc, finer in entries
    )
    return written + _crc(picture, written)


def read_table(picture: Container) -> tuple[Table, int]:
    """Inverse of `write_table`; also returns the position of the streams. Raises CorruptFileError before it allocates memory for
    false sizes.
    """
    reader = Reader(picture.stream)
    side = read_varint(reader)
    if not is_side(side):
        raise CorruptFileError(f"the table of tiles states a side of {side} pixels, which tiles cannot have")
    grid = tile_grid(picture.width, picture.height, side)
    if len(grid) > MAX_TILES:
        raise CorruptFileError(f"the picture would have {len(grid):,} tiles, more than {MAX_TILES:,}")
    if len(grid) * SMALLEST_ENTRY > len(picture.stream):
        raise CorruptFileError(f"the file is truncated: its table cannot hold {len(grid):,} tiles")
    entries = [(read_varint(reader), int.from_bytes(reader.take(4), "big"), reader.take(1)[0]) for _ in range(len(grid))]
    covered = picture.stream[: reader.position]
    lengths, crcs, finer = zip(*entries, strict=True)
    table = Table(grid=grid, lengths=lengths, crcs=crcs, finer=finer)
    if reader.take(4) != _crc(picture, covered) or picture.symbols_crc != crc_of_crcs(table.crcs):
        raise CorruptFileError("the header or the table of tiles is damaged: its checksum does not match")
    return table, reader.position


def _crc(picture: Container, table: bytes) -> bytes:
    return _four_bytes(zlib.crc32(header(picture) + table))


def crc_of_crcs(crcs: Sequence[int]) -> int:
    """The header's symbols_crc of a picture in tiles."""
    return zlib.crc32(b"".join(map(_four_bytes, crcs)))


def _four_bytes(number: int) -> bytes:
    return number.to_bytes(4, "big")
