"""Progressive scans (T.81 G): bands of AC levels, first roughly, then refined bit by bit; levels ⇄ codes ⇄ bits.

A scan here covers a band, the places first … last of one component's blocks; `levels` are those of the band, (N, last − first + 1).
EOBn with n more bits ends the band in up to 2¹⁵ − 1 blocks running. In a refining scan, levels known not to be zero take one more
bit each where the codes, which name new levels ±1, pass them.
"""

import numpy as np

from dlic.classical.jpeg.entropy import TOO_SHORT, ScanBits
from dlic.classical.jpeg.run_lengths import ZRL, Codes, block_codes, levels_of, places_of
from dlic.classical.jpeg.sequential import Layout
from dlic.classical.jpeg.tables import JpegTable
from dlic.errors import CorruptFileError

LONGEST_END = 0x7FFF  # blocks an EOB run covers at most


def dc_refining_codes(bits: np.ndarray) -> Codes:
    """One bit, 0 or 1, for each block: (N,)."""
    nothing = np.zeros(bits.size, np.uint8)
    return Codes(np.full(bits.size, -1), nothing, bits.astype(np.uint32), nothing + np.int64(1), np.arange(bits.size))


def read_dc_refining(bits: ScanBits, layout: Layout) -> np.ndarray:
    """Inverse of `dc_refining_codes` and `write_scan`."""
    blocks = np.arange(layout.blocks)
    interval, within = np.divmod(blocks, layout.interval * layout.pattern.size)
    positions = np.array(bits.starts)[interval] + within
    if (positions >= np.array(bits.ends)[interval]).any():
        raise CorruptFileError(TOO_SHORT)
    return bits.bits(positions, np.ones(blocks.size, np.int64))


def ac_first_codes(levels: np.ndarray, table: int, interval: int) -> Codes:
    """Codes of a band's levels (N, places), already shifted down."""
    slots = np.full(len(levels), 2 * table + 1)
    ends = _end_runs((levels != 0).any(axis=1), levels[:, -1] == 0, interval, 2 * table + 1)
    return block_codes(levels, 0, slots, None, ends)


def read_ac_first(bits: ScanBits, layout: Layout, first: int, last: int, table: JpegTable) -> np.ndarray:
    """Inverse of `ac_first_codes` and `write_scan`: int16 (N, places)."""
    starts, coded_blocks, positions = _follow_first(bits, layout, last - first, table.ac_steps)
    blocks = coded_blocks[np.searchsorted(starts, positions, side="right") - 1]
    symbols, ends = bits.symbols(positions, [table], 0)
    runs, sizes = symbols >> 4, symbols & 15
    places = places_of(blocks, np.where((sizes == 0) & (symbols != ZRL), 0, runs + 1), 0)
    if places.size and places.max() > last - first:
        raise CorruptFileError("a run of zeros goes on behind the end of its band")
    levels = np.zeros((layout.blocks, last - first + 1), np.int16)
    coded = sizes > 0
    levels[blocks[coded], places[coded]] = levels_of(sizes[coded], bits.bits(ends[coded], sizes[coded]))
    return levels


