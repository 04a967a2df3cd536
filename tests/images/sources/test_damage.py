"""Damaged statements hide no picture and raise nothing but a sentence."""

import numpy as np
import pytest

from dlic.container.chunks import PARTS, pack, write_parts
from dlic.errors import CorruptFileError, DlicError, UnreadableImageError
from dlic.formats import metadata_chunks
from dlic.images.colours.code_points import CodePoints
from dlic.images.files import EVERYTHING, image_bytes, read_image
from dlic.images.metadata import Metadata, Part
from dlic.images.sources.scan import SCANNERS, scan
from tests.images.sources.statements import PICTURE, STATEMENTS, avif_with_nclx, png_with

NAMES = {"WebP": "WEBP", "JPEG 2000": "JPEG2000", "PNM": "PPM"}


@pytest.mark.parametrize("name", sorted({statement.format for statement in STATEMENTS}))
def test_damaged_files_are_read_or_refused(name):
    rng = np.random.default_rng(5)
    for statement in [statement for statement in STATEMENTS if statement.format == name]:
        for _ in range(6):
            data = bytearray(statement.data[: int(len(statement.data) * rng.uniform(0.5, 1.3))])
            for place in rng.integers(0, len(data), 3):
                data[place] = rng.integers(256)
            scan(bytes(data), NAMES.get(name, name))
            try:
                read_image(bytes(data), keep=EVERYTHING)
            except UnreadableImageError as error:
                assert "\n" not in str(error)


def test_what_breaks_a_scanner_is_said(monkeypatch):
    monkeypatch.setitem(SCANNERS, "PNG", lambda data: data[-1] and 1 // 0)
    assert read_image(png_with(), keep=EVERYTHING).notes == ("metadata that are damaged not kept",)
    assert scan(b"", "PSD").left_out == ("metadata of PSD files",)


@pytest.mark.parametrize(
    "part",
    [
        ("PNG", "IDAT", b""),
        ("PNG", "tRNS", b""),
        ("PNG", "abc", b""),
        ("PNG", "ab\0d", b""),
        ("PNG", "žaba", b""),
        ("JPEG", "APP16", b""),
        ("JPEG", "APP", b""),
        ("JPEG", "APP14", b"Adobe\0d\0\0\0\0\0\0"),
        ("TIFF", "270", b""),
    ],
)
def test_no_part_of_a_file_changes_the_picture_that_is_written(part):
    with pytest.raises(DlicError, match="no part"):
        Part(*part)
    with pytest.raises(CorruptFileError, match="no part"):
        metadata_chunks.read(((PARTS, pack(write_parts([part]))),))


def test_chunks_of_metadata_come_back():
    metadata = Metadata(
        code_points=CodePoints(9, 16, 0, 1), iptc=b"8BIM", parts=(Part("PNG", "tIME", bytes(7)), Part("JPEG", "APP9", b"x"))
    )
    chunks = metadata_chunks.write(metadata)
    assert metadata_chunks.read(chunks) == metadata and [name for name, _ in chunks] == [b"cicp", b"iptc", b"part"]
    for damaged in ((b"cicp", b"abc"), (b"part", pack(b"\1P")), (b"part", pack(b"\1P\1Q"))):
        with pytest.raises(CorruptFileError):
            metadata_chunks.read((damaged,))


def test_high_dynamic_range_of_avif_reaches_png():
    picture = read_image(avif_with_nclx(9, 16), keep=EVERYTHING, strict=True)
    assert picture.metadata == Metadata(code_points=CodePoints(9, 16))
    assert b"cICP" + bytes([9, 16, 0, 1]) in image_bytes(np.asarray(PICTURE), ".png", picture.metadata)
