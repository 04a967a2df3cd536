"""Fused layers for inference: the operations after a convolution run while its result is still in the cache.

PyTorch's CPU build has oneDNN's fused convolutions as operators of its compiler. Where they are missing or give other results, the
same layers run one by one, 10–25 % slower.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.biases import bias_of
from dlic.layers.stages import BottleneckBlock

Layer = Callable[[Tensor], Tensor]


def fused_block(block: BottleneckBlock) -> Layer:
    """x (1, C, H, W) float32 channels-last → `block(x)`."""
    squeeze, spatial, bias = activated(block.squeeze), activated(block.spatial), bias_of(block.last)
    if not fusion_works():
        return lambda x: x + F.conv2d(spatial(squeeze(x)), block.last.weight, bias)
    weight = block.last.weight.contiguous(memory_format=torch.channels_last)
    return lambda x: _add(spatial(squeeze(x)), x, weight, bias)


def overwriting(blocks: Sequence[BottleneckBlock], gains: Sequence[Tensor]) -> tuple[Tensor, Layer]:
    """A chain of blocks with gains (inner,) on their inner channels, as (offset, layer). layer(x + offset) is the chain's result
    for x (1, C, H, W) float32; it overwrites its input, which saves the memory of a result for each block. The offset is the sum of
    the blocks' biases, which saves a pass over x for each block. The squeezing layers subtract the biases of later blocks.
    """
    biases = [bias_of(block.last) for block in blocks]
    offset = sum(biases[1:], biases[0])
    layers, early = [], offset
    for block, gain in zip(blocks, gains, strict=True):
        squeeze = activated(block.squeeze, bias_of(block.squeeze) - block.squeeze.weight[:, :, 0, 0] @ early)
        layers.append((squeeze, activated(block.spatial), (block.last.weight[:, :, 0, 0] * gain).T.contiguous()))
        early = early - bias_of(block.last)

    def run(x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        for squeeze, spatial, weight in layers:
            _pixels(x).addmm_(_pixels(spatial(squeeze(x))), weight)
        return x

    return offset, run


def _pixels(x: Tensor) -> Tensor:
    """(1, C, H, W) channels-last → (H·W, C), the same memory."""
    return x.permute(0, 2, 3, 1).view(-1, x.shape[1])


def activated(conv: nn.Conv2d, bias: Tensor | None = None) -> Layer:
    """x → gelu(conv(x)) for a convolution of stride 1; `bias` replaces the convolution's."""
    weight, added, padding = conv.weight, bias_of(conv) if bias is None else bias, conv.kernel_size[0] // 2
    if not fusion_works():
        return lambda x: F.gelu(F.conv2d(x, weight, added, padding=padding))
    return lambda x: _gelu(x, weight, added, padding)


def clipped(weight: Tensor, bias: Tensor, low: float, high: float) -> Layer:
    """x → weight ∗ x + bias, 1×1, between `low` and `high`."""
    if not fusion_works():
        return lambda x: F.conv2d(x, weight, bias).clamp_(low, high)
    return lambda x: _clip(x, weight, bias, low, high)


def _pointwise(*inputs: Any) -> Tensor:
    return cast(Tensor, torch.ops.mkldnn._convolution_pointwise(*inputs))


def _pointwise_binary(*inputs: Any) -> Tensor:
    return cast(Tensor, torch.ops.mkldnn._convolution_pointwise.binary(*inputs))


def _gelu(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """gelu(weight ∗ x + bias)"""
    return _pointwise(x, weight, bias, [padding] * 2, [1, 1], [1, 1], 1, "gelu", [], "none")


def _clip(x: Tensor, weight: Tensor, bias: Tensor, low: float, high: float) -> Tensor:
    """weight ∗ x + bias, 1×1, between `low` and `high`"""
    return _pointwise(x, weight, bias, [0, 0], [1, 1], [1, 1], 1, "hardtanh", [low, high], "")


def _add(x: Tensor, base: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """base + weight ∗ x + bias, 1×1"""
    return _pointwise_binary(x, base, weight, bias, [0, 0], [1, 1], [1, 1], 1, "add", 1.0, None, [], None)


@cache
def fusion_works() -> bool:
    """Whether the fused operators exist and agree with the plain ones."""
    generator = torch.Generator().manual_seed(0)
    x, base = (torch.randn(1, 8, 5, 6, generator=generator).to(memory_format=torch.channels_last) for _ in range(2))
    wide, narrow = (torch.randn(8, 8, size, size, generator=generator) for size in (3, 1))
    bias = torch.randn(8, generator=generator)
    try:
        with torch.inference_mode():
            plain = F.conv2d(x, narrow, bias)
            pairs = (
                (_gelu(x, wide, bias, 1), F.gelu(F.conv2d(x, wide, bias, padding=1))),
                (_add(x, base, narrow, bias), base + plain),
                (_clip(x, narrow, bias, -0.5, 1.0), plain.clamp(-0.5, 1.0)),
            )
            return all(torch.allclose(fused, expected, atol=1e-4) for fused, expected in pairs)
    except (AttributeError, RuntimeError, TypeError):
        return False
