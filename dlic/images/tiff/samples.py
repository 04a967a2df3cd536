"""The samples of TIFF files as they are stored: strips or tiles, planes, packed bits, byte orders and predictors.

    file ─ strips or tiles ─ bytes, decompressed by libtiff ─ predictor ─ samples ─ planes side by side ─ (H, W, samples)

Pillow reads planar 16-bit, inverted 16-bit and some other files as other pictures without a word.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.images.pillow.opening import open_image
from dlic.images.tiff.directory import Directory

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES_PER_PIXEL, ROWS_PER_STRIP, STRIP_SIZES, PLANAR, PREDICTOR = 273, 277, 278, 279, 284, 317
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_SIZES, SAMPLE_FORMAT = 322, 323, 324, 325, 339
NONE, UNSIGNED = 1, 1
BYTE_CODECS = {5, 8, 32773, 32946, 34925, 50000}  # LZW, Deflate, PackBits, Deflate, LZMA, Zstandard: bytes in, bytes out
MAX_SAMPLES = 16  # of a pixel
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))  # bits of a byte


class WrongTiff(ValueError):
    """A TIFF file that contradicts itself; the text is a clause for a sentence."""


@dataclass(frozen=True)
class Layout:
    """How a file holds its samples. Strips are tiles as wide as the picture."""

    width: int
    height: int
    samples: int  # of a pixel
    bits: int  # of a sample
    planes: int  # 1: samples stand side by side; else each sample has a plane of its own
    tile_width: int
    tile_height: int
    is_tiled: bool  # tiles are whole at the picture's edges, strips end with it
    compression: int
    predictor: int
    fill_order: int

    @property
    def in_plane(self) -> int:
        """Samples that stand side by side."""
        return self.samples // self.planes

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a tile."""
        return (self.tile_width * self.in_plane * self.bits + 7) // 8

    @property
    def across(self) -> int:
        return -(-self.width // self.tile_width)

    @property
    def down(self) -> int:
        return -(-self.height // self.tile_height)

    def rows(self, tile: int) -> int:
        """Rows that are stored of the tile of this number."""
        if self.is_tiled:
            return self.tile_height
        return min(self.tile_height, self.height - tile % (self.across * self.down) * self.tile_height)


def layout_of(directory: Directory) -> Layout | None:
    """How a file holds its samples; None where `read` cannot read them: floating point, signed, JPEG, fax, mixed depths."""
    bits, formats = directory.numbers(BITS) or (1,), directory.numbers(SAMPLE_FORMAT)
    samples = directory.number(SAMPLES_PER_PIXEL, len(bits) if len(bits) > 1 else 1)
    compression = directory.number(COMPRESSION, NONE)
    predictor = directory.number(PREDICTOR, 1) if compression != NONE else 1  # which libtiff ignores without a codec
    is_tiled = TILE_OFFSETS in directory.entries
    width, height = directory.number(WIDTH, 0), directory.number(LENGTH, 0)
    readable = (
        compression in BYTE_CODECS | {NONE}
        and len(set(bits)) == 1
        and 1 <= bits[0] <= 16
        and set(formats) <= {UNSIGNED}
        and 1 <= samples <= MAX_SAMPLES
        and (predictor == 1 or (predictor == 2 and bits[0] in (8, 16)))
        and min(width, height) > 0
    )
    if not readable:
        return None
    tile_height = directory.number(TILE_LENGTH if is_tiled else ROWS_PER_STRIP, height)
    tile_width = directory.number(TILE_WIDTH, 0) if is_tiled else width
    if min(tile_width, tile_height) <= 0 or (is_tiled and (tile_width > 1 << 16 or tile_height > 1 << 16)):
        raise WrongTiff(f"its tiles have {tile_width} × {tile_height} pixels")
    return Layout(
        width=width,
        height=height,
        samples=samples,
        bits=int(bits[0]),
        planes=samples if directory.number(PLANAR, 1) == 2 else 1,
        tile_width=tile_width,
        tile_height=tile_height if is_tiled else min(tile_height, height),
        is_tiled=is_tiled,
        compression=compression,
        predictor=predictor,
        fill_order=directory.number(FILL_ORDER, 1),
    )


def read(data: bytes, directory: Directory, layout: Layout) -> NDArray[Any]:
    """The stored samples: uint8 (H, W, samples) of up to 8 bits, uint16 of more. Raises WrongTiff, and Pillow's own errors."""
    dtype = np.uint8 if layout.bits <= 8 else np.uint16
    picture = np.empty((layout.height, layout.width, layout.samples), dtype)
    per_plane = layout.across * layout.down
    for number, coded in enumerate(_tiles(data, directory, layout)):
        plane, place = divmod(number, per_plane)
        y, x = place // layout.across * layout.tile_height, place % layout.across * layout.tile_width
        tile = _samples(coded, layout, layout.rows(number), directory.order)
        part = picture[y : y + layout.tile_height, x : x + layout.tile_width]
        first = plane * layout.in_plane
        part[..., first : first + layout.in_plane] = tile[: part.shape[0], : part.shape[1]]
    return picture


def _tiles(data: bytes, directory: Directory, layout: Layout) -> Iterator[bytes]:
    """The bytes of every tile, decompressed, plane by plane and row by row."""
    offsets = [int(offset) for offset in directory.numbers(TILE_OFFSETS if layout.is_tiled else STRIP_OFFSETS)]
    count = layout.planes * layout.across * layout.down
    if len(offsets) < count:
        raise WrongTiff(f"it has {len(offsets)} strips or tiles where {count} are needed")
    lengths = [layout.rows(number) * layout.row_bytes for number in range(count)]
    if layout.compression == NONE:
        for offset, length in zip(offsets[:count], lengths, strict=True):
            if offset + length > len(data):
                raise WrongTiff("it is truncated: a strip or tile goes on behind its end")
            coded = data[offset : offset + length]
            yield coded.translate(REVERSED) if layout.fill_order == 2 else coded
        return
    sizes = [int(size) for size in directory.numbers(TILE_SIZES if layout.is_tiled else STRIP_SIZES)]
    if len(sizes) < count:
        raise WrongTiff(f"it states the sizes of {len(sizes)} strips or tiles where {count} are needed")
    runs = layout.across * layout.down  # only the last strip of a plane may be shorter than the others
    for first in range(0, count, runs):
        run = slice(first, first + runs)
        decoded = _decompressed(data, layout, offsets[run], sizes[run], lengths[run])
        begin = 0
        for length in lengths[run]:
            yield decoded[begin : begin + length]
            begin += length


def _decompressed(data: bytes, layout: Layout, offsets: list[int], sizes: list[int], lengths: list[int]) -> bytes:
    """Strips or tiles decompressed by libtiff, which is told that they are the strips of a gray picture of 8 bits."""
    rows = lengths[0] // layout.row_bytes
    tags = {
        WIDTH: [layout.row_bytes], LENGTH: [sum(lengths) // layout.row_bytes], BITS: [8], COMPRESSION: [layout.compression],
        PHOTOMETRIC: [1], FILL_ORDER: [layout.fill_order], STRIP_OFFSETS: offsets, SAMPLES_PER_PIXEL: [1],
        ROWS_PER_STRIP: [rows], STRIP_SIZES: sizes,
    }  # fmt: skip
    start = len(data) + len(data) % 2
    entries, values, values_at = b"", b"", start + 2 + 12 * len(tags) + 4
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        field = packed if len(numbers) == 1 else struct.pack("<I", values_at + len(values))
        values += packed if len(numbers) > 1 else b""
        entries += struct.pack("<HHI", tag, 4, len(numbers)) + field
    head = b"II*\0" + struct.pack("<I", start)
    wrapped = head + data[8:].ljust(start - 8, b"\0") + struct.pack("<H", len(tags)) + entries + bytes(4) + values
    return open_image(wrapped).tobytes()


def _samples(coded: bytes, layout: Layout, rows: int, order: str) -> NDArray[Any]:
    """The bytes of a tile → (rows, tile width, samples side by side)."""
    shape = rows, layout.tile_width, layout.in_plane
    if len(coded) < rows * layout.row_bytes:
        raise WrongTiff("it is truncated: a strip or tile is shorter than its picture")
    if layout.bits in (8, 16):
        samples = np.frombuffer(coded, "u1" if layout.bits == 8 else f"{order}u2", rows * layout.tile_width * layout.in_plane)
        samples = samples.reshape(shape)
        return np.cumsum(samples, axis=1, dtype=samples.dtype.newbyteorder("=")) if layout.predictor == 2 else samples
    bits = np.unpackbits(np.frombuffer(coded, np.uint8).reshape(rows, layout.row_bytes), axis=1)
    used = bits[:, : layout.tile_width * layout.in_plane * layout.bits].reshape(*shape, layout.bits)
    weights = (1 << np.arange(layout.bits - 1, -1, -1)).astype(np.uint16)
    samples = used @ weights
    return samples.astype(np.uint8 if layout.bits <= 8 else np.uint16)
