"""What refining lowers is what evaluation measures."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlic.metrics.registry import psnr
from dlic.metrics.ssim import ms_ssim
from dlic.runtime.torch.arrays import to_tensor
from dlic.runtime.torch.distortions import squared_error, unlikeness


def pair(height: int, width: int, seed: int, noise: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of soft shapes, and the same with noise."""
    generator = np.random.default_rng(seed)
    waves = np.sin(
        np.arange(height)[:, None, None] / generator.uniform(3, 40) + np.arange(width)[:, None] / generator.uniform(3, 40)
    )
    image = waves * generator.uniform(20, 100, 3) + 120
    return tuple(np.clip(image + generator.normal(0, n, image.shape), 0, 255).astype(np.uint8) for n in (0, noise))


@given(st.integers(11, 200), st.integers(11, 200), st.integers(0, 99), st.integers(1, 60))
def test_unlikeness_is_what_ms_ssim_lacks(height, width, seed, noise):
    image, other = pair(height, width, seed, noise)
    measured = unlikeness(to_tensor(other), to_tensor(image)).item()
    assert measured == pytest.approx(1 - ms_ssim(image, other), abs=2e-5)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99), st.integers(1, 60))
def test_squared_error_is_that_of_psnr(height, width, seed, noise):
    image, other = pair(height, width, seed, noise)
    measured = squared_error(to_tensor(other, torch.float64), to_tensor(image, torch.float64)).item()
    assert measured == pytest.approx(np.square(other.astype(float) - image).mean(), rel=1e-9)
    assert not measured or -10 * np.log10(measured / 255**2) == pytest.approx(psnr(image, other))


@pytest.mark.parametrize(("height", "width"), [(180, 170), (33, 90), (8, 50)])
def test_slopes_are_finite_and_lead_down(height, width):
    image, other = map(to_tensor, pair(height, width, seed=1, noise=20))
    for distortion in (squared_error, unlikeness):
        for start in (image, other):  # equal pictures have no slope
            x_hat = start.clone().requires_grad_()
            before = distortion(x_hat, image)
            (slope,) = torch.autograd.grad(before, x_hat)
            assert torch.isfinite(slope).all()
            if before > 0:
                assert distortion(x_hat - 1e-3 * slope / slope.abs().max(), image) < before
