"""The .dlic file, version 2: bytes ⇄ a frozen dataclass. docs/format.md is the specification.

    magic       6   d2 'i' 'c' CR LF EOF. The first byte is d0 + version; its high bit, the line ending and the end-of-file mark
                    show transfers that changed bytes
    kind        1   0 learned, 1 learned in tiles (`container.tiles`), 2 streams of a model of CompressAI, 3 lossless, 4 wavelet,
                    5 a sequence (`container.sequence`), 6 exact blocks (`container.exact_layer`) and nothing else,
                    7 learned, progressive (`container.progressive`)
    coder       1   entropy coder of learned pictures (`entropy.coder`): 0 rANS, 1 rANS with parity; 0 in other kinds
    width       varint  true size in pixels, before padding
    height      varint
    level       1   rate level, from 0 to one less than the model has levels
    model       8   first bytes of the checkpoint's sha256 fingerprint; zeros in kinds without a checkpoint
    symbols_crc 4   CRC-32 of the coded symbols as little-endian int32, which proves that a decoder has parsed them right
    length      varint  bytes of the stream
    stream      …   the coded picture
    crc         4   CRC-32 of everything above
    then up to 64 chunks, each: name 4 (first letter lower-case: may be skipped), length varint, data, CRC-32 of these;
    `container.chunks` has their contents

A 768×512 picture has at most 32 bytes of overhead.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from dlic.entropy.byte_reader import Reader, raw, read_varint, uint, varint, write_varint
from dlic.errors import CorruptFileError

VERSION = 2
VERSION_ZERO = 0xD0  # the first byte of a file is this plus the version
MAGIC = bytes([VERSION_ZERO + VERSION]) + b"ic\r\n\x1a"
LEARNED, TILED, COMPRESSAI, LOSSLESS, WAVELET, SEQUENCE, EXACT, PROGRESSIVE = range(8)  # kinds
EXACT_BLOCKS = b"Exac"  # a chunk that a reader may not skip; only kinds 0, 1 and 7 have it
BASE, FINE = b"Base", b"Fine"  # the layers of kind 7, which has no stream
NEEDED = (EXACT_BLOCKS, BASE, FINE)
KIND_AT = len(MAGIC)  # where the field `kind` stands in a file
MAX_LEVEL = 255  # range of the field; the codec checks the levels of its model
NO_MODEL = bytes(8)  # the field `model` of kinds without a checkpoint
MAX_CHUNKS = 64
CRC = 4  # bytes

Chunks = tuple[tuple[bytes, bytes], ...]  # (name, data)

HEADER = [
    uint("kind", 1),
    uint("coder", 1),
    varint("width"),
    varint("height"),
    uint("level", 1),
    raw("model", 8),
    uint("symbols_crc", 4),
]


@dataclass(frozen=True, kw_only=True)
class Container:
    """The content of a .dlic file."""

    kind: int  # 0 … 255
    width: int
    height: int
    stream: bytes
    symbols_crc: int
    coder: int = 0  # 0 … 255
    level: int = 0
    model: bytes = NO_MODEL
    chunks: Chunks = ()


def write(container: Container) -> bytes:
    """The file's bytes."""
    picture = header(container) + write_varint(len(container.stream)) + container.stream
    return append(picture + checksum(picture), container.chunks)


def append(file: bytes, chunks: Chunks) -> bytes:
    """Appends chunks to a file's bytes."""
    return file + b"".join(write_chunk(name, data) for name, data in chunks)


def header(container: Container) -> bytes:
    """The bytes before the stream's length."""
    return MAGIC + b"".join(field.write(getattr(container, field.name)) for field in HEADER)


def read(data: bytes) -> Container:
    """Inverse of `write`. Raises CorruptFileError with one sentence for anything else."""
    reader = Reader(data)
    container = replace(read_head(reader), chunks=tuple(_read_chunks(reader)))
    _check_layers(container)
    return container


def read_head(reader: Reader) -> Container:
    """A file up to its first chunk. Raises CorruptFileError."""
    fields = _read_header(reader)
    stream = reader.take(read_varint(reader))
    _check_crc(reader, 0, "the picture")
    _check_header(fields)
    return Container(stream=stream, **fields)


