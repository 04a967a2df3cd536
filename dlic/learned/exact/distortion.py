"""The distortion of a picture in bits, as the loss that a model is trained with weighs it."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.learned.exact.blocks import squares
from dlic.learned.exact.price import HIGHEST, LOWEST, geometric
from dlic.metrics.ssimulacra2 import SMALLEST, error_of, scales

VISUAL = "visual"
MIX = 0.75  # share of SSIMULACRA 2's error in the loss of visual models; the rest is squared error
LOWEST_VISUAL, HIGHEST_VISUAL = 0.004, 0.4  # bits a pixel for an error of 1, at the first and at the last level


@dataclass(frozen=True, eq=False)
class Original:
    """A picture uint8 (H, W, 3) that others are compared with."""

    image: NDArray[np.uint8]

    @cached_property
    def scales(self) -> list[NDArray[np.float32]]:
        """What SSIMULACRA 2 compares; none where it is too small."""
        return scales(self.image) if min(self.image.shape[:2]) >= SMALLEST else []

    def distortion(self, shown: NDArray[np.uint8], share: float, kind: str, limit: float = math.inf) -> float:
        """Bits that the difference of a picture is worth at a level, as a share 0 … 1 of all: squared error, with the error of
        SSIMULACRA 2 for models of the kind "visual". Where squared error alone is worth `limit` or more, only its part.
        """
        pixels = shown.shape[0] * shown.shape[1]
        mse = float(squares(self.image, shown).mean(dtype=np.float64)) / 3
        of_squares = pixels * geometric(LOWEST, HIGHEST, share) * mse
        if kind != VISUAL or not self.scales:
            return of_squares
        part = (1 - MIX) * of_squares
        if part >= limit:
            return part
        return part + pixels * MIX * geometric(LOWEST_VISUAL, HIGHEST_VISUAL, share) * error_of(self.scales, scales(shown))
