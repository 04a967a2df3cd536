"""Separable convolution with a symmetric kernel, as products with small band matrices.

Depthwise convolutions of so few channels leave a CPU's arithmetic idle; matrix products do not. A line is cut into blocks of BLOCK
samples, and each block is the product of the samples it needs with the same matrix.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

Kernel = tuple[float, ...]  # odd in number, and the same backwards

BLOCK = 64  # samples: with 32 the products are too small, with 128 most factors are zero


def blurred(planes: Tensor, kernel: Kernel) -> Tensor:
    """Planes (N, H, W), or (B, C, H, W), convolved down and across with `kernel`, with zeros beyond their edges; differentiable."""
    return _Blur.apply(planes, kernel)


@torch.no_grad()
def blur(planes: Tensor, kernel: Kernel) -> Tensor:
    """`blurred` without autograd. The blur is its own adjoint: gradients pass back through the same blur."""
    with torch.autocast(planes.device.type, enabled=False):
        shape = planes.shape
        planes = planes.reshape(-1, *shape[-2:])
        return _down(_across(planes, kernel), kernel).reshape(shape)


class _Blur(torch.autograd.Function):
    @staticmethod
    def forward(ctx, planes: Tensor, kernel: Kernel) -> Tensor:
        ctx.kernel = kernel
        return blur(planes, kernel)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return blur(gradient, ctx.kernel), None


def _across(planes: Tensor, kernel: Kernel) -> Tensor:
    count, height, width = planes.shape
    block, radius = min(BLOCK, width), len(kernel) // 2
    padded = F.pad(planes, (radius, radius + -width % block))
    windows = padded.unfold(2, block + 2 * radius, block)  # (N, H, blocks, block + 2 · radius)
    return (windows @ _band(kernel, block, planes.dtype, planes.device).T).reshape(count, height, -1)[..., :width]


def _down(planes: Tensor, kernel: Kernel) -> Tensor:
    count, height, width = planes.shape
    block, radius = min(BLOCK, height), len(kernel) // 2
    padded = F.pad(planes, (0, 0, radius, radius + -height % block))
    windows = padded.unfold(1, block + 2 * radius, block).transpose(2, 3)  # (N, blocks, block + 2 · radius, W)
    return (_band(kernel, block, planes.dtype, planes.device) @ windows).reshape(count, -1, width)[:, :height]


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # gradients may pass by it later
def _band(kernel: Kernel, block: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The kernel at each of `block` places of block + 2 · radius samples: (block, block + 2 · radius)."""
    band = torch.zeros(block, block + len(kernel) - 1, dtype=torch.float64)
    for offset, weight in enumerate(kernel):
        band.diagonal(offset).fill_(weight)
    return band.to(device, dtype)
