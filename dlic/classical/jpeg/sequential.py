"""Sequential scans and the first DC scan of progressive ones: levels ⇄ codes ⇄ bits."""

from dataclasses import dataclass

import numpy as np

from dlic.classical.jpeg.entropy import TOO_SHORT, ScanBits
from dlic.classical.jpeg.run_lengths import (
    ZRL,
    Codes,
    accumulated,
    block_codes,
    dc_codes,
    differences,
    ends_of_blocks,
    levels_of,
    places_of,
)
from dlic.classical.jpeg.tables import JpegTable
from dlic.errors import CorruptFileError


@dataclass(frozen=True, eq=False)
class Layout:
    """The order of a scan's blocks."""

    units: int
    pattern: np.ndarray  # (blocks a unit,), which of the scan's components each belongs to
    interval: int  # units between restarts

    @property
    def intervals(self) -> int:
        return -(-self.units // self.interval)

    @property
    def blocks(self) -> int:
        return self.units * self.pattern.size


def sequential_codes(levels: np.ndarray, layout: Layout, tables: np.ndarray) -> Codes:
    """Codes of whole blocks, levels (N, 64) in zigzag and coding order; `tables` names the table pair of each of the components."""
    dc_slots = 2 * np.tile(tables[layout.pattern], layout.units)
    heads = _dc_differences(levels[:, 0], layout, dc_slots)
    ac = levels[:, 1:]
    return block_codes(ac, 1, dc_slots + 1, heads, ends_of_blocks(ac, dc_slots + 1))


def read_sequential(bits: ScanBits, layout: Layout, dc: list[JpegTable], ac: list[JpegTable]) -> np.ndarray:
    """Inverse of `sequential_codes` and `write_scan`: int16 levels (N, 64). `dc` and `ac` name the tables of each component."""
    dc_positions, ac_positions = _follow(bits, layout, [table.dc_steps for table in dc], [table.ac_steps for table in ac])
    components = np.tile(layout.pattern, layout.units)
    levels = np.zeros((layout.blocks, 64), np.int16)
    levels[:, 0] = _dc_levels(bits, layout, dc, dc_positions)

    blocks = np.searchsorted(dc_positions, ac_positions) - 1
    symbols, ends = bits.symbols(ac_positions, ac, components[blocks])
    runs, sizes = symbols >> 4, symbols & 15
    if ((sizes == 0) & (runs > 0) & (symbols != ZRL)).any():
        raise CorruptFileError("a sequential scan holds a code of progressive ones")
    is_end = symbols == 0
    places = places_of(blocks, np.where(is_end, 0, runs + 1), 1)
    if places.size and places.max() > 63:
        raise CorruptFileError("a run of zeros goes on behind the end of its block")
    coded = sizes > 0
    levels[blocks[coded], places[coded]] = levels_of(sizes[coded], bits.bits(ends[coded], sizes[coded]))
    return levels


def dc_first_codes(dc: np.ndarray, layout: Layout, tables: np.ndarray) -> Codes:
    """Codes of DC levels (N,) alone."""
    return _dc_differences(dc, layout, 2 * np.tile(tables[layout.pattern], layout.units))


def read_dc_first(bits: ScanBits, layout: Layout, dc: list[JpegTable]) -> np.ndarray:
    """Inverse of `dc_first_codes` and `write_scan`: int64 (N,)."""
    steps = [table.dc_steps for table in dc]
    return _dc_levels(bits, layout, dc, _follow(bits, layout, steps, None)[0])


def _dc_differences(dc: np.ndarray, layout: Layout, slots: np.ndarray) -> Codes:
    changes = differences(dc.reshape(layout.units, -1), layout.pattern, layout.interval)
    return dc_codes(changes.reshape(-1), slots)


def _dc_levels(bits: ScanBits, layout: Layout, dc: list[JpegTable], positions: np.ndarray) -> np.ndarray:
    """Inverse of `_dc_differences`."""
    sizes, ends = bits.symbols(positions, dc, np.tile(layout.pattern, layout.units))
    changes = levels_of(sizes, bits.bits(ends, sizes)).reshape(layout.units, -1)
    levels = accumulated(changes, layout.pattern, layout.interval).reshape(-1)
    if np.abs(levels).max() > 2047:
        raise CorruptFileError("a DC coefficient is out of range")
    return levels


def _follow(bits: ScanBits, layout: Layout, dc: list[list[int]], ac: list[list[int]] | None) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the DC codes and of the AC codes.

    The one loop over codes looks up only their lengths, in bits and in places of the block. Their meaning and validity are checked
    for all of them afterwards.
    """
    octets = bits.octets
    dc_positions: list[int] = []
    ac_positions: list[int] = []
    append_dc, append_ac = dc_positions.append, ac_positions.append
    pairs = [(dc[c], ac[c] if ac else []) for c in layout.pattern.tolist()]
    units_left = layout.units
    try:
        for position, end in zip(bits.starts, bits.ends, strict=True):
            for _ in range(min(layout.interval, units_left)):
                for dc_steps, ac_steps in pairs:
                    append_dc(position)
                    position += dc_steps[octets[position >> 3] >> 8 - (position & 7) & 0xFFFF]
                    place = 0 if ac_steps else 63
                    while place < 63:
                        append_ac(position)
                        step = ac_steps[octets[position >> 3] >> 8 - (position & 7) & 0xFFFF]
                        position += step & 63
                        place += step >> 6
            if position > end:
                raise IndexError
            units_left -= layout.interval
    except IndexError:
        raise CorruptFileError(TOO_SHORT) from None
    return np.array(dc_positions, np.int64), np.array(ac_positions, np.int64)
