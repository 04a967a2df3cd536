"""Shifts of rows that an encoder chooses, one for each channel in each block of latents: z of the first layer does not tell all
about the scales of the second. They start the stream of its first part.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.coder import Decoder, Encoder
from dlic.entropy.tables import ENTROPY_FRACTION, FrequencyTables

# Latents along a side of a block. On 8 held-out training photographs of 512 × 768 pixels, 16 took 3.2, 1.5 and 1.1 % off the bits +
# λ · distortion of both layers at qualities 45, 60 and 80; 8 took 3.0, 1.0 and 0.6 %, and a single block 2.2, 1.2 and 0.8 %.
BLOCK = 16
STEP = 2  # rows of a shift of 1
MOST = 3  # shifts are −MOST … MOST
# Expected bits of a channel in a block from which on its shift is coded: 8 took 2.1, 2.1 and 0.6 % off on 8 others, 32 0.8, 1.9 and
# 0.6 %.
LEAST = 8 << ENTROPY_FRACTION


@dataclass(frozen=True, eq=False)
class BlockShifts:
    """Shifts of one unit."""

    values: NDArray[np.int8]  # (rows of blocks, columns, M); those that are not coded are as predicted
    coded: NDArray[np.bool_]  # of the same shape

    @property
    def symbols(self) -> NDArray[np.int32]:
        """The coded shifts, in the order of coding."""
        return self.values[self.coded].astype(np.int32)

    def of_latents(self, size: tuple[int, int]) -> NDArray[np.int8]:
        """The shift of the row of each latent: (h, w, M)."""
        height, width = size
        spread = self.values.repeat(BLOCK, axis=0)[:height].repeat(BLOCK, axis=1)[:, :width]
        return STEP * spread

    def bits(self, tables: FrequencyTables) -> float:
        """Ideal bits by the tables."""
        return sum(tables.bits(values, predicted + MOST) for predicted, values in self.pairs())

    def push(self, encoder: Encoder, tables: FrequencyTables) -> None:
        """Adds the shifts to a stream."""
        for predicted, values in self.pairs():
            encoder.push_rows(values.astype(np.int32), predicted + MOST, tables)

    @classmethod
    def pull(cls, decoder: Decoder, coded: NDArray[np.bool_], tables: FrequencyTables) -> "BlockShifts":
        """Reads the shifts from the beginning of a stream: inverse of `push`."""
        shifts = cls(np.zeros(coded.shape, np.int8), coded)
        for at, predicted in shifts._walk():
            shifts.values[at] = predicted
            pulled = decoder.pull_rows(predicted[coded[at]] + MOST, tables)
            shifts.values[at][coded[at]] = np.clip(pulled, -MOST, MOST)
        return shifts

    @classmethod
    def cheapest(cls, costs: NDArray[Any], coded: NDArray[np.bool_], tables: FrequencyTables) -> "BlockShifts":
        """The shifts of the least cost: `costs` (2 · MOST + 1, rows of blocks, columns, M) in bits, and those of the shifts."""
        values = np.arange(-MOST, MOST + 1)
        own = np.array([tables.prices(row, values) for row in range(len(tables))]).T  # (values, predictions)
        shifts = cls(np.zeros(coded.shape, np.int8), coded)
        for at, predicted in shifts._walk():
            best = (costs[:, at[0], at[1]] + own[:, predicted + MOST]).argmin(axis=0) - MOST
            shifts.values[at] = np.where(coded[at], best, predicted)
        return shifts

    def pairs(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int8]]]:
        """Predictions and values of the coded shifts of each block."""
        for at, predicted in self._walk():
            yield predicted[self.coded[at]], self.values[at][self.coded[at]]

    def _walk(self) -> Iterator[tuple[tuple[int, int], NDArray[np.int64]]]:
        """Each block in the order of coding, and the prediction of its shifts (M,): the block on the left; in the first column that
        above.
        """
        for row, column in np.ndindex(self.coded.shape[:2]):
            before = (row, column - 1) if column else (row - 1, 0)
            none = np.zeros(self.coded.shape[2], np.int64)
            yield (row, column), self.values[before].astype(np.int64) if row or column else none


def coded_shifts(tables: NDArray[np.uint8], entropies: NDArray[Any]) -> NDArray[np.bool_]:
    """Which shifts are coded, by the tables of all latents (h, w, M) without them: (rows of blocks, columns, M)."""
    expected: NDArray[np.int64] = block_sums(entropies.astype(np.int64)[tables])
    return expected >= LEAST


def block_sums(of_latents: NDArray[Any]) -> NDArray[Any]:
    """Sums over blocks: (h, w, M) → (rows of blocks, columns, M)."""
    rows, columns = (np.arange(0, size, BLOCK) for size in of_latents.shape[:2])
    sums: NDArray[Any] = np.add.reduceat(np.add.reduceat(of_latents, rows, axis=0), columns, axis=1)
    return sums
