"""TIFF files of gray or RGB, with or without alpha, of 8 or 16 bits, uncompressed, with all their metadata.

EXIF is a TIFF structure itself. Its bytes begin the file, so that the places of its values, and those in maker notes, stay right.
A new first directory at the end has its tags, and those of the picture.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.errors import DlicError
from dlic.images import photoshop
from dlic.images.metadata import Metadata
from dlic.images.tiff import samples
from dlic.images.tiff.directory import BYTE, LONG, RATIONAL, SHORT, SIZES, UNDEFINED, Directory, first_directory, is_big
from dlic.images.tiff.tags import ICC_PROFILE, IPTC, PHOTOSHOP, RESOLUTION_UNIT, STRUCTURAL, X_RESOLUTION, XMP, Y_RESOLUTION

STRIP = 1 << 18  # bytes of a strip, about
EXTRA_SAMPLES, UNASSOCIATED, INCH = 338, 2, 2
RESOLUTION = {X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT}
MAX_SIZE, ENTRY = 0xFFFFFF00, 12  # bytes that offsets reach; bytes of an entry


def fits(metadata: Metadata) -> Metadata:
    """The part of metadata that TIFF has a place for."""
    readable = {"exif"} if can_hold(metadata.exif) else set()
    return metadata.only({"icc_profile", "xmp", "dpi", "iptc"} | readable)


def can_hold(exif: bytes) -> bool:
    """Whether EXIF has a directory that can begin a file."""
    directory = first_directory(exif)
    return directory is not None and not is_big(exif) and bool(directory.entries)


def write(pixels: NDArray[Any], metadata: Metadata) -> bytes:
    """uint8 or uint16 (H, W) or (H, W, 2 … 4) and metadata from `fits` → the file."""
    described = first_directory(metadata.exif) if can_hold(metadata.exif) else None
    order = described.order if described else "<"
    begin = bytearray(metadata.exif if described else bytes(8))
    begin += bytes(-len(begin) % 4)
    rows = np.ascontiguousarray(pixels, dtype=np.dtype(f"{order}u{pixels.dtype.itemsize}")).reshape(pixels.shape[0], -1)
    tags = _picture_tags(pixels, len(begin), rows[0].nbytes)
    values = _metadata_tags(metadata)
    heap_at = len(begin) + rows.nbytes + rows.nbytes % 2
    entries, heap = _entries(order, tags | values, heap_at)
    entries = _own_entries(described, metadata.exif, bool(metadata.dpi)) | entries
    start = heap_at + len(heap)
    if start + len(entries) * ENTRY > MAX_SIZE:
        raise DlicError("the picture is larger than the 4 GB of a TIFF file: use .png")
    begin[:8] = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", start)
    table = struct.pack(order + "H", len(entries)) + b"".join(entry for _, entry in sorted(entries.items())) + bytes(4)
    return b"".join([begin, rows.tobytes(), bytes(rows.nbytes % 2), heap, table])


def _picture_tags(pixels: NDArray[Any], start: int, row_bytes: int) -> dict[int, tuple[int, list[int] | bytes]]:
    """Tags with their types and values."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    in_strip = max(1, STRIP // row_bytes)
    tops = range(0, height, in_strip)
    tags: dict[int, tuple[int, list[int] | bytes]] = {
        samples.WIDTH: (LONG, [width]),
        samples.LENGTH: (LONG, [height]),
        samples.BITS: (SHORT, [8 * pixels.dtype.itemsize] * channels),
        samples.COMPRESSION: (SHORT, [samples.NONE]),
        samples.PHOTOMETRIC: (SHORT, [2 if channels >= 3 else 1]),
        samples.STRIP_OFFSETS: (LONG, [start + top * row_bytes for top in tops]),
        samples.SAMPLES_PER_PIXEL: (SHORT, [channels]),
        samples.ROWS_PER_STRIP: (LONG, [in_strip]),
        samples.STRIP_SIZES: (LONG, [min(in_strip, height - top) * row_bytes for top in tops]),
        samples.PLANAR: (SHORT, [1]),
    }
    return tags | ({EXTRA_SAMPLES: (SHORT, [UNASSOCIATED])} if channels in (2, 4) else {})


def _metadata_tags(metadata: Metadata) -> dict[int, tuple[int, list[int] | bytes]]:
    tags: dict[int, tuple[int, list[int] | bytes]] = {
        XMP: (BYTE, metadata.xmp),
        IPTC: (UNDEFINED, photoshop.iptc_of(metadata.iptc)),
        PHOTOSHOP: (BYTE, metadata.iptc),
        ICC_PROFILE: (UNDEFINED, metadata.icc_profile),
    }
    if metadata.dpi:
        across, down = ([round(value * 1000), 1000] for value in metadata.dpi)
        tags |= {X_RESOLUTION: (RATIONAL, across), Y_RESOLUTION: (RATIONAL, down), RESOLUTION_UNIT: (SHORT, [INCH])}
    return {tag: value for tag, value in tags.items() if value[1]}


def _entries(order: str, tags: dict[int, tuple[int, list[int] | bytes]], heap_at: int) -> tuple[dict[int, bytes], bytes]:
    """The entries of a directory by tag, and the values that do not fit into them, which will stand at `heap_at`."""
    entries, heap = {}, b""
    for tag, (kind, values) in tags.items():
        form = {SHORT: "H"}.get(kind, "I")
        data = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{form}", *values)
        stored = data if len(data) <= 4 else struct.pack(order + "I", heap_at + len(heap))
        heap += data + bytes(len(data) % 2) if len(data) > 4 else b""
        entries[tag] = struct.pack(order + "HHI4s", tag, kind, len(data) // SIZES[kind], stored.ljust(4, b"\0"))
    return entries, heap


def _own_entries(directory: Directory | None, exif: bytes, has_dpi: bool) -> dict[int, bytes]:
    """The entries of EXIF's first directory as they stand, but for tags that would describe another picture."""
    if directory is None:
        return {}
    (start,) = struct.unpack_from(directory.order + "I", exif, 4)
    (count,) = struct.unpack_from(directory.order + "H", exif, start)
    found: dict[int, bytes] = {}
    for offset in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        (tag,) = struct.unpack_from(directory.order + "H", exif, offset)
        if tag in directory.entries and tag not in (STRUCTURAL if has_dpi else STRUCTURAL - RESOLUTION):
            found.setdefault(tag, exif[offset : offset + 12])
    return found
