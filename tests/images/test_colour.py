"""Colours there and back, and the colours everybody knows."""

import colorsys
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from dlic.errors import DlicError
from dlic.images.colour import (
    hsv_to_rgb,
    planes_to_rgb,
    rgb_to_hsv,
    rgb_to_planes,
    rgb_to_ycbcr,
    rgb_to_ycbcr8,
    rounded,
    ycbcr8_to_rgb,
    ycbcr_to_rgb,
)

STEPS = np.unique(np.append(np.arange(0, 256, 3), [1, 2, 127, 128, 254, 255])).astype(np.uint8)
GRID = np.stack(np.meshgrid(STEPS, STEPS, STEPS, indexing="ij"), axis=-1)  # 725,000 of the 16.8 million colours
FLOATS = arrays.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3)), elements=st.floats(0, 255))


@pytest.mark.parametrize(("there", "back"), [(rgb_to_ycbcr, ycbcr_to_rgb), (rgb_to_hsv, hsv_to_rgb)])
@given(FLOATS)
def test_floats_come_back(there, back, rgb):
    assert np.abs(back(there(rgb)) - rgb).max() < 1e-6


@pytest.mark.parametrize(("there", "back"), [(rgb_to_ycbcr, ycbcr_to_rgb), (rgb_to_hsv, hsv_to_rgb)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_colour_of_a_grid_comes_back_exactly(there, back, dtype):
    assert (rounded(back(there(GRID.astype(dtype)))) == GRID).all()


@given(st.integers(0, 2**32))
def test_any_bytes_come_back_exactly(seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (2000, 3), dtype=np.uint8)
    assert (rounded(hsv_to_rgb(rgb_to_hsv(rgb))) == rgb).all()
    assert (rounded(ycbcr_to_rgb(rgb_to_ycbcr(rgb))) == rgb).all()


def test_rounded_ycbcr_comes_back_within_two():
    back = ycbcr8_to_rgb(rgb_to_ycbcr8(GRID)).astype(int)
    assert np.abs(back - GRID).max() <= 2
    assert rgb_to_ycbcr8(GRID).dtype == ycbcr8_to_rgb(GRID).dtype == np.uint8


def test_rounded_ycbcr_is_the_rounded_floats():
    assert np.abs(rgb_to_ycbcr8(GRID) - rgb_to_ycbcr(GRID)).max() < 0.51
    assert (rgb_to_planes(GRID) == np.moveaxis(rgb_to_ycbcr8(GRID), -1, 0)).all()


def test_grays_come_back_exactly():
    gray = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    planes = rgb_to_planes(gray)
    assert (planes[0] == gray[..., 0]).all() and (planes[1:] == 128).all()
    assert (planes_to_rgb(planes) == gray).all()


def test_libjpeg_converts_to_the_same_integers():
    """At quality 100 a flat block's DC is exact: what Pillow shows of a file is what its planes say."""
    for colour in GRID.reshape(-1, 3)[::80_000]:
        file, flat = io.BytesIO(), np.tile(colour, (8, 8, 1))
        Image.fromarray(flat).save(file, "JPEG", quality=100, subsampling=0)
        assert (np.array(Image.open(file)) == planes_to_rgb(rgb_to_planes(flat))).all()


def test_known_ycbcr():
    assert rgb_to_ycbcr([[255, 255, 255], [7, 7, 7]]) == pytest.approx(np.array([[255, 128, 128], [7, 128, 128]]))
    assert rgb_to_ycbcr([255, 0, 0]) == pytest.approx([76.245, 84.97232, 255.5], abs=1e-4)


@pytest.mark.parametrize(
    ("rgb", "hsv"),
    [
        ([255, 0, 0], [0, 1, 255]),
        ([0, 255, 0], [120, 1, 255]),
        ([0, 0, 255], [240, 1, 255]),
        ([128, 128, 0], [60, 1, 128]),
        ([255, 0, 1], [360 - 60 / 255, 1, 255]),
        ([9, 9, 9], [0, 0, 9]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_known_hues(rgb, hsv):
    assert rgb_to_hsv(rgb) == pytest.approx(hsv)


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_hsv_is_that_of_the_standard_library(rgb):
    hue, saturation, value = rgb_to_hsv(np.array(rgb))
    theirs = colorsys.rgb_to_hsv(*rgb)
    assert 0 <= hue < 360
    assert [np.cos(np.radians(hue)), saturation, value] == pytest.approx([np.cos(2 * np.pi * theirs[0]), *theirs[1:]], abs=1e-6)


def test_floats_of_either_precision_stay():
    for convert in (rgb_to_ycbcr, ycbcr_to_rgb, rgb_to_hsv, hsv_to_rgb):
        assert convert(np.ones((2, 3), np.float32)).dtype == np.float32
        assert convert(np.ones((2, 3), np.uint8)).dtype == np.float64


def test_what_is_no_colour_is_refused():
    with pytest.raises(DlicError, match="shape"):
        rgb_to_ycbcr(np.zeros((4, 4)))
