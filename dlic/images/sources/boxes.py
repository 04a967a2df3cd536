"""The boxes of the ISO base media file format, of which AVIF, HEIF and JPEG 2000 files are made."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Box:
    """A box; a `uuid` box begins with its 16 bytes."""

    name: str
    content: bytes = field(repr=False)
    end: int


def boxes(data: bytes, position: int = 0) -> Iterator[Box]:
    """The boxes from a position on; one that goes on behind the data is cut."""
    while position + 8 <= len(data):
        size, name, head = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        end = len(data) if size == 0 else position + size
        if end < position + head:
            return
        yield Box(name.decode("latin-1"), data[position + head : end], min(end, len(data)))
        position = end


def first(data: bytes, *path: str) -> bytes:
    """The content of the first box at a path; empty where there is none. `meta` boxes have 4 bytes in front of their content."""
    for name in path:
        data = next((box.content for box in boxes(data) if box.name == name), b"")
        data = data[4:] if name == "meta" else data
    return data
