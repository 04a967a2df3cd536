"""Samples of every kind and depth are read as the file has them, or the file is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import DlicError, UnreadableImageError
from dlic.images import png
from dlic.images.files import image_bytes, read_image
from dlic.images.metadata import Metadata
from dlic.images.samples import read_samples
from tests.images.test_files import encoded


def noise(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    """Without structure above, with a ramp below, so that every filter of PNG is chosen somewhere."""
    rng = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    ramp = np.linspace(0, top / 2, shape[0] * shape[1]).reshape(shape[:2] + (1,) * (len(shape) - 2))
    return (ramp + rng.integers(0, rng.choice([2, top // 2]), shape)).astype(dtype)


shapes = st.tuples(st.integers(1, 70), st.integers(1, 20), st.sampled_from([0, 2, 3, 4])).map(lambda s: s if s[2] else s[:2])


@given(shapes, st.sampled_from([np.uint8, np.uint16]), st.integers(0, 99))
def test_png_gives_back_every_sample(shape, dtype, seed):
    samples = noise(shape, dtype, seed)
    picture = read_samples(image_bytes(samples, ".png"))
    assert picture.pixels.dtype == dtype and picture.pixels.shape == shape and picture.notes == ()
    assert (picture.pixels == samples).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pillow_opens_what_is_written_and_sees_the_upper_bytes(channels):
    samples = noise((40, 30, channels), np.uint16)
    image = Image.open(io.BytesIO(png.write(samples)))
    image.verify()
    image = Image.open(io.BytesIO(png.write(samples)))
    upper = np.asarray(image)  # gray as it is, gray and alpha as RGBA
    expected = samples[..., 0] if channels == 1 else (samples >> 8)[..., [0, 0, 0, 1] if channels == 2 else slice(None)]
    assert (upper == expected).all()


def interlaced(samples: np.ndarray) -> bytes:
    """A 16-bit RGB PNG in the seven passes of Adam7, unfiltered."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [b"\0" + row.astype(">u2").tobytes() for y, x, dy, dx in passes for row in samples[y::dy, x::dx] if row.size]
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, 2, 0, 0, 1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return png.SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def test_interlaced_16_bit_colour():
    samples = noise((19, 13, 3), np.uint16)
    assert (read_samples(interlaced(samples)).pixels == samples).all()


