"""One part of a second layer ⇄ its stream: the cells of some latents, then the values of others, in groups of even sums."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.container.layers import CodedPart
from dlic.entropy.parity import Groups, groups_of_steps, joined
from dlic.entropy.rans import RansDecoder, RansEncoder
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError
from dlic.learned.progressive.layout import Layout
from dlic.learned.progressive.passes import CELLS
from dlic.learned.progressive.tables import RefinementTables

Symbols = NDArray[np.int32]
Run = tuple[Symbols, NDArray[Any], FrequencyTables]  # symbols (N,), their rows, and the tables of these


@dataclass(frozen=True, eq=False)
class PartCoder:
    """Codes parts of one checkpoint's second layers; `even`: with parity."""

    data: RefinementTables
    even: bool

    # --- encoding

    def push(self, encoder: RansEncoder, refinements: Symbols, layout: Layout, number: int) -> Symbols:
        """Adds a part of refinements (N,) of the raveled latent to its stream; returns what its checksum covers."""
        for symbols, rows, tables in self._runs(refinements, layout, number):
            encoder.push_rows(symbols, rows, tables)
        return np.concatenate([self._cells(refinements, layout, number), refinements[layout.fine[number]]])

    def bits(self, refinements: Symbols, layout: Layout, number: int) -> float:
        """Ideal bits of a part by the tables."""
        return sum(tables.bits(symbols, rows) for symbols, rows, tables in self._runs(refinements, layout, number))

    def _cells(self, refinements: Symbols, layout: Layout, number: int) -> Symbols:
        coarse = layout.coarse[number]
        return self.data.passes.cells(refinements[coarse], layout.tables.ravel()[coarse])

    def _runs(self, refinements: Symbols, layout: Layout, number: int) -> list[Run]:
        """What is coded for a part, in order."""
        passes, tables = self.data.passes, layout.tables.ravel()
        values, own = refinements[layout.fine[number]], tables[layout.fine[number]]
        rows = passes.rows(own, passes.cells(values, own))
        lasts = self._lasts(self._groups(layout, number), rows)
        rest = _but(lasts, rows.size)
        return [
            (self._cells(refinements, layout, number), tables[layout.coarse[number]], passes.coarse),
            (values[rest], rows[rest], passes.fine),
            (values[lasts] >> 1, 2 * rows[lasts] + (values[lasts] & 1), passes.fine.by_parity),
        ]

    def _groups(self, layout: Layout, number: int) -> Groups | None:
        """Values of a part whose sums are even; None without parity."""
        return joined(groups_of_steps(layout.part(number), self.data.tables)) if self.even else None

    def _lasts(self, groups: Groups | None, rows: NDArray[Any]) -> NDArray[np.int64]:
        """The values of a part that are coded last, by their parity."""
        return np.empty(0, np.int64) if groups is None else self.data.passes.lasts(groups, rows)

    # --- decoding

    def pull(self, decoder: RansDecoder, crc: int, before: int, layout: Layout, number: int, cells: Symbols) -> Symbols:
        """The values of a part, the rest of its stream. Its cells are put into `cells` (N,) of the raveled latent, next to those of
        the parts before. Raises CorruptFileError for a part of another checksum than `crc`, after the one `before` it.
        """
        passes, tables = self.data.passes, layout.tables.ravel()
        coarse, fine = layout.coarse[number], layout.fine[number]
        found = decoder.pull_rows(tables[coarse], passes.coarse)
        if found.size and not 0 <= found.min() <= found.max() < CELLS:
            raise CorruptFileError("it has cells that there are not")
        cells[coarse] = found
        own = np.where(passes.coarse.skipped[tables[fine]], 1, cells[fine])
        values = self._values(decoder, layout, number, passes.rows(tables[fine], own))
        decoder.finish()
        if CodedPart.crc_after(before, np.concatenate([found, values])) != crc:
            raise CorruptFileError("its symbols do not match their checksum")
        return values

    def _values(self, decoder: RansDecoder, layout: Layout, number: int, rows: NDArray[Any]) -> Symbols:
        """The values of a part, whose rows of fine tables are known."""
        fine, groups = self.data.passes.fine, self._groups(layout, number)
        lasts, values = self._lasts(groups, rows), np.zeros(rows.size, np.int32)
        rest = _but(lasts, rows.size)
        values[rest] = decoder.pull_rows(rows[rest], fine)
        if groups is not None and lasts.size:
            of_last = groups.of_members[np.isin(groups.members, lasts)]
            odd = groups.odd(values)[of_last]  # the sums of the others, as the last ones are 0 yet
            values[lasts] = 2 * decoder.pull_rows(2 * rows[lasts] + odd, fine.by_parity) + odd
        return values


def _but(places: NDArray[Any], count: int) -> NDArray[np.bool_]:
    """All of `count` but some places."""
    rest = np.ones(count, bool)
    rest[places] = False
    return rest
