"""Every kind of image becomes 8 bits of what is kept, and what that loses is said, or refused."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from dlic.errors import UnreadableImageError
from dlic.images import png
from dlic.images.files import EVERYTHING, image_bytes, read_image
from dlic.images.kinds import conversions
from tests.images.test_files import encoded
from tests.images.test_samples import noise, tiff

CYAN_IN_PROFILE = (128, 148, 98)  # L 50, a 20, b −30 as a profile writes them: violet, which no formula would give


def cmyk_profile() -> bytes:
    """The least of an ICC profile from CMYK to Lab: a table of the sixteen corners (lut8): white, CYAN_IN_PROFILE, else black."""
    corners = [(255, 128, 128) if ink == 0 else CYAN_IN_PROFILE if ink == 8 else (0, 128, 128) for ink in range(16)]
    ramp = bytes(range(256))
    matrix = b"".join(struct.pack(">i", 65536 * (i % 4 == 0)) for i in range(9))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + bytes(sum(corners, ())) + ramp * 3
    text = b"text" + bytes(4) + b"for tests\0\0\0"
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    description = b"desc" + bytes(4) + struct.pack(">I", 6) + b"tests\0" + bytes(78)
    tags, data, position = [], b"", 128 + 4 + 4 * 12
    for name, content in ((b"A2B0", table), (b"cprt", text), (b"wtpt", white), (b"desc", description)):
        tags.append(name + struct.pack(">II", position + len(data), len(content)))
        data += content + bytes(-len(content) % 4)
    directory = struct.pack(">I", len(tags)) + b"".join(tags)
    size = 128 + len(directory) + len(data)
    head = struct.pack(">I", size) + bytes(4) + b"\2\x20\0\0" + b"prtrCMYKLab " + bytes(12) + b"acsp" + bytes(28)
    return (head + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\0") + directory + data


SHAPES = {"L": (9, 7), "1": (9, 7), "LA": (9, 7, 2), "P": (9, 7, 3), "RGB": (9, 7, 3), "RGBA": (9, 7, 4), "PA": (9, 7, 4)}


@pytest.mark.parametrize("mode", SHAPES)
def test_kinds_of_8_bits_lose_nothing(mode):
    image = Image.fromarray(noise((9, 7, 4 if "A" in mode else 3), np.uint8)).convert(mode.replace("PA", "RGBA"))
    image = image.quantize(7) if mode == "PA" else image
    picture = read_image(encoded(image, "PNG"), keep=EVERYTHING, strict=True)
    assert picture.pixels.shape == SHAPES[mode] and picture.pixels.dtype == np.uint8 and picture.notes == ()
    target = {"P": "RGB", "PA": "RGBA", "1": "L"}.get(mode, mode)
    assert (picture.pixels == np.asarray(image.convert(target))).all()


@pytest.mark.parametrize(("mode", "transparent"), [("L", 90), ("1", 0), ("RGB", (10, 20, 30)), ("P", 0)])
def test_a_transparent_colour_becomes_alpha(mode, transparent):
    image = Image.new(mode, (6, 5), {"L": 90, "1": 0, "RGB": (10, 20, 30), "P": 0}[mode])
    pixels = read_image(encoded(image, "PNG", transparency=transparent), keep=EVERYTHING).pixels
    assert pixels.shape == ((5, 6, 2) if mode in "L1" else (5, 6, 4)) and (pixels[..., -1] == 0).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_are_rounded_and_said(channels):
    samples = noise((40, 30, channels), np.uint16)
    samples = samples[..., 0] if channels == 1 else samples
    picture = read_image(png.write(samples), keep=EVERYTHING)
    assert picture.notes == ("16-bit samples become 8-bit",)
    assert (picture.pixels == np.rint(samples / 257)).all() and picture.pixels.shape == samples.shape
    plain = read_image(png.write(samples))
    colours = samples if channels == 1 else samples[..., : -1 if channels in (2, 4) else None]
    assert (plain.pixels == np.rint(colours.reshape(40, 30, -1) / 257)).all() and plain.pixels.shape == (40, 30, 3)
    assert ("transparency is dropped" in plain.notes) == (channels in (2, 4))


def test_16_bits_of_other_formats_are_rounded_and_said():
    samples = noise((9, 7, 3), np.uint16)
    ppm = b"P6\n7 9\n65535\n" + samples.astype(">u2").tobytes()
    for data in (tiff(samples, "<"), tiff(samples, ">", deflate=True), ppm):
        picture = read_image(data, keep=EVERYTHING)
        assert picture.notes == ("16-bit samples become 8-bit",)
        assert (picture.pixels == np.rint(samples / 257)).all()


def test_a_transparent_16_bit_gray_becomes_alpha():
    data = encoded(Image.fromarray(np.full((4, 4), 5140, np.uint16)), "PNG", transparency=5140)
    assert (read_image(data, keep=EVERYTHING).pixels == (20, 0)).all()


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_goes_through_its_profile_to_srgb(kind):
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    image.paste((0, 0, 0, 0), (0, 0, 16, 8))
    picture = read_image(encoded(image, kind, icc_profile=cmyk_profile(), **({"quality": 100} if kind == "JPEG" else {})))
    assert picture.notes == ("CMYK colours are converted to sRGB through their profile",)
    assert (picture.pixels[:8] > 250).all()
    assert np.abs(picture.pixels[12, 12].astype(int) - (132, 109, 171)).max() < 5
    with pytest.raises(UnreadableImageError, match="--strict: CMYK"):
        read_image(encoded(image, kind), strict=True)


@pytest.mark.parametrize("profile", [None, b"", b"broken", bytes(16) + b"CMYK" + bytes(108), bytes(16) + b"RGB " + bytes(108)])
def test_cmyk_without_a_profile_goes_by_the_formula(profile):
    options = {"icc_profile": profile} if profile else {}
    picture = read_image(encoded(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "TIFF", **options), keep=EVERYTHING)
    assert picture.notes == ("CMYK colours are converted to sRGB by Pillow's formula, having no profile that can be read",)
    assert (picture.pixels == (0, 255, 255)).all() and picture.metadata.icc_profile == b""


def test_lab_becomes_srgb():
    lab = read_image(encoded(Image.new("LAB", (8, 8), (255, 128, 128)), "TIFF"))
    assert lab.notes == ("LAB colours are converted to sRGB",) and lab.pixels.min() > 250


@pytest.mark.parametrize(
    "image",
    [Image.new("F", (4, 4)), Image.fromarray(np.zeros((4, 4), np.int32)), Image.fromarray(np.full((4, 4), 70_000, np.int32))],
)
def test_deeper_samples_are_refused_in_a_sentence(image):
    with pytest.raises(UnreadableImageError, match=r"the input has (floating-point|32-bit) samples"):
        read_image(encoded(image, "TIFF"))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animations_show_their_first_frame_and_say_so(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    picture = read_image(data, keep=EVERYTHING)
    assert picture.notes == ("only the first of 3 frames is kept",) and (picture.pixels[..., :3] == (255, 0, 0)).all()
    with pytest.raises(UnreadableImageError, match="--strict: only the first of 3"):
        read_image(data, strict=True)


def test_strict_refuses_what_is_not_kept():
    with pytest.raises(UnreadableImageError, match="--strict: 16-bit"):
        read_image(png.write(noise((4, 4), np.uint16)), keep=EVERYTHING, strict=True)
    with pytest.raises(UnreadableImageError, match="--strict: transparency is dropped"):
        read_image(image_bytes(noise((4, 4, 4), np.uint8)), keep=("gray",), strict=True)
    read_image(encoded(Image.new("RGB", (4, 4)), "PNG", dpi=(72, 72)), strict=True)  # metadata is no kind


def deeper(kind: str, pixels: np.ndarray) -> bytes:
    """A file whose header says that its samples have 10 or 12 bits, as Pillow writes none."""
    data = bytearray(encoded(Image.fromarray(pixels), kind))
    if kind == "AVIF":
        data[data.index(b"av1C") + 6] |= 0x40
        begin = data.index(b"pixi") + 9
        data[begin : begin + 3] = bytes([10] * 3)
    else:
        begin = data.index(b"\xff\x4f\xff\x51") + 42
        data[begin : begin + 9 : 3] = bytes([11] * 3)
    return bytes(data)


@pytest.mark.parametrize(("kind", "bits"), [("AVIF", 10), ("JPEG2000", 12)])
def test_bits_that_pillow_drops_are_said(kind, bits):
    pixels = noise((40, 56, 3), np.uint8)
    assert read_image(encoded(Image.fromarray(pixels), kind), keep=EVERYTHING).notes == ()
    data = deeper(kind, pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert list(conversions(image, EVERYTHING)) == [f"{bits}-bit samples become 8-bit"]
    with pytest.raises(UnreadableImageError, match=f"{bits}-bit"):
        read_image(data, strict=True)
