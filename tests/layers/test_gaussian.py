"""Gaussian bits and the row of scales."""

import math

import pytest
import torch

from dlic.entropy.tables import CERTAIN, tables_from_likelihoods
from dlic.layers import gaussian
from dlic.layers.bound import lower_bound
from dlic.layers.scale_rows import ROWS, SCALE_MAX


def test_rows_and_scales_are_inverse():
    rows = torch.linspace(0, ROWS - 1, 20, dtype=torch.float64)
    assert torch.allclose(gaussian.row_of_scale(gaussian.scale_of_row(rows)), rows)
    assert gaussian.scale_of_row(torch.tensor(ROWS - 1.0)).item() == pytest.approx(SCALE_MAX)


@pytest.mark.parametrize("scale", [0.11, 0.5, 3.0, 40.0])
def test_probabilities_of_whole_numbers_sum_to_one(scale):
    values = torch.arange(-400, 401, dtype=torch.float64)
    assert gaussian.likelihood(values, torch.tensor(scale, dtype=torch.float64)).sum().item() == pytest.approx(1, abs=1e-5)


def test_bits_approach_the_entropy_of_a_gaussian():
    scale = torch.tensor(10.0)
    values = torch.round(torch.randn(200_000, generator=torch.Generator().manual_seed(0)) * scale)
    expected = 0.5 * math.log2(2 * math.pi * math.e * 100)
    assert gaussian.bits(values, scale).mean().item() == pytest.approx(expected, rel=0.01)


def test_far_tails_are_finite_and_below_the_bound_only_rising_gradients_pass():
    assert torch.isfinite(gaussian.bits(torch.tensor([1e6]), torch.tensor([0.11]))).all()
    x = torch.tensor([0.5, 2.0], requires_grad=True)
    lower_bound(x, 1.0).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]
    x.grad = None
    (-lower_bound(x, 1.0)).sum().backward()
    assert x.grad.tolist() == [-1.0, -1.0]


def test_the_zero_bin_of_a_density_is_that_of_its_table():
    scales = gaussian.scale_of_row(torch.arange(64, dtype=torch.float64))
    tables = tables_from_likelihoods(lambda values: gaussian.likelihood(torch.from_numpy(values).double(), scales[:, None]).numpy())
    bins = gaussian.zero_bin(scales, 40.0, CERTAIN)
    assert torch.isinf(bins).numpy().tolist() == tables.skipped.tolist() and 0 < tables.skipped.sum() < 10
    coded = ~tables.skipped
    assert bins.numpy()[coded] == pytest.approx(tables.zero_bins(40.0)[coded], abs=0.01)
