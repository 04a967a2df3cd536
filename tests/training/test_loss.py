"""The loss is the sum it says it is."""

import math

import pytest
import torch

from dlic.models.base import ModelOutput
from dlic.training.loss import RateDistortionLoss

X = torch.zeros(2, 3, 192, 192)
OUTPUT = ModelOutput(x_hat=X + 0.1, bits=torch.tensor([100.0, 300.0]), y=torch.full((2, 4, 3, 3), -2.0))


def test_mse():
    terms = RateDistortionLoss(lmbda=0.01)(OUTPUT, X)
    assert terms.bpp.item() == pytest.approx(200 / 192**2)
    assert terms.distortion.item() == pytest.approx(0.01)
    assert terms.distortion_db.item() == pytest.approx(20.0)
    assert terms.loss.item() == pytest.approx(200 / 192**2 + 0.01 * 255**2 * 0.01)


def test_sparsity_weights():
    plain, sparse = RateDistortionLoss(0.01)(OUTPUT, X), RateDistortionLoss(0.01, l1=0.5, l2=0.25)(OUTPUT, X)
    assert (sparse.l1.item(), sparse.l2.item()) == (2.0, 4.0)
    assert sparse.loss.item() == pytest.approx(plain.loss.item() + 0.5 * 2 + 0.25 * 4)


def test_ms_ssim_of_equal_images_costs_nothing_and_of_others_something():
    x = torch.rand(1, 3, 192, 192)
    loss = RateDistortionLoss(10.0, distortion="ms-ssim")
    same = loss(ModelOutput(x, torch.tensor([0.0]), OUTPUT.y), x)
    other = loss(ModelOutput(1 - x, torch.tensor([0.0]), OUTPUT.y), x)
    assert same.loss.item() == pytest.approx(0, abs=1e-4) and other.loss.item() > 1


@pytest.mark.parametrize("bad", [{"lmbda": 0}, {"lmbda": math.nan}, {"l1": -1}, {"distortion": "lpips"}])
def test_senseless_settings_are_refused(bad):
    with pytest.raises(ValueError):
        RateDistortionLoss(**bad)
