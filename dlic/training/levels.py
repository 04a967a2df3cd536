"""Rate levels: random ones for training, evenly spread ones for validation."""

import numpy as np
import torch
from torch import Tensor


def drawn_levels(seed: int, first: int, count: int, levels: int) -> Tensor:
    """Random levels of crops number `first` and up, each a function of (seed, its number) alone: int64 (count,)."""
    words = np.random.Philox(key=seed, counter=first).random_raw(4 * count)[::4]  # it makes four for each count
    return torch.from_numpy((words % levels).astype(np.int64))


def spread_levels(levels: int, count: int) -> list[int]:
    """At most `count` of the levels, the lowest and the highest among them."""
    if count < 1:
        raise ValueError(f"validation_levels must be at least 1, not {count}")
    return torch.linspace(0, levels - 1, min(count, levels)).round().int().tolist()
