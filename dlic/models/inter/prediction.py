"""What the prediction of a frame tells about its residual: features for the means of y and for g_s."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.biases import bias_of, start_at_zero
from dlic.layers.dct import dct_basis
from dlic.layers.dct_transforms import BLOCK
from dlic.layers.gains import LevelGain
from dlic.layers.shuffle import unshuffle


@dataclass(frozen=True, eq=False)
class Known:
    """Features of a prediction."""

    for_means: Tensor  # (B, K, H/16, W/16), added to what z says about the means
    for_pixels: Tensor  # (B, C, H/8, W/8), added to the features of g_s


class PredictionFeatures(nn.Module):
    """p ─ unshuffle 8 ─ 1×1 ─ gelu ─ 3×3 ─ gelu ─ · gain ─┬─ 1×1 ─ for g_s
                                                           └─ 2×2 stride 2 ─ gelu ─ 1×1 ─ for the means

    The first layer starts as an 8×8 block DCT, both results as zero.
    """

    def __init__(self, channels: int, fine: int, hidden: int):
        """`channels` of the features, `fine` of g_s at 1/8, `hidden` of the means at 1/16."""
        super().__init__()
        basis, sigma = dct_basis(BLOCK, channels)
        self.first = nn.Conv2d(3 * BLOCK**2, channels, 1)
        self.spatial = nn.Conv2d(channels, channels, 3, padding=1)
        self.gain = LevelGain(channels)
        self.for_pixels = nn.Conv2d(channels, fine, 1)
        self.merge = nn.Conv2d(channels, channels, 2, stride=2)
        self.for_means = nn.Conv2d(channels, hidden, 1)
        with torch.no_grad():
            self.first.weight.copy_((basis / sigma[:, None])[:, :, None, None])
            nn.init.zeros_(bias_of(self.first))
        start_at_zero(self.for_pixels)
        start_at_zero(self.for_means)

    def forward(self, p: Tensor, level: Tensor) -> Known:
        """p (B, 3, H, W) in [0, 1]."""
        features = F.gelu(self.spatial(F.gelu(self.first(unshuffle(p - 0.5, BLOCK))))) * self.gain(level)
        return Known(for_means=self.for_means(F.gelu(self.merge(features))), for_pixels=self.for_pixels(features))
