"""Stages of transforms: a down-stage halves the size, an up-stage doubles it."""

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.biases import start_at_zero
from dlic.layers.gdn import GDN


def down(in_channels: int, out_channels: int, kernel: int = 3) -> nn.Conv2d:
    """Stride-2 convolution."""
    return nn.Conv2d(in_channels, out_channels, kernel, stride=2, padding=kernel // 2)


def up(in_channels: int, out_channels: int, kernel: int = 3) -> nn.ConvTranspose2d:
    """Stride-2 transposed convolution, the mirror of `down`."""
    return nn.ConvTranspose2d(in_channels, out_channels, kernel, stride=2, padding=kernel // 2, output_padding=1)


class ResidualBlock(nn.Module):
    """x + conv3×3(relu(conv3×3(x))), He et al., arXiv:1512.03385."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(F.relu(self.first(x)))


class DenseBlock(nn.Module):
    """Each layer sees all before it (Huang et al., arXiv:1608.06993); a 1×1 fuses them back onto x."""

    def __init__(self, channels: int, layers: int = 3):
        super().__init__()
        growth = channels // 4
        self.layers = nn.ModuleList(nn.Conv2d(channels + i * growth, growth, 3, padding=1) for i in range(layers))
        self.fuse = nn.Conv2d(channels + layers * growth, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for layer in self.layers:
            features = torch.cat([features, F.relu(layer(features))], dim=1)
        return x + self.fuse(features)


class BottleneckBlock(nn.Module):
    """x + 1×1(gelu(3×3(gelu(1×1(x))))) at half the channels by default; starts as the identity."""

    unit: Tensor | None

    def __init__(self, channels: int, inner: int | None = None, scale: Tensor | None = None):
        """`scale` (channels,): size of x, if it is not about 1. The first layer's weights are trained in units of its inverse: with
        steps of equal size, the largest channels would soon drive all activations to zero for good.
        """
        super().__init__()
        inner = inner or channels // 2
        self.register_buffer("unit", None if scale is None else 1 / scale[None, :, None, None], persistent=False)
        self.squeeze = nn.Conv2d(channels, inner, 1)
        self.spatial = nn.Conv2d(inner, inner, 3, padding=1)
        self.last = nn.Conv2d(inner, channels, 1)
        if self.unit is not None:
            self.squeeze.weight.data.mul_(self.unit)
        start_at_zero(self.last)

    def units(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Weights with their units, for an optimiser's steps (`optimization.InUnits`)."""
        if self.unit is not None:
            yield self.squeeze.weight, self.unit

    def branch(self, x: Tensor, gain: Tensor | None = None) -> Tensor:
        """The branch that is added to x; `gain` (B, inner, 1, 1) weights the inner channels."""
        features = F.gelu(self.spatial(F.gelu(self.squeeze(x))))
        return self.last(features if gain is None else features * gain)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def bottlenecks(chain: nn.Sequential | nn.ModuleList) -> list[BottleneckBlock]:
    """The blocks of a chain that consists of bottleneck blocks only."""
    return [cast(BottleneckBlock, block) for block in chain]


def _mirrored(name: str, resample: Callable, inverse: bool, cin: int, cout: int) -> list[nn.Module]:
    """One stage of the textbook kinds: features, then resampling when analysing; the reverse when synthesising."""
    if name == "gdn":
        return [resample(cin, cout, 5), GDN(cout, inverse)]
    if name == "vgg":
        return [nn.Conv2d(cin, cin, 3, padding=1), nn.ReLU(), resample(cin, cout), nn.ReLU()]
    block = {"resnet": ResidualBlock, "densenet": DenseBlock}[name]
    return [resample(cin, cout), nn.ReLU(), block(cout)]


def analysis_stage(name: str, in_channels: int, out_channels: int) -> nn.Sequential:
    """(B, in, H, W) → (B, out, H/2, W/2) by a stage named gdn, vgg, resnet or densenet."""
    return nn.Sequential(*_mirrored(name, down, False, in_channels, out_channels))


def synthesis_stage(name: str, in_channels: int, out_channels: int) -> nn.Sequential:
    """(B, in, H, W) → (B, out, 2H, 2W), the mirror of `analysis_stage`."""
    return nn.Sequential(*_mirrored(name, up, True, in_channels, out_channels))


def in_float32(layer: nn.Module, x: Tensor) -> Tensor:
    """`layer(x)` at full precision inside a mixed-precision region."""
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.float())
