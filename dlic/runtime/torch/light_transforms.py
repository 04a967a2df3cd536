"""g_a and g_s of `Light` for inference: on blocks of pixels, with fused layers, and with a level's gains in the weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from dlic.layers.biases import bias_of
from dlic.layers.dct_transforms import BLOCK, Analysis
from dlic.layers.stages import bottlenecks
from dlic.models.light.transforms import LevelBlocks, Synthesis
from dlic.runtime import early_exit
from dlic.runtime.torch.fused import clipped, fused_block, overwriting

Transform = Callable[..., Tensor]
# channels of `pixel_unshuffle` (colour, row, column) in the order of `to_blocks` (row, column, colour)
COLOURS_LAST = torch.arange(3 * BLOCK**2).reshape(3, BLOCK**2).T.flatten()


def analysis_of_blocks(g_a: Analysis) -> Transform:
    """g_a for blocks of pixels 0 … 255, `to_blocks` of an image (1, 3·BLOCK², H/BLOCK, W/BLOCK)."""
    weight, bias = g_a.first.weight / 255, bias_of(g_a.first) - 0.5 * g_a.first.weight.sum(dim=(1, 2, 3))
    weight = weight[:, COLOURS_LAST].to(memory_format=torch.channels_last)
    fine, coarse = (
        [fused_block(block) for block in bottlenecks(g_a.fine)],
        [fused_block(block) for block in bottlenecks(g_a.coarse)],
    )

    def run(blocks: Tensor) -> Tensor:
        return _through(coarse, g_a.merge(_through(fine, F.conv2d(blocks, weight, bias))))

    return run


def synthesis_of_blocks(g_s: Synthesis, level: int, zero: float = 0.5, limits: tuple[float, float] = (0.0, 255.0)) -> Transform:
    """g_s at one level → blocks for `from_blocks`: pixels in [0, 256), unrounded, with ½ added.

    Residuals have their `zero` at 0 and other limits. The transform takes what else is known as `Synthesis` does.
    """
    levels = torch.tensor([level])
    features = _features(g_s, levels)
    weight, bias = g_s.last.weight * g_s.gain(levels) * 255, (bias_of(g_s.last) + zero) * 255 + 0.5
    last = clipped(weight[COLOURS_LAST].to(memory_format=torch.channels_last), bias[COLOURS_LAST], *limits)

    return lambda y_hat, known=None: last(features(y_hat, known))


def early_features(g_s: Synthesis, level: int) -> Transform:
    """g_s at one level up to its first blocks at 1/8: the weighted features that `runtime.early_exit` takes."""
    levels = torch.tensor([level])
    features, gain = _features(g_s, levels, early_exit.BLOCKS), g_s.gain(levels)
    return lambda y_hat: features(y_hat) * gain


def _features(g_s: Synthesis, levels: Tensor, blocks: int | None = None) -> Transform:
    """g_s up to its blocks at 1/8, or the first `blocks` of these."""
    coarse_offset, coarse = _at_level(g_s.coarse, levels)
    fine_offset, fine = _at_level(g_s.fine, levels, blocks)
    split_bias = bias_of(g_s.split) + fine_offset

    def run(y_hat: Tensor, known: Tensor | None = None) -> Tensor:
        features = coarse(y_hat + coarse_offset[:, None, None])
        features = F.conv_transpose2d(features, g_s.split.weight, split_bias, stride=2)
        return fine(features if known is None else features.add_(known))

    return run


def to_blocks(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 (H, W, 3) → float32 (H/BLOCK, W/BLOCK, BLOCK·BLOCK·3), each block row by row with its colours last."""
    height, width = pixels.shape[:2]
    blocks = torch.from_numpy(pixels).reshape(height // BLOCK, BLOCK, width // BLOCK, 3 * BLOCK)
    return blocks.transpose(1, 2).float().reshape(height // BLOCK, width // BLOCK, -1).numpy()


def from_blocks(blocks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Inverse of `to_blocks` for values in [0, 256); truncates: → uint8 (H, W, 3)."""
    return join_blocks(torch.from_numpy(blocks).to(torch.uint8).numpy())


def join_blocks(blocks: NDArray[Any]) -> NDArray[Any]:
    """(H/BLOCK, W/BLOCK, BLOCK·BLOCK·3) → (H, W, 3), of any type."""
    height, width = blocks.shape[:2]
    pixels = torch.from_numpy(blocks).reshape(height, width, BLOCK, 3 * BLOCK).transpose(1, 2)
    return pixels.reshape(height * BLOCK, width * BLOCK, 3).numpy()


def _at_level(blocks: LevelBlocks, levels: Tensor, count: int | None = None) -> tuple[Tensor, Transform]:
    gains = [gain(levels)[0, :, 0, 0] for gain in blocks.gains]
    return overwriting(bottlenecks(blocks.blocks)[:count], gains[:count])


def _through(layers: list[Transform], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x
