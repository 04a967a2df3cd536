"""Generalised divisive normalisation, the nonlinearity of Ballé et al., arXiv:1611.01704."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PEDESTAL = 2.0**-36  # keeps the square-root parametrisation differentiable at zero


class LowerBound(torch.autograd.Function):
    """max(x, bound) whose gradient still lets a clamped value move back up."""

    @staticmethod
    def forward(ctx, x: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x.clamp_min(bound)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (x,) = ctx.saved_tensors
        return gradient * ((x >= ctx.bound) | (gradient < 0)), None


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
        beta = LowerBound.apply(self.beta, (1e-6 + PEDESTAL) ** 0.5) ** 2 - PEDESTAL
        gamma = LowerBound.apply(self.gamma, PEDESTAL**0.5) ** 2 - PEDESTAL
        with torch.autocast(x.device.type, enabled=False):  # squares of bf16 lose what the division needs
            x = x.float()
            energy = F.conv2d(x * x, gamma[:, :, None, None], beta)
            return x * (energy.sqrt() if self.inverse else energy.rsqrt())
