"""Distances between images of known difference."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import DlicError
from dlic.metrics.registry import METRICS, available, cosine, decibels, hamming, hamming_planes, ms_ssim, mse, psnr, psnr_y


def test_psnr_of_known_errors():
    black = np.zeros((4, 5, 3), np.uint8)
    assert psnr(black, np.full_like(black, 255)) == psnr(np.full_like(black, 255), black) == 0
    assert psnr(black, black + np.uint8(10)) == pytest.approx(20 * math.log10(25.5))
    assert psnr(black, black) == 100


def test_psnr_of_luma_weighs_the_channels(photograph):
    black = np.zeros((4, 5, 3), np.uint8)
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        other = black.copy()
        other[..., channel] = 10
        assert psnr_y(black, other) == pytest.approx(20 * math.log10(25.5 / weight))
    assert psnr_y(black, black) == 100 and psnr_y(black, black + np.uint8(10)) == pytest.approx(psnr(black, black + np.uint8(10)))
    shown = np.clip(photograph + np.random.default_rng(0).normal(0, 5, photograph.shape), 0, 255).astype(np.uint8)
    rounded = [np.array(Image.fromarray(image).convert("L")) for image in (photograph, shown)]  # Pillow's luma is that of JPEG
    assert psnr_y(photograph, shown) == pytest.approx(psnr(*rounded), abs=0.1)
    assert psnr_y(*rounded) == psnr(*rounded)


def test_decibels_stay_finite():
    assert [decibels(value) for value in (0, 0.9, 0.99)] == pytest.approx([0, 10, 20])
    assert decibels(1) == decibels(1.0000001) == 100


def test_mse_of_known_errors():
    black = np.zeros((4, 5, 3), np.uint8)
    assert mse(black, np.full_like(black, 255)) == mse(np.full_like(black, 255), black) == 255**2
    assert mse(black, black + np.uint8(10)) == 100
    assert mse(black[..., 0], black[..., 0]) == 0


def test_cosine_sees_directions_only():
    x = np.array([[3, 0], [4, 0]], np.uint8)
    assert cosine(x, 2 * x) == pytest.approx(1)
    assert cosine(x, np.array([[0, 9], [0, 1]], np.uint8)) == 0
    assert cosine(x, np.array([[4, 0], [3, 0]], np.uint8)) == pytest.approx(24 / 25)
    black = np.zeros_like(x)
    assert (cosine(black, black), cosine(black, x), cosine(x, black)) == (1, 0, 0)


def test_hamming_counts_bits():
    x = np.zeros((4, 4, 3), np.uint8)
    assert hamming(x, ~x) == 1 and hamming(x, x) == 0
    y = x.copy()
    y[:2] = 0b1000_0001  # half of the samples, the highest and the lowest bit
    assert hamming_planes(x, y) == (0.5, 0, 0, 0, 0, 0, 0, 0.5)
    assert hamming(x, y) == 0.125


@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 8))
def test_every_measure_is_symmetric_and_knows_equal_images(seed, height, width):
    x, y = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    for metric, same in ((mse, 0), (psnr, 100), (psnr_y, 100), (cosine, 1), (hamming, 0)):
        assert metric(x, y) == metric(y, x)
        assert metric(x, x) == pytest.approx(same)


def test_images_of_different_shapes_are_refused():
    for metric in (mse, cosine, hamming, hamming_planes, *(metric.compute for metric in METRICS.values())):
        with pytest.raises(DlicError, match="shapes"):
            metric(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=50)
def test_the_default_metrics_take_any_size_and_prefer_equal_images(seed, height, width):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    y = np.clip(x + rng.normal(0, 20, x.shape), 0, 255).astype(np.uint8)
    for metric in available().values():
        best, value = metric.compute(x, x), metric.compute(x, y)
        assert (
            (best is None)
            == (value is None)
            == (min(height, width) < {"ssim": 11, "ms_ssim": 11, "ssimulacra2": 8}.get(metric.name, 1))
        )
        assert best is None or (isinstance(best, float) and best >= value and np.isfinite(value))


def test_the_table_names_what_is_measured_by_default():
    assert list(available()) == ["psnr", "psnr_y", "ssim", "ms_ssim", "ssimulacra2"]
    assert all(metric.name == name and metric.label for name, metric in METRICS.items())
    on_request = {"butteraugli", "cvvdp", "lpips", "dists"}
    assert {name for name, metric in METRICS.items() if metric.needs} == on_request == set(METRICS) - set(available())


def test_metrics_are_had_by_name_in_the_order_asked():
    assert list(available(["ssim", "psnr", "ssim"])) == ["ssim", "psnr"]
    assert available(iter(["ms_ssim"]))["ms_ssim"].compute is ms_ssim
    with pytest.raises(DlicError, match=r"no metric 'vmaf'; there are psnr, .*dists$"):
        available(["psnr", "vmaf"])
