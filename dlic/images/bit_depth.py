"""Conversion of samples to 8 bits."""

import numpy as np
from numpy.typing import NDArray


def to_eight_bits(samples: NDArray[np.uint16], peak: int = 65535) -> NDArray[np.uint8]:
    """Samples of 0 … peak → uint8, to the nearest."""
    return ((samples.astype(np.uint32) * 255 + peak // 2) // peak).astype(np.uint8)
