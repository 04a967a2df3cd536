"""Averages over boxes of pixels, against the same in floats, and sizes of draft pictures as JPEG's plugin chooses them."""

import io
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import DlicError
from dlic.pixels.reduction import REDUCTIONS, averaged, reduced_size, reduction_for, reduction_of


def boxes(plane: np.ndarray, side: int) -> np.ndarray:
    """Averages of a plane (H, W) as floats; boxes at the border hold what there is."""
    height, width = plane.shape
    rows = [[plane[y : y + side, x : x + side].mean() for x in range(0, width, side)] for y in range(0, height, side)]
    return np.array(rows)


@given(
    st.integers(1, 21),
    st.integers(1, 21),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from(REDUCTIONS),
    st.integers(0, 99),
)
def test_pixels_are_rounded_averages_of_boxes(height, width, channels, dtype, reduction, seed):
    shape = (height, width) if channels is None else (height, width, channels)
    pixels = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    small = averaged(pixels, reduction)
    assert small.dtype == dtype and small.shape[1::-1] == reduced_size(width, height, reduction)
    for plane, reduced in zip(np.atleast_3d(pixels).T, np.atleast_3d(small).T, strict=True):
        assert np.abs(reduced.T - boxes(plane.T, reduction)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_count_as_much_as_they_are_opaque(channels, dtype):
    most = np.iinfo(dtype).max
    pixels = np.zeros((8, 16, channels), dtype)
    pixels[:, 3, :-1], pixels[:, 3, -1] = most, most  # one opaque column in the left half; the others are clear and black
    pixels[:, 8:, 0] = most  # the right half is clear, and has a colour
    small = averaged(pixels, 8)
    assert (small[0, 0, :-1] == most).all() and small[0, 0, -1] == (most + 4) // 8
    assert small[0, 1, -1] == 0 and small[0, 1, 0] == most


def test_constants_stay_whatever_the_size():
    for value in (0, 1, 255):
        assert (averaged(np.full((13, 7, 3), value, np.uint8), 8) == value).all()
    assert (averaged(np.full((13, 7, 4), 65535, np.uint16), 8) == 65535).all()


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 800), st.integers(1, 800))
def test_drafts_are_as_small_as_jpegs(width, height, wide, high):
    reduction = reduction_for(width, height, (wide, high))
    smallest = min(width // wide, height // high)
    assert reduction == next(n for n in (8, 4, 2, 1) if n == 1 or smallest >= n)


def test_drafts_of_a_file_of_jpeg_have_the_same_size():
    buffer = io.BytesIO()
    Image.new("RGB", (301, 207)).save(buffer, "JPEG")
    for size in ((300, 200), (150, 100), (76, 52), (37, 25), (10, 10), (1, 200)):
        image = Image.open(io.BytesIO(buffer.getvalue()))
        image.draft(None, size)
        assert reduced_size(301, 207, reduction_for(301, 207, size)) == image.size


def test_scales_are_numbers():
    assert [reduction_of(scale) for scale in (1, 0.5, Fraction(1, 4), np.float32(0.125))] == [1, 2, 4, 8]
    for scale in (0, 2, 3, 1 / 3, 0.3, -1, True, "1/2", None, float("nan")):
        with pytest.raises(DlicError, match="scale is 1, 1/2, 1/4 or 1/8, not"):
            reduction_of(scale)
