"""Weights of the linear interpolation between a parameter's values at a few anchor levels, in NumPy."""

import numpy as np
from numpy.typing import NDArray

LEVELS = 64
ANCHORS = 8  # levels 0, 9, 18, … 63


def interpolation(levels: int = LEVELS, anchors: int = ANCHORS) -> NDArray[np.float32]:
    """Weights (levels, anchors) between equally spaced anchors; every row sums to 1."""
    position = np.arange(levels) * (anchors - 1) / (levels - 1)
    return (1 - np.abs(position[:, None] - np.arange(anchors))).clip(0).astype(np.float32)
