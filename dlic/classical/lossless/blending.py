"""Prediction of samples as a mean of candidates, corrected by the planes before, in numbers that every machine computes alike.

Samples of 8 bits need whole numbers of 32 bits, those of 16 bits need 64. Quotients, and sums of many products, are computed in
floats that hold the whole numbers exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlic.classical.lossless.uncertainty import FRACTION


@dataclass(frozen=True)
class Numbers:
    """Types for samples of one depth."""

    depth: int
    sample: np.dtype  # holds samples, errors, and sums of few of them
    real: np.dtype  # holds weighted sums of sizes exactly, and squares of summed errors
    whole: np.dtype  # holds weighted sums of samples
    scale: int  # of weights: the sum of CANDIDATES · scale · peak fits `whole`, and 53 bits

    @property
    def peak(self) -> int:
        return (1 << self.depth) - 1

    @property
    def grey(self) -> int:
        return 1 << (self.depth - 1)

    def wrap(self, values: np.ndarray) -> np.ndarray:
        """Modulo 2^depth, around zero."""
        return (values + self.grey & self.peak) - self.grey


NUMBERS = {
    8: Numbers(depth=8, sample=np.dtype(np.int16), real=np.dtype(np.float32), whole=np.dtype(np.int32), scale=1 << 19),
    16: Numbers(depth=16, sample=np.dtype(np.int32), real=np.dtype(np.float64), whole=np.dtype(np.int64), scale=1 << 32),
}


def blend(said: np.ndarray, errors: np.ndarray, numbers: Numbers) -> np.ndarray:
    """The mean of candidates (CANDIDATES, …), each weighted by ⌊scale / (its errors nearby² + 1)⌋ + 1.

    After Seemann & Tischer 1997, "Generalized locally adaptive DPCM". Rounded down, quotients of floats are those of whole numbers.
    """
    squares = errors.astype(numbers.real)
    squares *= squares
    squares += 1
    weights = np.divide(numbers.real.type(numbers.scale), squares, out=squares).astype(numbers.whole)
    weights += 1
    total = weights.sum(axis=0, dtype=numbers.whole)
    weights *= said
    sums = weights.sum(axis=0, dtype=numbers.whole) + (total >> 1)
    return (sums / total).astype(numbers.sample)


def corrected(blended: np.ndarray, before: Sequence[np.ndarray], factors: np.ndarray, numbers: Numbers) -> np.ndarray:
    """Predictions (…) with corrections by residuals before, (…) each, and their factors (BEFORE, …)."""
    if not before:
        return blended
    correction = sum(factor * residuals for factor, residuals in zip(factors, before, strict=False))
    return np.clip(blended + (correction + (1 << FRACTION - 1) >> FRACTION), 0, numbers.peak)
