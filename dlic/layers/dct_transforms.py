"""Transforms that start as a 16×16 block DCT and learn from there."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.biases import bias_of, start_at_zero
from dlic.layers.dct import dct_basis, merge_blocks
from dlic.layers.shuffle import unshuffle
from dlic.layers.stages import BottleneckBlock, bottlenecks, in_float32

FLAT = 6.0  # size of a picture's mean relative to its standard deviation over photographs, whose average is not middle grey
BLOCK = 8  # side of the blocks of pixels that the first layer takes in and the last gives out


# Layers outside of blocks stay in float32 in mixed precision: bfloat16 would round large coefficients to whole steps of high
# levels.


class Analysis(nn.Module):
    """x ─ unshuffle 8 ─ 1×1 ─ blocks @1/8 ─ 2×2 stride 2 ─ blocks @1/16; the same for every level.

    At the start the result is a 16×16 block DCT in units of `step` (8-bit units): every block begins as the identity.
    """

    def __init__(self, channels: int, latents: int, inner: tuple[int, int], blocks: tuple[int, int], step: float):
        super().__init__()
        small, sigma = dct_basis(BLOCK, channels)
        large, _ = dct_basis(2 * BLOCK, latents)
        self.first = nn.Conv2d(3 * BLOCK**2, channels, 1)
        self.fine = nn.Sequential(*[BottleneckBlock(channels, inner[0]) for _ in range(blocks[0])])
        self.merge = nn.Conv2d(channels, latents, 2, stride=2)
        scale = trunk_scale(latents, step)
        self.coarse = nn.ModuleList(BottleneckBlock(latents, inner[1], scale) for _ in range(blocks[1]))
        with torch.no_grad():  # features between are whitened by sigma, so that blocks see fine structure as well as flat areas
            self.first.weight.copy_((small / sigma[:, None])[:, :, None, None])
            self.merge.weight.copy_(merge_blocks(BLOCK, small * sigma[:, None], large) * (255 / step))
            nn.init.zeros_(bias_of(self.first))
            nn.init.zeros_(bias_of(self.merge))

    def forward(self, x: Tensor) -> Tensor:
        features = self.fine(in_float32(self.first, unshuffle(x - 0.5, BLOCK)))  # (B, C, H/8, W/8)
        y = in_float32(self.merge, features)  # (B, M, H/16, W/16)
        for block in bottlenecks(self.coarse):
            y = y + block.branch(y)
        return y


def trunk_scale(latents: int, step: float) -> Tensor:
    """Approximate size of each coefficient of a 16×16 block DCT of photographs, in units of `step` (8-bit units): (M,)."""
    scale = dct_basis(2 * BLOCK, latents)[1] * (255 / step)
    scale[0] *= FLAT
    return torch.exp2(torch.log2(scale).round())  # powers of two: division is exact


def transposed_dct(channels: int, latents: int, step: float) -> tuple[nn.ConvTranspose2d, nn.Conv2d]:
    """Layers of the inverse DCT for `Analysis`'s initial weights: (B, M, h, w) → (B, C, 2h, 2w) → blocks of pixels."""
    small, sigma = dct_basis(BLOCK, channels)
    large, _ = dct_basis(2 * BLOCK, latents)
    split, last = nn.ConvTranspose2d(latents, channels, 2, stride=2), nn.Conv2d(channels, 3 * BLOCK**2, 1)
    with torch.no_grad():
        split.weight.copy_(merge_blocks(BLOCK, small / sigma[:, None], large) * (step / 255))
        last.weight.copy_((small * sigma[:, None]).T[:, :, None, None])
        nn.init.zeros_(bias_of(split))
        nn.init.zeros_(bias_of(last))
    return split, last


class PlainSynthesis(nn.Module):
    """ŷ ─ blocks @1/16 ─ 2×2 up ─ blocks @1/8 ─ 1×1 ─ shuffle 8 ─ x̂, the transpose of `Analysis`."""

    def __init__(self, channels: int, latents: int, inner: tuple[int, int], blocks: tuple[int, int], step: float):
        super().__init__()
        scale = trunk_scale(latents, step)
        self.coarse = nn.Sequential(*[BottleneckBlock(latents, inner[1], scale) for _ in range(blocks[1])])
        self.fine = nn.Sequential(*[BottleneckBlock(channels, inner[0]) for _ in range(blocks[0])])
        self.split, self.last = transposed_dct(channels, latents, step)

    def forward(self, y_hat: Tensor) -> Tensor:
        features = self.fine(in_float32(self.split, self.coarse(y_hat)))  # (B, C, H/8, W/8)
        return F.pixel_shuffle(in_float32(self.last, features), BLOCK) + 0.5  # (B, 3, H, W)


class CorrectedDct(nn.Module):
    """The sum of a linear transform, which starts as a 16×16 block DCT, and a parallel network, which starts as zero.

    x ─┬─ unshuffle 16 ─ 1×1 ─ + ─ y        ŷ ─┬─ 1×1 ─ shuffle 16 ─ + ─ x̂
       └─ network ─────────────┘                 └─ / sigma ─ network ───┘
    """

    scale: Tensor | None

    def __init__(self, linear: nn.Module, network: nn.Sequential, scale: Tensor | None = None):
        """`scale` (M,): factor of the network's input."""
        super().__init__()
        self.linear, self.network = linear, network
        self.register_buffer("scale", None if scale is None else scale[:, None, None].clone(), persistent=False)
        start_at_zero(network[-1])

    def forward(self, x: Tensor) -> Tensor:
        return in_float32(self.linear, x) + self.network(x if self.scale is None else x * self.scale)


def corrected_dct(g_a: nn.Sequential, g_s: nn.Sequential, latents: int, step: float) -> tuple[CorrectedDct, CorrectedDct]:
    """g_a (B, 3, H, W) → (B, latents, H/16, W/16) and its inverse g_s, as corrections of a DCT in units of `step` (8-bit units)."""
    side = 2 * BLOCK
    basis, sigma = dct_basis(side, latents)
    first, last = nn.Conv2d(3 * side**2, latents, 1), nn.Conv2d(latents, 3 * side**2, 1)
    with torch.no_grad():
        first.weight.copy_((basis * (255 / step))[:, :, None, None])
        bias_of(first).copy_(-0.5 * first.weight.sum(dim=(1, 2, 3)))  # of middle grey, which y = 0 stands for
        last.weight.copy_((basis * (step / 255)).T[:, :, None, None])
        nn.init.constant_(bias_of(last), 0.5)
    analysis = nn.Sequential(nn.PixelUnshuffle(side), first)
    return CorrectedDct(analysis, g_a), CorrectedDct(nn.Sequential(last, nn.PixelShuffle(side)), g_s, step / (255 * sigma))
