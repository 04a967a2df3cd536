"""EXIF, read and changed in place: maker notes depend on offsets, so values keep their positions."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PREFIX = b"Exif\0\0"  # before the TIFF structure in a JPEG segment, and nowhere else
ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II\0*": "<", b"MM*\0": ">"}  # the last two are wrong, and Pillow reads them
ORIENTATION, THUMBNAIL_START, THUMBNAIL_LENGTH = 0x0112, 0x0201, 0x0202
ORIENTATIONS = range(1, 9)
SHORT, LONG = 3, 4  # types of a number that stands in its entry
ENTRY = 12  # bytes: tag, type, count and value


@dataclass(frozen=True)
class Entry:
    """An entry of a directory; `number` is its value where that is a single SHORT or LONG, else None."""

    tag: int
    offset: int  # of the entry
    number: int | None


@dataclass(frozen=True)
class Directory:
    """An image file directory of a TIFF structure, as far as the data go."""

    entries: tuple[Entry, ...]
    link: int | None  # offset of the field that points to the next directory; None where the data end before it

    def number(self, tag: int) -> int | None:
        """The number stated for a tag; of several entries the first one that is a number counts, as for Pillow."""
        return next((entry.number for entry in self.entries if entry.tag == tag and entry.number is not None), None)


def bare(exif: bytes) -> bytes:
    """EXIF without the name that JPEG puts in front of it, which some writers put there twice."""
    return exif.removeprefix(PREFIX).removeprefix(PREFIX)


def orientation(exif: bytes) -> int | None:
    """The orientation 1 … 8 that EXIF (bare) states; None where it states none. Damaged data are read as far as they go."""
    first = _first_directory(exif)
    stated = first.number(ORIENTATION) if first else None
    return stated if stated in ORIENTATIONS else None


def upright(exif: bytes) -> bytes:
    """EXIF (bare) of pixels that have been turned upright: orientation 1, and no thumbnail, because it was not turned.

    An orientation is rewritten where `orientation` reads one, and nowhere else. Other data come back unchanged.
    """
    first = _first_directory(exif)
    if first is None:
        return exif
    order, tags = ORDERS[exif[:4]], bytearray(exif)
    if orientation(exif) is not None:
        for entry in first.entries:
            if entry.tag == ORIENTATION:  # every one, so that all readers agree
                struct.pack_into(order + "HHIHH", tags, entry.offset, ORIENTATION, SHORT, 1, 1, 0)
    if first.link is not None and (start := _unpacked(exif, order + "I", first.link)):
        second = _directory(exif, order, start)
        struct.pack_into(order + "I", tags, first.link, 0)
        if second is not None and second.link is not None:
            _blank_thumbnail(tags, second, behind=max(first.link, second.link) + 4)
    return bytes(tags)


def without_orientation(exif: bytes) -> bytes:
    """EXIF (bare) without tags of an orientation; all other values keep their places."""
    first = _first_directory(exif)
    if first is None or first.link is None or not any(entry.tag == ORIENTATION for entry in first.entries):
        return exif
    order, kept = ORDERS[exif[:4]], [entry.offset for entry in first.entries if entry.tag != ORIENTATION]
    start = first.entries[0].offset
    table = b"".join(exif[offset : offset + ENTRY] for offset in kept) + exif[first.link : first.link + 4]
    filled = table.ljust(first.link + 4 - start, b"\0")
    return exif[: start - 2] + struct.pack(order + "H", len(kept)) + filled + exif[first.link + 4 :]


def _first_directory(exif: bytes) -> Directory | None:
    """None where the data are no EXIF."""
    order = ORDERS.get(exif[:4])
    if order is None or (start := _unpacked(exif, order + "I", 4)) is None:
        return None
    return _directory(exif, order, start)


def _directory(exif: bytes, order: str, start: int) -> Directory | None:
    count = _unpacked(exif, order + "H", start)
    if count is None:
        return None
    link = start + 2 + ENTRY * count
    return Directory(tuple(_entries(exif, order, start + 2, link)), link if link + 4 <= len(exif) else None)


def _entries(exif: bytes, order: str, begin: int, end: int) -> Iterator[Entry]:
    for offset in range(begin, min(end, len(exif) - ENTRY + 1), ENTRY):
        tag, kind, count = struct.unpack_from(order + "HHI", exif, offset)
        size = {SHORT: "H", LONG: "I"}.get(kind) if count == 1 else None
        yield Entry(tag, offset, None if size is None else _unpacked(exif, order + size, offset + 8))


def _blank_thumbnail(tags: bytearray, directory: Directory, behind: int) -> None:
    """Cut off at the end, where it usually is, or set to zeros, which take no room once compressed."""
    start, length = directory.number(THUMBNAIL_START), directory.number(THUMBNAIL_LENGTH)
    if start is not None and length and behind <= start and start + length <= len(tags):
        tags[start : start + length] = b"" if start + length == len(tags) else bytes(length)


def _unpacked(exif: bytes, kind: str, offset: int) -> int | None:
    """One number; None where the data end before it."""
    if offset + struct.calcsize(kind) > len(exif):
        return None
    number: int = struct.unpack_from(kind, exif, offset)[0]
    return number
