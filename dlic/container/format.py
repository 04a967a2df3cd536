"""The .dlic file, version 1: bytes ⇄ a frozen dataclass.

    magic       6   d1 'i' 'c' CR LF EOF: a high bit, a line ending and an end-of-file mark show transfers that changed bytes
    version     1   1
    flags       1   1: the stream of a learned codec holds Huffman codes, not rANS; 2: it holds tiles behind a table
                    (`container.tiles`); 3: both; 8 more: that has a byte more for each; 4: the stream holds those of a model of
                    CompressAI; otherwise 0
    width       varint  true size in pixels, before padding
    height      varint
    level       1   rate level 0 … 63
    model       8   first bytes of the checkpoint's sha256 fingerprint
    symbols_crc 4   CRC-32 of the coded symbols as little-endian int32, so that a decoder knows it has parsed them right; in tiles
                    the CRC-32 of those of all tiles
    length      varint  bytes of the stream
    stream      …   the coded picture
    crc         4   CRC-32 of everything above
    then up to 64 optional chunks, each: name 4 (first letter lower-case: may be skipped), length varint, data, CRC-32 of these;
    chunks.py tells what is in them

A 768×512 picture has 32 bytes of overhead.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from dlic.entropy.byte_reader import Reader, raw, read_varint, uint, varint, write_varint
from dlic.errors import CorruptFileError

MAGIC = b"\xd1ic\r\n\x1a"
VERSION = 1
MAX_LEVEL = 63
HUFFMAN, TILED, COMPRESSAI, FINER = 1, 2, 4, 8  # flags
FLAGS = (0, HUFFMAN, TILED, HUFFMAN | TILED, COMPRESSAI, TILED | FINER, HUFFMAN | TILED | FINER)  # that go together
MAX_CHUNKS = 64
CRC = 4  # bytes

Chunks = tuple[tuple[bytes, bytes], ...]  # (name, data)

HEADER = [
    uint("flags", 1),
    varint("width"),
    varint("height"),
    uint("level", 1),
    raw("model", 8),
    uint("symbols_crc", 4),
]


@dataclass(frozen=True)
class Container:
    """What a .dlic file holds."""

    width: int
    height: int
    level: int
    model: bytes
    symbols_crc: int
    stream: bytes
    chunks: Chunks = ()
    flags: int = 0
    finer: int = 0  # of a tile, see `container.tiles`; the table of tiles holds it


def write(container: Container) -> bytes:
    """The file's bytes."""
    picture = header(container) + write_varint(len(container.stream)) + container.stream
    return append(picture + _crc(picture), container.chunks)


def append(file: bytes, chunks: Chunks) -> bytes:
    """A file's bytes with more chunks at their end."""
    return file + b"".join(_write_chunk(name, data) for name, data in chunks)


def header(container: Container) -> bytes:
    """What stands in front of the stream's length."""
    return MAGIC + bytes([VERSION]) + b"".join(field.write(getattr(container, field.name)) for field in HEADER)


def read(data: bytes) -> Container:
    """Inverse of `write`. Raises CorruptFileError with one sentence for anything else."""
    reader = Reader(data)
    fields = _read_header(reader)
    stream = reader.take(read_varint(reader))
    _check_crc(reader, 0, "the picture")
    _check_header(fields)
    return Container(stream=stream, chunks=tuple(_read_chunks(reader)), **fields)


def read_beginning(data: bytes) -> tuple[Container, float]:
    """The beginning of a file whose header is whole: a container with what there is of its stream, and the share that is.

    Nothing vouches for its bytes: the checksum stands behind the stream, and is not looked at, as the stream may be damaged. Behind
    it are those chunks that are whole. Raises CorruptFileError where the header is damaged.
    """
    reader = Reader(data)
    fields = _read_header(reader)
    length = read_varint(reader)
    _check_header(fields)
    stream = data[reader.position : reader.position + length]
    chunks = tuple(_intact_chunks(Reader(data, reader.position + length + CRC)))
    return Container(stream=stream, chunks=chunks, **fields), len(stream) / length if length else 1.0


def _read_header(reader: Reader) -> dict[str, int | bytes]:
    _check_magic(reader)
    return {field.name: field.read(reader) for field in HEADER}


def _check_header(fields: dict[str, int | bytes]) -> None:
    if fields["flags"] not in FLAGS or fields["level"] > MAX_LEVEL or not (fields["width"] and fields["height"]):
        raise CorruptFileError(f"the header holds values version {VERSION} does not have: {fields}")


def _check_magic(reader: Reader) -> None:
    if not reader.data:
        raise CorruptFileError("the file is empty")
    found = reader.data[: len(MAGIC)]
    if found != MAGIC:
        changed = found[:3] == MAGIC[:3]
        raise CorruptFileError("the file was changed by a text-mode transfer" if changed else "not a .dlic file")
    reader.take(len(MAGIC))
    version = reader.take(1)[0]
    if version != VERSION:
        raise CorruptFileError(f"version {version} of the format is unknown; this dlic reads version {VERSION}")


def _write_chunk(name: bytes, data: bytes) -> bytes:
    chunk = name + write_varint(len(data)) + data
    return chunk + _crc(chunk)


def _read_chunks(reader: Reader) -> Iterator[tuple[bytes, bytes]]:
    count = 0
    while reader.position < len(reader.data):
        start, count = reader.position, count + 1
        if count > MAX_CHUNKS:
            raise CorruptFileError(f"the file has more than {MAX_CHUNKS} chunks")
        name = reader.take(4)
        data = reader.take(read_varint(reader))
        _check_crc(reader, start, f"chunk {name.decode('latin-1')!r}")
        if not name[:1].islower():
            raise CorruptFileError(f"chunk {name.decode('latin-1')!r} is needed to show the picture and unknown to this dlic")
        yield name, data


def _intact_chunks(reader: Reader) -> Iterator[tuple[bytes, bytes]]:
    """As far as there are."""
    try:
        yield from _read_chunks(reader)
    except CorruptFileError:
        return


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def _check_crc(reader: Reader, start: int, what: str) -> None:
    covered = reader.data[start : reader.position]
    if reader.take(4) != _crc(covered):
        raise CorruptFileError(f"{what} is damaged: its checksum does not match")
