"""Convolutions in whole numbers: every machine gets the same bits.

Weights, biases and activations are integers held in float64. Every partial sum stays below 2⁵³ (`ExactConv` refuses others), so it
is exact, and no BLAS, thread count, memory layout, device or order of summation can change it. Requantising is a multiplication by
a power of two and a floor. After Ballé, Johnston & Minnen, "Integer networks for data compression", ICLR 2019.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FRACTION = 10  # bits after the point of an activation
MAX_ACTIVATION = 1 << 20  # activations and symbols are clipped here; 1024 with the fraction taken off
MAX_WEIGHT = 1 << 15  # weights are 16-bit
LEAK = 655 / (1 << 16)  # PyTorch's 0.01, so that products with activations are exact
MAX_FRACTION = 14  # bits after the point of a weight: with those of an activation, biases up to 64 fit 32-bit integers

Affine = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float, float], NDArray[np.float64]]


def affine(
    a: NDArray[np.float64], matrix: NDArray[np.float64], bias: NDArray[np.float64], low: float, high: float
) -> NDArray[np.float64]:
    """floor(a · matrix + bias), clipped to low … high: (n, in), (in, out) and (out,) → (n, out).

    A runtime may replace it by a faster function: sums are exact, so all give the same result.
    """
    sums: NDArray[np.float64] = a @ matrix
    sums += bias
    np.minimum(np.maximum(sums, low, out=sums), high, out=sums)  # np.clip takes twice as long
    np.floor(sums, out=sums)
    return sums


@dataclass(frozen=True, eq=False)
class ExactConv:
    """A 1×1 or 3×3 convolution with zero padding and a bias for each level, in whole numbers.

    floor((weight ∗ a + bias[level]) / 2^shift), clipped to low … high: requantised, and a ReLU where low is 0.
    """

    weight: NDArray[np.int16]  # (out, in, k, k) int16
    bias: NDArray[np.int32]  # (levels, out) int32; half of 2^shift is in it, so that the floor rounds to the nearest
    shift: int
    high: int = MAX_ACTIVATION - 1
    low: int = 0

    def __post_init__(self) -> None:
        if self.weight.shape[2:] not in ((1, 1), (3, 3)) or self.bias.shape[1:] != self.weight.shape[:1]:
            raise ValueError(f"no convolution has weights {self.weight.shape} and biases {self.bias.shape}")
        sums = np.abs(self.weight.astype(np.int64)).sum(axis=(1, 2, 3)) * MAX_ACTIVATION
        largest = sums.max() + np.abs(self.bias.astype(np.int64)).max()
        if largest >= 1 << 53:
            raise ValueError(f"partial sums could reach {largest:,}, which float64 does not hold exactly")

    @classmethod
    def from_trained(
        cls,
        weight: NDArray[np.float64],
        bias: NDArray[np.float64],
        incoming: int,
        outgoing: int,
        high: int = MAX_ACTIVATION - 1,
        low: int = 0,
    ) -> "ExactConv":
        """Rounds weights (out, in, k, k) and biases (levels, out) to whole numbers, without training.

        `incoming` and `outgoing` are the bits after the point of inputs and outputs.
        """
        fraction = MAX_FRACTION
        while fraction > 0 and np.abs(weight).max() * 2.0**fraction >= MAX_WEIGHT:
            fraction -= 1
        shift = fraction + incoming - outgoing
        offset = np.rint(bias * 2.0 ** (fraction + incoming)) + 2.0 ** (shift - 1)
        return cls(np.rint(weight * 2.0**fraction).astype(np.int16), offset.astype(np.int32), shift, high, low)

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """Weights times 2^−shift, in the channel order of `columns`: (k·k·in, out) float64. Scaling by a power of two is exact."""
        return np.ascontiguousarray(self.weight.transpose(2, 3, 1, 0).reshape(-1, len(self.weight))) * 2.0**-self.shift

    def __call__(self, a: NDArray[np.float64], level: int, affine: Affine = affine) -> NDArray[np.float64]:
        """Whole numbers (h, w, in) in float64, |a| ≤ `MAX_ACTIVATION` → (h, w, out)."""
        taps = columns(a, self.weight.shape[2])
        bias = self.bias[level] * 2.0**-self.shift
        sums = affine(taps.reshape(-1, taps.shape[2]), self.matrix, bias, float(self.low), float(self.high))
        return sums.reshape(*a.shape[:2], -1)


def leaky(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """LeakyReLU with the slope `LEAK` below zero, for whole numbers |a| ≤ `MAX_ACTIVATION`; rounds down to whole numbers."""
    return np.maximum(a, np.floor(a * LEAK))


def relu(a: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(a, 0.0)


def upsampling_weight(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (in, out, 5, 5) of a transposed convolution of stride 2 → (4·out, in, 3, 3) of a convolution before `spread`.

    Each of four pixels is a convolution of its own: an even row takes the kernel's rows 4, 2, 0, an odd one rows 3 and 1.
    """
    taps = np.array([[4, 2, 0], [5, 3, 1]])  # kernel rows of an even and an odd row, for the pixel before, at and after; 5: none
    padded = np.pad(weight, ((0, 0), (0, 0), (0, 1), (0, 1)))
    phases = padded[:, :, taps[:, None, :, None], taps[None, :, None, :]]  # (in, out, 2, 2, 3, 3)
    return phases.transpose(1, 2, 3, 0, 4, 5).reshape(-1, weight.shape[0], 3, 3)


def columns(a: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Every pixel's window × window neighbourhood, zero outside, side by side: (h, w, C) → (h, w, window²·C)."""
    if window == 1:
        return a
    height, width = a.shape[:2]
    padded = np.pad(a, ((1, 1), (1, 1), (0, 0)))
    return np.concatenate([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=2)


def spread(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """`pixel_shuffle` by 2 for channels-last arrays: (h, w, 4·C) → (2h, 2w, C)."""
    height, width, channels = a.shape
    blocks = a.reshape(height, width, channels // 4, 2, 2)  # pixel_shuffle's order: channel, row, column
    return blocks.transpose(0, 3, 1, 4, 2).reshape(2 * height, 2 * width, channels // 4)
