"""Hostile .dlic files: changed anywhere, with checksums that are right again, so that what is behind them is reached."""

import contextlib
import random
import zlib
from dataclasses import replace

import numpy as np

from dlic.container.format import (
    BASE,
    CRC,
    FINE,
    HEADER,
    LEARNED,
    MAGIC,
    MAX_LEVEL,
    PROGRESSIVE,
    TILED,
    Container,
    header,
    read,
    write,
)
from dlic.container.layers import SecondLayerData, write_base, write_fine
from dlic.container.progressive import layers_of
from dlic.container.tiles import join, split, tile_grid
from dlic.container.units import CodedUnit, as_picture, unit_of
from dlic.entropy.byte_reader import Reader, read_varint
from dlic.entropy.coder import coder_of, encode
from dlic.entropy.parity import Repair, groups_of_steps
from dlic.entropy.parts import Part, Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError, DlicError
from dlic.learned.codec import LearnedCodec
from dlic.pixels.arrays import check_size
from tests.fuzz.fuzz_jpeg import mutated

MAX_PIXELS = 1 << 16  # of files that are decoded
SIZES = (0, 1, 2, 63, 64, 65, 200, 4096, 1 << 16, 1 << 31, (1 << 35) - 1)
EXTREMES = (-(1 << 16), -300, -1, 0, 1, 300, 1 << 16)  # symbols; beyond their tables they escape, or are clipped


def mutated_file(data: bytes, rng: random.Random, codec: LearnedCodec) -> bytes:
    """A .dlic file, or what was one, with something changed; most have right checksums."""
    kind = rng.randrange(10)
    if kind == 0:
        return mutated(data, rng)
    if kind < 4:
        return repaired(mutated(data, rng))
    try:
        container = read(data)
        if kind < 8:
            return write(_with_changed_parts(container, rng))
        return write(with_other_symbols(container, rng, codec))
    except DlicError:  # not a whole file, or not one of the codec
        return repaired(mutated(data, rng))


def repaired(data: bytes) -> bytes:
    """`data` with the checksums of its table of tiles, picture and chunks made right, as far as it is a .dlic file."""
    out = bytearray(data)
    with contextlib.suppress(CorruptFileError):
        reader = Reader(data)
        reader.take(len(MAGIC))
        fields = {field.name: field.read(reader) for field in HEADER}
        length = read_varint(reader)
        begin = reader.position
        end = begin + len(reader.take(length))
        if fields["kind"] == TILED:
            _repair_table(out, begin, Container(stream=data[begin:end], **fields))
        _write_crc(out, 0, end)
        reader.take(CRC)
        while reader.position < len(data):
            start = reader.position
            reader.take(4)
            reader.take(read_varint(reader))
            _write_crc(out, start, reader.position)
            reader.take(CRC)
    return bytes(out)


def _repair_table(out: bytearray, begin: int, picture: Container) -> None:
    """The checksum of a table of tiles, and that of the tiles' checksums in the header, which ends the header."""
    reader = Reader(picture.stream)
    with contextlib.suppress(CorruptFileError, ZeroDivisionError):  # a side of nothing
        count = len(tile_grid(picture.width, picture.height, read_varint(reader)))
        crcs = [_entry(reader) for _ in range(count)]
        told = replace(picture, symbols_crc=zlib.crc32(b"".join(crcs)))
        end_of_header = len(header(told))
        if out[: end_of_header - CRC] == header(told)[:-CRC]:  # numbers can be written in more than one way
            out[:end_of_header] = header(told)
        crc = zlib.crc32(header(told) + picture.stream[: reader.position])
        reader.take(CRC)
        out[begin + reader.position - CRC : begin + reader.position] = crc.to_bytes(CRC, "big")


def _entry(reader: Reader) -> bytes:
    """The CRC in one entry of a table of tiles."""
    read_varint(reader)
    crc = reader.take(CRC)
    reader.take(1)
    return crc


def _write_crc(out: bytearray, start: int, end: int) -> None:
    out[end : end + CRC] = zlib.crc32(out[start:end]).to_bytes(CRC, "big")


