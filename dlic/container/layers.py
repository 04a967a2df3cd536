"""The layers of a progressive picture (`container.progressive`) ⇄ the data of their chunks."""

import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import LEARNED, TILED, Container, checksum, header
from dlic.container.tiles import MAX_TILES, crc_of_crcs, is_side, tile_grid
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError, TruncatedError

MAX_PARTS = 64  # of a layer: bounds the work of a reader
TABLES = 4  # bytes


@dataclass(frozen=True)
class CodedPart:
    """One part of a layer of one tile."""

    stream: bytes
    crc: int

    @staticmethod
    def crc_after(crc: int, symbols: NDArray[Any]) -> int:
        """The CRC of a part, from that of the part before it."""
        return zlib.crc32(np.ascontiguousarray(symbols, "<i4").data, crc)


@dataclass(frozen=True, kw_only=True)
class LayerData:
    """A layer of a picture, as far as it is there."""

    count: int  # parts of a whole file
    finer: tuple[int, ...]  # of each tile
    parts: tuple[CodedPart, ...]  # part after part, in each the tiles; at most count · tiles

    def of_tile(self, index: int) -> tuple[CodedPart, ...]:
        """The parts of one tile."""
        return self.parts[index :: len(self.finer)]

    @property
    def complete(self) -> bool:
        """Whether no part is missing."""
        return len(self.parts) == self.count * len(self.finer)


@dataclass(frozen=True, kw_only=True)
class FirstLayerData(LayerData):
    """The first layer of a picture, as far as it is there."""

    level: int
    side: int | None  # of tiles; None: the picture is one unit

    @property
    def kind(self) -> int:
        """The kind of a plain file of the same units."""
        return LEARNED if self.side is None else TILED

    @property
    def shows(self) -> bool:
        """Whether every tile has its first part."""
        return len(self.parts) >= len(self.finer)

    @property
    def symbols_crc(self) -> int:
        """The header's, of a complete layer."""
        crcs = [part.crc for part in self.parts[-len(self.finer) :]]
        return crcs[0] if self.side is None else crc_of_crcs(crcs)


@dataclass(frozen=True, kw_only=True)
class SecondLayerData(LayerData):
    """The second layer of a picture, as far as it is there."""

    tables: bytes  # their id


Layer = TypeVar("Layer", bound=LayerData)


def write_base(layer: FirstLayerData, picture: Container) -> bytes:
    """The data of `Base`; `picture` is the container of the whole file."""
    side = b"" if layer.side is None else write_varint(layer.side)
    return _write(bytes([layer.kind, layer.level]) + side, layer, picture)


def read_base(data: bytes, picture: Container) -> FirstLayerData:
    """Inverse of `write_base`. Raises CorruptFileError."""
    reader = Reader(data)
    layer = _with_parts(reader, _read_base_head(reader, picture), "first")
    if not layer.shows:
        raise CorruptFileError("the first layer of the file has no part for every tile")
    if layer.complete and layer.symbols_crc != picture.symbols_crc:
        raise CorruptFileError("the first layer is damaged or of another picture: its checksum does not match")
    return layer


def read_base_beginning(data: bytes, picture: Container) -> FirstLayerData | None:
    """`read_base` of data that may end anywhere: the parts before that. None where the head is incomplete. Raises CorruptFileError
    for a damaged head.
    """
    reader = Reader(data)
    try:
        return _with_parts_before_the_end(reader, _read_base_head(reader, picture))
    except TruncatedError:
        return None


def write_fine(layer: SecondLayerData, picture: Container) -> bytes:
    """The data of `Fine`; `picture` is the container of the whole file."""
    return _write(layer.tables, layer, picture)


def read_fine(data: bytes, picture: Container, tiles: int) -> SecondLayerData:
    """Inverse of `write_fine`, for a picture of so many tiles. Raises CorruptFileError."""
    reader = Reader(data)
    return _with_parts(reader, _read_fine_head(reader, picture, tiles), "second")


def read_fine_beginning(data: bytes, picture: Container, tiles: int) -> SecondLayerData | None:
    """`read_fine` of data that may end anywhere, as `read_base_beginning`."""
    reader = Reader(data)
    try:
        return _with_parts_before_the_end(reader, _read_fine_head(reader, picture, tiles))
    except TruncatedError:
        return None


def _write(start: bytes, layer: LayerData, picture: Container) -> bytes:
    head = start + write_varint(layer.count) + bytes(layer.finer)
    return head + checksum(header(picture) + head) + b"".join(map(entry, layer.parts))


def _read_base_head(reader: Reader, picture: Container) -> FirstLayerData:
    kind, level = reader.take(2)
    if kind not in (LEARNED, TILED) or level > picture.level:
        raise CorruptFileError("the first layer of the file is of a form that this dlic does not know")
    side, tiles = None, 1
    if kind == TILED:
        side = read_varint(reader)
        if not is_side(side):
            raise CorruptFileError(f"the first layer states tiles of {side} pixels, which there cannot be")
        tiles = len(tile_grid(picture.width, picture.height, side))
        if tiles > MAX_TILES:
            raise CorruptFileError(f"the picture would have {tiles:,} tiles, more than {MAX_TILES:,}")
    count, finer = _read_head(reader, picture, tiles, "first")
    return FirstLayerData(count=count, finer=finer, parts=(), level=level, side=side)


def _read_fine_head(reader: Reader, picture: Container, tiles: int) -> SecondLayerData:
    tables = reader.take(TABLES)
    count, finer = _read_head(reader, picture, tiles, "second")
    return SecondLayerData(count=count, finer=finer, parts=(), tables=tables)


def _read_head(reader: Reader, picture: Container, tiles: int, name: str) -> tuple[int, tuple[int, ...]]:
    count = read_varint(reader)
    if not 1 <= count <= MAX_PARTS:
        raise CorruptFileError(f"the {name} layer of the file would have {count} parts")
    finer = reader.take(tiles)
    covered = reader.data[: reader.position]
    if reader.take(4) != checksum(header(picture) + covered):
        raise CorruptFileError(f"the {name} layer is damaged or of another picture: its checksum does not match")
    return count, tuple(finer)


def _with_parts(reader: Reader, head: Layer, name: str) -> Layer:
    parts = list[CodedPart]()
    while reader.position < len(reader.data) and len(parts) < head.count * len(head.finer):
        parts.append(read_entry(reader))
    if reader.position < len(reader.data):
        raise CorruptFileError(f"the {name} layer holds more than its parts")
    return replace(head, parts=tuple(parts))


def _with_parts_before_the_end(reader: Reader, head: Layer) -> Layer:
    parts = list[CodedPart]()
    with suppress(TruncatedError):
        while len(parts) < head.count * len(head.finer):
            parts.append(read_entry(reader))
    return replace(head, parts=tuple(parts))


def entry(part: CodedPart) -> bytes:
    """A part as it stands in a layer."""
    return write_varint(len(part.stream)) + part.crc.to_bytes(4, "big") + part.stream


def read_entry(reader: Reader) -> CodedPart:
    """Inverse of `entry`."""
    length, crc = read_varint(reader), int.from_bytes(reader.take(4), "big")
    return CodedPart(reader.take(length), crc)
