"""Distances between images of known difference."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.errors import DlicError
from dlic.evaluation.metrics import cosine, hamming, hamming_planes, ms_ssim, mse, psnr, ssim


def test_psnr_of_known_errors():
    black = np.zeros((4, 5, 3), np.uint8)
    assert psnr(black, np.full_like(black, 255)) == psnr(np.full_like(black, 255), black) == 0
    assert psnr(black, black + np.uint8(10)) == pytest.approx(20 * math.log10(25.5))
    assert psnr(black, black) == 100


def test_mse_of_known_errors():
    black = np.zeros((4, 5, 3), np.uint8)
    assert mse(black, np.full_like(black, 255)) == mse(np.full_like(black, 255), black) == 255**2
    assert mse(black, black + np.uint8(10)) == 100
    assert mse(black[..., 0], black[..., 0]) == 0


def test_ssim_of_two_flats_is_their_luminance_term(photograph):
    """Where nothing varies, only means are compared: (2ab + c) / (a² + b² + c) with c = (0.01 · 255)²."""
    a, b, c = 100, 150, 2.55**2
    flats = [np.full((20, 30, 3), level, np.uint8) for level in (a, b)]
    assert ssim(*flats) == pytest.approx((2 * a * b + c) / (a * a + b * b + c), abs=1e-5)
    assert ssim(photograph, photograph) == pytest.approx(1)
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    assert -1 < ssim(noise, 255 - noise) < -0.5
    assert ssim(photograph[:10], photograph[:10]) is None


def test_ssim_is_the_weighted_statistics_of_one_window():
    """An image the size of the window has one value, computed here from its definition."""
    x, y = np.random.default_rng(0).integers(0, 256, (2, 11, 11)).astype(np.uint8)
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights = np.outer(line, line) / line.sum() ** 2
    (mx, my), c1, c2 = [(weights * i).sum() for i in (x, y)], 2.55**2, 7.65**2
    vx, vy, cov = ((weights * i * j).sum() - m for i, j, m in ((x / 1.0, x, mx * mx), (y / 1.0, y, my * my), (x / 1.0, y, mx * my)))
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(x, y) == pytest.approx(expected, abs=1e-4)


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
@settings(deadline=None)
def test_every_measure_is_symmetric_and_knows_equal_images(seed, height, width):
    x, y = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    for metric, same in ((mse, 0), (psnr, 100), (cosine, 1), (hamming, 0)):
        assert metric(x, y) == metric(y, x)
        assert metric(x, x) == pytest.approx(same)


def test_ms_ssim_falls_with_damage_and_needs_room(photograph):
    noise = np.random.default_rng(0).normal(0, 1, photograph.shape)
    slight, strong = (np.clip(photograph + k * noise, 0, 255).astype(np.uint8) for k in (5, 40))
    assert ms_ssim(photograph, photograph) == pytest.approx(1)
    assert ms_ssim(photograph, photograph) > ms_ssim(photograph, slight) > ms_ssim(photograph, strong) > 0
    assert ms_ssim(photograph[:160], photograph[:160]) is None


def test_images_of_different_shapes_are_refused():
    for metric in (mse, psnr, ssim, ms_ssim, cosine, hamming, hamming_planes):
        with pytest.raises(DlicError, match="shapes"):
            metric(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))
