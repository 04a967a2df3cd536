"""EXIF is changed where it speaks of orientation and thumbnail, and nowhere else."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from dlic.images.exif import bare, upright

MAKER_NOTE = b"a maker's note, of offsets in the file " * 3


def camera_exif(orientation: int, order: str, thumbnail: bytes = b"") -> bytes:
    """What a camera writes: description, orientation, a maker's note, and a directory with the thumbnail at the end."""
    name = b"a description\0"
    notes = 8 + (2 + 3 * 12 + 4) + len(name)  # behind the first directory
    second = notes + 2 + 12 + 4 + len(MAKER_NOTE)
    start = second + 2 + 2 * 12 + 4

    def directory(entries: list[tuple[int, int, int, bytes]], following: int) -> bytes:
        packed = [struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in entries]
        return struct.pack(order + "H", len(entries)) + b"".join(packed) + struct.pack(order + "I", following)

    def long(value: int) -> bytes:
        return struct.pack(order + "I", value)

    first = [
        (0x010E, 2, len(name), long(8 + 2 + 3 * 12 + 4)),
        (0x0112, 3, 1, struct.pack(order + "H", orientation)),
        (0x8769, 4, 1, long(notes)),
    ]
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + long(8)
    own = directory([(0x927C, 7, len(MAKER_NOTE), long(notes + 2 + 12 + 4))], 0) + MAKER_NOTE
    thumb = directory([(0x0201, 4, 1, long(start)), (0x0202, 4, 1, long(len(thumbnail)))], 0) + thumbnail if thumbnail else b""
    return head + directory(first, second if thumbnail else 0) + name + own + thumb


def parsed(exif: bytes) -> Image.Exif:
    tags = Image.Exif()
    tags.load(exif)
    return tags


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_becomes_one_and_all_else_stays(orientation, order):
    exif = camera_exif(orientation, order)
    assert parsed(exif)[0x0112] == orientation
    turned = upright(exif)
    assert parsed(turned)[0x0112] == 1 and len(turned) == len(exif)
    assert sum(a != b for a, b in zip(exif, turned, strict=True)) == (orientation != 1)
    assert parsed(turned).get_ifd(0x8769)[0x927C] == MAKER_NOTE


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_thumbnail_is_dropped(order):
    exif = camera_exif(6, order, b"\xff\xd8" + bytes(range(256)) * 20)
    assert parsed(exif).get_ifd(ExifTags.IFD.IFD1)
    for data in (exif, exif + b"something behind it"):
        turned = upright(data)
        assert not parsed(turned).get_ifd(ExifTags.IFD.IFD1) and bytes(range(256)) not in turned
        assert parsed(turned)[0x010E] == "a description" and parsed(turned).get_ifd(0x8769)[0x927C] == MAKER_NOTE
    assert len(upright(exif)) < len(exif) - 5000


@pytest.mark.parametrize("data", [b"", b"II*\0", b"Exif\0\0", b"MM\0*\xff\xff\xff\xff", b"nothing of the kind" * 5])
def test_what_is_no_exif_stays(data):
    assert upright(data) == data


@given(st.data())
def test_damaged_exif_is_never_an_error(data):
    exif = bytearray(camera_exif(6, data.draw(st.sampled_from("<>")), b"\xff\xd8thumbnail"))
    for _ in range(data.draw(st.integers(1, 6))):
        exif[data.draw(st.integers(0, len(exif) - 1))] = data.draw(st.integers(0, 255))
    assert len(upright(bytes(exif[: data.draw(st.integers(0, len(exif)))]))) <= len(exif)


def test_bare_is_without_the_name_jpeg_puts_in_front():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=b"Exif\0\0" + camera_exif(3, ">"))
    assert bare(Image.open(file).info["exif"]) == camera_exif(3, ">") == bare(camera_exif(3, ">"))
