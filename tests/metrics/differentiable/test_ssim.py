"""The differentiable MS-SSIM is the metric."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.metrics import ssim as metric
from dlic.metrics.differentiable.ssim import ms_ssim
from tests.metrics.differentiable.pictures import batch, pair


@settings(max_examples=25)
@given(st.integers(11, 200), st.integers(11, 200), st.integers(0, 99), st.integers(1, 60))
def test_it_is_the_metric(height, width, seed, noise):
    (image, other), (second, another) = (pair(height, width, seed + i, noise) for i in range(2))
    measured = ms_ssim(batch(other, another), batch(image, second))
    assert measured.tolist() == pytest.approx([metric.ms_ssim(image, other), metric.ms_ssim(second, another)], abs=2e-5)


def test_it_is_that_of_pytorch_msssim(photograph):
    peer = pytest.importorskip("pytorch_msssim")
    x = batch(photograph[:301, :257])
    x_hat = (x + 0.1 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    slopes = [torch.autograd.grad(of, x_hat)[0] for of in (ms_ssim(x_hat, x).sum(), peer.ms_ssim(x_hat, x, data_range=1))]
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-3 * slopes[1].abs().max().item())


def test_images_too_small_for_any_scale_count_as_equal():
    x_hat = torch.rand(2, 3, 10, 40, requires_grad=True)
    similarity = ms_ssim(x_hat, torch.rand(2, 3, 10, 40))
    assert similarity.tolist() == [1, 1]
    assert not torch.autograd.grad(similarity.sum(), x_hat)[0].any()
