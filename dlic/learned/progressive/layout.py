"""Second layer: the table of every latent, and the parts in which refinements are coded, by whole numbers alone.

symbols and rows of the first layer ─┬─ tables ─ ranks ─ order of latents ─ parts of equal expected bits
rows of z at the higher level ───────┘
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Part
from dlic.learned.progressive.tables import RefinementTables

PART_BYTES = 2500  # typical bytes of a part: its overhead of 10 bytes is then 0.4 %
LEAST_RATE, LEVELS_TO_DOUBLE = 0.035, 12.0  # bits a pixel of second layers of photographs at level 0, if there were one
MAX_PARTS = 16  # that an encoder makes
PART_NAME = "refinement"


@dataclass(frozen=True, eq=False)
class Layout:
    """The second layer of one unit before its refinements are known."""

    tables: NDArray[np.uint8]  # of each latent (h, w, M)
    parts: tuple[NDArray[np.int64], ...]  # places of the latents of each part in the raveled latent, ascending

    def part(self, number: int) -> Part:
        """A part as a coder takes it; its groups of even sums are those of a single context step."""
        rows = self.tables.ravel()[self.parts[number]]
        return Part(PART_NAME, rows, np.zeros(rows.size, np.uint8))


def layout(tables: NDArray[np.uint8], data: RefinementTables, count: int) -> Layout:
    """Cuts the latents with these tables (h, w, M) into `count` parts, of about equal expected bits, the best first."""
    flat = tables.ravel()
    order = np.argsort(data.ranks[flat], kind="stable")
    bits = data.tables.entropies[flat[order]].astype(np.int64)
    ends = np.cumsum(bits)
    total = int(ends[-1]) if ends.size else 0
    numbers = np.empty(flat.size, np.uint8)  # bytes are sorted by radix, ten times as fast as places
    numbers[order] = np.minimum((ends - bits) * count // max(total, 1), count - 1)
    borders = np.cumsum(np.bincount(numbers, minlength=count))[:-1]
    return Layout(tables, tuple(np.split(np.argsort(numbers, kind="stable"), borders)))


def sensible_count(pixels: int, level: int) -> int:
    """Number of parts for a unit of so many pixels, from what photographs take at that level."""
    typical = pixels * LEAST_RATE * 2 ** (level / LEVELS_TO_DOUBLE) / 8
    return int(np.clip(round(typical / PART_BYTES), 1, MAX_PARTS))


def signs(symbols: NDArray[Any]) -> NDArray[np.int8]:
    """−1 where the first symbol is negative, else 1: refinements count away from zero."""
    sign: NDArray[np.int8] = np.where(symbols < 0, -1, 1).astype(np.int8)
    return sign
