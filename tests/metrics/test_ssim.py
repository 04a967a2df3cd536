"""SSIM and MS-SSIM against their definitions, and against the package the field takes them from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.metrics.ssim import ms_ssim, ssim
from dlic.metrics.ssim_constants import MS_SSIM_SMALLEST, WEIGHTS, ms_ssim_scales

C1, C2 = 2.55**2, 7.65**2
LINE = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
WINDOW = np.outer(LINE, LINE) / LINE.sum() ** 2


def damaged(image: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def tensors(*images: np.ndarray) -> list:
    """In double precision."""
    import torch

    return [torch.from_numpy(np.atleast_3d(image).copy()).permute(2, 0, 1)[None].double() for image in images]


def by_definition(x: np.ndarray, y: np.ndarray, scales: int) -> float:
    """MS-SSIM of one channel, with even sides but at the last scale, in double precision."""
    correlate = pytest.importorskip("scipy.ndimage").correlate
    inner = slice(5, -5)
    x, y, value = x.astype(float), y.astype(float), 1.0
    for scale in range(scales):
        mx, my, xx, yy, xy = (correlate(plane, WINDOW)[inner, inner] for plane in (x, y, x * x, y * y, x * y))
        structure = (2 * (xy - mx * my) + C2) / (xx - mx * mx + yy - my * my + C2)
        luminance = (2 * mx * my + C1) / (mx * mx + my * my + C1)
        term = structure * luminance if scale == scales - 1 else structure
        value *= np.mean(term) if scales == 1 else np.mean(term) ** (WEIGHTS[scale] / sum(WEIGHTS[:scales]))
        if scale < scales - 1:
            x, y = (plane.reshape(len(plane) // 2, 2, -1, 2).mean((1, 3)) for plane in (x, y))
    return value


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
    mx, my = [(WINDOW * i).sum() for i in (x, y)]
    vx, vy, cov = ((WINDOW * i * j).sum() - m for i, j, m in ((x / 1.0, x, mx * mx), (y / 1.0, y, my * my), (x / 1.0, y, mx * my)))
    expected = (2 * mx * my + C1) * (2 * cov + C2) / ((mx**2 + my**2 + C1) * (vx + vy + C2))
    assert ssim(x, y) == pytest.approx(expected, abs=1e-6)


@given(
    seed=st.integers(0, 2**32),
    height=st.integers(11, 90),
    width=st.integers(11, 90),
    channels=st.sampled_from([1, 3]),
    spread=st.sampled_from([0, 1, 20, 300]),
    level=st.integers(0, 255),
)
@settings(max_examples=50)
def test_ssim_is_that_of_its_definition_and_of_pytorch_msssim(seed, height, width, channels, spread, level):
    """Flats, faint and strong noise at every brightness: what float32 would lose bits on. The package's window is of float32."""
    peer = pytest.importorskip("pytorch_msssim")
    flat = np.full((height, width, channels), level, np.uint8)
    x, y = damaged(flat, spread, seed), damaged(flat, 3, seed + 1)
    assert ssim(x, y) == pytest.approx(np.mean([by_definition(*planes, 1) for planes in zip(x.T, y.T, strict=True)]), abs=1e-6)
    assert ssim(x, y) == pytest.approx(float(peer.ssim(*tensors(x, y), data_range=255)), abs=1e-4)


@given(
    top=st.integers(0, 300),
    left=st.integers(0, 500),
    height=st.integers(MS_SSIM_SMALLEST, 200),
    width=st.integers(MS_SSIM_SMALLEST, 250),
    sigma=st.sampled_from([0.5, 5, 50]),
)
@settings(max_examples=15)
def test_five_scales_are_those_of_pytorch_msssim(photograph, top, left, height, width, sigma):
    peer = pytest.importorskip("pytorch_msssim")
    x = photograph[top : top + height, left : left + width]
    y = damaged(x, sigma)
    assert ms_ssim(x, y) == pytest.approx(float(peer.ms_ssim(*tensors(x, y), data_range=255)), abs=1e-5)


def test_whole_photographs_agree_too(photograph):
    peer = pytest.importorskip("pytorch_msssim")
    shown = damaged(photograph // 8 * 8, 3)
    x, y = (tensor.float() for tensor in tensors(photograph, shown))
    assert ms_ssim(photograph, shown) == pytest.approx(float(peer.ms_ssim(x, y, data_range=255)), abs=1e-5)


@pytest.mark.parametrize(("side", "scales"), [(16, 1), (32, 2), (64, 3), (128, 4)])
def test_small_images_have_as_many_scales_as_fit(photograph, side, scales):
    x = photograph[100 : 100 + side, 300 : 300 + 2 * side, 1]
    assert ms_ssim_scales(*x.shape) == scales
    assert ms_ssim(x, damaged(x, 10)) == pytest.approx(by_definition(x, damaged(x, 10), scales), abs=1e-5)


def test_one_scale_is_ssim_and_none_is_none(photograph):
    x = photograph[:20, :300]
    assert ms_ssim(x, damaged(x, 10)) == pytest.approx(ssim(x, damaged(x, 10)))
    assert ms_ssim(x[:10], x[:10]) is None


@given(st.integers(1, 400), st.integers(1, 400))
def test_scales_are_those_whose_window_fits(height, width):
    scales, side = ms_ssim_scales(height, width), min(height, width)
    assert scales == ms_ssim_scales(width, height) and 0 <= scales <= 5
    assert scales == 0 or side > 10 * 2 ** (scales - 1)
    assert scales == 5 or side <= 10 * 2**scales
    assert (scales == 5) == (side >= MS_SSIM_SMALLEST == 161)


def test_ms_ssim_falls_with_damage(photograph):
    slight, strong = damaged(photograph, 5), damaged(photograph, 40)
    assert ms_ssim(photograph, photograph) == pytest.approx(1)
    assert ms_ssim(photograph, photograph) > ms_ssim(photograph, slight) > ms_ssim(photograph, strong) > 0
