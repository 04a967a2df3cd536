"""g_s of `Light`: the synthesis of a block DCT, with blocks that depend on the level."""

from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.dct_transforms import BLOCK, transposed_dct, trunk_scale
from dlic.layers.gains import LevelGain
from dlic.layers.stages import BottleneckBlock, bottlenecks, in_float32


class LevelBlocks(nn.Module):
    """Bottleneck blocks whose branches are weighted, a channel at a time, by the level."""

    def __init__(self, channels: int, inner: int, count: int, scale: Tensor | None = None):
        super().__init__()
        self.blocks = nn.ModuleList(BottleneckBlock(channels, inner, scale) for _ in range(count))
        self.gains = nn.ModuleList(LevelGain(inner) for _ in range(count))

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        for block, gain in zip(bottlenecks(self.blocks), self.gains, strict=True):
            x = x + block.branch(x, gain(level))
        return x


class Synthesis(nn.Module):
    """`PlainSynthesis` with blocks that depend on the level, and a gain of the level before the last layer."""

    def __init__(self, channels: int, latents: int, inner: tuple[int, int], blocks: tuple[int, int], step: float):
        super().__init__()
        self.coarse = LevelBlocks(latents, inner[1], blocks[1], trunk_scale(latents, step))
        self.fine = LevelBlocks(channels, inner[0], blocks[0])
        self.split, self.last = transposed_dct(channels, latents, step)
        self.gain = LevelGain(channels)

    def forward(self, y_hat: Tensor, level: Tensor, known: Tensor | None = None) -> Tensor:
        """`known` (B, C, H/8, W/8): what a decoder knows besides y_hat, added to features at 1/8."""
        features = in_float32(self.split, self.coarse(y_hat, level))
        features = self.fine(features if known is None else features + known, level)  # (B, C, H/8, W/8)
        return F.pixel_shuffle(in_float32(self.last, features * self.gain(level)), BLOCK) + 0.5  # (B, 3, H, W)
