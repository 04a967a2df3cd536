"""Early exits: the layer against its definition, the features by both runtimes, and small pictures of the shipped checkpoints."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.checkpoints.local import folder_of
from dlic.container.format import read
from dlic.learned.codec import load_codec
from dlic.learned.tiles.plan import Tiling
from dlic.metrics.distances import psnr
from dlic.pixels.reduction import averaged
from dlic.runtime.early_exit import EarlyExit, early_exit_of
from tests.golden.rewrite import TINY_LIGHT

LEVELS = (12, 30, 43)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99))
def test_a_pixel_is_a_sum_over_the_features_around_it(height, width, seed):
    random = np.random.default_rng(seed)
    exit_ = EarlyExit(random.normal(size=(3, 3, 7, 12)).astype(np.float32), random.normal(size=12).astype(np.float32))
    features = random.normal(size=(height, width, 7)).astype(np.float32)
    pixels, around = exit_.pixels(features), np.pad(features, ((1, 1), (1, 1), (0, 0)), mode="edge")
    assert pixels.shape == (2 * height, 2 * width, 3)
    for y in range(height):
        for x in range(width):
            values = np.einsum("rck,rckn->n", around[y : y + 3, x : x + 3], exit_.weight) + exit_.bias
            assert np.allclose(pixels[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].ravel(), values, atol=1e-4)


@pytest.mark.parametrize("name", ["light-1", "light-1-visual", "light-2-visual", "light-1-ms-ssim"])
def test_small_pictures_of_shipped_checkpoints_are_near_the_averages_of_whole_ones(name, photograph):
    codec = load_codec(folder_of(name), "onnx")
    assert codec.unit.early_exit is not None
    image = photograph[100:325, 250:523]  # 273 × 225
    for level in LEVELS:
        container = codec.encode(image, level).container
        whole = codec.decode(container).image
        for reduction, least in ((4, 41), (8, 44)):
            small, expected = codec.decode(container, reduction=reduction).image, averaged(whole, reduction)
            assert small.shape == expected.shape and psnr(small, expected) > least
            other = load_codec(folder_of(name), "torch").decode(container, reduction=reduction).image
            assert np.abs(small.astype(int) - other).max() <= 1


def test_pictures_of_high_levels_are_averages(photograph):
    codec = load_codec(folder_of("light-1"), "onnx")
    container = codec.encode(photograph[:60, :90], 44).container
    assert np.array_equal(codec.decode(container, reduction=4).image, averaged(codec.decode(container).image, 4))


def test_tiles_join_without_seams(photograph):
    codec = load_codec(folder_of("light-1"), "onnx")
    tiled = replace(codec, tiling=Tiling(side=128, above=0))
    container = read(tiled.compress(photograph[:250, :397], 30))
    whole = codec.decode(container).image
    for reduction in (4, 8):
        error = np.abs(tiled.decode(container, reduction=reduction).image.astype(int) - averaged(whole, reduction))
        side = 128 // reduction
        seam = error[:, [side - 1, side, 2 * side - 1, 2 * side]].mean()
        assert seam < 1.5 * error.mean() + 0.2


def test_other_checkpoints_have_none_and_are_averaged(photograph):
    codec = load_codec(TINY_LIGHT, "onnx")
    assert codec.unit.early_exit is None and early_exit_of(bytes(32)) is None
    container = codec.encode(photograph[:50, :70], 30).container
    assert np.array_equal(codec.decode(container, reduction=8).image, averaged(codec.decode(container).image, 8))


def test_a_checkpoint_without_the_graph_is_averaged(photograph):
    light, tiny = load_codec(folder_of("light-1"), "onnx"), load_codec(TINY_LIGHT, "onnx")
    old = replace(tiny, unit=replace(tiny.unit, early_exit=light.unit.early_exit))
    container = tiny.encode(photograph[:50, :70], 30).container
    assert np.array_equal(old.decode(container, reduction=4).image, averaged(tiny.decode(container).image, 4))
