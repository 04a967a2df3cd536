"""Best vectors of all blocks of a frame into one reference: candidates, propagation from neighbours, refinement to quarter pels."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import REACH, SUB, of_macroblocks
from dlic.classical.motion.planes import CurrentBlocks, Planes, differences, differences_of_parts

AROUND = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x], np.int16)
CROSS = np.array([(-1, 0), (0, -1), (0, 1), (1, 0)], np.int16)
WHOLE, HALF, QUARTER = 4, 2, 1  # quarter pels
MEDIAN_BITS, NEIGHBOUR_BITS, NEW_BITS = 0.7, 4.0, 2.5  # approximate cost of a vector: median, neighbour's, other; then its size
EXPECTED_BITS = 3.0  # of the expected one
# Propagations at the end of a round, each by one block. They took 0.7 % of the bits of two held-out clips for 2 % more time.
SETTLING = 3
# Share of a block's differences that another vector leaves at least, as far as the search supposes: where its cost is higher even
# then, it is not compared. By the step of a refinement in quarter pels. On four training clips at qualities 20 to 80 these take 5 %
# of an encoder's time and cost 0.1 % of the bits.
LEFT_BY_OTHERS = 0.5  # vectors of neighbours, expected ones, those of small copies
LEFT_BY_STEP = {2 * WHOLE: 0.5, WHOLE: 0.7, HALF: 0.8, QUARTER: 0.9}

SIZES = np.arange(2 * REACH, dtype=np.float32)  # of a component's distance from its prediction, in quarter pels
COMPONENT_BITS: NDArray[np.float32] = (2 * np.log2(1 + SIZES) + (SIZES > 0)).astype(np.float32)
FOUR = np.ones(4, np.float32)

Hint = tuple[NDArray[np.int16], NDArray[np.bool_]]  # expected vectors (mh, mw, 2), and where there are some (mh, mw)


class BlockSearch:
    """The best vectors so far: differences + price · bits, for blocks of 16 × 16 and of 8 × 8."""

    def __init__(self, current: CurrentBlocks, planes: Planes, price: float, hint: Hint | None = None):
        """`price`: absolute differences of luma that a bit is worth."""
        self._current, self._planes, self._price, self._hint = current, planes, np.float32(price), hint
        parts = differences_of_parts(current.blocks, planes.blocks(current.places))
        self.vectors = np.zeros((*current.size, 2), np.int16)
        self.sums = (parts @ FOUR).reshape(current.size)  # of absolute differences
        self.sub_vectors = np.zeros((*current.sub_size, 2), np.int16)
        self.sub_sums = np.empty(current.sub_size, np.float32)
        self.sub_sums.ravel()[current.parts] = parts
        self._spread: _Surroundings | None = None  # vectors when those of neighbours were last tried

    def run(self, candidates: Iterable[NDArray[np.int16]], rounds: int = 1) -> "BlockSearch":
        """Searches from candidates (mh, mw, 2), in so many rounds; returns itself."""
        around = _Surroundings(self.vectors.copy(), self._hint)
        self._try_all([*self._expected, *candidates], around, LEFT_BY_OTHERS)
        self._refine(AROUND * 2 * WHOLE)
        for _ in range(rounds):
            for step in (WHOLE, HALF, QUARTER):
                self._refine(AROUND * step)
                self._propagate()
            for _ in range(SETTLING):
                self._propagate()
            for step in (WHOLE, HALF, QUARTER):
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
        around = _Surroundings(self.vectors.copy(), self._hint)
        candidates = [around.field + offset for offset in offsets]
        self._try_all(candidates, around, LEFT_BY_STEP[int(np.abs(offsets).max())])

    def _propagate(self) -> None:
        """Tries the vectors of neighbours where one of these has changed since this was done last."""
        around = _Surroundings(self.vectors.copy(), self._hint)
        changed = None if self._spread is None else around.have_changed(self._spread)
        self._spread = around
        self._try_all([*around.neighbours, around.predicted, *self._expected], around, LEFT_BY_OTHERS, changed)

    def _try_all(
        self,
        candidates: Iterable[NDArray[np.int16]],
        around: "_Surroundings",
        left: float,
        where: NDArray[np.bool_] | None = None,
    ) -> None:
        """Tries vectors (mh, mw, 2) that are supposed to leave this share of the differences at least; only `where` (N,)."""
        costs = (self.sums + self._price * around.bits(self.vectors)).ravel()
        sub_costs = (self.sub_sums + self._price * vector_bits(self.sub_vectors, of_macroblocks(around.predicted))).ravel()
        tried = list[NDArray[np.int32]]()
        for candidate in candidates:
            vectors = within_reach(candidate)
            numbers, bits = packed(vectors), self._price * around.bits(vectors).ravel()
            mask = could_be_better(bits + np.float32(left) * self.sums.ravel(), costs, numbers, self.vectors)
            if where is not None:
                mask &= where
            self._try(numbers, np.flatnonzero(untried(numbers, mask, tried)), bits, costs, sub_costs)

    def _try(
        self,
        numbers: NDArray[np.int32],
        which: NDArray[np.int64],
        bits: NDArray[np.float32],
        costs: NDArray[np.float32],
        sub_costs: NDArray[np.float32],
    ) -> None:
        """Takes vectors (N,) of the macroblocks `which` where they cost less, for these and for their four blocks."""
        current, bits, tried = self._current, bits[which], numbers[which]
        blocks = self._planes.blocks(current.places[which] + unpacked(tried))
        parts = differences_of_parts(current.blocks.take(which, axis=0), blocks)
        sums = parts @ FOUR
        keep_better(which, costs, sums + bits, (self.sums.ravel(), sums), (packed(self.vectors), tried))
        at, of_parts = current.parts[which].ravel(), parts.ravel()
        pairs = (self.sub_sums.ravel(), of_parts), (packed(self.sub_vectors), tried.repeat(4))
        keep_better(at, sub_costs, (parts + bits[:, None]).ravel(), *pairs)

    def _refine_sub(self, step: int) -> None:
        """Refines the vectors of blocks of 8 × 8 around themselves, and from their neighbours and macroblocks."""
        start, current = self.sub_vectors.copy(), self._current
        whole, tried = of_macroblocks(self.vectors), list[NDArray[np.int32]]()
        costs = (self.sub_sums + self._price * vector_bits(start, whole)).ravel()
        near, others = [start + offset for offset in CROSS * np.int16(step)], [*shifted(start), whole]
        for candidate, left in (*((one, LEFT_BY_STEP[step]) for one in near), *((one, LEFT_BY_OTHERS) for one in others)):
            vectors = within_reach(candidate)
            numbers, bits = packed(vectors), self._price * vector_bits(vectors, whole).ravel()
            mask = could_be_better(bits + np.float32(left) * self.sub_sums.ravel(), costs, numbers, self.sub_vectors)
            which = np.flatnonzero(untried(numbers, mask, tried))
            blocks = self._planes.blocks(current.sub_places[which] + unpacked(numbers[which]), SUB)
            sums = differences(current.sub_blocks.take(which, axis=0), blocks)
            pairs = (self.sub_sums.ravel(), sums), (packed(self.sub_vectors), numbers[which])
            keep_better(which, costs, sums + bits[which], *pairs)


class _Surroundings:
    """The vectors around each of a field, by which others are priced."""

    def __init__(self, field: NDArray[np.int16], hint: Hint | None):
        self.field, self.neighbours = field, shifted(field)  # each (mh, mw, 2)
        self.predicted = _predicted(self.neighbours, hint)
        self._packed = [packed(each) for each in self.neighbours]
        self._expected = None if hint is None else (packed(hint[0]), hint[1].ravel())

    def have_changed(self, before: "_Surroundings") -> NDArray[np.bool_]:
        """Blocks (N,) of which a neighbour had another vector before."""
        changed = [now != then for now, then in zip(self._packed, before._packed, strict=True)]
        return np.asarray(changed[0] | changed[1] | changed[2] | changed[3])

    def bits(self, vectors: NDArray[np.int16]) -> NDArray[np.float32]:
        """Approximate bits of vectors (mh, mw, 2): (mh, mw)."""
        bits, numbers = vector_bits(vectors, self.predicted), packed(vectors)
        equal = numbers == self._packed[0]
        for neighbour in self._packed[1:]:
            equal |= numbers == neighbour
        flat = bits.ravel()
        np.minimum(flat, np.float32(NEIGHBOUR_BITS), out=flat, where=equal)
        if self._expected is not None:
            expected, known = self._expected
            np.minimum(flat, np.float32(EXPECTED_BITS), out=flat, where=(numbers == expected) & known)
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
    apart = np.abs(vectors - predicted)  # below 2 · REACH
    of_components: NDArray[np.float32] = COMPONENT_BITS.take(apart)
    bits: NDArray[np.float32] = of_components[..., 0] + of_components[..., 1]
    bits += NEW_BITS
    bits[apart.view(np.int32)[..., 0] == 0] = MEDIAN_BITS
    return bits


def shifted(vectors: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """The vectors (h, w, 2) above, left, right and below each; at the border its own."""
    height, width = vectors.shape[:2]
    padded = np.empty((height + 2, width + 2, 2), np.int16)  # corners are not used; np.pad takes four times as long
    padded[1:-1, 1:-1] = vectors
    padded[0, 1:-1], padded[-1, 1:-1] = vectors[0], vectors[-1]
    padded[1:-1, 0], padded[1:-1, -1] = vectors[:, 0], vectors[:, -1]
    return [padded[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in CROSS.tolist()]


def packed(vectors: NDArray[np.int16]) -> NDArray[np.int32]:
    """Both components of vectors (…, 2) as one number each, which NumPy handles faster: (N,); a view of an array in order."""
    return np.ascontiguousarray(vectors).reshape(-1).view(np.int32)


def unpacked(numbers: NDArray[np.int32]) -> NDArray[np.int16]:
    """Inverse of `packed`: (N,) → (N, 2)."""
    return numbers.view(np.int16).reshape(-1, 2)


def within_reach(vectors: NDArray[np.int16]) -> NDArray[np.int16]:
    """Vectors, limited to what a file can hold."""
    return np.minimum(np.maximum(vectors, -REACH), REACH - 1)


def could_be_better(
    least: NDArray[np.float32], costs: NDArray[np.float32], numbers: NDArray[np.int32], best: NDArray[np.int16]
) -> NDArray[np.bool_]:
    """The blocks (N,) whose packed vectors (N,) are not the best ones so far (h, w, 2), and could cost less: `least` (N,)."""
    return (least < costs) & (numbers != packed(best))


def untried(numbers: NDArray[np.int32], mask: NDArray[np.bool_], tried: list[NDArray[np.int32]]) -> NDArray[np.bool_]:
    """The mask (N,) without vectors that have been tried for their block; adds these vectors (N,) to the list."""
    for others in tried:
        mask &= numbers != others
    tried.append(numbers)
    return mask


def keep_better(
    which: NDArray[np.int64], costs: NDArray[np.float32], new: NDArray[np.float32], *pairs: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    """Writes the new values (n,) of each pair into the old ones (N,) of the blocks `which` (n,) where the new cost is lower."""
    better = np.flatnonzero(new < costs[which])
    at = which[better]
    for old, value in ((costs, new), *pairs):
        old[at] = value[better]
