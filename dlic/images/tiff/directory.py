"""The image file directories of a TIFF structure (TIFF 6.0 and BigTIFF): tags with their values."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

ORDERS = {b"II": "<", b"MM": ">"}
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, IFD = 1, 2, 3, 4, 5, 7, 13
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}  # bytes of a value by type
FORMS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
BIG = 43  # the number of a BigTIFF file; that of others is 42, and Pillow takes it in either byte order


@dataclass(frozen=True)
class Entry:
    """A tag: its type, the number of its values, and their bytes in the byte order of the file."""

    kind: int
    count: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Directory:
    """A directory as far as the data go; of a tag that occurs twice the first counts."""

    order: str  # of struct: "<" or ">"
    entries: Mapping[int, Entry]
    link: int  # offset of the next directory, 0 for none
    complete: bool = True  # False where entries or their values lie behind the end of the data

    def numbers(self, tag: int) -> tuple[float, ...]:
        """The values of a tag; empty where it is missing. Rationals are divided; bytes of no number have no values."""
        entry = self.entries.get(tag)
        if entry is None:
            return ()
        if entry.kind in (5, 10):
            parts = struct.unpack(f"{self.order}{2 * entry.count}{'I' if entry.kind == 5 else 'i'}", entry.data)
            return tuple(over / under if under else 0.0 for over, under in zip(parts[::2], parts[1::2], strict=True))
        form = FORMS.get(entry.kind)
        return struct.unpack(f"{self.order}{entry.count}{form}", entry.data) if form else ()

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag as a whole number."""
        numbers = self.numbers(tag)
        return int(numbers[0]) if numbers else default


def order_of(data: bytes) -> str | None:
    """The byte order of a TIFF structure; None for other data."""
    order = ORDERS.get(data[:2])
    swapped = {42, BIG, 42 << 8}  # the last one is wrong, and Pillow reads it
    return order if order and len(data) >= 8 and struct.unpack_from(order + "H", data, 2)[0] in swapped else None


def first_directory(data: bytes) -> Directory | None:
    """The first directory of a TIFF structure; None for other data."""
    order = order_of(data)
    if order is None:
        return None
    big = is_big(data)
    if big and len(data) < 16:
        return None
    start = struct.unpack_from(order + "Q", data, 8)[0] if big else struct.unpack_from(order + "I", data, 4)[0]
    return read_directory(data, order, start, big)


def is_big(data: bytes) -> bool:
    """Whether a TIFF structure has offsets of 8 bytes."""
    return BIG in data[2:4]


def read_directory(data: bytes, order: str, start: int, big: bool = False) -> Directory:
    """The directory at an offset."""
    count_form, entry_size, link_form = ("Q", 20, "Q") if big else ("H", 12, "I")
    head = struct.calcsize(order + count_form)
    if not 8 <= start <= len(data) - head:
        return Directory(order, {}, 0, complete=False)
    (count,) = struct.unpack_from(order + count_form, data, start)
    end = start + head + entry_size * count
    entries: dict[int, Entry] = {}
    readable = 0
    for tag, entry in _entries(data, order, range(start + head, min(end, len(data) - entry_size + 1), entry_size), big):
        entries.setdefault(tag, entry)
        readable += 1
    link = struct.unpack_from(order + link_form, data, end)[0] if end + struct.calcsize(order + link_form) <= len(data) else 0
    return Directory(order, entries, link, complete=readable == count)


def _entries(data: bytes, order: str, offsets: range, big: bool) -> Iterator[tuple[int, Entry]]:
    """The entries whose values lie inside of the data and have a type that TIFF knows."""
    offset_form, count_form, field_at, field_size = ("Q", "Q", 12, 8) if big else ("I", "I", 8, 4)
    for offset in offsets:
        tag, kind, count = struct.unpack_from(order + "HH" + count_form, data, offset)
        size = SIZES.get(kind, 0) * count
        at = offset + field_at
        if size > field_size:
            (at,) = struct.unpack_from(order + offset_form, data, at)
        if kind in SIZES and at + size <= len(data):
            yield tag, Entry(kind, count, data[at : at + size])
