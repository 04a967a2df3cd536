"""Photoshop's image resources: the blocks in which JPEG, PNG and TIFF files hold IPTC."""

import struct
from collections.abc import Iterator

SIGNATURE = b"8BIM"
IPTC, PREVIEWS = 0x0404, (0x0409, 0x040C)
HEXADECIMAL_LINE = 72  # digits


def of_iptc(data: bytes) -> bytes:
    """IPTC, with or without its block → blocks."""
    if not data or data.startswith(SIGNATURE):
        return data
    return SIGNATURE + struct.pack(">HHI", IPTC, 0, len(data)) + data + bytes(len(data) % 2)


def iptc_of(blocks: bytes) -> bytes:
    """The IPTC in blocks; empty where there is none."""
    return next((data for number, data, _ in _blocks(blocks) if number == IPTC), b"")


def without_previews(blocks: bytes) -> bytes:
    """Blocks without thumbnails; unchanged where they cannot be told apart."""
    found = list(_blocks(blocks))
    if sum(len(whole) for _, _, whole in found) < len(blocks.rstrip(b"\0")):
        return blocks
    return b"".join(whole for number, _, whole in found if number not in PREVIEWS)


def to_text(blocks: bytes) -> str:
    """Blocks as ImageMagick and ExifTool put them into a text of PNG, named "Raw profile type iptc"."""
    digits = blocks.hex()
    lines = [digits[i : i + HEXADECIMAL_LINE] for i in range(0, len(digits), HEXADECIMAL_LINE)]
    return f"\niptc\n{len(blocks):8}\n" + "\n".join(lines) + "\n"


def _blocks(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, content and the whole of each block, until one is damaged."""
    position = 0
    while data[position : position + 4] == SIGNATURE and position + 12 <= len(data):
        (number,) = struct.unpack_from(">H", data, position + 4)
        name = 1 + data[position + 6]
        at = position + 6 + name + name % 2
        if at + 4 > len(data):
            return
        (size,) = struct.unpack_from(">I", data, at)
        end = at + 4 + size + size % 2
        if at + 4 + size > len(data):
            return
        yield number, data[at + 4 : at + 4 + size], data[position:end]
        position = end
