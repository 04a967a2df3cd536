"""PNG files of 16-bit samples, which Pillow does not write in colour, and their metadata (W3C PNG, third edition)."""

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.images import photoshop
from dlic.images.metadata import PNG_XMP, Metadata

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by number of channels: gray, gray and alpha, RGB, RGBA
CHANNELS = {colour_type: channels for channels, colour_type in COLOUR_TYPES.items()}
DEPTH, COLOUR_TYPE = len(SIGNATURE) + 16, len(SIGNATURE) + 17  # places in the file
HEADER_END = len(SIGNATURE) + 25  # IHDR, which comes first, has 13 bytes
INCH = 0.0254  # metres
ROWS_AT_ONCE = 64  # filtered together: few calls, and buffers that stay small


def write(samples: NDArray[np.uint16]) -> bytes:
    """uint16 (H, W) or (H, W, 2, 3 or 4) → the bytes of a PNG file."""
    height, width = samples.shape[:2]
    channels = samples.reshape(height, width, -1).shape[2]
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, COLOUR_TYPES[channels], 0, 0, 0])
    rows = np.ascontiguousarray(samples, dtype=">u2").view(np.uint8).reshape(height, -1)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", _compressed(rows, 2 * channels)) + _chunk(b"IEND", b"")


def with_metadata(png: bytes, metadata: Metadata) -> bytes:
    """Adds metadata to a PNG file."""
    channels = CHANNELS[png[COLOUR_TYPE]]
    chunks = (_chunk(name, data) for name, data in _metadata_chunks(metadata, channels, png[DEPTH]))
    return png[:HEADER_END] + b"".join(chunks) + png[HEADER_END:]


def background(data: bytes, channels: int, bits: int) -> bytes:
    """bKGD of one or three samples of 16 bits for a file of other pixels; empty where colour would have to become gray."""
    samples = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    colours = 3 if channels >= 3 else 1
    if not samples or (len(set(samples)) > 1 and colours == 1):
        return b""
    samples = samples if len(samples) == colours else samples[:1] * colours
    return b"".join((sample if bits == 16 else round(sample / 257)).to_bytes(2, "big") for sample in samples)


def _metadata_chunks(metadata: Metadata, channels: int, bits: int) -> Iterator[tuple[bytes, bytes]]:
    if points := metadata.code_points:
        yield b"cICP", bytes([points.primaries, points.transfer, points.matrix, points.full_range])
    if metadata.icc_profile:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc_profile)
    for part in metadata.parts:
        is_background = part.name == "bKGD"
        yield part.name.encode("latin-1"), background(part.data, channels, bits) if is_background else part.data
    if metadata.exif:
        yield b"eXIf", metadata.exif
    if metadata.dpi:
        yield b"pHYs", b"".join(round(dpi / INCH).to_bytes(4, "big") for dpi in metadata.dpi) + b"\1"
    if metadata.xmp:
        yield b"iTXt", PNG_XMP.encode() + bytes(5) + metadata.xmp
    if metadata.iptc:
        yield b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(photoshop.to_text(metadata.iptc).encode())
    for keyword, text in metadata.text.items():
        name = keyword.encode("latin-1")
        try:
            yield b"tEXt", name + b"\0" + text.encode("latin-1")
        except UnicodeEncodeError:
            yield b"iTXt", name + bytes(5) + text.encode()


def _compressed(rows: NDArray[np.uint8], step: int) -> bytes:
    """Rows of bytes (H, row), filtered and deflated; `step` bytes are one pixel."""
    deflate = zlib.compressobj()
    above = np.pad(rows[:-1], ((1, 0), (0, 0)))
    parts = [
        deflate.compress(_filtered(rows[i : i + ROWS_AT_ONCE], above[i : i + ROWS_AT_ONCE], step).tobytes())
        for i in range(0, len(rows), ROWS_AT_ONCE)
    ]
    return b"".join(parts) + deflate.flush()


def _filtered(rows: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Every row by the filter with the least sum of absolute differences (§12.7), led by its number: (H, 1 + row) uint8."""
    left, above_left = (_signed(np.pad(part, ((0, 0), (step, 0)))[:, :-step]) for part in (rows, above))
    over = _signed(above)
    predictions = np.stack([np.zeros_like(left), left, over, (left + over) // 2, paeth(left, over, above_left)])
    residues = (rows - predictions).astype(np.uint8)  # (5, H, row) modulo 256
    best = np.abs(residues.view(np.int8).astype(np.int16)).sum(axis=2).argmin(axis=0)
    filtered = residues[best, np.arange(len(rows))]
    return np.concatenate([best[:, None].astype(np.uint8), filtered], axis=1)


def _signed(samples: NDArray[np.uint8]) -> NDArray[np.int16]:
    return samples.astype(np.int16)


def paeth(
    left: NDArray[np.signedinteger[Any]], above: NDArray[np.signedinteger[Any]], above_left: NDArray[np.signedinteger[Any]]
) -> NDArray[np.signedinteger[Any]]:
    """Whichever of the three is nearest to left + above − above left, ties in the order of the arguments; signed integers."""
    to_left, to_above = np.abs(above - above_left), np.abs(left - above_left)
    to_corner = np.abs(left + above - 2 * above_left)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, np.where(to_above <= to_corner, above, above_left))


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
