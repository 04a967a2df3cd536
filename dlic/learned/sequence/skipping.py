"""Which superblocks get a residual, and what bits are worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.learned.sequence.areas import SUPERBLOCK, superblocks

LOWEST, HIGHEST = 0.001, 0.2  # λ of the first and the last level, where a checkpoint does not say
WORTHLESS = 64.0  # bits: superblocks whose whole error is worth less are not tried; none of them paid on two held-out clips


@dataclass(frozen=True, kw_only=True)
class Rate:
    """λ of the levels: bits + λ · squared error, the mean of the colours, of 8-bit pixels."""

    lowest: float
    highest: float
    levels: int

    @classmethod
    def of_config(cls, config: Mapping[str, Any], levels: int) -> "Rate":
        """Of a checkpoint's configuration."""
        lowest, highest = config.get("lmbda_low", LOWEST), config.get("lmbda_high", HIGHEST)
        return cls(lowest=float(lowest), highest=float(highest), levels=levels)

    def lmbda(self, level: int) -> float:
        """λ of a level."""
        return float(self.lowest * (self.highest / self.lowest) ** (level / max(1, self.levels - 1)))

    def of_motion(self, level: int) -> float:
        """Absolute differences of luma that a bit of motion is worth: more than a residual would make it, as most motion is of
        blocks without one. Chosen on two held-out clips at levels 20, 32 and 44.
        """
        return float(1.1 * self.lmbda(level) ** -0.55)


def worth_coding(x: NDArray[np.uint8], p: NDArray[np.uint8], lmbda: float) -> NDArray[np.bool_]:
    """Superblocks (h, w) with so much error that coding could pay."""
    return lmbda * squared_errors(x, p) > WORTHLESS


def pays(
    x: NDArray[np.uint8], p: NDArray[np.uint8], x_hat: NDArray[np.uint8], bits: NDArray[np.float64], lmbda: float
) -> NDArray[np.bool_]:
    """Superblocks (h, w) whose residual saves more error than its bits are worth."""
    return np.asarray(lmbda * (squared_errors(x, p) - squared_errors(x, x_hat)) > bits)


def squared_errors(x: NDArray[np.uint8], x_hat: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Sum of squared errors of every superblock, the mean of the three colours: (h, w)."""
    apart = np.maximum(x, x_hat) - np.minimum(x, x_hat)
    squares = np.square(apart.astype(np.float32)).reshape(x.shape[0], -1)
    rows = np.add.reduceat(squares, np.arange(0, x.shape[0], SUPERBLOCK), axis=0)
    sums = np.add.reduceat(rows, np.arange(0, squares.shape[1], 3 * SUPERBLOCK), axis=1)
    assert sums.shape == superblocks(*x.shape[:2])
    return sums.astype(np.float64) / 3
