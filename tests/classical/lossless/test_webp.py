"""WebP lossless without its RIFF header: exact, and refused where its header lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.lossless import webp
from dlic.errors import CorruptFileError


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([3, 4]), st.integers(0, 99))
@settings(max_examples=30)
def test_pixels_come_back(height, width, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 5, (height, width, channels), dtype=np.uint8) * 60
    assert (webp.decode(webp.encode(pixels, webp.QUICK), height, width, channels) == pixels).all()


def test_a_stream_is_a_webp_file_without_its_header():
    stream = webp.encode(np.zeros((5, 7, 3), np.uint8))
    assert stream[0] == 0x2F and b"RIFF" not in stream and len(stream) < 30


def with_size(stream: bytes, width: int, height: int) -> bytes:
    bits = int.from_bytes(stream[1:5], "little") & ~((1 << 28) - 1)
    return stream[:1] + (bits | width - 1 | height - 1 << 14).to_bytes(4, "little") + stream[5:]


def test_lies_are_refused_before_they_are_decoded():
    stream = webp.encode(np.zeros((5, 7, 3), np.uint8))
    transparent = webp.encode(np.zeros((5, 7, 4), np.uint8))
    for damaged, message in (
        (with_size(stream, 1 << 14, 1 << 14), "16384 × 16384"),
        (with_size(stream, 5, 7), "5 × 7 pixels, not 7 × 5"),
        (b"", "begin"),
        (b"\x2e" + stream[1:], "begin"),
        (stream[:4] + bytes([stream[4] | 0x40]) + stream[5:], "unknown version"),
        (transparent, "transparent"),
        (stream[:6], "damaged"),
    ):
        with pytest.raises(CorruptFileError, match=message):
            webp.decode(damaged, 5, 7)


@given(st.data())
@settings(max_examples=60)
def test_any_change_gives_pixels_or_an_error(data):
    stream = bytearray(webp.encode(np.arange(300, dtype=np.uint8).reshape(10, 10, 3), webp.QUICK))
    place = data.draw(st.integers(5, len(stream) - 1))
    stream[place] ^= data.draw(st.integers(1, 255))
    try:
        assert webp.decode(bytes(stream), 10, 10).shape == (10, 10, 3)
    except CorruptFileError as error:
        assert "WebP" in str(error)
