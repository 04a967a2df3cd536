"""Image files of every kind to RGB and back; everything broken is one sentence."""

import io
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import DlicError, UnreadableImageError
from dlic.images import kinds, source_file
from dlic.images.files import image_bytes, read_image, size_of, write_image
from dlic.images.samples import read_samples


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


# --- the process that we are guests in ----------------------------------------------------------------------------------


READERS = pytest.mark.parametrize("read", [read_image, read_samples, size_of])


@READERS
def test_pillows_limit_is_the_hosts_in_every_thread(read, monkeypatch):
    """Two threads are inside at once; the host's number is what either sees, and what is left."""
    factory, accept = Image.OPEN["PNG"]
    seen, inside = [], threading.Barrier(2, timeout=20)

    def watched(*args):
        inside.wait()
        seen.append(Image.MAX_IMAGE_PIXELS)
        return factory(*args)

    data = encoded(Image.new("RGB", (40, 30)), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    monkeypatch.setitem(Image.OPEN, "PNG", (watched, accept))
    threads = [threading.Thread(target=read, args=(data,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [700, 700] and Image.MAX_IMAGE_PIXELS == 700


@pytest.mark.parametrize("host", [1, 700, None])
def test_our_limit_decides_and_not_the_hosts(host, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", host)
    for kind in ("PNG", "JPEG", "BMP", "AVIF"):
        data = encoded(Image.new("RGB", (40, 30)), kind)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert read_image(data, max_pixels=1200).pixels.shape == (30, 40, 3)
        with pytest.raises(UnreadableImageError, match="--max-pixels"):
            read_image(data, max_pixels=1199)


def test_where_a_plugin_asks_for_the_hosts_limit_the_sentence_says_so(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UnreadableImageError, match="MAX_IMAGE_PIXELS"):
        read_image(encoded(Image.new("RGB", (40, 30)), "WEBP"))


def test_sixteen_bit_colour_is_read_under_any_limit_of_the_host(monkeypatch):
    samples = np.arange(36, dtype=np.uint16).reshape(3, 4, 3) * 1000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert (read_samples(image_bytes(samples)).pixels == samples).all()


def ours(*_, **__):
    raise ZeroDivisionError("a fault of ours")


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (source_file, "conversions"), (source_file, "refuse_deep"), (source_file, "metadata_of"), (source_file, "fitting"),
        (kinds, "pixels_of"),
    ],
)  # fmt: skip
def test_faults_of_ours_are_not_blamed_on_the_photograph(module, function, monkeypatch):
    data = encoded(Image.new("RGB", (4, 4)), "PNG")
    monkeypatch.setattr(module, function, ours)
    with pytest.raises(ZeroDivisionError):
        read_image(data)


def test_a_picture_beyond_the_memory_is_no_fault(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(kinds, "pixels_of", full)
    with pytest.raises(UnreadableImageError, match="memory"):
        read_image(encoded(Image.new("RGB", (4, 4)), "PNG"))
