"""Generalised divisive normalisation, the nonlinearity of Ballé et al., arXiv:1611.01704."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.bound import lower_bound

PEDESTAL = 2.0**-36  # keeps the square-root parametrisation differentiable at zero


class GDN(nn.Module):
    """y_i = x_i / sqrt(β_i + Σ_j γ_ij x_j²), or its approximate inverse (multiplying) with `inverse=True`.

    x and y are (B, C, H, W). β and γ are stored as square roots so that gradient steps keep them positive.
    """

    def __init__(self, channels: int, inverse: bool = False):
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.sqrt(torch.ones(channels) + PEDESTAL))
        self.gamma = nn.Parameter(torch.sqrt(0.1 * torch.eye(channels) + PEDESTAL))

    def forward(self, x: Tensor) -> Tensor:
        beta = lower_bound(self.beta, (1e-6 + PEDESTAL) ** 0.5) ** 2 - PEDESTAL
        gamma = lower_bound(self.gamma, PEDESTAL**0.5) ** 2 - PEDESTAL
        with torch.autocast(x.device.type, enabled=False):  # squares in bf16 are too imprecise for the division
            x = x.float()
            energy = F.conv2d(x * x, gamma[:, :, None, None], beta)
            return x * (energy.sqrt() if self.inverse else energy.rsqrt())
