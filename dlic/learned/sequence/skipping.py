"""Which superblocks get a residual, and what bits are worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.learned.sequence.areas import SUPERBLOCK

LOWEST, HIGHEST = 0.001, 0.2  # λ of the first and the last level, where a checkpoint does not say
PART = 8  # pixels along a part of a superblock
MEAN = 4  # pixels along a block of which the mean error is taken

# Bits that the errors of a superblock must be worth to be tried; see `worth_coding`. On four training clips at qualities 20, 50 and
# 80 this tries a third of those whose whole error is worth 64 bits; it costs 0.1 % of the bits.
WORTHLESS = 95.0

# Share of a frame's bits that superblocks may waste whose residual does not pay, before the frame is coded again without them. On
# six training clips at qualities 20 to 80 this takes 13 % of an encoder's time and costs 0.1 % of the bits.
BEARABLE = 0.02


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
    """Superblocks (h, w) whose error is such that coding could pay: noise all over is not worth its bits.

    What counts is the geometric mean of the error of the worst part, and of that of the means of small blocks.
    """
    worst = _of_superblocks(np.maximum, squared_errors(x, p, PART), SUPERBLOCK // PART)
    smooth = _of_superblocks(np.add, _errors_of_means(x, p), SUPERBLOCK // MEAN)
    return np.asarray(lmbda * np.sqrt(worst * smooth) > WORTHLESS)


def _of_superblocks(combined: np.ufunc, values: NDArray[Any], times: int) -> NDArray[Any]:
    """Values of small blocks, so many along a superblock → of superblocks."""
    for axis in (0, 1):
        values = combined.reduceat(values, np.arange(0, values.shape[axis], times), axis=axis)
    return values


def _errors_of_means(x: NDArray[np.uint8], p: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Squared errors of the means of blocks of MEAN × MEAN pixels, times their pixels; the mean of the three colours: (h, w)."""
    height, width = x.shape[:2]
    apart = np.zeros((-(-height // MEAN), MEAN, -(-width // MEAN) * MEAN, 3), np.int16)
    np.subtract(x[..., :3], p, out=apart.reshape(-1, *apart.shape[2:])[:height, :width], dtype=np.int16)
    rows = apart.sum(axis=1, dtype=np.int16).reshape(apart.shape[0], -1, MEAN, 3)
    sums = (rows[:, :, 0] + rows[:, :, 1] + rows[:, :, 2] + rows[:, :, 3]).astype(np.float32)
    errors: NDArray[np.float32] = np.square(sums, out=sums) @ np.full(3, 1 / (3 * MEAN**2), np.float32)
    return errors


def losses(
    x: NDArray[np.uint8], p: NDArray[np.uint8], x_hat: NDArray[np.uint8], bits: NDArray[np.float64], lmbda: float
) -> NDArray[np.float64]:
    """How many bits more the residual of each superblock costs than the error is worth that it saves: (h, w); 0 where it pays."""
    lost = bits - lmbda * (squared_errors(x, p) - squared_errors(x, x_hat))
    return np.asarray(np.maximum(lost, 0))


def squared_errors(x: NDArray[np.uint8], x_hat: NDArray[np.uint8], side: int = SUPERBLOCK) -> NDArray[np.float64]:
    """Sum of squared errors of every block of side × side pixels, the mean of the three colours: (h, w)."""
    rows = np.empty((-(-x.shape[0] // side), 3 * x.shape[1]), np.float32)
    for top, sums in zip(range(0, x.shape[0], side), rows, strict=True):  # so few rows of pixels that they stay in a cache
        one, other = (frame[top : top + side].reshape(-1, sums.size) for frame in (x, x_hat))
        apart = np.maximum(one, other)
        apart -= np.minimum(one, other)
        squares = apart.astype(np.float32)
        np.square(squares, out=squares).sum(axis=0, out=sums)
    return np.add.reduceat(rows, np.arange(0, rows.shape[1], 3 * side), axis=1).astype(np.float64) / 3