def ac_refining_codes(levels: np.ndarray, table: int, interval: int) -> Codes:
    """Codes of a band's next bit: levels (N, places) shifted down by all bits that are still to come, so that ±1 are new.

    A code covers the places from the stop of the code before it (or the block's begin) to its own stop: a new level, the last of
    sixteen zeros, or the end of a run of ends. The corrections of known levels it covers follow it.
    """
    slot, width = 2 * table + 1, levels.shape[1]
    flat = levels.reshape(-1)
    zeros, new, nonzero = (np.flatnonzero(choice) for choice in (flat == 0, np.abs(flat) == 1, np.abs(flat) > 1))
    last_new = np.full(len(levels), -1)
    last_new[new // width] = new % width
    ends = _end_runs(last_new >= 0, last_new < width - 1, interval, slot)

    behind_previous = np.concatenate([[-1], new[:-1]])[: new.size] + 1
    begins = np.maximum(behind_previous, new // width * width)
    first_zeros = np.searchsorted(zeros, begins)
    runs = np.searchsorted(zeros, new) - first_zeros
    skips = runs >> 4
    of = np.repeat(np.arange(new.size), skips)
    nth = np.arange(of.size) - np.repeat(np.cumsum(skips) - skips, skips)
    skip_begins = np.where(nth > 0, zeros[first_zeros[of] + 16 * nth - 1] + 1, begins[of]) if of.size else of
    new_begins = np.where(skips > 0, zeros[first_zeros + 16 * skips - 1] + 1, begins) if zeros.size else begins

    one = np.ones(1, np.int64)
    parts = [  # begin, slot, symbol, extra bits, their number
        (2 * skip_begins, slot, np.full(of.size, ZRL), np.zeros(of.size), 0 * one),
        (2 * new_begins, slot, (runs & 15) << 4 | 1, flat[new] > 0, one),
        (2 * (ends.blocks * width + last_new[ends.blocks] + 1), slot, ends.symbols, ends.extra, ends.extra_lengths),
        (2 * nonzero + 1, -1, np.zeros(nonzero.size), np.abs(flat[nonzero]) & 1, one),
    ]
    begin, slots, symbols, extra, lengths = (
        np.concatenate([np.broadcast_to(part[i], part[0].shape) for part in parts]).astype(np.int64) for i in range(5)
    )
    order = np.argsort(begin, kind="stable")
    return Codes(
        slots[order], symbols[order].astype(np.uint8), extra[order].astype(np.uint32), lengths[order], begin[order] // (2 * width)
    )


def read_ac_refining(bits: ScanBits, layout: Layout, levels: np.ndarray, table: JpegTable) -> np.ndarray:
    """Inverse of `ac_refining_codes` and `write_scan`: by how many units of the bit now coded `levels` (N, places) change."""
    nonzero = levels != 0
    codes, corrections = _follow_refining(bits, layout, nonzero, table.refining_steps)
    positions, blocks, places = codes
    symbols, ends = bits.symbols(positions, [table], 0)
    if ((symbols & 15) > 1).any():
        raise CorruptFileError("a refining scan holds a code of others")
    change = np.zeros(levels.shape, np.int16)
    starts, counts = corrections
    at = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    change[nonzero] = bits.bits(at, np.ones(at.size, np.int64)) * np.sign(levels[nonzero])
    new = (symbols & 15) == 1
    signs = bits.bits(ends[new], np.ones(np.count_nonzero(new), np.int64))
    change[blocks[new], places[new]] = 2 * signs.astype(np.int64) - 1
    return change


def _end_runs(has_codes: np.ndarray, is_open: np.ndarray, interval: int, slot: int) -> Codes:
    """EOBn codes for the blocks (N,) that are still open when their codes end: one at the first of each run of them.

    A run goes on while blocks have no codes of their own, and never from one restart interval into the next.
    """
    blocks = np.flatnonzero(is_open)
    if not blocks.size:
        return Codes(*(np.empty(0, np.int64) for _ in range(5)))
    goes_on = np.diff(blocks, prepend=-2) == 1
    begins = ~goes_on | has_codes[blocks] | (blocks % interval == 0)
    run = np.cumsum(begins) - 1
    within = np.arange(blocks.size) - np.flatnonzero(begins)[run]
    begins |= within % LONGEST_END == 0
    counts = np.diff(np.flatnonzero(begins), append=blocks.size)
    exponents = np.frexp(counts.astype(np.float64))[1] - 1
    extra = counts - (1 << exponents)
    return Codes(np.full(counts.size, slot), (exponents << 4).astype(np.uint8), extra.astype(np.uint32), exponents, blocks[begins])


def _follow_first(bits: ScanBits, layout: Layout, last: int, steps: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bit positions and numbers of the blocks that have codes, and where each code begins."""
    octets = bits.octets
    starts: list[int] = []
    coded: list[int] = []
    positions: list[int] = []
    append, block = positions.append, 0
    try:
        for position, end in zip(bits.starts, bits.ends, strict=True):
            stop = min(block + layout.interval, layout.blocks)
            while block < stop:
                starts.append(position)
                coded.append(block)
                place, step = -1, 0
                while place < last:
                    append(position)
                    step = steps[octets[position >> 3] >> 8 - (position & 7) & 0xFFFF]
                    position += step & 63
                    place += step >> 6
                block += _end_run(octets, position, step >> 14)
            if position > end or block > stop:
                raise IndexError
    except IndexError:
        raise CorruptFileError(TOO_SHORT) from None
    return np.array(starts, np.int64), np.array(coded, np.int64), np.array(positions, np.int64)


def _follow_refining(bits: ScanBits, layout: Layout, nonzero: np.ndarray, steps: list[int]):
    """Where codes begin, with the block and place of the zero each stops at; and where corrections begin, with their number."""
    width = nonzero.shape[1]
    zeros = np.broadcast_to(np.arange(width, dtype=np.uint8), nonzero.shape)[~nonzero].tobytes()  # places, block by block
    known_before = np.concatenate([[0], np.cumsum(nonzero.sum(axis=1))]).tolist()
    octets, codes, corrections, block = bits.octets, [], [], 0
    try:
        for position, end in zip(bits.starts, bits.ends, strict=True):
            stop = min(block + layout.interval, layout.blocks)
            while block < stop:
                place, zero = 0, block * width - known_before[block]
                zero_end = (block + 1) * width - known_before[block + 1]
                while place < width:
                    begin = position
                    step = steps[octets[position >> 3] >> 8 - (position & 7) & 0xFFFF]
                    position += step & 63
                    if step >> 10:
                        run = _end_run(octets, position, step >> 11)
                        codes.append((begin, block, 0))
                        count = width - place - (zero_end - zero) + known_before[block + run] - known_before[block + 1]
                        corrections.append((position, count))
                        position += count
                        block += run - 1
                        break
                    zero += step >> 6
                    if zero >= zero_end:
                        raise CorruptFileError("a run of zeros goes on behind the end of its band")
                    count = zeros[zero] - place - (step >> 6)
                    place, zero = zeros[zero] + 1, zero + 1
                    codes.append((begin, block, place - 1))
                    corrections.append((position, count))
                    position += count
                block += 1
            if position > end or block > stop:
                raise IndexError
    except IndexError:
        raise CorruptFileError(TOO_SHORT) from None
    return (np.array(part, np.int64).reshape(-1, width).T for part, width in ((codes, 3), (corrections, 2)))


def _end_run(octets: list[int], position: int, exponent: int) -> int:
    """Blocks that an EOBn ends, its n bits being those before `position`; 1 for any other code."""
    if not exponent:
        return 1
    begin = position - exponent
    return (1 << exponent) + (octets[begin >> 3] >> 24 - (begin & 7) - exponent & (1 << exponent) - 1)
