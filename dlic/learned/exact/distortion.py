"""The distortion of a picture in bits, as the loss that a model is trained with weighs it."""

import numpy as np
from numpy.typing import NDArray

from dlic.learned.exact.price import HIGHEST, LOWEST, geometric
from dlic.metrics.ssimulacra2 import ssimulacra2_error

VISUAL = "visual"
MIX = 0.75  # share of SSIMULACRA 2's error in the loss of visual models; the rest is squared error
LOWEST_VISUAL, HIGHEST_VISUAL = 0.004, 0.4  # bits a pixel for an error of 1, at the first and at the last level


def distortion_of(original: NDArray[np.uint8], shown: NDArray[np.uint8], share: float, kind: str) -> float:
    """Bits that the difference of two pictures (H, W, 3) is worth at a level, as a share 0 … 1 of all: squared error, with the
    error of SSIMULACRA 2 for models of the kind "visual".
    """
    pixels = original.shape[0] * original.shape[1]
    mse = float(np.square(original.astype(np.float32) - shown).mean(dtype=np.float64))
    of_squares = geometric(LOWEST, HIGHEST, share) * mse
    error = ssimulacra2_error(original, shown) if kind == VISUAL else None
    if error is None:
        return pixels * of_squares
    return pixels * (MIX * geometric(LOWEST_VISUAL, HIGHEST_VISUAL, share) * error + (1 - MIX) * of_squares)
