"""The distortion of a picture in bits, as the loss that a model is trained with weighs it."""

import math

import numpy as np
from numpy.typing import NDArray

from dlic.learned.exact.blocks import squares
from dlic.learned.exact.price import HIGHEST, LOWEST, geometric
from dlic.metrics.ssimulacra2 import ssimulacra2_error

VISUAL = "visual"
MIX = 0.75  # share of SSIMULACRA 2's error in the loss of visual models; the rest is squared error
LOWEST_VISUAL, HIGHEST_VISUAL = 0.004, 0.4  # bits a pixel for an error of 1, at the first and at the last level


def distortion_of(original: NDArray[np.uint8], shown: NDArray[np.uint8], share: float, kind: str, limit: float = math.inf) -> float:
    """Bits that the difference of two pictures (H, W, 3) is worth at a level, as a share 0 … 1 of all: squared error, with the
    error of SSIMULACRA 2 for models of the kind "visual". Where squared error alone is worth `limit` or more, only its part.
    """
    pixels = original.shape[0] * original.shape[1]
    mse = float(squares(original, shown).mean(dtype=np.float64)) / 3
    of_squares = pixels * geometric(LOWEST, HIGHEST, share) * mse
    if kind != VISUAL:
        return of_squares
    part = (1 - MIX) * of_squares
    error = None if part >= limit else ssimulacra2_error(original, shown)
    if error is None:
        return part if part >= limit else of_squares
    return part + pixels * MIX * geometric(LOWEST_VISUAL, HIGHEST_VISUAL, share) * error
