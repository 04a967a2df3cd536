"""Distortions are in the units that λ weighs, and lead down."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlic.errors import DlicError
from dlic.metrics.differentiable.distortions import NAMES, distortion, error_weight, squared_error
from dlic.metrics.differentiable.ssimulacra2 import ssimulacra2_error
from dlic.metrics.registry import psnr
from tests.metrics.differentiable.pictures import batch, pair

LMBDA = torch.tensor([0.01])


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99), st.integers(1, 60))
def test_squared_error_is_that_of_psnr(height, width, seed, noise):
    image, other = pair(height, width, seed, noise)
    (measured,) = squared_error(batch(other, dtype=torch.float64), batch(image, dtype=torch.float64), LMBDA).tolist()
    assert measured == pytest.approx(np.square(other.astype(float) - image).mean(), rel=1e-9)
    assert not measured or -10 * np.log10(measured / 255**2) == pytest.approx(psnr(image, other))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(180, 170), (33, 90), (8, 50), (5, 3), (1, 1)])
def test_slopes_are_finite_and_lead_down(name, height, width):
    image, other = map(batch, pair(height, width, seed=1, noise=20))
    measure = distortion(name)
    for start in (image, other):  # equal pictures have no slope
        x_hat = start.clone().requires_grad_()
        before = measure(x_hat, image, LMBDA)
        (slope,) = torch.autograd.grad(before.sum(), x_hat)
        assert torch.isfinite(slope).all()
        if before > 0:
            assert measure(x_hat - 1e-3 * slope / slope.abs().max(), image, LMBDA) < before


def test_a_visual_distortion_is_the_sum_it_says_it_is():
    lmbda = torch.tensor([0.001, 0.2])
    assert error_weight(lmbda).tolist() == pytest.approx([0.004, 0.4], rel=1e-5)
    (image, other), (second, another) = (pair(60, 70, seed, 9) for seed in range(2))
    x, x_hat = batch(image, second), batch(other, another)
    expected = 0.9 * error_weight(lmbda) * ssimulacra2_error(x_hat, x) + 0.1 * lmbda * squared_error(x_hat, x, lmbda)
    torch.testing.assert_close(lmbda * distortion("visual", 0.1)(x_hat, x, lmbda), expected)


def test_images_too_small_for_a_score_have_all_of_their_squared_error():
    x, x_hat = torch.rand(2, 2, 3, 7, 30)
    assert torch.equal(distortion("visual")(x_hat, x, LMBDA), squared_error(x_hat, x, LMBDA))


def test_an_unknown_name_is_told():
    with pytest.raises(DlicError, match="there is no distortion 'lpips'; there are mse, ms-ssim, visual"):
        distortion("lpips")
