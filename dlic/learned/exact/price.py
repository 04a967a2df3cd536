"""Costs in bits + λ · squared error: λ of a rate level, and an estimate of what a network spends on a block."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.container.exact_layer import BLOCK

LOWEST, HIGHEST = 0.001, 0.2  # bits a pixel for a mean squared error of 1, at the first and at the last level
LEVELS = 64  # of models of many rates
OPPONENT: NDArray[np.float32] = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32)  # rows of a transform of colours
OPPONENT /= np.linalg.norm(OPPONENT, axis=1, keepdims=True)
FREQUENCY = np.arange(BLOCK)
DCT = np.cos(np.pi / BLOCK * FREQUENCY[:, None] * (FREQUENCY + 0.5)).astype(np.float32) * math.sqrt(2 / BLOCK)
DCT[0] /= math.sqrt(2)


@dataclass(frozen=True)
class Price:
    """The exchange rate of bits and error."""

    lmbda: float  # bits for a mean squared error of 1 in the samples of a pixel

    @classmethod
    def of_level(cls, level: int, levels: int) -> "Price":
        """Of a rate level, as models are trained: λ rises geometrically. Models of one rate lie in the middle."""
        share = level / (levels - 1) if levels > 1 else 0.5
        return cls(LOWEST * (HIGHEST / LOWEST) ** share)

    def error(self, squares: float) -> float:
        """Bits that are worth a sum of squared errors of samples."""
        return self.lmbda * squares / 3

    def of_network(self, blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Bits + error of blocks (N, 16, 16, 3) for an ideal transform coder: (N,).

        Reverse water-filling: coefficients whose square is below θ are left out, others cost ½ log₂(c² / θ) bits and leave the
        error θ, with the θ that makes the sum least.
        """
        theta = np.float32(3 / (2 * math.log(2) * self.lmbda))
        planes = np.moveaxis((blocks.astype(np.float32) - 128) @ OPPONENT.T, 3, 1)
        squares = np.square(DCT @ planes @ DCT.T)
        squares[..., 0, 0] = theta  # means are predicted from other blocks
        bits = np.log2(np.maximum(squares / theta, 1)).sum(axis=(1, 2, 3)) / 2
        lost = np.minimum(squares, theta).sum(axis=(1, 2, 3))
        cost: NDArray[np.float32] = bits + np.float32(self.lmbda / 3) * lost
        return cost
