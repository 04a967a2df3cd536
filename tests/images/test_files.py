"""Image files of every kind to RGB and back; everything broken is one sentence."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import DlicError, UnreadableImageError
from dlic.images.files import image_bytes, read_image, write_image


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".ppm"])
def test_lossless_formats_give_the_same_pixels(suffix, photograph, tmp_path):
    crop = photograph[:33, :65]
    size = write_image(tmp_path / f"a{suffix}", crop)
    assert size == (tmp_path / f"a{suffix}").stat().st_size
    assert (read_image(tmp_path / f"a{suffix}").pixels == crop).all()


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_lossy_formats_come_close(suffix, photograph):
    decoded = read_image(image_bytes(photograph[:64, :64], suffix)).pixels
    assert np.abs(decoded.astype(float) - photograph[:64, :64]).mean() < 8


@pytest.mark.parametrize(
    ("mode", "note"),
    [
        ("RGBA", "transparency"), ("LA", "transparency"), ("I;16", "16-bit"), ("CMYK", "CMYK"),
        ("L", None), ("P", None), ("1", None)
    ],
)  # fmt: skip
def test_other_modes_become_rgb_and_what_is_lost_is_said(mode, note):
    image = Image.fromarray(np.arange(256, dtype=np.uint16).reshape(16, 16) * 257) if mode == "I;16" else Image.new(mode, (16, 16))
    picture = read_image(encoded(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert picture.pixels.shape == (16, 16, 3) and picture.pixels.dtype == np.uint8
    assert any(note in found for found in picture.notes) if note else picture.notes == ()


def test_sixteen_bits_are_scaled_not_clipped():
    grey = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    pixels = read_image(encoded(Image.fromarray(grey), "PNG")).pixels
    assert (pixels[..., 0] == np.rint(grey / 257)).all()


def test_orientation_is_applied():
    image = Image.fromarray(np.zeros((10, 20, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    picture = read_image(encoded(image, "JPEG", exif=exif))
    assert picture.pixels.shape == (20, 10, 3)
    assert "EXIF not kept" in picture.notes


def test_animations_say_what_is_left_out():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert any("first of 3 frames" in note for note in read_image(data).notes)


def test_the_pixel_limit_is_checked_before_decoding():
    with pytest.raises(UnreadableImageError, match="--max-pixels"):
        read_image(encoded(Image.new("L", (200, 200)), "PNG"), max_pixels=39_999)
    assert read_image(encoded(Image.new("L", (200, 200)), "PNG"), max_pixels=40_000).pixels.shape == (200, 200, 3)


def test_missing_empty_text_and_folder(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image")
    for path, sentence in [("none.png", "exist"), ("empty.png", "empty"), ("text.png", "not an image"), (".", "folder")]:
        with pytest.raises(UnreadableImageError, match=sentence):
            read_image(tmp_path / path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_truncated_images_are_refused(kind, photograph):
    data = encoded(Image.fromarray(photograph[:40, :40]), kind)
    for length in (1, 10, len(data) // 2):
        with pytest.raises(UnreadableImageError):
            read_image(data[:length])


@given(
    st.binary(min_size=1, max_size=400),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBP", b"BM"]),
)
def test_random_bytes_are_refused(data, magic):
    with pytest.raises(UnreadableImageError):
        read_image(magic + data)


def test_an_unknown_ending_is_refused_and_nothing_overwritten(tmp_path):
    pixels = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(DlicError, match="cannot write"):
        write_image(tmp_path / "a.docx", pixels)
    (tmp_path / "a.png").write_text("mine")
    with pytest.raises(DlicError, match="exists"):
        write_image(tmp_path / "a.png", pixels)
    assert (tmp_path / "a.png").read_text() == "mine"
