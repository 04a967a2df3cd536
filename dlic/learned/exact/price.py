"""Costs in bits + λ · squared error: λ of a rate level, and an estimate of what a network spends on a block."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.container.exact_layer import BLOCK

LOWEST, HIGHEST = 0.001, 0.2  # bits a pixel for a mean squared error of 1, at the first and at the last level
LEVELS = 64  # of models of many rates
NETWORK = 1.5  # cost of networks, of an ideal transform coder's: 1.5 … 1.8 on photographs, text and charts, and more above level 40
SHADES = 0.85  # squared error of light-1-visual in a pixel of smooth shades, times √λ: 17 at quality 20, 3.5 at quality 75
CHANGE = 0.6  # bits of a change between neighbouring pixels, at each of its sides
OPPONENT: NDArray[np.float32] = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32)  # rows of a transform of colours
OPPONENT /= np.linalg.norm(OPPONENT, axis=1, keepdims=True)
FREQUENCY = np.arange(BLOCK)
DCT = np.cos(np.pi / BLOCK * FREQUENCY[:, None] * (FREQUENCY + 0.5)).astype(np.float32) * math.sqrt(2 / BLOCK)
DCT[0] /= math.sqrt(2)


def share_of(level: int, levels: int) -> float:
    """A rate level as a share of all, 0 … 1. Models of one rate lie in the middle."""
    return level / (levels - 1) if levels > 1 else 0.5


def geometric(lowest: float, highest: float, share: float) -> float:
    """A number that rises geometrically as `share` goes from 0 to 1."""
    return float(lowest * (highest / lowest) ** share)


@dataclass(frozen=True)
class Price:
    """The exchange rate of bits and error."""

    lmbda: float  # bits for a mean squared error of 1 in the samples of a pixel

    @classmethod
    def of_level(cls, level: int, levels: int) -> "Price":
        """Of a rate level, as models are trained: λ rises geometrically. Models of one rate lie in the middle."""
        return cls(geometric(LOWEST, HIGHEST, share_of(level, levels)))

    def error(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bits that are worth sums of squared errors of samples."""
        return self.lmbda * squares / 3

    @property
    def theta(self) -> float:
        """Squared coefficient of a transform below which its bits cost more than its error."""
        return 3 / (2 * math.log(2) * self.lmbda)

    @property
    def of_shades(self) -> float:
        """Squared error of a network in a pixel of smooth shades, all channels together."""
        return SHADES / math.sqrt(self.lmbda)

    @property
    def of_change(self) -> float:
        """Squared error that is worth the bits of a change between two pixels, at one of them."""
        return 3 * CHANGE / self.lmbda

    def of_network(self, blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Bits + error of blocks (N, 16, 16, 3) for a network: (N,). They are NETWORK times those of an ideal transform coder.

        Reverse water-filling: coefficients whose square is below θ are left out, others cost ½ log₂(c² / θ) bits and leave the
        error θ, with the θ that makes the sum least.
        """
        theta = np.float32(self.theta)
        planes = np.moveaxis((blocks.astype(np.float32) - 128) @ OPPONENT.T, 3, 1)
        squares = np.square(DCT @ planes @ DCT.T)
        squares[..., 0, 0] = theta  # means are predicted from other blocks
        bits = np.log2(np.maximum(squares / theta, 1)).sum(axis=(1, 2, 3)) / 2
        lost = np.minimum(squares, theta).sum(axis=(1, 2, 3))
        cost: NDArray[np.float32] = np.float32(NETWORK) * (bits + np.float32(self.lmbda / 3) * lost)
        return cost
