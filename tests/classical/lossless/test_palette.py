"""Palettes and LZMA: exact, bounded, and refused where the stream lies."""

import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.lossless import palette, repeating, webp
from dlic.entropy.byte_reader import write_varint
from dlic.errors import CorruptFileError
from tests.learned.exact.pages import gradient, page

SIDES, CHANNELS, COLOURS = st.integers(1, 40), st.sampled_from([3, 4]), st.sampled_from([1, 2, 255, 256, 257, 900])


@given(SIDES, SIDES, CHANNELS, COLOURS, st.integers(0, 99))
@settings(max_examples=40)
def test_pixels_come_back(height, width, channels, colours, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (colours, channels), dtype=np.uint8)[rng.integers(0, colours, (height, width))]
    stream = palette.encode(pixels)
    assert repeating.has_alpha(stream) == (channels == 4)
    assert (repeating.decode(stream, height, width, channels) == pixels).all()


def test_too_many_colours_have_no_palette():
    pixels = np.arange(3 * 70_000, dtype=np.uint32).view(np.uint8).reshape(-1, 100, 3)
    assert palette.encode(pixels) is None
    assert repeating.smallest(pixels, [webp.QUICK])[0] == webp.SIGNATURE


def test_the_smaller_one_is_kept():
    text = page(320, 480)
    best = repeating.smallest(text, [webp.QUICK, webp.THOROUGH])
    assert palette.is_one(best) and len(best) < 0.97 * len(webp.encode(text))
    assert repeating.name_of(best) == "a palette"
    shades = gradient()
    best = repeating.smallest(shades, [webp.QUICK, webp.THOROUGH])
    assert repeating.name_of(best) == "WebP lossless" and len(best) < len(palette.encode(shades))


def stream_of(plain: bytes, colours: int, channels: int = 3) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": palette.DISTANCE, "lc": 0, "lp": 0, "pb": 0}]
    return bytes([channels]) + write_varint(colours) + lzma.compress(plain, lzma.FORMAT_RAW, filters=filters)


def test_lies_are_refused():
    stream = palette.encode(page()[:5, :7])
    for damaged, message in (
        (stream_of(bytes(6 + 10**7), 2), "as large"),
        (stream_of(bytes(6 + 34), 2), "as large"),
        (stream_of(bytes(6) + bytes(34) + b"\2", 2), "not in its palette"),
        (stream_of(bytes(8 + 35), 2, 4), "channels"),
        (stream[:1] + write_varint(0) + stream[2:], "colours"),
        (stream[:1] + write_varint(70_000) + stream[2:], "colours"),
        (stream[:-1], "as large"),
        (stream + b"\0", "as large"),
        (stream[:2] + b"\1" + stream[3:], "damaged"),
    ):
        with pytest.raises(CorruptFileError, match=message):
            palette.decode(damaged, 5, 7)
    for end in range(len(stream)):
        with pytest.raises(CorruptFileError):
            repeating.decode(stream[:end], 5, 7)


@given(st.data())
@settings(max_examples=60)
def test_any_change_gives_pixels_or_an_error(data):
    stream = bytearray(palette.encode(page(20, 40)))
    place = data.draw(st.integers(1, len(stream) - 1))
    stream[place] ^= data.draw(st.integers(1, 255))
    try:
        assert palette.decode(bytes(stream), 20, 40).shape == (20, 40, 3)
    except CorruptFileError as error:
        assert "file" in str(error)
