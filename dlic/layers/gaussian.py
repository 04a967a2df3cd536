"""Bits of Gaussian latents under unit-width rounding, and scales ⇄ rows of tables."""

import math

import torch
from torch import Tensor

from dlic.layers.bound import lower_bound
from dlic.layers.scale_rows import ROW_RATIO, SCALE_MIN

LIKELIHOOD_MIN = 1e-9


def scale_of_row(row: Tensor) -> Tensor:
    """Standard deviation of an integer or fractional row."""
    return SCALE_MIN * torch.exp(row * math.log(ROW_RATIO))


def row_of_scale(scale: Tensor) -> Tensor:
    """Inverse of `scale_of_row`, not rounded."""
    return torch.log(scale / SCALE_MIN) / math.log(ROW_RATIO)


def likelihood(values: Tensor, scale: Tensor) -> Tensor:
    """Probability of the interval value ± ½ under a zero-mean Gaussian, elementwise, at least `LIKELIHOOD_MIN`."""
    distance = values.abs()
    root = math.sqrt(0.5) / scale  # both tails are computed on the side where they are small
    mass = 0.5 * (torch.erfc((distance - 0.5) * root) - torch.erfc((distance + 0.5) * root))
    return lower_bound(mass, LIKELIHOOD_MIN)


def zero_bin(scale: Tensor, price: float, certain: float) -> Tensor:
    """Half the width of the zero bin, as `FrequencyTables.zero_bins` computes it for tables. `price`: bits a squared error of one
    step. Infinite where the probability of nonzero values is below `certain`.
    """
    p_zero, p_one = (likelihood(torch.full_like(scale, value), scale) for value in (0.0, 1.0))
    return torch.where(p_zero > 1 - certain, torch.inf, 0.5 + torch.log2(p_zero / p_one) / (2 * price))


def bits(values: Tensor, scale: Tensor) -> Tensor:
    """−log₂ `likelihood`."""
    return -torch.log2(likelihood(values, scale))
