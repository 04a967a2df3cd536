"""Numbers of parts of new progressive files, from what photographs take."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PartCounts:
    """Parts of both layers."""

    first: int
    second: int


def sensible_counts(pixels: int, first_level: int, level: int) -> PartCounts:
    """For units of so many pixels: parts of about 1,200 bytes, at most 8, and then of 2,500, at most 16. A part has 10 bytes of
    overhead.
    """
    first = pixels * 0.062 * 2 ** (first_level / 14.3) / 8
    second = pixels * 0.035 * 2 ** (level / 12) / 8
    return PartCounts(int(np.clip(round(first / 1200), 1, 8)), int(np.clip(round(second / 2500), 1, 16)))
