"""Extensions of GIF files: comments, XMP, profiles; and what stands behind the picture."""

from collections.abc import Iterator

from dlic.images.metadata import COMMENT, Metadata, aspect
from dlic.images.sources.found import Found, behind, comments

EXTENSION, IMAGE, END = 0x21, 0x2C, 0x3B
PLAIN_TEXT, CONTROL, COMMENTS, APPLICATION = 0x01, 0xF9, 0xFE, 0xFF
LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # of animations
XMP, ICC = b"XMP DataXMP", b"ICCRGBG1012"
XMP_TRAILER = 257  # bytes by which readers of sub-blocks find the end


def scan(data: bytes) -> Found:
    """Statements of a GIF file, as far as the data go."""
    texts: list[bytes] = []
    left_out: list[str] = []
    xmp = profile = b""
    end = len(data)
    for label, name, blocks, end in _extensions(data):
        content = b"".join(blocks)
        if label == COMMENTS:
            texts.append(content)
        elif label == PLAIN_TEXT:
            left_out.append("plain text extension")
        elif label == APPLICATION and name == XMP:
            xmp = xmp or _xmp(data, end)
        elif label == APPLICATION and name == ICC:
            profile = profile or content
        elif label == APPLICATION and name not in LOOPS:
            left_out.append(f"GIF extension {name.decode('latin-1').strip()}")
    comment, shape = comments(texts), data[12] if len(data) > 12 else 0
    metadata = Metadata(
        icc_profile=profile,
        xmp=xmp,
        text={COMMENT: comment} if comment else {},
        parts=aspect(64, shape + 15) if shape else (),
    )
    return Found(metadata, (*dict.fromkeys(left_out), *behind(data, end)))


def _extensions(data: bytes) -> Iterator[tuple[int, bytes, list[bytes], int]]:
    """Label, name, sub-blocks and end of every extension, and a last one of label 0 at the end of the file."""
    if len(data) < 13:
        return
    position = 13 + _table(data[10])
    while position < len(data):
        kind = data[position]
        if kind == EXTENSION and position + 2 < len(data):
            label = data[position + 1]
            blocks, end = _blocks(data, position + 2)
            named = label in (APPLICATION, PLAIN_TEXT, CONTROL) and bool(blocks)
            yield label, blocks[0] if named else b"", blocks[1:] if named else blocks, end
            position = end
        elif kind == IMAGE and position + 10 < len(data):
            _, position = _blocks(data, position + 11 + _table(data[position + 9]))
        else:
            yield 0, b"", [], position + 1
            return
    yield 0, b"", [], len(data)


def _table(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(data: bytes, position: int) -> tuple[list[bytes], int]:
    """Sub-blocks up to the empty one, and their end."""
    blocks = []
    while position < len(data) and (size := data[position]):
        blocks.append(data[position + 1 : position + 1 + size])
        position += 1 + size
    return blocks, position + 1


def _xmp(data: bytes, end: int) -> bytes:
    """XMP stands in GIF without the lengths of sub-blocks: from behind the name to the trailer."""
    begin = data.rfind(XMP, 0, end) + len(XMP)
    return data[begin : end - 1 - XMP_TRAILER]
