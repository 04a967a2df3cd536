"""Second layer: the table of every latent, and the parts in which refinements are coded, by whole numbers alone.

symbols and rows of the first layer ─┬─ tables ─ two passes each ─ ranks ─ order of passes ─ parts of equal expected bits
rows of z at the higher level ───────┘
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.division import divided
from dlic.entropy.parts import Part
from dlic.learned.progressive.tables import RefinementTables

PART_NAME = "refinement"

Places = tuple[NDArray[np.int64], ...]  # of latents in the raveled latent, ascending, for each part


@dataclass(frozen=True, eq=False)
class Layout:
    """The second layer of one unit before its refinements are known."""

    tables: NDArray[np.uint8]  # of each latent (h, w, M)
    coarse: Places  # latents whose cells are coded in each part
    fine: Places  # latents whose values are; every latent is in one of them, with its cell or behind it

    @property
    def count(self) -> int:
        """Number of parts."""
        return len(self.fine)

    def part(self, number: int) -> Part:
        """The values of a part as a coder groups them: as those of a single context step."""
        rows = self.tables.ravel()[self.fine[number]]
        return Part(PART_NAME, rows, np.zeros(rows.size, np.uint8))


def layout(tables: NDArray[np.uint8], data: RefinementTables, count: int) -> Layout:
    """Cuts both passes of the latents with these tables (h, w, M) into `count` parts, of about equal expected bits, the best
    first.
    """
    flat = tables.ravel()
    coarse, fine = divided(flat, data.passes.entropies, data.ranks, count)
    twice = np.flatnonzero(~data.passes.coarse.skipped[flat])
    return Layout(tables, _parts(coarse[twice], count, twice), _parts(fine, count))


def _parts(numbers: NDArray[np.uint8], count: int, places: NDArray[np.int64] | None = None) -> Places:
    """The `places` with each number 0 … count − 1."""
    of_parts = (np.flatnonzero(numbers == number) for number in range(count))
    return tuple(of_parts if places is None else (places[of_part] for of_part in of_parts))


def signs(symbols: NDArray[Any]) -> NDArray[np.int8]:
    """−1 where the first symbol is negative, else 1: refinements count away from zero."""
    sign: NDArray[np.int8] = np.where(symbols < 0, -1, 1).astype(np.int8)
    return sign
