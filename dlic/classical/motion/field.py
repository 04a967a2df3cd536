"""A motion field: which pixels of which references predict each block of a frame."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 16  # pixels along a macroblock
SUB = 8  # along one of the four blocks of a split one
FRACTION = 4  # vectors are in units of 1 / FRACTION pixels
REACH = 1 << 11  # components of vectors lie in −REACH … REACH − 1: 512 pixels
FIRST, SECOND, BOTH, FLAT = range(4)  # modes: one reference, the mean of two, one colour


@dataclass(frozen=True, eq=False, kw_only=True)
class MotionField:
    """The motion of one frame of mh × mw macroblocks. Vectors point from a block to its prediction: down and right are positive."""

    modes: NDArray[np.uint8]  # (mh, mw): FIRST, SECOND, BOTH or FLAT
    split: NDArray[np.bool_]  # (mh, mw): whether the four blocks have vectors of their own; never where FLAT
    vectors: NDArray[np.int16]  # (references, 2·mh, 2·mw, 2): y and x for each block of 8 × 8; unused ones are anything
    colours: NDArray[np.uint8]  # (mh, mw, 3): of FLAT macroblocks

    @property
    def references(self) -> int:
        """Number of reference frames: 1 or 2."""
        return self.vectors.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Macroblocks down and across."""
        return self.modes.shape[0], self.modes.shape[1]

    @property
    def is_still(self) -> bool:
        """Whether the prediction is the first reference as it is."""
        return not self.modes.any() and not self.split.any() and not self.vectors[0].any()

    def stilled(self, mask: NDArray[np.bool_]) -> "MotionField":
        """The same field, in which the macroblocks of a mask (mh, mw) are those of the first reference at their place."""
        inside, vectors = of_macroblocks(mask), self.vectors.copy()
        vectors[:, inside] = 0
        return replace(self, modes=np.where(mask, np.uint8(FIRST), self.modes), split=self.split & ~mask, vectors=vectors)

    def uses(self, reference: int) -> NDArray[np.bool_]:
        """Whether each macroblock is predicted from a reference: (mh, mw)."""
        return np.asarray((self.modes == reference) | (self.modes == BOTH))


def macroblocks(height: int, width: int) -> tuple[int, int]:
    """Macroblocks down and across that cover a frame."""
    return -(-height // BLOCK), -(-width // BLOCK)


def still(height: int, width: int, references: int = 1) -> MotionField:
    """The field without motion of a frame of a size in pixels."""
    mh, mw = macroblocks(height, width)
    return MotionField(
        modes=np.zeros((mh, mw), np.uint8),
        split=np.zeros((mh, mw), bool),
        vectors=np.zeros((references, 2 * mh, 2 * mw, 2), np.int16),
        colours=np.zeros((mh, mw, 3), np.uint8),
    )


def of_macroblocks(values: NDArray[Any]) -> NDArray[Any]:
    """Values of macroblocks (mh, mw, …) → of blocks of 8 × 8 (2·mh, 2·mw, …)."""
    return values.repeat(2, axis=0).repeat(2, axis=1)
