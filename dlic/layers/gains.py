"""Parameters that depend on the rate level: vectors at a few anchor levels, interpolated between them."""

import torch
from torch import Tensor, nn

from dlic.layers.level_interpolation import ANCHORS, LEVELS, interpolation

__all__ = ["ANCHORS", "LEVELS", "LevelGain", "LevelVector", "interpolation"]


class LevelVector(nn.Module):
    """One vector (channels,) a level; called with `level` (B,) it gives (B, channels, 1, 1)."""

    weights: Tensor  # (LEVELS, ANCHORS)

    def __init__(self, channels: int, initial: Tensor | float = 0.0):
        """`initial` broadcasts to (ANCHORS, channels)."""
        super().__init__()
        start = torch.as_tensor(initial, dtype=torch.float32)
        self.anchors = nn.Parameter(start.expand(ANCHORS, channels).clone())
        self.register_buffer("weights", torch.from_numpy(interpolation()), persistent=False)

    def all_levels(self) -> Tensor:
        """(LEVELS, channels)."""
        return self.weights @ self.anchors

    def forward(self, level: Tensor) -> Tensor:
        with torch.autocast(level.device.type, enabled=False):  # a gain and its inverse must stay inverse to each other
            return (self.weights[level] @ self.anchors)[:, :, None, None]


class LevelGain(LevelVector):
    """A positive factor a channel, interpolated geometrically; kept as its logarithm."""

    def forward(self, level: Tensor) -> Tensor:
        return super().forward(level).exp()