def _with_changed_parts(container: Container, rng: random.Random) -> Container:
    """Its stream, the stream of one tile, a chunk or a field of its header changed, and everything around it right."""
    part = rng.randrange(4)
    if part == 0 and container.chunks:
        index = rng.randrange(len(container.chunks))
        name, data = container.chunks[index]
        chunks = [*container.chunks]
        chunks[index] = name, mutated(data, rng)
        return replace(container, chunks=tuple(chunks))
    if part == 1:
        return replace(container, **_field(container, rng))
    if container.kind == PROGRESSIVE:
        return _with_changed_layer(container, rng)
    if container.kind == TILED:
        grid, tiles = split(container)
        index = rng.randrange(len(tiles))
        finer = rng.choice([tiles[index].finer, rng.randrange(256)])
        tiles[index] = replace(tiles[index], stream=mutated(tiles[index].stream, rng), finer=finer)
        return replace(join(grid, tiles), chunks=container.chunks)
    return replace(container, stream=mutated(container.stream, rng))


def _with_changed_layer(container: Container, rng: random.Random) -> Container:
    """A progressive picture with a part of one layer changed, left out or twice."""
    layers = layers_of(container)
    name = rng.choice([BASE, FINE] if layers.second and layers.second.parts else [BASE])
    layer = layers.second if name == FINE and layers.second else layers.first
    parts, index = [*layer.parts], rng.randrange(len(layer.parts))
    changed = replace(parts[index], stream=mutated(parts[index].stream, rng))
    parts[index : index + 1] = rng.choice([[changed], [], [parts[index]] * 2, [parts[-1]]])
    finer = tuple(rng.choice([fine, rng.randrange(256)]) for fine in layer.finer)
    layer = replace(layer, parts=tuple(parts), finer=finer, count=rng.choice([layer.count, rng.randrange(1, 65)]))
    data = write_fine(layer, container) if isinstance(layer, SecondLayerData) else write_base(layer, container)
    return replace(container, chunks=tuple((each, data if each == name else of) for each, of in container.chunks))


def _field(container: Container, rng: random.Random) -> dict[str, int]:
    name = rng.choice(["width", "height", "level", "kind", "coder"])
    if name == "level":
        return {name: rng.randrange(MAX_LEVEL + 1)}
    if name in ("kind", "coder"):
        return {name: rng.choice([*range(8), 255])}
    return {name: rng.choice([*SIZES, max(0, getattr(container, name) + rng.choice([-1, 1, 64]))])}


def with_other_symbols(container: Container, rng: random.Random, codec: LearnedCodec) -> Container:
    """Symbols that no picture has, coded as they should be, so that the transforms see them. Raises DlicError for other files."""
    if container.kind == TILED:
        grid, tiles = split(container)
        index = rng.randrange(len(tiles))
        tiles[index] = _with_other_symbols(tiles[index], rng, codec)
        return replace(join(grid, tiles), chunks=container.chunks)
    if container.kind != LEARNED:
        raise DlicError("it has no symbols of a learned picture")
    return as_picture(_with_other_symbols(unit_of(container), rng, codec), container.chunks)


def _with_other_symbols(unit: CodedUnit, rng: random.Random, codec: LearnedCodec) -> CodedUnit:
    check_size(unit.width, unit.height, MAX_PIXELS)
    found, stride = codec.unit.parse(unit), codec.unit.deployed.decoder.stride
    height, width = (-(-side // stride) for side in (unit.height, unit.width))

    coder, tables = coder_of(unit.coder), codec.unit.tables

    def scattered(part: Part) -> np.ndarray:
        symbols = tables.clip(_scattered(found[part.name].symbols, rng), part.rows)
        return _made_even(symbols, part, tables) if coder.even else symbols

    symbols = Symbols.of(codec.unit.deployed.rows.path((height, width), unit.level), scattered)
    return replace(unit, stream=encode(symbols, coder, tables), symbols_crc=symbols.crc)


def _made_even(symbols: np.ndarray, part: Part, tables: FrequencyTables) -> np.ndarray:
    """The nearest symbols whose groups have even sums."""
    even = symbols.astype(np.float32).ravel()
    for of_step in groups_of_steps(part, tables):
        Repair(tables, 1.0)(even, even.copy(), part.rows.ravel(), of_step)
    return even.reshape(part.shape).astype(np.int32)


def _scattered(symbols: np.ndarray, rng: random.Random) -> np.ndarray:
    """Some, or all, of the symbols become extremes."""
    flat = symbols.ravel().copy()
    for _ in range(rng.choice([0, 1, 5, 50]) if flat.size else 0):
        flat[rng.randrange(flat.size)] = rng.choice(EXTREMES)
    if rng.randrange(8) == 0:
        flat[:] = rng.choice(EXTREMES)
    return flat.reshape(symbols.shape)
