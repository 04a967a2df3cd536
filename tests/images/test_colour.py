"""Colours there and back, and the colours everybody knows."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from dlic.errors import DlicError
from dlic.images.colour import planes_to_rgb, rgb_to_planes, rgb_to_ycbcr, rounded, ycbcr_to_rgb

STEPS = np.unique(np.append(np.arange(0, 256, 3), [1, 2, 127, 128, 254, 255])).astype(np.uint8)
GRID = np.stack(np.meshgrid(STEPS, STEPS, STEPS, indexing="ij"), axis=-1)  # 725,000 of the 16.8 million colours
FLOATS = arrays.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3)), elements=st.floats(0, 255))


@given(FLOATS)
def test_floats_come_back(rgb):
    assert np.abs(ycbcr_to_rgb(rgb_to_ycbcr(rgb)) - rgb).max() < 1e-6


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_colour_of_a_grid_comes_back_exactly(dtype):
    assert (rounded(ycbcr_to_rgb(rgb_to_ycbcr(GRID.astype(dtype)))) == GRID).all()


@given(st.integers(0, 2**32))
def test_any_bytes_come_back_exactly(seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (2000, 3), dtype=np.uint8)
    assert (rounded(ycbcr_to_rgb(rgb_to_ycbcr(rgb))) == rgb).all()


def test_rounded_planes_come_back_within_two():
    planes = rgb_to_planes(GRID)
    assert planes.dtype == planes_to_rgb(planes).dtype == np.uint8
    assert np.abs(planes_to_rgb(planes).astype(int) - GRID).max() <= 2


def test_rounded_planes_are_the_rounded_floats():
    assert np.abs(np.moveaxis(rgb_to_planes(GRID), 0, -1) - rgb_to_ycbcr(GRID)).max() < 0.51


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


def test_floats_of_either_precision_stay():
    for convert in (rgb_to_ycbcr, ycbcr_to_rgb):
        assert convert(np.ones((2, 3), np.float32)).dtype == np.float32
        assert convert(np.ones((2, 3), np.uint8)).dtype == np.float64


def test_what_is_no_colour_is_refused():
    with pytest.raises(DlicError, match="shape"):
        rgb_to_ycbcr(np.zeros((4, 4)))
