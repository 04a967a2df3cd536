"""The chunks of a progressive picture (kind 7), whose stream is empty: `Base` with the first layer, and `Fine` with the second.

    Base    kind    1       0 one unit, 1 tiles
            level   1       of the first layer; that of the header is the level of both
            stream  …       of a file of this kind with this level; coder, size, model and symbols_crc are those of the header
    Fine    tables  4       first bytes of the SHA-256 of the tables
            count   varint  parts, 1 … 64
            finer   1 each  of each tile: steps next to another tile are 2^(−finer / 64) as large as others
            crc     4       CRC-32 of the file's header and of all above
            then of each part, of each tile, row by row
              length varint bytes of its stream
              crc    4      CRC-32 of its refinements as little-endian int32, continued from that of the part before it, or from the
                            CRC-32 of the first layer's symbols
              stream

`Fine` may end behind any stream: the rest is left out, and the picture is coarser.
"""

import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.container.chunks import ALPHA, CODE_POINTS, GRAY, ICC, THUMBNAIL
from dlic.container.format import (
    BASE,
    EXACT_BLOCKS,
    FINE,
    LEARNED,
    PROGRESSIVE,
    TILED,
    Chunks,
    Container,
    checksum,
    header,
    write,
    write_chunk,
)
from dlic.container.tiles import read_table
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError, TruncatedError

CHANGING = (GRAY, ALPHA, EXACT_BLOCKS)  # what a picture shows
FRONT = (THUMBNAIL, GRAY, CODE_POINTS, ICC, EXACT_BLOCKS, ALPHA)  # chunks before the layers, in this order
MAX_PARTS = 64  # bounds the work of a reader
TABLES = 4  # bytes


@dataclass(frozen=True)
class CodedPart:
    """One part of the second layer of one tile."""

    stream: bytes
    crc: int

    @staticmethod
    def crc_after(crc: int, refinements: NDArray[Any]) -> int:
        """The CRC of a part, from that of the part before it."""
        return zlib.crc32(np.ascontiguousarray(refinements, "<i4").data, crc)


@dataclass(frozen=True, kw_only=True)
class SecondLayerData:
    """The second layer of a picture, as far as it is there."""

    tables: bytes  # their id
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

    @property
    def shown(self) -> int:
        """Parts that all tiles have."""
        return len(self.parts) // len(self.finer)


@dataclass(frozen=True, kw_only=True)
class LayerEnd:
    """A layer of a file, or a part of one, and where it ends."""

    name: str
    level: int | None  # of what a reader shows then
    size: int  # bytes of its own
    at: int  # bytes of the file up to its end


def ends_of_layers(picture: Container) -> list[LayerEnd]:
    """The thumbnail, the first layer, and each part of the second, as far as they are there. Raises CorruptFileError."""
    ends, at = list[LayerEnd](), len(write(replace(picture, chunks=())))
    for name, data in picture.chunks:
        size = len(write_chunk(name, data))
        if name == THUMBNAIL:
            ends.append(LayerEnd(name="thumbnail", level=None, size=size, at=at + size))
        elif name == BASE:
            ends.append(LayerEnd(name="first layer", level=data[1], size=size, at=at + size))
        elif name == FINE:
            ends += _ends_of_parts(read_fine(data, picture, tiles_of(picture)), picture, at)
        at += size
    return ends


