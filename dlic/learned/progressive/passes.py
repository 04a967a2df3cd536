"""Refinements in two passes: in which of two cells of its table's values a refinement lies, then which value of the cell it is.

    table ─┬─ cell 0: values below the split, cell 1: those from it on, and escapes ─ `coarse`, a row a table
           └─ values within each cell ─ `fine`, two rows a table

By the chain rule both passes together take the bits of one. The first passes of all latents come early, as they bring most of the
quality for their bits: the picture at half of the second layer is 0.3 dB better. All of it is in whole numbers.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parity import Groups
from dlic.entropy.tables import TOTAL, FrequencyTables, rescaled

CELLS = 2
CERTAIN = np.array([TOTAL], np.int32)  # a skipped row


@dataclass(frozen=True, eq=False)
class Passes:
    """Both passes of the refinements of some tables."""

    tables: FrequencyTables
    splits: NDArray[np.int16]  # (tables,): first value of cell 1; the minimum in a table of a single pass

    @cached_property
    def coarse(self) -> FrequencyTables:
        """The row of each table for the cell; skipped in tables of a single pass, where all values are in cell 1."""
        within = zip(self.tables.counts, self._below, strict=True)
        rows = [_rescaled(counts[:below].sum(), counts[below:].sum(), 0) if below else CERTAIN for counts, below in within]
        return FrequencyTables((self._below == 0).astype(np.int32), tuple(rows))

    @cached_property
    def fine(self) -> FrequencyTables:
        """Row 2 · table + cell is for the values of a cell; skipped where it has one value."""
        rows = list[NDArray[Any]]()
        for counts, below in zip(self.tables.counts, self._below, strict=True):
            rows.append(_rescaled(*counts[:below], 0) if below > 1 else CERTAIN)
            rows.append(_rescaled(*counts[below:]) if below else counts)
        return FrequencyTables(np.stack([self.tables.minima, self.splits], axis=1).astype(np.int32).ravel(), tuple(rows))

    @cached_property
    def entropies(self) -> NDArray[np.int64]:
        """Expected bits of both passes of each table, in the units of `FrequencyTables.entropies`: (2, tables)."""
        coarse = self.coarse.entropies.astype(np.int64)
        return np.stack([coarse, np.maximum(self.tables.entropies - coarse, 0)])

    def cells(self, refinements: NDArray[Any], tables: NDArray[Any]) -> NDArray[np.int32]:
        """The cell of each refinement in its table, 0 or 1."""
        escaped = refinements < self.tables.minima[tables]
        cells: NDArray[np.int32] = (escaped | (refinements >= self.splits[tables])).astype(np.int32)
        return cells

    def rows(self, tables: NDArray[Any], cells: NDArray[Any]) -> NDArray[np.int32]:
        """Rows of `fine`."""
        rows: NDArray[np.int32] = CELLS * tables.astype(np.int32) + cells
        return rows

    def lasts(self, groups: Groups, rows: NDArray[Any]) -> NDArray[np.int64]:
        """The symbol of each group that is coded last, by its parity: the one of the highest entropy in its row (N,) of `fine`, of
        equals the first. A group in which no row has an entropy has none.
        """
        if not len(groups):
            return groups.lasts
        entropies = self.fine.entropies[rows[groups.members]].astype(np.int64)
        count = groups.members.size
        best = np.maximum.reduceat(entropies * count + (count - 1 - np.arange(count)), groups.starts)
        lasts: NDArray[np.int64] = groups.members[count - 1 - best % count][best >= count]
        return lasts

    @property
    def _below(self) -> NDArray[np.int32]:
        """Values of cell 0 of each table: (tables,)."""
        below: NDArray[np.int32] = self.splits - self.tables.minima
        return below


def _rescaled(*frequencies: int) -> NDArray[Any]:
    return rescaled(np.array(frequencies, np.int64))
