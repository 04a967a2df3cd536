"""Conversion of samples to 8 and to 16 bits."""

import numpy as np
from numpy.typing import NDArray


def to_eight_bits(samples: NDArray[np.uint16], peak: int = 65535) -> NDArray[np.uint8]:
    """Samples of 0 … peak → uint8, to the nearest."""
    return ((samples.astype(np.uint32) * 255 + peak // 2) // peak).astype(np.uint8)


def to_sixteen_bits(samples: NDArray[np.uint16], peak: int) -> NDArray[np.uint16]:
    """Samples of 0 … peak → uint16, to the nearest."""
    return ((samples.astype(np.uint32) * 65535 + peak // 2) // peak).astype(np.uint16)


def to_sixteen_bits_exactly(sample: int, bits: int) -> int:
    """A sample of 1, 2, 4, 8 or 16 bits on the scale of 16 bits; larger numbers are cut."""
    peak = (1 << bits) - 1
    return min(sample, peak) * (65535 // peak)
