"""EXIF bytes, changed in place: what makers wrote at fixed offsets stays where it was."""

import struct
from dataclasses import dataclass

PREFIX = b"Exif\0\0"  # before the TIFF structure in a JPEG segment, and nowhere else
ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
ORIENTATION, THUMBNAIL_START, THUMBNAIL_LENGTH = 0x0112, 0x0201, 0x0202
SHORT, LONG = 3, 4  # types of a value that stands in its entry
ENTRY = 12  # bytes


@dataclass(frozen=True)
class Directory:
    """An image file directory of a TIFF structure: where the numbers of its entries stand, by tag, and the link to the next."""

    places: dict[int, tuple[str, int]]  # tag → struct format, offset
    link: int  # offset of the next directory's offset


def bare(exif: bytes) -> bytes:
    """EXIF without the name that JPEG puts in front of it."""
    return exif.removeprefix(PREFIX)


def upright(exif: bytes) -> bytes:
    """EXIF (bare) of pixels that have been turned as it said: orientation 1, and no thumbnail, which nobody has turned.

    What is no EXIF comes back as it is.
    """
    tags = bytearray(exif)
    try:
        order = ORDERS[exif[:4]]
        first = _directory(tags, order, _number(tags, order + "I", 4))
        if ORIENTATION in first.places:
            kind, offset = first.places[ORIENTATION]
            struct.pack_into(kind, tags, offset, 1)
        if second := _number(tags, order + "I", first.link):
            struct.pack_into(order + "I", tags, first.link, 0)
            _blank_thumbnail(tags, _directory(tags, order, second))
    except (KeyError, struct.error):
        pass  # as far as it could be read
    return bytes(tags)


def _directory(tags: bytearray, order: str, start: int) -> Directory:
    link = start + 2 + ENTRY * _number(tags, order + "H", start)
    places = {}
    for offset in range(start + 2, link, ENTRY):
        tag, kind = struct.unpack_from(order + "HH", tags, offset)
        if kind in (SHORT, LONG):
            places[tag] = order + ("H" if kind == SHORT else "I"), offset + 8
    return Directory(places, link)


def _blank_thumbnail(tags: bytearray, directory: Directory) -> None:
    """Cut off at the end, where it usually is, or set to zeros, which take no room once compressed."""
    if {THUMBNAIL_START, THUMBNAIL_LENGTH} <= set(directory.places):
        start, length = (_number(tags, *directory.places[tag]) for tag in (THUMBNAIL_START, THUMBNAIL_LENGTH))
        if directory.link < start < start + length <= len(tags):
            tags[start : start + length] = b"" if start + length == len(tags) else bytes(length)


def _number(tags: bytearray, kind: str, offset: int) -> int:
    return struct.unpack_from(kind, tags, offset)[0]
