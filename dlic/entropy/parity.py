"""Groups of symbols whose sum is even: the symbol that a group codes last costs about a bit less, as its parity is known.

The symbols of a group are a point of the lattice Dₙ, the whole vectors with an even sum (Conway and Sloane, "Fast quantizing and
decoding algorithms for lattice quantizers and codes", IEEE Trans. Inf. Theory 28, 1982). Dₙ is a denser packing than the whole
vectors, so that the same squared error takes fewer bits. Nothing is hidden in signs.

    entropies of the rows ─ groups of about GROUP_BITS ─┬─ encoder: an odd group is repaired by the ±1 that costs least
                                                        └─ the symbol of the highest row is last, coded given its parity
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dlic.entropy.tables import PRECISION, REACH, TOTAL, FrequencyTables

GROUP_BITS = 18  # expected bits of a group; 16 to 20 give the same rate on photographs
FRACTION = 8  # bits after the point of an entropy


@dataclass(frozen=True)
class Groups:
    """The groups of one set of symbols. Symbols that belong to none are free."""

    members: np.ndarray  # (N,) int64, places of the symbols that belong to groups, group after group
    starts: np.ndarray  # (G,) int64, of each group within `members`
    lasts: np.ndarray  # (G,) int64, places of the symbols that are coded last

    def __len__(self) -> int:
        return self.starts.size

    def odd(self, symbols: np.ndarray) -> np.ndarray:
        """Whether each group's sum is odd: bool (G,), for whole symbols at all places."""
        return _sums(symbols[self.members], self.starts) % 2 != 0

    @cached_property
    def of_members(self) -> np.ndarray:
        """The group that each member belongs to: (N,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts, append=self.members.size))


def groups(rows: np.ndarray, places: np.ndarray, entropies: np.ndarray, group_bits: int = GROUP_BITS) -> Groups:
    """The groups of the symbols at `places` (N,) among `rows` (M,), in that order.

    Symbols of rows without entropy are left out. With C the sum of the entropies before a symbol, the symbol belongs to group
    ⌊C / group_bits⌋. The last group is free unless the sum of all entropies completes it.

    Args:
        rows: table row of every symbol.
        places: those of the symbols that are grouped.
        entropies: of every row, in units of 2^−FRACTION bits, as `entropies` gives them.
        group_bits: expected bits of a group.
    """
    bits = entropies[rows[places]]
    coded = np.flatnonzero(bits)
    ends = np.cumsum(bits[coded])
    whole = int(ends[-1]) // (group_bits << FRACTION) if coded.size else 0
    numbers = (ends - bits[coded]) // (group_bits << FRACTION)
    numbers = numbers[: np.searchsorted(numbers, whole)]  # groups from `whole` on are incomplete
    members = places[coded[: numbers.size]]
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    if not starts.size:
        return Groups(members, starts, members)
    # the highest row first, and of equals the first member
    ranks = rows[members].astype(np.int64) * members.size - np.arange(members.size)
    best = np.maximum.reduceat(ranks, starts)
    return Groups(members, starts, members[-best % members.size])


def joined(parts: Sequence[Groups]) -> Groups:
    """The groups of several parts as one."""
    offsets = np.cumsum([0, *(part.members.size for part in parts)])
    starts = [part.starts + offset for part, offset in zip(parts, offsets, strict=False)]
    members, lasts = ([getattr(part, name) for part in parts] for name in ("members", "lasts"))
    return Groups(np.concatenate(members), np.concatenate(starts), np.concatenate(lasts))


def _sums(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Sum of each group of `values` (N,): (G,)."""
    return np.add.reduceat(values, starts) if starts.size else values[:0]


# --- tables ---------------------------------------------------------------------------------------------------------


def entropies(tables: FrequencyTables) -> np.ndarray:
    """Entropy of every row in units of 2^−FRACTION bits, rounded down: int64 (rows,). The same on every machine."""
    counts = np.concatenate(tables.counts).astype(np.int64)
    bits = counts * ((PRECISION << FRACTION) - binary_logarithms(counts))
    starts = np.cumsum([0, *(row.size for row in tables.counts[:-1])])
    return np.add.reduceat(bits, starts) >> PRECISION


def binary_logarithms(values: np.ndarray) -> np.ndarray:
    """⌊2^FRACTION · log₂⌋ of whole numbers 1 … 2¹⁶, by whole numbers alone: int64 (N,)."""
    whole = sum((values >> shift > 0).astype(np.int64) for shift in range(1, PRECISION + 1))
    mantissa, logarithms = values.astype(np.int64) << (PRECISION + 14 - whole), whole  # 1 … 2 with 30 bits after the point
    for _ in range(FRACTION):
        mantissa = mantissa * mantissa >> 30
        above = mantissa >> 31
        mantissa, logarithms = mantissa >> above, 2 * logarithms + above
    return logarithms


