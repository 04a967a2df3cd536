"""JPEG files of two pictures: a gain map behind the picture, and the index of both (CIPA DC-007, Multi-Picture Format)."""

import struct

from dlic.images import gain_map, jpeg
from dlic.images.metadata import Metadata

VERSION, COUNT, ENTRIES = 0xB000, 0xB001, 0xB002  # tags of the index
LONG, UNDEFINED = 4, 7
PRIMARY, OTHER = 0x030000, 0  # attributes of a picture: the one to show, and one that the format does not name
INDEX_SIZE = 50  # bytes of the directory, behind which its entries stand
ENTRY = struct.Struct(">IIIHH")  # attributes, size, offset, two pictures that it depends on
EDITION = 4  # bytes of ISO 21496-1: the least version of a reader, and that of the writer


def with_metadata(file: bytes, metadata: Metadata) -> bytes:
    """A JPEG file that has no metadata yet with that of `metadata`, in place of its APP0."""
    rest = 2
    while file[rest + 1] == jpeg.APP0:
        rest += 2 + int.from_bytes(file[rest + 2 : rest + 4], "big")
    segments = b"".join(jpeg.written(*segment) for segment in jpeg.segments_of(metadata))
    return with_gain_map(file[:2] + segments + file[rest:], metadata)


def with_gain_map(file: bytes, metadata: Metadata) -> bytes:
    """A JPEG file of one picture with the gain map behind it, if there is one, and the segments that speak of it."""
    other = gain_map.data_of(metadata)
    if not other:
        return file
    at = _end_of_statements(file)
    edition = edition_of(other)
    head = file[:at] + (jpeg.written(jpeg.APP2, edition) if edition else b"")
    prefix = len(jpeg.written(jpeg.APP2, jpeg.PICTURES))
    size = len(head) + prefix + INDEX_SIZE + 2 * ENTRY.size + len(file) - at
    index = _index(size, len(other), size - len(head) - prefix)
    return head + jpeg.written(jpeg.APP2, jpeg.PICTURES + index) + file[at:] + other


def picture_behind(data: bytes, end: int) -> tuple[bytes, int] | None:
    """The JPEG file that begins behind the end of another one, and zeros, and its own end; None where none does.

    The file's index is not used: it is often wrong in files that were edited.
    """
    start = data.find(gain_map.BEGIN, end)
    if start < 0 or data[end:start].strip(b"\0"):
        return None
    markers = [(marker, after) for marker, _, after in jpeg.segments(data[start:])]
    if not markers or markers[-1][0] != jpeg.EOI or jpeg.SOS not in dict(markers):
        return None
    behind = start + markers[-1][1]
    return data[start:behind], behind


def edition_of(other: bytes) -> bytes:
    """The segment that announces a gain map of ISO 21496-1; empty if the map is not of that standard."""
    for marker, payload, _ in jpeg.segments(other):
        if marker == jpeg.APP2 and payload.startswith(jpeg.GAIN_MAP):
            return payload[: len(jpeg.GAIN_MAP) + EDITION]
    return b""


def _end_of_statements(file: bytes) -> int:
    """The end of the application segments and comments that begin a file."""
    end = 2
    for marker, _, after in jpeg.segments(file):
        if not (jpeg.APP0 <= marker <= 0xEF or marker == jpeg.COM):
            break
        end = after
    return end


def _index(size: int, of_other: int, offset: int) -> bytes:
    """The index of two pictures; `offset` is that of the second one, from the beginning of the index."""
    tags = ((VERSION, UNDEFINED, 4, b"0100"), (COUNT, LONG, 1, struct.pack(">I", 2)))
    directory = b"MM\0*" + struct.pack(">IH", 8, len(tags) + 1)
    directory += b"".join(struct.pack(">HHI", tag, kind, count) + value for tag, kind, count, value in tags)
    directory += struct.pack(">HHIII", ENTRIES, UNDEFINED, 2 * ENTRY.size, INDEX_SIZE, 0)
    return directory + ENTRY.pack(PRIMARY, size, 0, 0, 0) + ENTRY.pack(OTHER, of_other, offset, 0, 0)
