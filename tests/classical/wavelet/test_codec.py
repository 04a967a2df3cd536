"""Pictures come back, better with every kilobyte; files may be cut anywhere; damage to a whole file is a sentence."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlic.classical.wavelet.codec import WaveletCodec, _decode
from dlic.container.format import LOSSLESS, WAVELET, Container, read, write
from dlic.errors import CorruptFileError, DlicError
from tests.conftest import KODAK


def psnr(image: np.ndarray, decoded: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((image.astype(float) - decoded) ** 2))))


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.array(Image.open(KODAK))[260:388, 120:312]


@pytest.fixture(scope="module")
def coded(photograph) -> bytes:
    return WaveletCodec(92).compress(photograph)


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(1, 100), st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_every_size_comes_back(height, width, grey, quality, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width) if grey else (height, width, 3), dtype=np.uint8)
    codec = WaveletCodec(quality)
    data = codec.compress(image)
    decoded = codec.decompress(data)
    assert decoded.shape == image.shape and decoded.dtype == np.uint8
    assert (codec.decompress_prefix(data) == decoded).all()
    if quality == 100:
        assert np.abs(decoded.astype(int) - image).max() <= 2


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_pictures_are_exact_and_small(value):
    image = np.full((65, 257, 3), value, np.uint8)
    data = WaveletCodec(92).compress(image)
    assert len(data) < 120 and np.abs(WaveletCodec().decompress(data).astype(int) - value).max() <= 1


def test_quality_rises_with_size(photograph):
    qualities = (5, 40, 80, 95)
    files = [WaveletCodec(quality).compress(photograph) for quality in qualities]
    sizes, levels = [len(data) for data in files], [psnr(photograph, WaveletCodec().decompress(data)) for data in files]
    assert sizes == sorted(sizes) and levels == sorted(levels)


def test_every_kilobyte_makes_the_picture_better(photograph, coded):
    levels = [psnr(photograph, WaveletCodec().decompress_prefix(coded[:size])) for size in range(1024, len(coded) + 1024, 1024)]
    assert (np.diff(levels) > -0.02).all()
    assert (np.diff(levels[::3]) > 0.05).all()
    assert levels[-1] == psnr(photograph, WaveletCodec().decompress(coded))


def test_any_prefix_decodes_once_the_header_is_there():
    image = np.array(Image.open(KODAK).convert("L"))[100:113, 200:217]
    data = WaveletCodec(80).compress(image)
    failed = []
    for size in (*range(60), *range(60, len(data), 7), len(data)):
        try:
            assert WaveletCodec().decompress_prefix(data[:size]).shape == image.shape
        except CorruptFileError:
            failed.append(size)
    assert failed == list(range(len(failed))) and len(failed) < 34


@pytest.mark.parametrize("size", [400, 1200])
def test_size_is_kept_and_nearly_filled(photograph, coded, size):
    data = WaveletCodec(92, size).compress(photograph)
    assert size - 120 < len(data) <= size
    cut, prefix = WaveletCodec().decompress(data), WaveletCodec().decompress_prefix(coded[:size])
    assert psnr(photograph, cut) >= psnr(photograph, prefix) - 0.1  # the cut file has a checksum to close with


def test_a_size_beyond_the_whole_file_changes_nothing(photograph, coded):
    assert WaveletCodec(92, 10**6).compress(photograph) == coded


def test_far_better_than_jpeg_and_level_with_jpeg_2000(photograph):
    data = WaveletCodec(65).compress(photograph)
    ours = psnr(photograph, WaveletCodec().decompress(data))

    def peer(format: str, **options) -> tuple[int, float]:
        file = io.BytesIO()
        Image.fromarray(photograph).save(file, format=format, **options)
        return file.tell(), psnr(photograph, np.array(Image.open(file)))

    jpeg = max(found for quality in range(5, 95, 3) if (found := peer("JPEG", quality=quality, optimize=True))[0] <= len(data))
    assert ours > jpeg[1] + 1.5
    jpeg_2000 = peer("JPEG2000", irreversible=True, mct=1, quality_mode="rates", quality_layers=[photograph.size / len(data)])
    assert jpeg_2000[0] > 0.97 * len(data) and ours > jpeg_2000[1] - 0.1


def test_every_truncation_and_flipped_byte_of_a_file_is_an_error():
    data = WaveletCodec(50).compress(np.array(Image.open(KODAK))[100:112, 200:216])
    for size in range(len(data)):
        with pytest.raises(CorruptFileError):
            WaveletCodec().decompress(data[:size])
        with pytest.raises(CorruptFileError):
            WaveletCodec().decompress(data[:size] + bytes([data[size] ^ 1 << size % 8]) + data[size + 1 :])


@given(st.data())
@settings(max_examples=20)
def test_a_damaged_stream_is_an_error_or_other_coefficients(data):
    stream = bytearray(read(WaveletCodec(60).compress(np.array(Image.open(KODAK))[100:112, 200:216])).stream)
    for _ in range(data.draw(st.integers(1, 3))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CorruptFileError):
        _decode(bytes(stream), (12, 16), strict=data.draw(st.booleans()))


@given(st.binary(max_size=80), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=20)
def test_any_bytes_are_an_error_or_coefficients(body, height, width):
    for head in (b"", b"\x03\x0c\x00\x40", b"\x01\x18\xff\xff"):
        with contextlib.suppress(CorruptFileError):
            _decode(head + body, (height, width), strict=False)


def test_huge_pictures_are_refused_before_anything_is_allocated():
    data = write(Container(kind=WAVELET, width=1 << 31, height=1 << 31, symbols_crc=0, stream=b"\x03\x0c\x00\x40"))
    for decode in (WaveletCodec().decompress, WaveletCodec().decompress_prefix):
        with pytest.raises(CorruptFileError, match="above the limit"):
            decode(data)


def test_arguments_that_make_no_sense_are_refused(photograph):
    for quality in (0, 101):
        with pytest.raises(DlicError, match="quality must be"):
            WaveletCodec(quality)
    with pytest.raises(DlicError, match="at least"):
        WaveletCodec(75, 20).compress(photograph)
    for image in (photograph.astype(np.uint16), photograph[..., :2], photograph[:0]):
        with pytest.raises(DlicError, match="the wavelet codec takes"):
            WaveletCodec().compress(image)


def test_files_of_another_codec_are_refused(coded):
    with pytest.raises(CorruptFileError, match="the wavelet codec does not write"):
        WaveletCodec().decompress_prefix(write(replace(read(coded), kind=LOSSLESS))[:500])
