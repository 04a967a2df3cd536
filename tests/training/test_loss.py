"""The loss is the sum it says it is."""

import pytest
import torch

from dlic.metrics.differentiable.distortions import distortion
from dlic.models.base import ModelOutput
from dlic.training.loss import RateDistortionLoss

X = torch.zeros(2, 3, 192, 192)
LMBDA = torch.tensor([0.01, 0.04])


def output(x_hat, bits=(100.0, 300.0)) -> ModelOutput:
    return ModelOutput(x_hat, bits=torch.tensor(bits), y=torch.full((2, 4, 3, 3), -2.0), sparsity=torch.tensor(0.5))


OUTPUT = output(torch.cat([X[:1] + 0.1, X[1:] + 0.2]))


def test_mse():
    terms = RateDistortionLoss()(OUTPUT, X, LMBDA)
    assert terms.bpp.item() == pytest.approx(200 / 192**2)
    assert terms.distortion.item() == pytest.approx((0.01 + 0.04) / 2, rel=1e-4)
    assert terms.distortion_db.item() == pytest.approx(16.02, abs=0.01)
    assert terms.loss.item() == pytest.approx(200 / 192**2 + 255**2 * (0.01 * 0.01 + 0.04 * 0.04) / 2, rel=1e-4)


def test_weights_count_rate_and_distortion_of_their_sample():
    weighted = RateDistortionLoss()(OUTPUT, X, LMBDA, torch.tensor([3.0, 0.5]))
    costs = [100 / 192**2 + 255**2 * 0.01 * 0.01, 300 / 192**2 + 255**2 * 0.04 * 0.04]
    assert weighted.loss.item() == pytest.approx((3 * costs[0] + 0.5 * costs[1]) / 2, rel=1e-4)
    assert weighted.bpp == RateDistortionLoss()(OUTPUT, X, LMBDA).bpp


def test_sparsity_weights():
    plain, sparse = RateDistortionLoss()(OUTPUT, X, LMBDA), RateDistortionLoss(l1=0.5, l2=0.25)(OUTPUT, X, LMBDA)
    assert (sparse.l1.item(), sparse.l2.item()) == (2.0, 4.0)
    assert sparse.loss.item() == pytest.approx(plain.loss.item() + 0.5 * 2 + 0.25 * 4)


def test_ms_ssim_of_equal_images_costs_nothing_and_of_others_something():
    x = torch.rand(2, 3, 192, 192)
    loss, lmbda = RateDistortionLoss("ms-ssim"), torch.tensor([10.0, 10.0])
    same, other = (loss(output(x_hat, bits=(0.0, 0.0)), x, lmbda) for x_hat in (x, 1 - x))
    assert same.loss.item() == pytest.approx(0, abs=1e-4) and other.loss.item() > 1


def test_ms_ssim_is_measured_in_full_precision_inside_mixed_precision():
    x = torch.linspace(0, 1, 192).expand(2, 3, 192, 192)
    noisy = output(x + torch.linspace(-0.02, 0.02, 7).repeat(192 * 192)[: 192 * 192].view(192, 192))
    loss = RateDistortionLoss("ms-ssim")
    with torch.autocast("cpu", torch.bfloat16):
        mixed = loss(noisy, x, LMBDA)
    assert mixed.distortion.item() == pytest.approx(loss(noisy, x, LMBDA).distortion.item())


def test_a_visual_loss_weighs_each_sample_by_its_own_lmbda():
    loss, x = RateDistortionLoss("visual", mse_share=0.1), torch.rand(2, 3, 64, 64)
    noisy = ModelOutput(x + 0.05, bits=torch.tensor([100.0, 300.0]), y=torch.zeros(2, 4, 3, 3), sparsity=torch.tensor(0.5))
    terms = loss(noisy, x, LMBDA)
    lost = LMBDA * distortion("visual", 0.1)(noisy.x_hat, x, LMBDA)
    assert terms.loss.item() == pytest.approx((200 / 64**2 + lost.mean()).item(), rel=1e-5)
    for side in (1, 7, 9):  # as many scales as fit, or none
        x_hat = torch.rand(2, 3, side, side, requires_grad=True)
        small = ModelOutput(x_hat, bits=torch.zeros(2), y=torch.zeros(2, 4, 1, 1), sparsity=torch.tensor(0.5))
        loss(small, torch.rand(2, 3, side, side), LMBDA).loss.backward()
        assert torch.isfinite(x_hat.grad).all() and x_hat.grad.any()


def test_an_exact_reconstruction_has_a_finite_gradient():
    x_hat = X.clone().requires_grad_()
    RateDistortionLoss()(output(x_hat), X, LMBDA).loss.backward()
    assert x_hat.grad.abs().max() == 0


@pytest.mark.parametrize("bad", [{"l1": -1}, {"l2": float("nan")}, {"distortion": "lpips"}, {"mse_share": 1.5}])
def test_senseless_settings_are_refused(bad):
    with pytest.raises(ValueError):
        RateDistortionLoss(**bad)
