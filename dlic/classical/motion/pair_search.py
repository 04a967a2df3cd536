"""Search of two vectors whose mean predicts: each is refined in turns while the other is kept."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.block_search import CROSS, HALF, QUARTER, BlockSearch
from dlic.classical.motion.field import REACH
from dlic.classical.motion.planes import CurrentBlocks, Planes, differences


class PairSearch:
    """The best pairs of vectors so far, for blocks of 16 × 16: differences + price · bits."""

    def __init__(self, current: CurrentBlocks, planes: Sequence[Planes], found: Sequence[BlockSearch], price: float):
        """`found`: the best vectors of each reference alone, where the search begins."""
        self._current, self._planes, self._found, self._price = current, planes, found, price
        self.vectors = [one.vectors.copy() for one in found]  # each (mh, mw, 2)
        self._bits = [one.bits(vectors) for one, vectors in zip(found, self.vectors, strict=True)]
        self._blocks = [of.blocks(vectors) for of, vectors in zip(planes, self.vectors, strict=True)]
        self.costs = self._differences(*self._blocks) + price * (self._bits[0] + self._bits[1])  # (mh, mw)

    def run(self) -> "PairSearch":
        """Refines to half and quarter pels; returns itself."""
        for step in (HALF, QUARTER):
            for number in (1, 0):
                start = self.vectors[number].copy()
                for offset in CROSS * np.int16(step):
                    self._try(number, np.clip(start + offset, -REACH, REACH - 1))
                self._blocks[number] = self._planes[number].blocks(self.vectors[number])
        return self

    @property
    def mean(self) -> NDArray[np.uint8]:
        """What the pairs predict: (16, N, 16)."""
        return mean(*self._blocks)

    @property
    def bits(self) -> NDArray[np.float32]:
        """Approximate bits of both vectors: (mh, mw)."""
        return self._bits[0] + self._bits[1]

    def _try(self, number: int, vectors: NDArray[np.int16]) -> None:
        """Takes other vectors to one reference where they are better with those to the other."""
        other, bits = 1 - number, self._found[number].bits(vectors)
        sums = self._differences(self._planes[number].blocks(vectors), self._blocks[other])
        costs = sums + self._price * (bits + self._bits[other])
        better = costs < self.costs
        np.copyto(self.costs, costs, where=better)
        np.copyto(self._bits[number], bits, where=better)
        np.copyto(self.vectors[number], vectors, where=better[..., None])

    def _differences(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
        return differences(self._current.blocks, mean(first, second)).sum(axis=(0, 2)).reshape(self._current.size)


def mean(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(first + second + 1) / 2, rounded down."""
    return (first | second) - ((first ^ second) >> 1)
