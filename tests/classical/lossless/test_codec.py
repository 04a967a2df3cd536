"""Exact at every size, depth and number of channels, smaller than PNG, and every damage is a sentence."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from dlic.classical.lossless import codec as lossless
from dlic.classical.lossless import reversible_colour
from dlic.classical.lossless.codec import LosslessCodec
from dlic.classical.lossless.stripes import LONGEST
from dlic.container.format import LOSSLESS, WAVELET, Container, read, write
from dlic.errors import CorruptFileError, DlicError
from tests.conftest import KODAK

TRANSFORMS = ("wavefront", "predictive", "wavelet")
OVERHEAD = 40  # bytes of a file whose samples are stored bare, beyond these

shapes = st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([None, 2, 3, 4])).map(
    lambda shape: shape[:2] if shape[2] is None else shape
)


def check(image: np.ndarray, transform: str) -> bytes:
    data = LosslessCodec(transform).compress(image)
    decoded = LosslessCodec().decompress(data)
    assert decoded.dtype == image.dtype and decoded.shape == image.shape
    assert (decoded == image).all()
    assert len(data) <= image.nbytes + OVERHEAD
    return data


@given(st.data(), shapes, st.sampled_from([np.uint8, np.uint16]), st.sampled_from(TRANSFORMS))
@settings(max_examples=30)
def test_exact_whatever_the_samples(data, shape, dtype, transform):
    check(data.draw(arrays(dtype, shape)), transform)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 1100), (65, 33, 3), (33, 65, 4), (40, 50, 2)])
def test_noise_constants_and_ramps(shape, dtype, transform):
    peak = np.iinfo(dtype).max
    check(np.random.default_rng(0).integers(0, peak, shape, dtype=dtype, endpoint=True), transform)
    for value in (0, peak):
        assert len(check(np.full(shape, value, dtype), transform)) < 160
    check(np.broadcast_to(np.arange(shape[1]).reshape(1, -1, *[1] * (len(shape) - 2)) * 7, shape).astype(dtype), transform)


def test_sizes_of_a_photograph(photograph):
    png = io.BytesIO()
    Image.fromarray(photograph).save(png, format="PNG", optimize=True)
    planes = list(np.moveaxis(photograph.astype(np.int32), 2, 0))
    planes[:3] = reversible_colour.forward(planes, 8, "green")
    wavefront, predictive, wavelet = (len(lossless.TRANSFORMS[transform].encode(planes, 8)) for transform in TRANSFORMS)
    assert wavefront < 0.98 * predictive and predictive < wavelet < 0.85 * png.tell()
    assert len(check(photograph, "wavefront")) < 1.01 * wavefront


def test_sixteen_bits_of_a_photograph(photograph):
    finer = photograph.astype(np.uint16) * 257 ^ np.random.default_rng(0).integers(0, 16, photograph.shape, dtype=np.uint16)
    assert len(check(finer[:64, :96], "wavefront")) < 0.7 * finer[:64, :96].nbytes


def test_flat_drawings_take_less_than_a_bit_a_sample():
    drawing = np.zeros((200, 300, 3), np.uint8)
    drawing[50:100, 60:200] = (200, 30, 30)
    drawing[::40] = 255
    assert len(check(drawing, "wavefront")) < drawing.size / 8 / 20


def test_tall_pictures_are_coded_in_bands(monkeypatch):
    monkeypatch.setattr(lossless, "BAND", 1000)
    for transform in TRANSFORMS:
        check(np.random.default_rng(0).integers(0, 30, (70, 40, 3)).astype(np.uint8), transform)


def test_pictures_that_are_too_long_for_a_wavefront():
    check(np.arange(LONGEST + 1, dtype=np.uint16)[None], "wavefront")
    with pytest.raises(CorruptFileError, match="not coded in one wavefront"):
        lossless.decode(b"\x10\x01\x04\x00" + bytes(20), 1, LONGEST + 1)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_truncation_and_flipped_byte_of_a_file_is_an_error(photograph, transform):
    data = LosslessCodec(transform).compress(photograph[:8, :11])
    for size in range(len(data)):
        with pytest.raises(CorruptFileError):
            LosslessCodec().decompress(data[:size])
        with pytest.raises(CorruptFileError):
            LosslessCodec().decompress(data[:size] + bytes([data[size] ^ 1 << size % 8]) + data[size + 1 :])


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_truncation_of_a_bare_stream_is_an_error(photograph, transform):
    stream = lossless.encode(photograph[:9, :12], transform)
    for size in range(len(stream)):
        with pytest.raises(CorruptFileError):
            lossless.decode(stream[:size], 9, 12)
    with pytest.raises(CorruptFileError):
        lossless.decode(stream + b"\0", 9, 12)


@given(st.data(), st.sampled_from(TRANSFORMS))
@settings(max_examples=50)
def test_a_damaged_stream_is_an_error_or_another_picture(data, transform):
    image = np.array(Image.open(KODAK).crop((200, 100, 216, 112)))
    stream = bytearray(lossless.encode(image, transform))
    for _ in range(data.draw(st.integers(1, 3))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CorruptFileError):
        assert lossless.decode(bytes(stream), 12, 16).shape[:2] == (12, 16)


@given(st.binary(max_size=60), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60)
def test_any_bytes_are_an_error_or_a_picture(body, height, width):
    for head in (b"", b"\x08\x01", b"\x08\x03\x01\x02", b"\x10\x04\x02\x00", b"\x08\x01\x04\x00" + bytes(14)):
        with contextlib.suppress(CorruptFileError):
            assert lossless.decode(head + body, height, width).shape[:2] == (height, width)


def test_huge_pictures_are_refused_before_anything_is_allocated():
    with pytest.raises(CorruptFileError, match="above the limit"):
        LosslessCodec().decompress(
            write(Container(kind=LOSSLESS, width=1 << 31, height=1 << 31, symbols_crc=0, stream=b"\x08\x03\x01\x00"))
        )


OTHERS = [np.zeros((2, 2), np.int16), [[1]], *(np.zeros(shape, np.uint8) for shape in ((2, 2, 1), (2, 2, 5), (0, 2), (2,)))]


@pytest.mark.parametrize("image", OTHERS)
def test_other_arrays_are_refused(image):
    with pytest.raises(DlicError, match="lossless coding takes"):
        LosslessCodec().compress(image)


def test_other_transforms_are_refused():
    with pytest.raises(DlicError, match="wavefront, predictive or wavelet"):
        LosslessCodec("cosine")


def test_files_of_another_codec_are_refused(photograph):
    container = read(LosslessCodec().compress(photograph[:4, :4]))
    assert container.kind == LOSSLESS
    with pytest.raises(CorruptFileError, match="lossless codec"):
        LosslessCodec().decompress(write(replace(container, kind=WAVELET)))


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.array(Image.open(KODAK))[100:228, 200:360]
