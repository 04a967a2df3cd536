"""A lower bound with a gradient that lets training leave it again."""

import torch
from torch import Tensor


class _LowerBound(torch.autograd.Function):
    """max(x, bound); below the bound, gradients that raise x still pass."""

    @staticmethod
    def forward(ctx, x: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(x >= bound)
        return x.clamp_min(bound)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (above,) = ctx.saved_tensors
        return gradient * (above | (gradient < 0)), None


def lower_bound(x: Tensor, bound: float) -> Tensor:
    """max(x, bound); below the bound, only gradients that pull x up are kept."""
    return _LowerBound.apply(x, bound)
