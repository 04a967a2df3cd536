"""The differentiable SSIMULACRA 2 is the metric, and its gradient is that of its error."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.metrics import ssimulacra2 as metric
from dlic.metrics.differentiable.ssimulacra2 import error, scale_count, score, ssimulacra2_error
from tests.metrics.differentiable.pictures import batch, pair


@given(st.integers(8, 150), st.integers(8, 150), st.integers(0, 99), st.integers(1, 60))
@settings(max_examples=25)
def test_it_is_the_metric(height, width, seed, noise):
    (image, other), (second, another) = (pair(height, width, seed + i, noise) for i in range(2))
    scores = score(ssimulacra2_error(batch(other, another), batch(image, second)))
    expected = [metric.ssimulacra2(image, other), metric.ssimulacra2(second, another)]
    assert scores.tolist() == pytest.approx(expected, abs=0.01)


def test_whole_photographs_of_odd_sizes(photograph):
    for step, (height, width) in ((9, (511, 767)), (25, (333, 419))):
        image = photograph[:height, :width]
        coarse = (image // step * step + step // 2).clip(0, 255).astype(np.uint8)
        (measured,) = score(ssimulacra2_error(batch(coarse), batch(image)))
        assert measured.item() == pytest.approx(metric.ssimulacra2(image, coarse), abs=0.01)


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=25)
def test_equal_images_have_no_error_and_no_slope(height, width):
    x = torch.rand(2, 3, height, width)
    x_hat = x.clone().requires_grad_()
    errors = ssimulacra2_error(x_hat, x)
    assert errors.tolist() == [0, 0] and score(errors).tolist() == [100, 100]
    assert not torch.autograd.grad(errors.sum(), x_hat)[0].any()


@pytest.mark.parametrize(("height", "width"), [(8, 8), (21, 18), (9, 70)])
def test_its_gradient_is_that_of_its_error(height, width):
    generator = torch.Generator().manual_seed(height)
    x = torch.rand(2, 3, height, width, dtype=torch.float64, generator=generator)
    x_hat = (x + 0.05 * torch.randn(x.shape, dtype=torch.float64, generator=generator)).clamp(0.01, 0.99).requires_grad_()
    whole = height * width < 100  # of larger pictures random directions instead of each pixel, which takes half a minute
    assert torch.autograd.gradcheck(lambda x_hat: error(x_hat, x), x_hat, eps=1e-7, atol=1e-4, fast_mode=not whole)


@given(
    st.integers(1, 90), st.integers(1, 90), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 1e-6, 1e-3, 2.0]), st.booleans()
)
@settings(max_examples=25)
def test_slopes_are_finite_of_flat_images_and_of_values_beyond_the_range(height, width, level, noise, flat):
    generator = torch.Generator().manual_seed(height * width)
    x = torch.full((1, 3, height, width), level) if flat else torch.rand(1, 3, height, width, generator=generator)
    x_hat = (x + noise * torch.randn(x.shape, generator=generator)).requires_grad_()
    (slope,) = torch.autograd.grad(ssimulacra2_error(x_hat, x).sum(), x_hat)
    assert torch.isfinite(slope).all()
    assert not slope[(x_hat < 0) | (x_hat > 1)].any()


def test_scales():
    assert [scale_count(side, 500) for side in (7, 8, 15, 56, 112, 113, 256)] == [0, 2, 3, 4, 5, 6, 6]


def test_mixed_precision_leaves_it_alone(photograph):
    x, x_hat = batch(photograph[:64, :64]), batch(photograph[1:65, :64])
    with torch.autocast("cpu", torch.bfloat16):
        mixed = ssimulacra2_error(x_hat, x)
    assert torch.equal(mixed, ssimulacra2_error(x_hat, x))
