"""Levels ⇄ runs of zeros and sizes, the symbols of JPEG's Huffman codes (T.81 F.1.2), for all blocks at once.

An AC symbol is 16 · (zeros before a level) + (bits of that level); ZRL skips sixteen zeros, EOB ends a block.
"""

from dataclasses import dataclass

import numpy as np

ZRL = 0xF0
EOB = 0x00


@dataclass(frozen=True, eq=False)
class Codes:
    """Huffman symbols and the bits that follow each, in coding order."""

    slots: np.ndarray  # (M,) which of the scan's tables codes it: 2 · table + (1 for AC), or −1 where bits stand alone
    symbols: np.ndarray  # (M,) uint8
    extra: np.ndarray  # (M,) uint32
    extra_lengths: np.ndarray  # (M,) 0 … 15
    blocks: np.ndarray  # (M,) block of the scan, rising

    def counts(self, slot: int) -> np.ndarray:
        """Counts of the symbols: (256,)."""
        return np.bincount(self.symbols[self.slots == slot], minlength=256)


def sizes_and_bits(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Levels (N,) within ±32767 → number of bits of each, and these bits; a negative level is written as the low bits of level −
    1.
    """
    sizes = np.frexp(np.abs(levels).astype(np.float32))[1].astype(np.int64)
    bits = (levels.astype(np.int64) - (levels < 0)) & ((1 << sizes) - 1)
    return sizes, bits.astype(np.uint32)


def levels_of(sizes: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Inverse of `sizes_and_bits`: int64 (N,)."""
    sizes, bits = sizes.astype(np.int64), bits.astype(np.int64)
    return np.where(bits >> np.maximum(sizes - 1, 0) == 1, bits, bits + 1 - (1 << sizes)) * (sizes > 0)


def runs_before(blocks: np.ndarray, places: np.ndarray, first: int) -> np.ndarray:
    """Zeros before each of the levels at `places` of `blocks`, both (M,) in coding order; bands begin at `first`."""
    before = np.concatenate([[first - 1], places[:-1]])
    before[np.flatnonzero(np.diff(blocks, prepend=-1))] = first - 1
    return places - before - 1


def places_of(blocks: np.ndarray, steps: np.ndarray, first: int) -> np.ndarray:
    """Inverse of `runs_before`: where codes that go on by `steps` (run + 1) arrive."""
    total = np.cumsum(steps)
    heads = np.flatnonzero(np.diff(blocks, prepend=-1))
    before = np.repeat(total[heads] - steps[heads], np.diff(heads, append=blocks.size))
    return first - 1 + total - before


def block_codes(levels: np.ndarray, first: int, ac_slots: np.ndarray, heads: Codes | None, ends: Codes) -> Codes:
    """Codes of the AC levels (N, places) from place `first` on, each block's between its head (a DC code) and its end, if any.

    `ac_slots` (N,) names the table of each block; `heads` and `ends` hold at most one code a block.
    """
    blocks, places = np.nonzero(levels)
    places = places + first
    sizes, bits = sizes_and_bits(levels[blocks, places - first])
    runs = runs_before(blocks, places, first)
    head_counts = np.bincount(heads.blocks, minlength=len(levels)) if heads else np.zeros(len(levels), np.int64)
    inner = np.bincount(blocks, weights=(runs >> 4) + 1, minlength=len(levels)).astype(np.int64)
    counts = head_counts + inner + np.bincount(ends.blocks, minlength=len(levels))
    starts = np.cumsum(counts) - counts
    at = starts[blocks] + head_counts[blocks] + np.cumsum((runs >> 4) + 1) - (np.cumsum(inner) - inner)[blocks] - 1

    of = np.repeat(np.arange(len(levels)), counts)
    codes = Codes(ac_slots[of], np.full(of.size, ZRL, np.uint8), np.zeros(of.size, np.uint32), np.zeros(of.size, np.int64), of)
    codes.symbols[at], codes.extra[at], codes.extra_lengths[at] = (runs & 15) << 4 | sizes, bits, sizes
    if heads:
        _put(codes, starts[heads.blocks], heads)
    _put(codes, (starts + counts - 1)[ends.blocks], ends)
    return codes


def dc_codes(differences: np.ndarray, slots: np.ndarray) -> Codes:
    """One code a block: differences (N,) from the DC level before, table slots (N,)."""
    sizes, bits = sizes_and_bits(differences)
    return Codes(slots, sizes.astype(np.uint8), bits, sizes, np.arange(sizes.size))


def ends_of_blocks(levels: np.ndarray, slots: np.ndarray) -> Codes:
    """An EOB for every block (N, places) whose last level is zero."""
    blocks = np.flatnonzero(levels[:, -1] == 0)
    zeros = np.zeros(blocks.size, np.uint8)
    return Codes(slots[blocks], zeros + np.uint8(EOB), zeros.astype(np.uint32), zeros.astype(np.int64), blocks)


def differences(dc: np.ndarray, pattern: np.ndarray, interval: int) -> np.ndarray:
    """Each DC level less the one before it of the same component: (units, blocks a unit) → the same shape.

    `pattern` names the component of each block of a unit; every `interval` units the prediction starts at 0 again.
    """
    out = np.empty(dc.shape, np.int64)
    for component in np.unique(pattern):
        own = dc[:, pattern == component].astype(np.int64)
        change = np.diff(own.reshape(-1), prepend=0).reshape(own.shape)
        change[::interval, 0] = own[::interval, 0]
        out[:, pattern == component] = change
    return out


def accumulated(changes: np.ndarray, pattern: np.ndarray, interval: int) -> np.ndarray:
    """Inverse of `differences`."""
    out = np.empty(changes.shape, np.int64)
    for component in np.unique(pattern):
        own = changes[:, pattern == component]
        total = np.cumsum(own.reshape(-1)).reshape(own.shape)
        before = (total - own)[::interval, 0]
        out[:, pattern == component] = total - np.repeat(before, interval)[: len(total), None]
    return out


def _put(codes: Codes, at: np.ndarray, inserted: Codes) -> None:
    codes.slots[at], codes.symbols[at] = inserted.slots, inserted.symbols
    codes.extra[at], codes.extra_lengths[at] = inserted.extra, inserted.extra_lengths