def _ends_of_parts(layer: SecondLayerData, picture: Container, start: int) -> list[LayerEnd]:
    """Of the second layer, whose chunk begins at `start`."""
    data, tiles, ends = write_fine(layer, picture), len(layer.finer), list[LayerEnd]()
    at = start + len(write_chunk(FINE, data)) - 4 - sum(len(_entry(part)) for part in layer.parts)
    for number in range(-(-len(layer.parts) // tiles)):
        size = sum(len(_entry(part)) for part in layer.parts[number * tiles : (number + 1) * tiles])
        at += size
        ends.append(LayerEnd(name=f"part {number + 1} of {layer.count} of the second layer", level=picture.level, size=size, at=at))
    return ends


def assembled(first: Container, level: int, layer: SecondLayerData | None) -> Container:
    """A progressive picture of `level` from the container of its first layer and a second one: the chunks that a reader needs for
    a first look come first.
    """
    picture = replace(first, kind=PROGRESSIVE, level=level, stream=b"", chunks=())
    early = tuple(chunk for name in FRONT for chunk in first.chunks if chunk[0] == name)
    late = tuple(chunk for chunk in first.chunks if chunk[0] not in FRONT)
    fine = () if layer is None else ((FINE, write_fine(layer, picture)),)
    return replace(picture, chunks=(*early, (BASE, write_base(first)), *fine, *late))


def check_order(chunks: Chunks) -> None:
    """Raises CorruptFileError for layers that occur twice or in another order, and for chunks behind `Base` that change pixels: a
    reader of a beginning would show a wrong picture.
    """
    names = [name for name, _ in chunks]
    if names.count(BASE) > 1 or names.count(FINE) > 1:
        raise CorruptFileError("the file has a layer twice")
    base = names.index(BASE) if BASE in names else len(names)
    if FINE in names[: base + 1] or (FINE in names and names[base + 1] != FINE):
        raise CorruptFileError("the second layer of the file does not follow the first")
    if late := [name for name in names[base:] if name in CHANGING]:
        raise CorruptFileError(f"chunk {late[0].decode()!r} stands behind the first layer, which needs it")


def write_base(first: Container) -> bytes:
    """The data of `Base` from the container of the first layer."""
    return bytes([first.kind, first.level]) + first.stream


def read_base(picture: Container) -> Container:
    """The first layer of a progressive picture, as the container of a picture of its own. Raises CorruptFileError."""
    data = dict(picture.chunks).get(BASE)
    if data is None:
        raise CorruptFileError("the file ends before its first layer, or has lost it")
    if len(data) < 2 or data[0] not in (LEARNED, TILED) or data[1] > picture.level:
        raise CorruptFileError("the first layer of the file is of a form that this dlic does not know")
    chunks = tuple((name, chunk) for name, chunk in picture.chunks if name not in (BASE, FINE))
    return replace(picture, kind=data[0], level=data[1], stream=data[2:], chunks=chunks)


def write_fine(layer: SecondLayerData, picture: Container) -> bytes:
    """The data of `Fine`; `picture` is the container of the whole file."""
    head = _head(layer)
    return head + checksum(header(picture) + head) + b"".join(map(_entry, layer.parts))


def fine_of(picture: Container) -> SecondLayerData | None:
    """The second layer of a picture, if it has one. Raises CorruptFileError."""
    data = dict(picture.chunks).get(FINE)
    return None if data is None else read_fine(data, picture, tiles_of(picture))


def tiles_of(picture: Container) -> int:
    """Tiles of a progressive picture; 1 for one unit. Raises CorruptFileError."""
    first = read_base(picture)
    return len(read_table(first)[0].grid) if first.kind == TILED else 1


def with_parts(picture: Container, layer: SecondLayerData, count: int) -> Container:
    """The picture with the first `count` streams of its second layer; 0: without a second layer."""
    fine = write_fine(replace(layer, parts=layer.parts[:count]), picture)
    chunks = ((name, fine if name == FINE else data) for name, data in picture.chunks if name != FINE or count)
    return replace(picture, chunks=tuple(chunks))


def read_fine(data: bytes, picture: Container, tiles: int) -> SecondLayerData:
    """Inverse of `write_fine`, for a picture of so many tiles. Raises CorruptFileError."""
    reader = Reader(data)
    head, parts = _read_head(reader, picture, tiles), list[CodedPart]()
    while reader.position < len(data) and len(parts) < head.count * tiles:
        parts.append(_read_entry(reader))
    if reader.position < len(data):
        raise CorruptFileError("the second layer holds more than its parts")
    return replace(head, parts=tuple(parts))


def read_fine_beginning(data: bytes, picture: Container, tiles: int) -> SecondLayerData | None:
    """`read_fine` of data that may end anywhere: the parts before that. None where the head is incomplete. Raises CorruptFileError
    for a damaged head.
    """
    reader, parts = Reader(data), list[CodedPart]()
    try:
        head = _read_head(reader, picture, tiles)
    except TruncatedError:
        return None
    with suppress(TruncatedError):
        while len(parts) < head.count * tiles:
            parts.append(_read_entry(reader))
    return replace(head, parts=tuple(parts))


def _read_entry(reader: Reader) -> CodedPart:
    length, crc = read_varint(reader), int.from_bytes(reader.take(4), "big")
    return CodedPart(reader.take(length), crc)


def _read_head(reader: Reader, picture: Container, tiles: int) -> SecondLayerData:
    tables, count = reader.take(TABLES), read_varint(reader)
    if not 1 <= count <= MAX_PARTS:
        raise CorruptFileError(f"the second layer of the file would have {count} parts")
    finer = reader.take(tiles)
    covered = reader.data[: reader.position]
    if reader.take(4) != checksum(header(picture) + covered):
        raise CorruptFileError("the second layer is damaged or of another picture: its checksum does not match")
    return SecondLayerData(tables=tables, count=count, finer=tuple(finer), parts=())


def _head(layer: SecondLayerData) -> bytes:
    return layer.tables + write_varint(layer.count) + bytes(layer.finer)


def _entry(part: CodedPart) -> bytes:
    return write_varint(len(part.stream)) + part.crc.to_bytes(4, "big") + part.stream
