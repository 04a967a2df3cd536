"""`PredictionFeatures` for inference: on blocks of pixels, with fused layers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.biases import bias_of
from dlic.models.inter.prediction import Known, PredictionFeatures
from dlic.runtime.torch.fused import activated
from dlic.runtime.torch.light_transforms import COLOURS_LAST


class FeaturesOfBlocks:
    """Features of a prediction as blocks of pixels 0 … 255, `to_blocks` of it (1, 3·BLOCK², H/BLOCK, W/BLOCK)."""

    def __init__(self, trained: PredictionFeatures):
        self._trained = trained
        self._first, self._spatial = activated(_of_blocks(trained.first)), activated(trained.spatial)

    def __call__(self, blocks: Tensor, level: int) -> Known:
        features = self._spatial(self._first(blocks)) * self._trained.gain(torch.tensor([level]))
        merged = F.gelu(self._trained.merge(features))
        return Known(for_means=self._trained.for_means(merged), for_pixels=self._trained.for_pixels(features))


def _of_blocks(first: nn.Conv2d) -> nn.Conv2d:
    """The first layer with weights for pixels 0 … 255, whose colours come last."""
    layer = nn.Conv2d(first.in_channels, first.out_channels, 1).requires_grad_(False)
    layer.weight.copy_(first.weight[:, COLOURS_LAST] / 255)
    bias_of(layer).copy_(bias_of(first) - 0.5 * first.weight.sum(dim=(1, 2, 3)))
    return layer.to(memory_format=torch.channels_last)