def read_beginning(data: bytes) -> tuple[Container, float]:
    """Reads a truncated or damaged file with an intact header: a container with the bytes of its stream that are present, and their
    share. The bytes are not verified: the checksum comes after the stream and is ignored. Intact chunks after it are included.
    Raises CorruptFileError where the header is damaged.
    """
    reader = Reader(data)
    fields = _read_header(reader)
    length = read_varint(reader)
    _check_header(fields)
    stream = data[reader.position : reader.position + length]
    chunks = tuple(_intact_chunks(Reader(data, reader.position + length + CRC)))
    return Container(stream=stream, chunks=chunks, **fields), len(stream) / length if length else 1.0


def check_kind(container: Container, *kinds: int, codec: str) -> None:
    """Raises CorruptFileError for a container of a kind that `codec` does not write."""
    if container.kind not in kinds:
        raise CorruptFileError(f"the file is of kind {container.kind}, which {codec} does not write")


def check_no_exact_blocks(container: Container) -> None:
    """Raises CorruptFileError for a chunk of exact blocks in a kind of file that has none."""
    if any(name == EXACT_BLOCKS for name, _ in container.chunks):
        raise CorruptFileError(f"the file has exact blocks, but files of kind {container.kind} have none")


def check_no_coder(container: Container) -> None:
    """Raises CorruptFileError for a header that names an entropy coder in a kind of file that has no choice."""
    if container.coder:
        raise CorruptFileError(f"the file names entropy coder {container.coder}, but files of kind {container.kind} have no choice")


def _check_layers(container: Container) -> None:
    if container.kind != PROGRESSIVE and any(name in (BASE, FINE) for name, _ in container.chunks):
        raise CorruptFileError(f"the file has layers, but files of kind {container.kind} have none")


def _read_header(reader: Reader) -> dict[str, Any]:
    _check_magic(reader)
    return {field.name: field.read(reader) for field in HEADER}


def _check_header(fields: dict[str, Any]) -> None:
    if not (fields["width"] and fields["height"]):
        raise CorruptFileError(f"the header holds values that version {VERSION} does not have: {fields}")


def _check_magic(reader: Reader) -> None:
    if not reader.data:
        raise CorruptFileError("the file is empty")
    magic = reader.data[: len(MAGIC)]
    version = magic[0] - VERSION_ZERO
    if magic[1:3] != MAGIC[1:3] or version < 1:
        raise CorruptFileError("not a .dlic file")
    if magic[1:] != MAGIC[1:]:
        raise CorruptFileError("the file was changed by a text-mode transfer, or ends in its first bytes")
    if version != VERSION:
        raise CorruptFileError(f"the file is of version {version} of the format; this dlic reads version {VERSION}")
    reader.take(len(MAGIC))


def write_chunk(name: bytes, data: bytes) -> bytes:
    """The bytes of one chunk."""
    chunk = name + write_varint(len(data)) + data
    return chunk + checksum(chunk)


def _read_chunks(reader: Reader) -> Iterator[tuple[bytes, bytes]]:
    count = 0
    while reader.position < len(reader.data):
        start, count = reader.position, count + 1
        if count > MAX_CHUNKS:
            raise CorruptFileError(f"the file has more than {MAX_CHUNKS} chunks")
        name = reader.take(4)
        data = reader.take(read_varint(reader))
        _check_crc(reader, start, f"chunk {name.decode('latin-1')!r}")
        check_chunk_name(name)
        yield name, data


def check_chunk_name(name: bytes) -> None:
    """Raises CorruptFileError for a chunk that this dlic does not know and may not skip."""
    if not name[:1].islower() and name not in NEEDED:
        raise CorruptFileError(f"chunk {name.decode('latin-1')!r} is needed to show the picture, but unknown to this dlic")


def _intact_chunks(reader: Reader) -> Iterator[tuple[bytes, bytes]]:
    """The chunks up to the first damaged one."""
    try:
        yield from _read_chunks(reader)
    except CorruptFileError:
        return


def checksum(data: bytes) -> bytes:
    """CRC-32 as it stands in files."""
    return zlib.crc32(data).to_bytes(4, "big")


def _check_crc(reader: Reader, start: int, name: str) -> None:
    covered = reader.data[start : reader.position]
    if reader.take(4) != checksum(covered):
        raise CorruptFileError(f"{name} is damaged: its checksum does not match")