def restricted(tables: FrequencyTables) -> FrequencyTables:
    """Two rows for each: row 2r + p codes u where row r has the value 2u + p."""
    minima, counts = [], []
    for minimum, row in zip(tables.minima.tolist(), tables.counts, strict=True):
        for parity in (0, 1):
            first, frequencies = _of_parity(minimum, row, parity)
            minima.append(first)
            counts.append(frequencies)
    return FrequencyTables(np.array(minima, np.int32), tuple(counts))


def _of_parity(minimum: int, counts: np.ndarray, parity: int) -> tuple[int, np.ndarray]:
    """The values of one parity: the smallest u, and frequencies of u, u + 1, … and of the escape, which keeps half of its own."""
    if counts.size == 1:  # nothing is coded by a skipped row
        return minimum >> 1, counts
    first = (parity - minimum) % 2
    values = counts[first:-1:2].astype(np.int64)
    if not values.size:  # a row of one value: the next one is as rare as can be
        values = np.ones(1, np.int64)
    return (minimum + first) >> 1, _rescaled(np.append(values, (counts[-1] + 1) // 2))


def _rescaled(counts: np.ndarray) -> np.ndarray:
    """Positive whole numbers in proportion to `counts` (K,) that sum to 2¹⁶ (largest remainder, the first of equals)."""
    spread = TOTAL - counts.size
    shares, remainders = np.divmod(counts * spread, counts.sum())
    shares[np.argsort(-remainders, kind="stable")[: spread - shares.sum()]] += 1
    return (shares + 1).astype(np.int32)


# --- repair ---------------------------------------------------------------------------------------------------------


class Repair:
    """Makes the sums of groups even, at the least cost in bits + price · squared error."""

    def __init__(self, tables: FrequencyTables, price: float):
        """`price` is what a squared error of one step is worth in bits."""
        self.tables, self.price = tables, price
        self._bits = _bits_of_values(tables)  # (rows · (2 · REACH + 1),)
        self._bounds = tuple(np.asarray(bound, np.float32) for bound in tables.bounds(np.arange(len(tables))))

    def __call__(self, symbols: np.ndarray, distances: np.ndarray, rows: np.ndarray, chosen: Groups) -> None:
        """Moves one symbol of each odd group to the other side of what it stands for, in place.

        Args:
            symbols: whole numbers (M,) float32.
            distances: what they were rounded from (M,).
            rows: their table rows (M,).
            chosen: their groups.
        """
        odd = chosen.odd(symbols)
        among = np.flatnonzero(odd[chosen.of_members]) if odd.any() else np.empty(0, np.int64)
        if not among.size:
            return
        places, group = chosen.members[among], chosen.of_members[among]
        now, aim, row = symbols[places], distances[places], rows[places]
        moved = now + np.where(aim >= now, np.float32(1), np.float32(-1))
        low, high = (bound[row] for bound in self._bounds)
        moved = np.where(moved > high, now - 1, np.where(moved < low, now + 1, moved))
        costs = self.bits(moved, row) - self.bits(now, row) + self.price * (np.square(moved - aim) - np.square(now - aim))
        best = first_least(costs, group)
        symbols[places[best]] = moved[best]

    def bits(self, symbols: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Bits of whole symbols (N,). Beyond REACH the price of REACH is taken."""
        index = np.clip(symbols, -REACH, REACH).astype(np.int64) + REACH
        return self._bits[rows.astype(np.int64) * (2 * REACH + 1) + index]


def first_least(costs: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Where the least of `costs` (N,) stands in each run of equal numbers of `group` (N,), the first of equals."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    least = np.minimum.reduceat(costs, starts)
    where = np.flatnonzero(costs == np.repeat(least, np.diff(starts, append=group.size)))
    return where[np.diff(group[where], prepend=-1) != 0]


def _bits_of_values(tables: FrequencyTables) -> np.ndarray:
    """Bits of the values −REACH … REACH in every row, one row after another; zero in skipped rows: float32."""
    values = np.arange(-REACH, REACH + 1)
    bits = np.zeros((len(tables), values.size), np.float32)
    for row in np.flatnonzero(~tables.skipped):
        bits[row] = tables.prices(row, values)
    return bits.ravel()
