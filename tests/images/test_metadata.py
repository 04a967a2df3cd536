"""Profile, EXIF, XMP, resolution and texts go through every format that has a place for them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from dlic.errors import DlicError
from dlic.images import photoshop
from dlic.images.files import EVERYTHING, image_bytes, not_held, read_image
from dlic.images.metadata import LABELS, Metadata, upright
from dlic.images.placing import placed
from dlic.images.samples import read_samples
from tests.images.test_exif import camera_exif, parsed
from tests.images.test_files import encoded

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY_PROFILE = bytes(16) + b"GRAY" + bytes(108)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="1">a caf\xc3\xa9</rdf:Description></x:xmpmeta>'
TEXT = {"Title": "a title", "Author": "Žofie", "Comment": "two\nlines"}
IPTC = photoshop.of_iptc(b"\x1c\x02\x78\0\x09A caption")
RICH = Metadata(SRGB, camera_exif(1, "<"), XMP, (300.0, 150.0), TEXT, iptc=IPTC)
PIXELS = {
    "gray": np.full((9, 12), 90, np.uint8),
    "RGB": np.full((9, 12, 3), 90, np.uint8),
    "RGBA": np.full((9, 12, 4), 90, np.uint8),
    "16-bit RGB": np.full((9, 12, 3), 9000, np.uint16),
    "16-bit gray": np.full((9, 12), 9000, np.uint16),
}


def there_and_back(kind: str, suffix: str, metadata: Metadata) -> Metadata:
    data = image_bytes(PIXELS[kind], suffix, metadata)
    picture = read_samples(data) if kind.startswith("16") else read_image(data, keep=EVERYTHING)
    assert picture.pixels.shape == PIXELS[kind].shape and picture.notes == ()
    return picture.metadata


@pytest.mark.parametrize("kind", ["gray", "RGB", "RGBA", "16-bit RGB", "16-bit gray"])
def test_png_holds_everything(kind):
    metadata = Metadata(GRAY_PROFILE if "gray" in kind else SRGB, RICH.exif, XMP, (300.0, 150.0), TEXT)
    found = there_and_back(kind, ".png", metadata)
    assert found.dpi == pytest.approx(metadata.dpi, abs=0.02)  # whole pixels a metre
    assert found == Metadata(metadata.icc_profile, metadata.exif, metadata.xmp, found.dpi, metadata.text)
    assert not_held(PIXELS[kind], ".png", metadata) == []


@pytest.mark.parametrize(
    ("suffix", "lost"),
    [(".jpg", "text"), (".tif", "text"), (".webp", "resolution, text, IPTC"), (".avif", "resolution, text, IPTC"),
     (".bmp", "EXIF, XMP, text, IPTC"), (".ppm", "EXIF, XMP, resolution, text, IPTC")],
)  # fmt: skip
def test_other_formats_hold_what_they_can_and_the_rest_is_said(suffix, lost):
    found = there_and_back("RGB", suffix, RICH)
    converted = suffix in (".bmp", ".ppm")
    said = [f"colours are converted to sRGB: {suffix} has no place for their profile"] if converted else []
    assert not_held(PIXELS["RGB"], suffix, RICH) == [f"{lost} not kept: {suffix} has no place for it", *said]
    kept = {LABELS[name] for name in RICH.given} - set(lost.split(", ")) - ({"ICC profile"} if converted else set())
    assert {LABELS[name] for name in found.given} == kept | ({"text"} if suffix == ".jpg" else set())
    assert found.text == ({"Comment": TEXT["Comment"]} if suffix == ".jpg" else {})
    assert found.iptc in (b"", RICH.iptc)
    if found.exif:
        tags = parsed(found.exif)
        assert tags[0x010E] == "a description" and tags.get(0x0112, 1) == 1 and len(tags.get_ifd(0x8769)[0x927C]) > 100
    assert found.icc_profile in (b"", SRGB) and found.xmp in (b"", XMP)
    assert found.dpi is None or found.dpi == pytest.approx(RICH.dpi, abs=0.02)


@pytest.mark.parametrize(("suffix", "kept"), [(".png", True), (".jpg", True), (".tif", True), (".avif", True), (".webp", False)])
def test_a_profile_for_gray_stays_with_gray(suffix, kept):
    metadata = Metadata(GRAY_PROFILE)
    picture = read_image(image_bytes(PIXELS["gray"], suffix, metadata), keep=EVERYTHING)
    assert picture.metadata.icc_profile == (GRAY_PROFILE if kept else b"")
    assert bool(not_held(PIXELS["gray"], suffix, metadata)) != kept
    for channels, kind, profile in ((3, "PNG", b""), (2, "AVIF", b""), (2, "PNG", GRAY_PROFILE)):
        assert placed(np.zeros((2, 2, channels), np.uint8), kind, metadata).metadata.icc_profile == profile


def test_what_is_too_long_for_jpeg_is_left_out_and_said():
    long = Metadata(exif=RICH.exif + bytes(66_000), xmp=XMP, dpi=(100_000.0, 1.0))
    assert there_and_back("RGB", ".jpg", long) == Metadata(xmp=XMP)
    assert not_held(PIXELS["RGB"], ".jpg", long) == ["EXIF, resolution not kept: .jpg has no place for it"]


def test_long_xmp_is_cut_into_an_extension_of_jpeg():
    packet = (
        XMP.replace(b"a caf", b"a long caf" * 9000)
        .replace(
            b"<rdf:Description", b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="t"'
        )
        .replace(b"</x:xmpmeta>", b"</rdf:RDF></x:xmpmeta>")
    )
    data = image_bytes(PIXELS["RGB"], ".jpg", Metadata(xmp=packet))
    found = read_image(data, keep=EVERYTHING, strict=True).metadata.xmp
    assert len(packet) > 65536 and b"HasExtendedXMP" not in found and found.count(b"a long caf") == 9000
    assert data.count(b"http://ns.adobe.com/xmp/extension/") == 2


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif"])
@pytest.mark.parametrize("exif", [b"no EXIF at all", RICH.exif[:60], b"II*\0\x08\0\0\0\xff\xff"])
def test_broken_exif_stops_no_format(suffix, exif):
    image_bytes(PIXELS["RGB"], suffix, Metadata(exif=exif, xmp=b"\xff\xfe not UTF-8"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("exif", [b"no EXIF at all", RICH.exif[:60], b"II*\0\x08\0\0\0\xff\xff", b"II*\0", b"MM"])
def test_broken_exif_hides_no_picture(kind, exif):
    data = encoded(Image.new("RGB", (6, 4)), kind, exif=b"Exif\0\0" + exif, **({"dpi": (72, 72)} if kind != "WEBP" else {}))
    for picture in (read_image(data, keep=EVERYTHING), read_samples(data)):
        assert picture.pixels.shape == (4, 6, 3)
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n 6\nnot hexadecimal\n")
    assert read_image(encoded(Image.new("L", (6, 4)), "PNG", pnginfo=text), keep=EVERYTHING).metadata == Metadata()


def test_exif_that_says_how_a_tiff_was_stored_does_not_break_the_next():
    tags = Image.Exif()
    tags[0x010E], tags[0x0100], tags[0x0103], tags[0x0111], tags[0x0102] = "a description", 5000, 7, 99, 32
    found = there_and_back("RGB", ".tif", Metadata(exif=tags.tobytes()[6:]))
    assert dict(parsed(found.exif)) == {0x010E: "a description"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once_whatever_the_format(orientation, kind):
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:10, :20] = 255  # the corner tells where it went
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "a description"
    data = encoded(Image.fromarray(pixels), kind, exif=exif, quality=95)
    picture = read_image(data, keep=EVERYTHING)
    corners = [picture.pixels[y, x, 0] > 128 for y in (2, -3) for x in (2, -3)]
    expected = {1: 0, 2: 1, 3: 3, 4: 2, 5: 0, 6: 1, 7: 3, 8: 2}[orientation]
    assert corners.index(True) == expected and sum(corners) == 1
    assert picture.pixels.shape == ((40, 20, 3) if orientation > 4 else (20, 40, 3))
    tags = parsed(picture.metadata.exif)
    assert tags.get(0x0112, 1) == 1 and tags[0x010E] == "a description"
    again = read_image(image_bytes(picture.pixels, ".png", picture.metadata), keep=EVERYTHING)
    assert (again.pixels == picture.pixels).all()


def test_orientation_in_xmp_is_applied_and_reset():
    turned = XMP.replace(b'"1"', b'"6"')
    data = encoded(Image.new("RGB", (10, 20)), "JPEG", xmp=turned)
    picture = read_image(data, keep=EVERYTHING)
    assert picture.pixels.shape == (10, 20, 3) and picture.metadata.xmp == XMP
    assert upright(Metadata(xmp=b"<tiff:Orientation>8</tiff:Orientation>")).xmp == b"<tiff:Orientation>1</tiff:Orientation>"


def test_a_sideways_resolution_turns_with_the_pixels():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_image(encoded(Image.new("L", (9, 9)), "PNG", exif=exif, dpi=(200, 100)), keep=EVERYTHING).metadata.dpi == (
        pytest.approx((100, 200), abs=0.02)
    )


def test_texts_of_every_kind_of_png_chunk():
    info = PngImagePlugin.PngInfo()
    info.add_text("Plain", "tEXt")
    info.add_text("Packed", "zTXt " * 100, zip=True)
    info.add_itxt("International", "ítxt ✓", "cs", "Mezinárodní")
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    found = read_image(encoded(Image.new("RGB", (4, 4)), "PNG", pnginfo=info), keep=EVERYTHING).metadata
    assert found.text == {"Plain": "tEXt", "Packed": "zTXt " * 100, "International": "ítxt ✓"} and found.xmp == XMP


def test_a_legacy_text_of_exif_is_exif():
    exif = b"Exif\0\0" + camera_exif(6, ">")
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n")
    picture = read_image(encoded(Image.new("RGB", (4, 8)), "PNG", pnginfo=info), keep=EVERYTHING)
    assert picture.pixels.shape == (4, 8, 3) and picture.metadata.text == {}
    assert parsed(picture.metadata.exif)[0x0112] == 1


def test_nothing_is_made_up():
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "BMP", "GIF", "PPM"):
        picture = read_image(encoded(Image.new("RGB", (8, 8)), kind), keep=EVERYTHING)
        assert picture.metadata.without(["dpi"] if kind == "BMP" else []) == Metadata(), kind  # BMP always states one
    assert image_bytes(PIXELS["RGB"]) == image_bytes(PIXELS["RGB"], ".png", Metadata())


def test_chunks_before_the_pixels_are_well_formed():
    data = image_bytes(PIXELS["RGB"], ".png", RICH)
    position, names = 8, []
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        body = data[position + 4 : position + 8 + length]
        assert struct.unpack_from(">I", data, position + 8 + length)[0] == zlib.crc32(body)
        names.append(body[:4])
        position += 12 + length
    assert names == [b"IHDR", b"iCCP", b"eXIf", b"pHYs", b"iTXt", b"zTXt", b"tEXt", b"iTXt", b"tEXt", b"IDAT", b"IEND"]
    Image.open(io.BytesIO(data)).verify()


@pytest.mark.parametrize(
    "wrong",
    [{"exif": "text"}, {"dpi": (0.0, 72.0)}, {"dpi": (72.0, float("nan"))}, {"text": {"": "x"}}, {"text": {"Ž": "x"}},
     {"text": {"k" * 80: "x"}}, {"text": {"a\0b": "x"}}, {"text": {1: "x"}}, {"text": {"x": 1}}, {"dpi": 72}, {"dpi": (72.0,)}],
)  # fmt: skip
def test_what_no_file_could_hold_is_refused(wrong):
    with pytest.raises(DlicError):
        Metadata(**wrong)
