"""Statements of HEIC and JPEG XL files, which packages other than Pillow read."""

import io

import numpy as np
import pytest
from PIL import Image

from dlic.images.files import EVERYTHING, image_bytes, not_held, read_image
from dlic.images.metadata import Metadata
from tests.images.sources.statements import EXIF, P3, PROFILE, XMP
from tests.images.test_files import encoded

COLOUR = Image.new("RGB", (64, 64), (60, 190, 80))


def heif(image: Image.Image, **options: object) -> bytes:
    pytest.importorskip("pillow_heif").register_heif_opener()
    return encoded(image, "HEIF", quality=90, **options)


def test_colours_of_heic_are_kept():
    data = heif(COLOUR, color_primaries=12, transfer_characteristics=13, save_nclx_profile=True, xmp=XMP)
    metadata = read_image(data, keep=EVERYTHING, strict=True).metadata
    assert metadata.code_points == P3 and metadata.icc_profile == PROFILE and metadata.xmp == XMP


def test_depth_and_pictures_of_heic_are_said():
    pillow_heif = pytest.importorskip("pillow_heif")
    deep = pillow_heif.from_bytes("RGB;16", (64, 64), np.full((64, 64, 3), 30000, np.uint16).tobytes())
    buffer = io.BytesIO()
    deep.save(buffer, quality=90)
    assert read_image(buffer.getvalue(), keep=EVERYTHING).notes == ("10-bit samples become 8-bit",)
    assert read_image(heif(COLOUR, save_all=True, append_images=[COLOUR.rotate(90)])).notes == ("a further picture not kept",)


@pytest.mark.parametrize(("suffix", "module"), [(".heic", "pillow_heif"), (".jxl", "pillow_jxl")])
def test_metadata_come_back_or_are_said(suffix, module):
    pytest.importorskip(module)
    pixels, metadata = np.asarray(COLOUR), Metadata(PROFILE, EXIF, XMP)
    found = read_image(image_bytes(pixels, suffix, metadata), keep=EVERYTHING, strict=True).metadata
    assert found.exif == EXIF and found.xmp == XMP
    converted = ["colours are converted to sRGB: .jxl has no place for their profile"]
    assert not_held(pixels, suffix, metadata) == ([] if suffix == ".heic" else converted)
    assert (found.icc_profile == PROFILE) == (suffix == ".heic")
