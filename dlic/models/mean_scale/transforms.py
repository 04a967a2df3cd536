"""Transforms of the hyperpriors, with the layers of CompressAI."""

from torch import Tensor, nn

from dlic.layers.gdn import GDN
from dlic.layers.stages import down, in_float32, up


class PreciseAtEnd(nn.Sequential):
    """The last layer runs at full precision, as bfloat16 would round large latents and means to half steps or whole ones."""

    def forward(self, x: Tensor) -> Tensor:
        *before, last = self
        for layer in before:
            x = layer(x)
        return in_float32(last, x)


def analysis(channels: int, latents: int) -> nn.Module:
    """CompressAI's g_a: (B, 3, H, W) → (B, M, H/16, W/16)."""
    return PreciseAtEnd(
        down(3, channels, 5), GDN(channels),
        down(channels, channels, 5), GDN(channels),
        down(channels, channels, 5), GDN(channels),
        down(channels, latents, 5),
    )  # fmt: skip


def synthesis(channels: int, latents: int) -> nn.Module:
    """CompressAI's g_s, the inverse of `analysis`."""
    return nn.Sequential(
        up(latents, channels, 5), GDN(channels, inverse=True),
        up(channels, channels, 5), GDN(channels, inverse=True),
        up(channels, channels, 5), GDN(channels, inverse=True),
        up(channels, 3, 5),
    )  # fmt: skip


def hyper_analysis(channels: int, latents: int, activation: type[nn.Module]) -> nn.Module:
    """CompressAI's h_a, from y (B, M, h, w) to (B, N, h/4, w/4)."""
    return PreciseAtEnd(
        nn.Conv2d(latents, channels, 3, padding=1), activation(),
        down(channels, channels, 5), activation(),
        down(channels, channels, 5),
    )  # fmt: skip
