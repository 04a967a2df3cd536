"""Best vectors of all blocks of a frame into one reference: candidates, propagation from neighbours, refinement to quarter pels."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import REACH, SUB, of_macroblocks
from dlic.classical.motion.planes import CurrentBlocks, Planes, differences

AROUND = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x], np.int16)
CROSS = np.array([(-1, 0), (0, -1), (0, 1), (1, 0)], np.int16)
WHOLE, HALF, QUARTER = 4, 2, 1  # quarter pels
MEDIAN_BITS, NEIGHBOUR_BITS, NEW_BITS = 0.7, 4.0, 2.5  # approximate cost of a vector: median, neighbour's, other; then its size
EXPECTED_BITS = 3.0  # of the expected one

SIZES = np.arange(2 * REACH, dtype=np.float32)
COMPONENT_BITS = 2 * np.log2(1 + SIZES) + (SIZES > 0)  # of a component's distance from its prediction, in quarter pels

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
        self._try_all([np.zeros_like(self.vectors), *self._expected, *candidates])
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

    def bits(self, vectors: NDArray[np.int16]) -> NDArray[np.float32]:
        """Approximate bits of vectors of macroblocks among the best ones: (mh, mw)."""
        return _Surroundings(self.vectors, self._hint).bits(vectors)

    def split_bits(self) -> NDArray[np.float32]:
        """The same of every macroblock as four blocks: (mh, mw)."""
        bits = vector_bits(self.sub_vectors, of_macroblocks(self.vectors))
        return bits[::2, ::2] + bits[::2, 1::2] + bits[1::2, ::2] + bits[1::2, 1::2]

    @property
    def _expected(self) -> list[NDArray[np.int16]]:
        return [] if self._hint is None else [self._hint[0]]

    def _refine(self, offsets: NDArray[np.int16]) -> None:
        start = self.vectors.copy()
        self._try_all([start + offset for offset in offsets])

    def _propagate(self) -> None:
        around = _Surroundings(self.vectors, self._hint)
        self._try_all([*around.neighbours, around.predicted, *self._expected])

    def _try_all(self, candidates: Iterable[NDArray[np.int16]]) -> None:
        around, price = _Surroundings(self.vectors.copy(), self._hint), self._price
        costs = self.sums + price * around.bits(self.vectors)
        sub_costs = self.sub_sums + price * vector_bits(self.sub_vectors, of_macroblocks(around.predicted))
        for vectors in candidates:
            vectors = np.clip(vectors, -REACH, REACH - 1)
            parts = differences(self._current.blocks, self._planes.blocks(vectors))  # (2, N, 2)
            bits, sums = price * around.bits(vectors), parts.sum(axis=(0, 2)).reshape(self._current.size)
            _keep_better(costs, sums + bits, (self.sums, sums), (self.vectors, vectors))
            mh, mw = self._current.size
            sub_sums = parts.reshape(2, mh, mw, 2).transpose(1, 0, 2, 3).reshape(2 * mh, 2 * mw)
            _keep_better(
                sub_costs, sub_sums + of_macroblocks(bits), (self.sub_sums, sub_sums), (self.sub_vectors, of_macroblocks(vectors))
            )

    def _refine_sub(self, step: int) -> None:
        """Refines the vectors of blocks of 8 × 8 around themselves and from their neighbours."""
        start = self.sub_vectors.copy()
        expected = of_macroblocks(self.vectors)
        costs = self.sub_sums + self._price * vector_bits(start, expected)
        moved = [start + offset for offset in CROSS * np.int16(step)]
        for vectors in (*moved, *shifted(start)):
            vectors = np.clip(vectors, -REACH, REACH - 1)
            parts = differences(self._current.sub_blocks, self._planes.blocks(vectors, SUB))
            sums, bits = parts.reshape(self.sub_sums.shape), self._price * vector_bits(vectors, expected)
            _keep_better(costs, sums + bits, (self.sub_sums, sums), (self.sub_vectors, vectors))


class _Surroundings:
    """The vectors around each of a field, by which others are priced."""

    def __init__(self, field: NDArray[np.int16], hint: Hint | None):
        self.neighbours = shifted(field)  # each (mh, mw, 2)
        self.predicted = _predicted(self.neighbours, hint)
        self._packed, self._hint = [_packed(each) for each in self.neighbours], hint

    def bits(self, vectors: NDArray[np.int16]) -> NDArray[np.float32]:
        """Approximate bits of vectors (mh, mw, 2): (mh, mw)."""
        bits, packed = vector_bits(vectors, self.predicted), _packed(vectors)
        equal = np.logical_or.reduce([packed == each for each in self._packed])
        bits = np.where(equal, np.minimum(bits, np.float32(NEIGHBOUR_BITS)), bits)
        if self._hint is not None:
            equal = (packed == _packed(self._hint[0])) & self._hint[1]
            bits = np.where(equal, np.minimum(bits, np.float32(EXPECTED_BITS)), bits)
        return bits


def _predicted(neighbours: Sequence[NDArray[np.int16]], hint: Hint | None) -> NDArray[np.int16]:
    """Medians of the vectors above, below, left and right of each, and of the expected one twice: (mh, mw, 2)."""
    low, one, two, high = _sorted(*neighbours)
    median = one + two >> 1
    if hint is None:
        return median
    vectors = np.where(hint[1][..., None], hint[0], median)
    third, fourth = np.minimum(np.maximum(low, vectors), two), np.maximum(np.minimum(high, vectors), one)  # of the six, sorted
    return third + fourth >> 1


def _sorted(
    a: NDArray[np.int16], b: NDArray[np.int16], c: NDArray[np.int16], d: NDArray[np.int16]
) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
    """Four arrays, sorted element by element."""
    a, b, c, d = np.minimum(a, b), np.maximum(a, b), np.minimum(c, d), np.maximum(c, d)
    middle, other = np.maximum(a, c), np.minimum(b, d)
    return np.minimum(a, c), np.minimum(middle, other), np.maximum(middle, other), np.maximum(b, d)


def vector_bits(vectors: NDArray[np.int16], predicted: NDArray[np.int16]) -> NDArray[np.float32]:
    """Approximate bits of vectors (…, 2) with such predictions: (…)."""
    apart = vectors.astype(np.int32) - predicted
    bits: NDArray[np.float32] = COMPONENT_BITS[np.abs(apart)].sum(axis=-1)
    return np.where(bits > 0, bits + np.float32(NEW_BITS), np.float32(MEDIAN_BITS))


def shifted(vectors: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """The vectors (h, w, 2) above, left, right and below each; at the border its own."""
    padded = np.pad(vectors, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = vectors.shape[:2]
    return [padded[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in CROSS.tolist()]


def _packed(vectors: NDArray[np.int16]) -> NDArray[np.int32]:
    """Both components of vectors (h, w, 2) as one number each, which compare faster: (h, w)."""
    return np.ascontiguousarray(vectors).view(np.int32)[..., 0]


def _keep_better(costs: NDArray[Any], new: NDArray[Any], *pairs: tuple[NDArray[Any], NDArray[Any]]) -> None:
    """Writes the new values of each pair into the old ones where the new cost is lower."""
    better = new < costs
    np.copyto(costs, new, where=better)
    for old, value in pairs:
        np.copyto(old, value, where=better if old.ndim == 2 else better[..., None])