def tiff(samples: np.ndarray, order: str, deflate: bool = False, planar: bool = False, extra: int | None = None) -> bytes:
    """A TIFF file of one strip (or one a channel) of 16-bit RGB or RGBA."""
    height, width, channels = samples.shape
    planes = np.moveaxis(samples, 2, 0) if planar else samples[None]
    strips = [plane.astype(f"{order}u2").tobytes() for plane in planes]
    strips = [zlib.compress(strip) for strip in strips] if deflate else strips
    starts = np.cumsum([8] + [len(strip) for strip in strips]).tolist()
    tags = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [16] * channels), 259: ("H", [8 if deflate else 1]),
        262: ("H", [2]), 273: ("I", starts[:-1]), 277: ("H", [channels]), 278: ("I", [height]),
        279: ("I", [len(strip) for strip in strips]), 284: ("H", [2 if planar else 1]),
    }  # fmt: skip
    if extra is not None:
        tags[338] = ("H", [extra])
    entries, heap, heap_start = b"", b"", starts[-1] + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in tags.items():
        data = struct.pack(f"{order}{len(values)}{kind}", *values)
        field = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(f"{order}I", heap_start + len(heap))
        heap += data if len(data) > 4 else b""
        entries += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[kind], len(values)) + field
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, starts[-1])
    return head + b"".join(strips) + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + heap


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize(("channels", "extra"), [(3, None), (4, 2)])
def test_16_bit_colour_of_tiff(order, deflate, channels, extra):
    samples = noise((21, 14, channels), np.uint16)
    assert (read_samples(tiff(samples, order, deflate, extra=extra)).pixels == samples).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tiff(noise((4, 4, 4), np.uint16), "<", extra=1), "transparency"),
        (b"P6\n2 2\n65535\n" + bytes(24), "16-bit colour"),
        (b"P6\n2 2\n100\n" + bytes(12), "scaled"),
        (b"P5\n2 2\n1000\n" + bytes(8), "scaled"),
        (encoded(Image.new("CMYK", (4, 4)), "TIFF"), "CMYK"),
        (encoded(Image.new("F", (4, 4)), "TIFF"), "F samples"),
        (encoded(Image.fromarray(np.full((4, 4), 70_000, np.int32)), "TIFF"), "signed"),
        (encoded(Image.new("RGB", (32, 32)), "JPEG2000"), "how many bits"),
    ],
)
def test_what_cannot_be_had_exactly_is_refused(data, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        read_samples(data)


@pytest.mark.parametrize(
    ("mode", "shape"),
    [("1", (9, 7)), ("L", (9, 7)), ("LA", (9, 7, 2)), ("P", (9, 7, 3)), ("RGB", (9, 7, 3)), ("RGBA", (9, 7, 4))],
)
def test_every_mode_has_its_channels(mode, shape):
    image = Image.fromarray(noise((9, 7, 4 if "A" in mode else 3), np.uint8)).convert(mode)
    picture = read_samples(encoded(image, "PNG"))
    assert picture.pixels.shape == shape and picture.pixels.dtype == np.uint8
    assert (picture.pixels == np.asarray(image.convert({"P": "RGB", "1": "L"}.get(mode, mode)))).all()
    assert any("palette" in note for note in picture.notes) == (mode == "P")


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_gray(kind):
    samples = noise((9, 7), np.uint16)
    assert (read_samples(encoded(Image.fromarray(samples), kind)).pixels == samples).all()


def test_a_transparent_colour_becomes_alpha():
    samples = noise((9, 7, 3), np.uint8)
    alpha = read_samples(encoded(Image.fromarray(samples), "PNG", transparency=tuple(samples[3, 4].tolist()))).pixels[..., 3]
    assert alpha[3, 4] == 0 and set(np.unique(alpha)) == {0, 255}
    wide = png.write(noise((9, 7, 3), np.uint16))
    key = read_samples(wide).pixels[3, 4]
    chunk = b"tRNS" + key.astype(">u2").tobytes()
    marked = wide[:33] + struct.pack(">I", 6) + chunk + struct.pack(">I", zlib.crc32(chunk)) + wide[33:]
    pixels = read_samples(marked).pixels
    assert (pixels[..., :3] == read_samples(wide).pixels).all()
    assert pixels[3, 4, 3] == 0 and set(np.unique(pixels[..., 3])) == {0, 65535}


def test_orientation_is_applied_to_both_bytes():
    samples = noise((10, 20, 3), np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    data, tags = png.write(samples), exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = b"eXIf" + tags
    turned = read_samples(data[:33] + struct.pack(">I", len(tags)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:])
    assert (turned.pixels == np.rot90(samples, -1)).all()
    kept = Image.Exif()
    kept.load(turned.metadata.exif)
    assert turned.notes == () and kept[0x0112] == 1


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".ppm", ".webp", ".avif"])
def test_formats_without_a_place_for_the_samples_are_refused(suffix):
    with pytest.raises(DlicError, match="place"):
        image_bytes(noise((4, 4, 4), np.uint16), suffix)
    if suffix in (".jpg", ".bmp", ".ppm"):
        with pytest.raises(DlicError, match="transparency"):
            image_bytes(noise((4, 4, 2), np.uint8), suffix)
    else:
        assert (read_image(image_bytes(noise((4, 4), np.uint8), suffix), keep={"gray"}).pixels.shape[:2]) == (4, 4)


@pytest.mark.parametrize("length", [40, 200, 2000])
def test_truncated_16_bit_colour_is_refused(length):
    data = png.write(noise((40, 40, 3), np.uint16))
    with pytest.raises(UnreadableImageError):
        read_samples(data[:length])


def test_gray_and_metadata_stay_where_they_are_asked_for():
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    profile = bytes(16) + b"GRAY" + bytes(108)
    data = encoded(Image.new("L", (10, 20), 7), "JPEG", exif=exif, icc_profile=profile)
    kept = read_image(data, keep={"gray", "exif", "icc_profile"})
    assert kept.pixels.shape == (10, 20) and kept.notes == ()
    assert kept.metadata.icc_profile == profile
    again = Image.Exif()
    again.load(kept.metadata.exif)
    assert dict(again) == {0x0112: 1, 0x010E: "a description"}  # turned already
    plain = read_image(data)
    assert plain.pixels.shape == (10, 20, 3) and plain.metadata == Metadata() and plain.notes == ("ICC profile, EXIF not kept",)


def test_a_profile_of_other_colours_is_left_behind():
    data = encoded(Image.new("CMYK", (8, 8)), "TIFF", icc_profile=bytes(16) + b"CMYK" + bytes(108))
    picture = read_image(data, keep={"icc_profile"})
    assert picture.metadata == Metadata()
    assert picture.notes == ("CMYK colours are converted to sRGB by Pillow's formula, having no profile that can be read",)
