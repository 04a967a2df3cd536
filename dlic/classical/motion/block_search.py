"""Best vectors of all blocks of a frame into one reference: candidates, propagation from neighbours, refinement to quarter pels."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import REACH, SUB, of_macroblocks
from dlic.classical.motion.lattice import medians
from dlic.classical.motion.planes import CurrentBlocks, Planes, differences

AROUND = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x], np.int16)
CROSS = np.array([(-1, 0), (0, -1), (0, 1), (1, 0)], np.int16)
WHOLE, HALF, QUARTER = 4, 2, 1  # quarter pels
MEDIAN_BITS, NEIGHBOUR_BITS, NEW_BITS = 0.7, 4.0, 2.5  # approximate cost of a vector: median, neighbour's, other; then its size
EXPECTED_BITS = 3.0  # of the expected one

Hint = tuple[NDArray[np.int16], NDArray[np.bool_]]  # expected vectors (mh, mw, 2), and where there are some (mh, mw)


class BlockSearch:
    """The best vectors so far: differences + price · bits, for blocks of 16 × 16 and of 8 × 8."""

    def __init__(self, current: CurrentBlocks, planes: Planes, price: float, hint: Hint | None = None):
        """`price`: absolute differences of luma that a bit is worth."""
        self._current, self._planes, self._price, self._hint = current, planes, price, hint
        (mh, mw), most = current.size, np.float32(np.inf)
        self.vectors = np.zeros((mh, mw, 2), np.int16)
        self.sums = np.full((mh, mw), most)  # of absolute differences
        self.sub_vectors = np.zeros((2 * mh, 2 * mw, 2), np.int16)
        self.sub_sums = np.full((2 * mh, 2 * mw), most)

    def run(self, candidates: Iterable[NDArray[np.int16]]) -> "BlockSearch":
        """Searches from candidates (mh, mw, 2); returns itself."""
        self._try_all([np.zeros_like(self.vectors), *([] if self._hint is None else [self._hint[0]]), *candidates])
        self._refine(AROUND * 2 * WHOLE)
        self._refine(AROUND * WHOLE)
        self._propagate()
        for step in (HALF, QUARTER):
            self._refine(AROUND * step)
            self._propagate()
        self._refine_sub(WHOLE)
        for step in (HALF, QUARTER):
            self._refine_sub(step)
        return self

    def costs(self) -> NDArray[np.float32]:
        """Differences + price · bits of every macroblock as a whole: (mh, mw)."""
        return self.sums + self._price * self._bits(self.vectors, self.vectors)

    def split_costs(self) -> NDArray[np.float32]:
        """The same of every macroblock as four blocks: (mh, mw)."""
        costs = self.sub_sums + self._price * vector_bits(self.sub_vectors - of_macroblocks(self.vectors))
        return costs[::2, ::2] + costs[::2, 1::2] + costs[1::2, ::2] + costs[1::2, 1::2]

    def _refine(self, offsets: NDArray[np.int16]) -> None:
        start = self.vectors.copy()
        self._try_all([start + offset for offset in offsets])

    def _propagate(self) -> None:
        start = self.vectors
        shifted = [_shifted(start, y, x) for y, x in CROSS.tolist()]
        self._try_all([*shifted, self._predicted(start), *([] if self._hint is None else [self._hint[0]])])

    def _try_all(self, candidates: Iterable[NDArray[np.int16]]) -> None:
        field, expected = self.vectors.copy(), self._predicted(self.vectors)
        costs = self.sums + self._price * self._bits(field, field)
        sub_costs = self.sub_sums + self._price * vector_bits(self.sub_vectors - of_macroblocks(expected))
        for vectors in candidates:
            vectors = np.clip(vectors, -REACH, REACH - 1)
            parts = differences(self._current.blocks, self._planes.blocks(vectors))
            parts = parts.reshape(*self._current.size, 2, 2)
            bits = self._price * self._bits(vectors, field)
            sums = parts.sum(axis=(2, 3))
            _keep_better(costs, sums + bits, (self.sums, sums), (self.vectors, vectors))
            sub_sums, sub = parts.transpose(0, 2, 1, 3).reshape(self.sub_sums.shape), of_macroblocks(vectors)
            _keep_better(sub_costs, sub_sums + of_macroblocks(bits), (self.sub_sums, sub_sums), (self.sub_vectors, sub))

    def _bits(self, vectors: NDArray[np.int16], field: NDArray[np.int16]) -> NDArray[np.float32]:
        """Approximate bits of vectors (h, w, 2) among those of a field."""
        bits = vector_bits(vectors - self._predicted(field))
        if self._hint is not None:
            equal = (vectors == self._hint[0]).all(axis=2) & self._hint[1]
            bits = np.where(equal, np.minimum(bits, np.float32(EXPECTED_BITS)), bits)
        for y, x in CROSS.tolist():
            equal = (vectors == _shifted(field, y, x)).all(axis=2)
            bits = np.where(equal, np.minimum(bits, np.float32(NEIGHBOUR_BITS)), bits)
        return bits

    def _predicted(self, field: NDArray[np.int16]) -> NDArray[np.int16]:
        """Medians of the vectors above, below, left and right of each, and of the expected one twice: (mh, mw, 2)."""
        four = np.stack([_shifted(field, y, x) for y, x in CROSS.tolist()], axis=2)
        flat = four.reshape(-1, 4, 2)
        if self._hint is None:
            return medians(flat).reshape(field.shape)
        vectors, known = self._hint
        hint = np.where(known[..., None], vectors, medians(flat).reshape(field.shape)).reshape(-1, 1, 2)
        return medians(np.concatenate([flat, hint, hint], axis=1)).reshape(field.shape)

    def _refine_sub(self, step: int) -> None:
        """Refines the vectors of blocks of 8 × 8 around themselves and from their neighbours."""
        mh, mw = self._current.size
        quarters = self._current.blocks.reshape(mh, mw, 2, SUB, 2, SUB).transpose(0, 2, 1, 4, 3, 5).reshape(-1, SUB, SUB)
        start = self.sub_vectors.copy()
        expected = of_macroblocks(self.vectors)
        costs = self.sub_sums + self._price * vector_bits(start - expected)
        moved = [start + offset for offset in CROSS * np.int16(step)]
        for vectors in (*moved, *(_shifted(start, y, x) for y, x in CROSS.tolist())):
            vectors = np.clip(vectors, -REACH, REACH - 1)
            predicted = self._planes.blocks(vectors, SUB)
            apart = np.maximum(quarters, predicted) - np.minimum(quarters, predicted)
            sums = apart.sum(axis=(1, 2), dtype=np.float32).reshape(2 * mh, 2 * mw)
            bits = self._price * vector_bits(vectors - expected)
            _keep_better(costs, sums + bits, (self.sub_sums, sums), (self.sub_vectors, vectors))


def vector_bits(apart: NDArray[Any]) -> NDArray[np.float32]:
    """Approximate bits of vectors (…, 2) that lie so far from their prediction, in quarter pels: (…)."""
    sizes = np.abs(apart).astype(np.float32)
    bits: NDArray[np.float32] = (2 * np.log2(1 + sizes) + (sizes > 0)).sum(axis=-1)
    return np.where(bits > 0, bits + np.float32(NEW_BITS), np.float32(MEDIAN_BITS))


def _shifted(values: NDArray[np.int16], down: int, right: int) -> NDArray[np.int16]:
    """The neighbour of each (h, w, 2) in a direction; at the border itself."""
    height, width = values.shape[:2]
    y, x = np.clip(np.arange(height) + down, 0, height - 1), np.clip(np.arange(width) + right, 0, width - 1)
    return values[y[:, None], x]


def _keep_better(costs: NDArray[Any], new: NDArray[Any], *pairs: tuple[NDArray[Any], NDArray[Any]]) -> None:
    """Writes the new values of each pair into the old ones where the new cost is lower."""
    better = new < costs
    costs[better] = new[better]
    for old, value in pairs:
        old[better] = value[better]
