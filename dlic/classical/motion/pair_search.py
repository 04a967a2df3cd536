"""Search of two vectors whose mean predicts: each is refined in turns while the other is kept."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.block_search import (
    CROSS,
    HALF,
    LEFT_BY_STEP,
    QUARTER,
    BlockSearch,
    could_be_better,
    keep_better,
    packed,
    unpacked,
    within_reach,
)
from dlic.classical.motion.planes import CurrentBlocks, Planes, differences


class PairSearch:
    """The best pairs of vectors so far, for blocks of 16 × 16: differences + price · bits."""

    def __init__(self, current: CurrentBlocks, planes: Sequence[Planes], found: Sequence[BlockSearch], price: float):
        """`found`: the best vectors of each reference alone, where the search begins."""
        self._current, self._planes, self._found, self._price = current, planes, found, np.float32(price)
        self.vectors = [one.vectors.copy() for one in found]  # each (mh, mw, 2)
        self._bits = [one.bits(vectors) for one, vectors in zip(found, self.vectors, strict=True)]
        self._blocks = [self._moved(number) for number in range(len(found))]
        sums = differences(current.blocks, mean(*self._blocks)).reshape(current.size)
        self.costs = sums + self._price * (self._bits[0] + self._bits[1])  # (mh, mw)

    def run(self) -> "PairSearch":
        """Refines to half and quarter pels; returns itself."""
        for step in (HALF, QUARTER):
            for number in (1, 0):
                start = self.vectors[number].copy()
                for offset in CROSS * np.int16(step):
                    self._try(number, within_reach(start + offset), step)
                self._blocks[number] = self._moved(number)
        return self

    @property
    def mean(self) -> NDArray[np.uint8]:
        """What the pairs predict: (N, 16, 16)."""
        return mean(*self._blocks)

    @property
    def bits(self) -> NDArray[np.float32]:
        """Approximate bits of both vectors: (mh, mw)."""
        return self._bits[0] + self._bits[1]

    def _moved(self, number: int) -> NDArray[np.uint8]:
        """The blocks of one reference: (N, 16, 16)."""
        return self._planes[number].blocks(self._current.places + self.vectors[number].reshape(-1, 2))

    def _try(self, number: int, vectors: NDArray[np.int16], step: int) -> None:
        """Takes other vectors to one reference where they are better with those to the other."""
        other, of_vectors, numbers = 1 - number, self._found[number].bits(vectors), packed(vectors)
        bits, costs = self._price * (of_vectors + self._bits[other]).ravel(), self.costs.ravel()
        least = bits + np.float32(LEFT_BY_STEP[step]) * (costs - self._price * self.bits.ravel())
        which = np.flatnonzero(could_be_better(least, costs, numbers, self.vectors[number]))
        tried = numbers[which]
        blocks = self._planes[number].blocks(self._current.places[which] + unpacked(tried))
        sums = differences(self._current.blocks.take(which, axis=0), mean(blocks, self._blocks[other].take(which, axis=0)))
        pairs = (self._bits[number].ravel(), of_vectors.ravel()[which]), (packed(self.vectors[number]), tried)
        keep_better(which, costs, sums + bits[which], *pairs)


def mean(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(first + second + 1) / 2, rounded down."""
    return (first | second) - ((first ^ second) >> 1)
