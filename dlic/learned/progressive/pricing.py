"""Rounding of refinements by what they cost: bits + price · squared error."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.tables import FrequencyTables

NEAR = 24  # refinements up to this are weighed by price; larger ones are rounded


@dataclass(frozen=True, eq=False)
class Pricing:
    """Tables, and the bits that a squared error of one step is worth."""

    tables: FrequencyTables
    price: float

    def cheapest(self, distances: NDArray[np.float32], rows: NDArray[Any]) -> NDArray[np.float32]:
        """Whole numbers for distances (N,) in the tables `rows` (N,): the nearest, or a neighbour of it that costs less."""
        low, high = self.tables.bounds(rows)
        rounded: NDArray[np.float32] = np.clip(np.rint(distances), low, high)
        best, least = rounded, self._costs(rounded, distances, rows)
        for step in (np.where(distances >= rounded, 1, -1), -np.sign(rounded)):
            candidate = np.clip(rounded + step, low, high).astype(np.float32)
            costs = self._costs(candidate, distances, rows)
            better = costs < least
            best, least = np.where(better, candidate, best), np.where(better, costs, least)
        return np.where(np.abs(rounded) > NEAR, rounded, best).astype(np.float32)

    def _costs(self, symbols: NDArray[Any], distances: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        costs: NDArray[Any] = self.bits[rows, np.clip(symbols, -NEAR, NEAR).astype(np.int64) + NEAR]
        costs = costs + np.float32(self.price) * np.square(symbols - distances)
        return costs

    @cached_property
    def bits(self) -> NDArray[np.float32]:
        """Bits of the values −NEAR … NEAR in every table; 0 in skipped ones."""
        values, bits = np.arange(-NEAR, NEAR + 1), np.zeros((len(self.tables), 2 * NEAR + 1), np.float32)
        for row in np.flatnonzero(~self.tables.skipped):
            bits[row] = self.tables.prices(row, values)
        return bits
