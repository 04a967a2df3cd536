"""Files that Pillow opens, as small and as good as libjpeg's; and Pillow's files, decoded to libjpeg's very samples."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlic.classical.jpeg.codec import JpegCodec
from dlic.classical.jpeg.files import read_jpeg
from dlic.errors import CorruptFileError, DlicError
from dlic.images.exif import bare
from dlic.images.metadata import Metadata

SUBSAMPLINGS = ["4:4:4", "4:2:2", "4:2:0"]  # that Pillow writes
SIZES = [(1, 1), (7, 13), (16, 16), (65, 257), (160, 200)]


def pillow_file(image: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", **options)
    return file.getvalue()


def pillow_pixels(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)))


def psnr(image: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((image.astype(float) - other) ** 2))))


def part(photograph: np.ndarray, size, gray: bool) -> np.ndarray:
    image = photograph[100 : 100 + size[0], 150 : 150 + size[1]]
    return np.ascontiguousarray(image[..., 1] if gray else image)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["gray", *SUBSAMPLINGS])
def test_files_are_as_small_and_good_as_libjpegs(photograph, size, progressive, subsampling):
    gray = subsampling == "gray"
    image = part(photograph, size, gray)
    for quality in (30, 75, 92):
        options = {} if gray else {"subsampling": subsampling}
        peer = pillow_file(image, quality=quality, optimize=True, progressive=progressive, **options)
        data = JpegCodec(quality, "4:2:0" if gray else subsampling, progressive).compress(image)
        assert abs(len(data) - len(peer)) <= 0.01 * len(peer)
        assert (pillow_pixels(data) == pillow_pixels(peer)).mean() > 0.999
        assert abs(psnr(image, pillow_pixels(data)) - psnr(image, pillow_pixels(peer))) < 0.1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("subsampling", ["gray", *SUBSAMPLINGS])
def test_pillows_files_decode_to_libjpegs_samples(photograph, size, subsampling):
    gray = subsampling == "gray"
    image = part(photograph, size, gray)
    sampling = {} if gray else {"subsampling": subsampling}
    for options in (
        {"quality": 75},
        {"quality": 95, "optimize": True, "restart_marker_blocks": 3},
        {"quality": 5, "progressive": True},
        {"quality": 90, "progressive": True, "restart_marker_rows": 1},
        {"quality": 100, "keep_rgb": subsampling == "4:4:4"},
    ):
        data = pillow_file(image, **options, **sampling)
        decoded, expected = JpegCodec().decompress(data), pillow_pixels(data)
        assert decoded.shape == expected.shape
        assert np.abs(decoded.astype(int) - expected).max() <= 2
        assert (np.abs(decoded.astype(int) - expected) <= 1).mean() >= 0.999


@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(["4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 5),
    st.integers(1, 100),
    st.sampled_from(["noise", "ramp", "black", "white", "gray noise"]),
)
@settings(max_examples=60)
def test_pillow_and_dlic_see_the_same_in_every_file(height, width, subsampling, progressive, optimise, restart, quality, content):
    noise = np.random.default_rng(height * width).integers(0, 256, (height, width, 3)).astype(np.uint8)
    ramp = np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8)[:, None], noise.shape).copy()
    image = {"noise": noise, "ramp": ramp, "black": noise * 0, "white": noise * 0 + 255, "gray noise": noise[..., 0].copy()}[
        content
    ]
    codec = JpegCodec(quality, subsampling, progressive, optimise, restart)
    data = codec.compress(image)
    decoded = codec.decompress(data)
    assert decoded.shape == image.shape and decoded.dtype == np.uint8
    shown = pillow_pixels(data)
    if image.shape[2:] and content != "noise":
        shown = shown.reshape(image.shape)
    assert np.abs(decoded.astype(int) - shown).max() <= 2


def test_contents_come_back(photograph):
    for image in (part(photograph, (40, 50), False), np.zeros((9, 9), np.uint8), np.full((9, 9, 3), 255, np.uint8)):
        codec = JpegCodec(100, "4:4:4")
        assert np.abs(codec.decompress(codec.compress(image)).astype(int) - image).max() <= 4


def test_trellis_quantisation_saves_bytes_at_equal_psnr(photograph):
    """It loses PSNR at a quality, and more bytes than the lower quality that loses as much."""
    image = part(photograph, (256, 256), False)
    sizes, values = [], []
    for codec in (JpegCodec(74), JpegCodec(80), JpegCodec(80, trellis=True)):
        data = codec.compress(image)
        assert (pillow_pixels(data) == codec.decompress(data)).all()
        sizes.append(len(data))
        values.append(psnr(image, codec.decompress(data)))
    on_the_line = np.exp(np.interp(values[2], values[:2], np.log(sizes[:2])))
    assert values[0] < values[2] < values[1] and sizes[2] < 0.99 * on_the_line


def test_metadata_and_custom_tables_arrive(photograph):
    tags = Image.Exif()
    tags[0x0112] = 6
    metadata = Metadata(bytes(range(250)) * 400, bare(tags.tobytes()), b"<x:xmpmeta/>", (72.0, 300.0))
    steps = np.arange(1, 65), np.arange(64, 0, -1) * 5
    image = part(photograph, (20, 30), False)
    data = JpegCodec(metadata=metadata, tables=steps).compress(image)
    opened = Image.open(io.BytesIO(data))
    assert opened.getexif()[0x0112] == 6 and opened.info["icc_profile"] == metadata.icc_profile
    assert opened.info["xmp"] == metadata.xmp and opened.info["dpi"] == metadata.dpi
    assert opened.quantization[0] == steps[0].tolist() and opened.quantization[1] == np.minimum(steps[1], 320).tolist()
    assert read_jpeg(data, 10_000).metadata == metadata
    assert b"\xff\xc1" in data and b"\xff\xc0" not in data  # 16-bit steps are not baseline
    assert np.abs(pillow_pixels(data).astype(int) - JpegCodec().decompress(data)).max() <= 2


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2)), np.zeros((0, 2, 3), np.uint8), "photo.png"])
def test_other_images_are_refused(wrong):
    with pytest.raises(DlicError, match="JPEG"):
        JpegCodec().compress(wrong)


def test_settings_out_of_range_are_refused():
    image = np.zeros((2, 2, 3), np.uint8)
    wrong = np.zeros(64, int), np.ones(64, int)
    for codec in (
        JpegCodec(0),
        JpegCodec(subsampling="4:2:1"),
        JpegCodec(restart_interval=70_000),
        JpegCodec(metadata=Metadata(exif=bytes(70_000))),
        JpegCodec(tables=wrong),
    ):
        with pytest.raises(DlicError):
            codec.compress(image)
    with pytest.raises(DlicError, match="65535"):
        JpegCodec().compress(np.zeros((1, 65_536), np.uint8))


@pytest.mark.parametrize("mode", ["CMYK"])
def test_cmyk_is_refused_in_a_sentence(mode):
    file = io.BytesIO()
    Image.new(mode, (16, 16)).save(file, "JPEG")
    with pytest.raises(CorruptFileError, match="CMYK"):
        JpegCodec().decompress(file.getvalue())
