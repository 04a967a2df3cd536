"""Contexts of the bits of motion, and the probabilities that they begin with."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.priors import PRIORS
from dlic.entropy.adaptive import Probabilities

CLASSES = 6  # of the spread of neighbouring vectors: none known, 0, up to 2, 6, 16, more
SPREADS = np.array([0, 2, 6, 16])  # largest spreads of classes 1 … 4, in quarter pels
AGREEMENTS = 4  # of the expected vector with the prediction: none expected, equal, NEAR, farther
NEAR = 2  # quarter pels, of both components together
OCTAVES = 12  # of magnitudes 1 … 2 · REACH

# First contexts of each kind of bit. Neighbours count 0, 1, 2 or more of 4.
IS_FLAT, IS_BOTH, IS_SECOND, IS_SPLIT = 0, 3, 8, 13  # 3 contexts, then 5 each
IS_ZERO = IS_SPLIT + 5  # of a vector's difference: by class and agreement, and by class for later blocks
IS_EXPECTED = IS_ZERO + (AGREEMENTS + 1) * CLASSES  # whether it is the expected one, by class
IS_NEIGHBOUR = IS_EXPECTED + CLASSES  # whether it is that of a neighbour, by class
WHICH = IS_NEIGHBOUR + 2 * CLASSES  # of four neighbours or three: first bit, second bit; for whole and for later blocks
IS_ZERO_Y = WHICH + 2 * 3
IS_ZERO_X = IS_ZERO_Y + 2 * CLASSES
IS_LONGER = IS_ZERO_X + 2 * CLASSES  # by class and octave
SECOND_BIT = IS_LONGER + 2 * CLASSES * OCTAVES  # below the leading one, by octave
EVEN = SECOND_BIT + OCTAVES  # bits that are as often 0 as 1
CONTEXTS = EVEN + 1


SEEN = 8 * 32  # observations that a probability begins with, in the unit of counts: eight bits
KEPT = 64 * 32  # of those of a reference, at most


def probabilities(more: Sequence[int] = (), counts: NDArray[np.int64] | None = None) -> Probabilities:
    """Those that a frame's motion begins with: by the counts of a reference (2, contexts), or the priors. `more` are priors of
    further contexts, in 1/256.
    """
    if counts is None:
        ones = np.array([*PRIORS, *more], np.int64)
        return Probabilities(ones * SEEN // 256, np.full(ones.size, SEEN))
    while (many := counts.sum(axis=0) > KEPT).any():
        counts = np.where(many, counts + 1 >> 1, counts)
    return Probabilities(counts[1], counts.sum(axis=0))
