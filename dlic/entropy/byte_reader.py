"""Fixed-width and variable-length numbers of headers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dlic.errors import CorruptFileError, TruncatedError


@dataclass
class Reader:
    """Bytes with a position; reading past the end is a TruncatedError."""

    data: bytes
    position: int = 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise TruncatedError(f"the file is truncated: {end - len(self.data)} more bytes expected after {len(self.data)}")
        part = self.data[self.position : end]
        self.position = end
        return part


@dataclass(frozen=True)
class Field:
    """One header field, declared once for both directions."""

    name: str
    write: Callable[[Any], bytes]  # an int or bytes, as `read` gives it
    read: Callable[[Reader], Any]


def uint(name: str, width: int) -> Field:
    """Unsigned integer of `width` bytes, big-endian."""
    return Field(name, lambda value: value.to_bytes(width, "big"), lambda reader: int.from_bytes(reader.take(width), "big"))


def raw(name: str, width: int) -> Field:
    """Exactly `width` bytes."""
    return Field(name, bytes, lambda reader: reader.take(width))


def varint(name: str) -> Field:
    """Unsigned integer, seven bits a byte, low bits first, at most five bytes."""
    return Field(name, write_varint, read_varint)


def write_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(reader: Reader) -> int:
    value = 0
    for shift in range(0, 35, 7):
        byte = reader.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise CorruptFileError("a number in the header is longer than five bytes")
