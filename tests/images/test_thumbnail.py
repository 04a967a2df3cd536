"""Previews are small in pixels and in bytes, whatever they show."""

import io

import numpy as np
import pytest
from PIL import Image

from dlic.images.thumbnail import MAX_BYTES, thumbnail


@pytest.mark.parametrize("side", [1, 16, 160, 256])
@pytest.mark.parametrize("shape", [(1, 1), (300, 200), (200, 300, 3), (40, 30, 2), (401, 17, 4), (3, 2000, 3)])
def test_sides_and_bytes_are_limited_even_of_noise(shape, side):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    data = thumbnail(pixels, side)
    image = Image.open(io.BytesIO(data))
    assert len(data) <= MAX_BYTES and image.format == "WEBP" and max(image.size) <= side
    assert ("A" in image.mode) == (shape[2:] in ((2,), (4,)))


def test_a_photograph_is_recognisable(photograph):
    small = Image.open(io.BytesIO(thumbnail(photograph)))
    assert small.size == (160, 107)
    expected = np.asarray(Image.fromarray(photograph).resize(small.size, Image.Resampling.LANCZOS)).astype(float)
    assert np.abs(np.asarray(small.convert("RGB")) - expected).mean() < 8


@pytest.mark.parametrize("channels", [(), (2,), (3,), (4,)])
def test_sixteen_bits_are_shown_with_eight(channels):
    samples = np.full((30, 40, *channels), 200 * 257, np.uint16)
    shown = np.asarray(Image.open(io.BytesIO(thumbnail(samples, 16))).convert("RGBA"))
    assert np.abs(shown[..., :3].astype(int) - 200).max() <= 2
