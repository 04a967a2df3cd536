"""Trained layers as inference runs them: what follows a convolution is computed while its result is still in the cache.

PyTorch's CPU build has oneDNN's fused convolutions as operators of its compiler. Where they are missing or give something else,
the same layers run one by one, 10–25 % slower.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.stages import BottleneckBlock

Layer = Callable[[Tensor], Tensor]


def fused_block(block: BottleneckBlock, gain: Tensor | None = None) -> Layer:
    """x (1, C, H, W) float32 channels-last → `block(x)`; `gain` (inner,) weights the inner channels."""
    last = block.last.weight if gain is None else block.last.weight * gain[:, None, None]
    squeeze, spatial = activated(block.squeeze), activated(block.spatial)
    if not fusion_works():
        return lambda x: x + F.conv2d(spatial(squeeze(x)), last, block.last.bias)
    weight = last.contiguous(memory_format=torch.channels_last)
    return lambda x: _add(spatial(squeeze(x)), x, weight, block.last.bias)


def activated(conv: nn.Conv2d) -> Layer:
    """x → gelu(conv(x)) for a convolution of stride 1."""
    if not fusion_works():
        return lambda x: F.gelu(conv(x))
    return lambda x: _gelu(x, conv.weight, conv.bias, conv.padding[0])


def _gelu(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """gelu(weight ∗ x + bias)"""
    pointwise = torch.ops.mkldnn._convolution_pointwise
    return pointwise(x, weight, bias, [padding] * 2, [1, 1], [1, 1], 1, "gelu", [], "none")


def _add(x: Tensor, base: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """base + weight ∗ x + bias, 1×1"""
    pointwise = torch.ops.mkldnn._convolution_pointwise.binary
    return pointwise(x, base, weight, bias, [0, 0], [1, 1], [1, 1], 1, "add", 1.0, None, [], None)


@cache
def fusion_works() -> bool:
    """Whether the fused operators are there and agree with the plain ones."""
    generator = torch.Generator().manual_seed(0)
    x, base = (torch.randn(1, 8, 5, 6, generator=generator).to(memory_format=torch.channels_last) for _ in range(2))
    wide, narrow = (torch.randn(8, 8, size, size, generator=generator) for size in (3, 1))
    bias = torch.randn(8, generator=generator)
    try:
        with torch.inference_mode():
            same = torch.allclose(_gelu(x, wide, bias, 1), F.gelu(F.conv2d(x, wide, bias, padding=1)), atol=1e-4)
            return same and torch.allclose(_add(x, base, narrow, bias), base + F.conv2d(x, narrow, bias), atol=1e-4)
    except (AttributeError, RuntimeError, TypeError):
        return False
