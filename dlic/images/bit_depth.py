"""Samples of one bit depth as another."""

import numpy as np


def to_eight_bits(samples: np.ndarray, peak: int = 65535) -> np.ndarray:
    """Samples of 0 … peak → uint8, to the nearest."""
    return ((samples.astype(np.uint32) * 255 + peak // 2) // peak).astype(np.uint8)
