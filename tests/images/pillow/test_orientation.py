"""Pixels are turned as their tags say, and a tag says 1 only where they were."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from dlic.errors import UnreadableImageError
from dlic.images.exif import orientation
from dlic.images.files import EVERYTHING, read_image
from dlic.images.metadata import Metadata, upright
from dlic.images.pillow.orientation import METHODS
from dlic.images.samples import read_samples
from tests.images.test_exif import camera_exif, parsed
from tests.images.test_files import encoded

PIXELS = np.zeros((8, 16, 3), np.uint8)
PIXELS[:4, :8], PIXELS[:4, 8:], PIXELS[4:, :8] = (255, 0, 0), (0, 255, 0), (0, 0, 255)  # every corner tells where it went
WAYS = {way: np.asarray(Image.fromarray(PIXELS).transpose(METHODS[way])) if way > 1 else PIXELS for way in range(1, 9)}


def way_of(pixels: np.ndarray) -> int:
    """The orientation that was applied to PIXELS, which a lossy format has coded."""
    alike = [way for way, shown in WAYS.items() if shown.shape == pixels.shape and np.abs(shown.astype(int) - pixels).mean() < 40]
    assert len(alike) == 1
    return alike[0]


def pillows_word(exif: bytes) -> int | None:
    """The orientation that Pillow reads; None where it reads none, or fails."""
    try:
        stated = parsed(exif).get(0x0112)
    except Exception:
        return None
    return stated if stated in range(1, 9) else None


@given(st.data())
@settings(max_examples=300)
def test_damaged_exif_turns_the_pixels_and_the_tag_or_neither(data):
    exif = bytearray(camera_exif(6, data.draw(st.sampled_from("<>")), b"\xff\xd8thumbnail"))
    for _ in range(data.draw(st.integers(1, 6))):
        exif[data.draw(st.integers(0, len(exif) - 1))] = data.draw(st.integers(0, 255))
    exif = bytes(exif)
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))
    written = encoded(Image.fromarray(PIXELS), kind, exif=exif if kind == "PNG" else b"Exif\0\0" + exif)
    picture = read_image(written, keep=EVERYTHING)
    way, kept = way_of(picture.pixels), picture.metadata.exif
    assert kept or any("EXIF not kept" in note for note in picture.notes)
    assert way == (orientation(exif) or 1)
    if way > 1:
        assert orientation(kept) == 1 and pillows_word(kept) in (1, None)
    else:
        assert orientation(kept) == orientation(exif) and pillows_word(kept) == pillows_word(exif)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_which_pillow_makes_nothing_still_turns_the_picture(order):
    """`exif_transpose` writes all tags anew and raises where one has a value that its type does not allow."""
    exif = bytearray(camera_exif(6, order))
    exif[exif.index(b"a description")] = 0xFF  # not ASCII, and behind it a directory that lies outside
    exif[8 + 2 + 2 * 12 + 8 : 8 + 2 + 3 * 12] = b"\xff" * 4
    for kind in ("JPEG", "PNG", "WEBP"):
        picture = read_image(encoded(Image.fromarray(PIXELS), kind, exif=b"Exif\0\0" + bytes(exif)), keep=EVERYTHING)
        assert way_of(picture.pixels) == 6 and orientation(picture.metadata.exif) == 1


@pytest.mark.parametrize("read", [lambda data: read_image(data, keep=EVERYTHING), read_samples], ids=["read_image", "read_samples"])
def test_readers_agree(read):
    picture = read(encoded(Image.fromarray(PIXELS), "PNG", exif=camera_exif(8, "<")))
    assert way_of(picture.pixels) == 8 and orientation(picture.metadata.exif) == 1


def test_exif_has_the_first_word_and_xmp_the_second():
    six, eight = camera_exif(6, "<"), b'<x tiff:Orientation="8"/>'
    for exif, xmp, expected in [(six, eight, 6), (camera_exif(1, "<"), eight, 1), (camera_exif(0, "<"), eight, 8), (b"", eight, 8)]:
        metadata = Metadata(exif=exif, xmp=xmp)
        assert metadata.orientation == expected and upright(metadata).orientation == 1
    assert Metadata(exif=camera_exif(9, ">"), xmp=b'tiff:Orientation="0"').orientation is None
    assert upright(Metadata(xmp=b'tiff:Orientation="0"')).xmp == b'tiff:Orientation="0"'


def test_several_orientations_all_become_one():
    exif = camera_exif(6, "<").replace(b"\x69\x87\x04\0", b"\x12\x01\x04\0")  # the third entry becomes an orientation too
    assert exif.count(b"\x12\x01") == 2 and orientation(exif) == pillows_word(exif) == 6
    turned = upright(Metadata(exif=exif)).exif
    assert orientation(turned) == pillows_word(turned) == 1 and turned.count(b"\x12\x01\x03\0\x01\0\0\0\x01\0\0\0") == 2


def test_legacy_texts_that_are_no_exif_are_told():
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", "\nexif\n 6\nnot hexadecimal\n")
    picture = read_image(encoded(Image.fromarray(PIXELS), "PNG", pnginfo=info), keep=EVERYTHING)
    assert picture.metadata == Metadata() and picture.notes == ("EXIF not kept",)


def test_tiff_is_turned_once_whatever_its_xmp_says():
    exif = Image.Exif()
    exif[0x0112], exif[700] = 6, b'<x tiff:Orientation="8"/>'
    data = encoded(Image.fromarray(PIXELS), "TIFF", exif=exif, dpi=(200, 100))
    picture = read_image(data, keep=EVERYTHING)
    assert way_of(picture.pixels) == 6 and picture.metadata.orientation in (None, 1) and picture.metadata.dpi == (100, 200)


def test_a_picture_that_cannot_be_loaded_is_refused():
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "TIFF", compression="tiff_lzw")
    with pytest.raises(UnreadableImageError):
        read_image(buffer.getvalue()[:40])
