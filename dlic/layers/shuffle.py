"""Pixels ⇄ channels, with channels-last results for the convolutions around them."""

import torch
from torch import Tensor
from torch.nn import functional as F


def unshuffle(x: Tensor, factor: int) -> Tensor:
    """(B, C, H, W) → (B, C·factor², H/factor, W/factor)."""
    return F.pixel_unshuffle(x.contiguous(), factor).contiguous(memory_format=torch.channels_last)


def shuffle(x: Tensor, factor: int) -> Tensor:
    """Inverse of `unshuffle`."""
    return F.pixel_shuffle(x, factor).contiguous(memory_format=torch.channels_last)
