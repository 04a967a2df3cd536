"""Table rows of an area in which some superblocks are not coded: their symbols are zero and cost nothing."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Path
from dlic.entropy.tables import TOTAL, FrequencyTables
from dlic.runtime.network import TableRows

LATENTS = 4  # of y along a superblock


def with_silent_row(tables: FrequencyTables) -> FrequencyTables:
    """The tables and one more row, the last: always 0, at no cost."""
    minima = np.append(tables.minima, 0).astype(np.int32)
    return FrequencyTables(minima, (*tables.counts, np.array([TOTAL], np.int32)))


def positions(size: tuple[int, ...], superblocks: tuple[int, ...]) -> int:
    """Positions along a superblock of a part of `size` (h', w', …): one of z, LATENTS of y, fewer at the frame's border."""
    return 1 if size[:2] == superblocks else LATENTS


@dataclass(frozen=True, eq=False)
class MaskedRows:
    """Rows of a model, with the silent row where superblocks are not coded."""

    whole: TableRows
    coded: NDArray[np.bool_]  # (h, w) superblocks
    silent: int  # the row

    def path(self, size: tuple[int, int], level: int) -> Path:
        """As the model's."""
        path = self.whole.path(size, level)
        try:
            part = next(path)
            while True:
                symbols = yield replace(part, rows=self._masked(part.rows))
                part = path.send(symbols)
        except StopIteration:
            return

    def hyper_rows(self, size: tuple[int, int], level: int) -> NDArray[Any]:
        """As the model's."""
        return self._masked(self.whole.hyper_rows(size, level))

    def rows(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[Any]:
        """As the model's."""
        return self._masked(self.whole.rows(z_symbols, size, level))

    def steps(self, size: tuple[int, int]) -> NDArray[np.float32] | None:
        """As the model's."""
        return self.whole.steps(size)

    def _masked(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows (h', w', C) of z or of y."""
        if self.coded.all():
            return rows
        times = positions(rows.shape, self.coded.shape)
        mask = self.coded.repeat(times, axis=0).repeat(times, axis=1)[: rows.shape[0], : rows.shape[1]]
        return np.where(mask[..., None], rows, np.asarray(self.silent, np.min_scalar_type(self.silent)))
