"""Integer frequency tables: computed once at export, stored with the weights, never recomputed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

PRECISION = 16
TOTAL = 1 << PRECISION  # every row sums to this
REACH = 512  # values −512 … 512 can have a place of their own in a table
CERTAIN = 0.02  # a row with a lower probability of all other values is skipped: coding them costs more than the error they avoid
ESCAPE_BITS = 15  # an escaped value lies within 2¹⁵ of its table
ENTROPY_FRACTION = 8  # bits after the point of the entropy of a row


@dataclass(frozen=True, eq=False)
class FrequencyTables:
    """One table a row: frequencies of the values minimum, minimum + 1, …; the last frequency is the escape's.

    A row of the single frequency 2¹⁶ is skipped: its value is always `minimum` and costs nothing.
    """

    minima: NDArray[Any]  # (rows,) int32
    counts: tuple[NDArray[Any], ...]  # each (values + 1,) int32, or (1,) for a skipped row

    def __post_init__(self) -> None:
        if len(self.minima) != len(self.counts):
            raise ValueError(f"{len(self.minima)} minima but {len(self.counts)} rows of frequencies")
        for row, counts in enumerate(self.counts):
            if counts.ndim != 1 or counts.size == 0 or counts.min() < 1 or counts.sum() != TOTAL:
                raise ValueError(f"row {row} of the frequency tables must hold positive counts that sum to {TOTAL}")

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def sizes(self) -> NDArray[Any]:
        """Values each row codes without an escape: (rows,)."""
        return np.array([max(1, counts.size - 1) for counts in self.counts])

    @cached_property
    def skipped(self) -> NDArray[Any]:
        """Rows that hold one value at no cost: (rows,) bool."""
        return np.array([counts.size == 1 for counts in self.counts])

    @cached_property
    def entropies(self) -> NDArray[Any]:
        """Entropy of every row in units of 2^−ENTROPY_FRACTION bits, rounded down: int32 (rows,).

        By whole numbers alone, so that it is the same on every machine.
        """
        counts = np.concatenate(self.counts).astype(np.int64)
        bits = counts * ((PRECISION << ENTROPY_FRACTION) - binary_logarithms(counts))
        starts = np.cumsum([0, *(row.size for row in self.counts[:-1])])
        return (np.add.reduceat(bits, starts) >> PRECISION).astype(np.int32)

    @cached_property
    def by_parity(self) -> "FrequencyTables":
        """Two rows for each row: row 2r + p codes u for the value 2u + p of row r; p is 0 or 1."""
        halves = [
            _of_parity(minimum, row, p) for minimum, row in zip(self.minima.tolist(), self.counts, strict=True) for p in (0, 1)
        ]
        return FrequencyTables(np.array([minimum for minimum, _ in halves], np.int32), tuple(counts for _, counts in halves))

    def bounds(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Smallest and largest value that each of `rows` can code, as float32, which holds such integers exactly."""
        reach = np.where(self.skipped, 0, (1 << ESCAPE_BITS) // 2 - 1)
        low, high = (self.minima - reach).astype(np.float32), (self.minima + self.sizes - 1 + reach).astype(np.float32)
        return np.take(low, rows, mode="clip"), np.take(high, rows, mode="clip")

    def zero_bins(self, price: float) -> NDArray[Any]:
        """Half the width of each row's zero bin, at least ½: (rows,) float32. `price`: bits a squared error of one step. ±1 pays
        where it saves more than its extra bits: price · (d² − (1 − d)²) > bits(±1) − bits(0).
        """
        bins = np.full(len(self), 0.5, np.float32)
        for row, (minimum, counts) in enumerate(zip(self.minima, self.counts, strict=True)):
            if 0 < -minimum < counts.size - 2:
                below, zero, above = PRECISION - np.log2(counts[-minimum - 1 : -minimum + 2])
                bins[row] += max(0.0, (below + above) / 2 - zero) / (2 * price)
        return bins

    def clip(self, symbols: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        """The nearest values that the rows can code, as int32. An encoder clips before it reconstructs."""
        return np.clip(symbols, *self.bounds(rows)).astype(np.int32)

    def bits(self, symbols: NDArray[Any], rows: NDArray[Any]) -> float:
        """Ideal cost of clipped symbols (N,) in these tables, escapes included."""
        return float(self.costs(symbols, rows).sum())

    def costs(self, symbols: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        """Ideal bits of each clipped symbol, escapes included: float64, of the shape of `symbols`. Skipped rows cost nothing."""
        order, groups = grouped_by_row(rows.ravel(), self)
        sorted_symbols = symbols.ravel()[order]
        sorted_costs = [self.prices(row, sorted_symbols[part]) for row, part in groups]
        costs = np.zeros(symbols.size)
        costs[order] = np.concatenate(sorted_costs or [np.empty(0)])
        return costs.reshape(symbols.shape)

    def prices(self, row: int, symbols: NDArray[Any]) -> NDArray[Any]:
        """Ideal bits of each symbol (N,) in one row that is not skipped, escapes included."""
        counts, inside = self.counts[row], symbols - self.minima[row]
        size = counts.size - 1
        escaped = (inside < 0) | (inside >= size)
        bits: NDArray[np.float64] = (PRECISION - np.log2(counts))[np.where(escaped, size, inside)]
        bits[escaped] += np.log2(ESCAPE_BITS + 1) + np.floor(np.log2(escape_code(inside[escaped], size)))
        return bits

    def to_json(self) -> dict[str, Any]:
        return {"minima": self.minima.tolist(), "counts": [counts.tolist() for counts in self.counts]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "FrequencyTables":
        counts = tuple(np.array(row, dtype=np.int32) for row in stored["counts"])
        return cls(np.array(stored["minima"], dtype=np.int32), counts)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.to_json(), separators=(",", ":")).encode()).hexdigest()


def escape_code(inside: NDArray[Any], size: int) -> NDArray[Any]:
    """Values relative to a table that lie outside 0 … size − 1, as positive integers 1, 2, …; above is even, below odd."""
    return np.where(inside < 0, -2 * inside - 1, 2 * (inside - size + 1))


def escaped_value(code: NDArray[Any], size: NDArray[Any]) -> NDArray[Any]:
    """Inverse of `escape_code`."""
    return np.where(code % 2 == 1, -(code + 1) // 2, code // 2 + size - 1)


def grouped_by_row(rows: NDArray[Any], tables: FrequencyTables) -> tuple[NDArray[Any], list[tuple[int, slice]]]:
    """Positions of `rows` (N,) sorted by row, and the slice of each row in that order. Skipped and absent rows are left out."""
    rows = rows.astype(np.min_scalar_type(len(tables)), copy=False)  # small integers are sorted by radix, five times faster
    coded = np.flatnonzero(looked_up(~tables.skipped, rows))
    small = np.take(rows, coded, mode="clip")  # every index is inside; without the check it takes half the time
    order = np.argsort(small, kind="stable")
    ends = np.searchsorted(small, np.arange(len(tables) + 1, dtype=small.dtype), sorter=order)
    groups = [(row, slice(*between)) for row, between in enumerate(pairwise(ends.tolist())) if between[0] < between[1]]
    return np.take(coded, order, mode="clip"), groups


def looked_up(table: NDArray[Any], indices: NDArray[Any]) -> NDArray[Any]:
    """`table[indices]` of bool or uint8 (rows,) and unsigned (N,); of bytes four times as fast, as NumPy would first make eight of
    each.
    """
    if indices.dtype != np.uint8:
        values: NDArray[Any] = table[indices]
        return values
    every_byte = np.zeros(256, table.dtype)
    every_byte[: table.size] = table
    return np.frombuffer(bytearray(indices.tobytes().translate(every_byte.tobytes())), table.dtype)


def indexed(
    symbols: NDArray[Any], rows: NDArray[Any], tables: FrequencyTables
) -> tuple[list[tuple[int, NDArray[Any]]], NDArray[Any]]:
    """Clipped symbols (N,) → the input of a coder: (row, indices of its symbols) for each row, and the codes of the escapes.

    The index of an escape is the row's last.
    """
    order, groups = grouped_by_row(rows, tables)
    sorted_symbols = symbols[order]
    indices, escapes = [], [np.empty(0, np.int64)]
    for row, part in groups:
        size, inside = tables.counts[row].size - 1, sorted_symbols[part] - tables.minima[row]
        outside = (inside < 0) | (inside >= size)
        escapes.append(escape_code(inside[outside], size))
        indices.append((row, np.where(outside, size, inside)))
    return indices, np.concatenate(escapes)


def symbols_at(
    rows: NDArray[Any],
    tables: FrequencyTables,
    read: Callable[[int, int], NDArray[Any]],
    read_escapes: Callable[[int], NDArray[Any]],
) -> NDArray[Any]:
    """Inverse of `indexed`: int32 symbols (N,) for table rows (N,).

    `read(row, count)` gives the next indices of a row, `read_escapes(count)` then the codes of all escapes.
    """
    order, groups = grouped_by_row(rows, tables)
    sizes, minima = tables.sizes.astype(np.int32), tables.minima
    values, escapes = np.empty(order.size, np.int32), [np.empty(0, np.int64)]
    for row, part in groups:  # row by row where possible: the indices are still in the cache
        indices = read(row, part.stop - part.start)
        escapes.append(part.start + np.flatnonzero(indices == sizes[row]))
        np.add(indices, minima[row], out=values[part])
    escaped = np.concatenate(escapes)
    where = rows[order[escaped]]
    values[escaped] = escaped_value(read_escapes(escaped.size), sizes[where]) + minima[where]
    symbols = minima[rows] if minima[tables.skipped].any() else np.zeros(rows.size, np.int32)
    symbols[order] = values
    return symbols


def tables_from_likelihoods(
    likelihoods: Callable[[NDArray[Any]], NDArray[Any]], reach: int = REACH, certain: float = CERTAIN
) -> FrequencyTables:
    """Tables for distributions over the integers, one a row.

    `likelihoods` maps integers (K,) to probabilities (rows, K). Values rarer than half of 2⁻¹⁶ are left to the escape;
    a row in which all other values together are rarer than `certain` is skipped.
    """
    values = np.arange(-reach, reach + 1)
    probabilities = likelihoods(values).astype(np.float64)
    minima, counts = [], []
    for row in probabilities:
        likely = np.flatnonzero(row >= 0.5 / TOTAL)
        peak = int(row.argmax())
        first, last = (likely[0], likely[-1]) if likely.size else (peak, peak)
        inside = row[first : last + 1]
        escape = max(0.0, 1.0 - inside.sum())
        skipped = row[peak] > 1 - certain
        minima.append(values[peak if skipped else first])
        counts.append(np.array([TOTAL], np.int32) if skipped else integer_counts(np.append(inside, escape)))
    return FrequencyTables(np.array(minima, dtype=np.int32), tuple(counts))


def counted_tables(learned: FrequencyTables, seen: NDArray[Any], weight: float = 1000.0) -> FrequencyTables:
    """Tables from counts on real images: `seen` (rows, 2·reach + 1) of the values −reach … reach.

    The learned tables count as `weight` earlier observations, so values never seen keep a place. A distribution learned under
    additive noise is wider than that of rounded values: counting saved 1.5 % of the bits of held-out photographs.
    """
    reach = seen.shape[1] // 2
    prior = np.zeros(seen.shape)
    for row, (minimum, counts) in enumerate(zip(learned.minima + reach, learned.counts, strict=True)):
        values = counts[: max(1, counts.size - 1)]
        prior[row, minimum : minimum + values.size] = values / TOTAL
    probabilities = (seen + weight * prior) / (seen.sum(axis=1, keepdims=True) + weight)
    return tables_from_likelihoods(lambda values: probabilities, reach)


def integer_counts(probabilities: NDArray[Any]) -> NDArray[Any]:
    """Positive integers in proportion to `probabilities` (K,), K ≤ 2¹⁶, that sum to exactly 2¹⁶ (largest remainder)."""
    share = probabilities / probabilities.sum() * (TOTAL - probabilities.size)
    counts = np.floor(share).astype(np.int64)
    short = TOTAL - probabilities.size - counts.sum()
    counts[np.argsort(counts - share, kind="stable")[:short]] += 1
    return np.asarray(counts + 1, np.int32)


def binary_logarithms(values: NDArray[Any]) -> NDArray[Any]:
    """⌊2^ENTROPY_FRACTION · log₂⌋ of whole numbers 1 … 2¹⁶, by whole numbers alone: int64 (N,)."""
    logarithms = np.zeros(values.shape, np.int64)
    for shift in range(1, PRECISION + 1):
        logarithms += values >> shift > 0
    mantissa = values.astype(np.int64) << (30 - logarithms)  # 1 … 2 with 30 bits after the point
    for _ in range(ENTROPY_FRACTION):
        mantissa = mantissa * mantissa >> 30
        above = mantissa >> 31
        mantissa, logarithms = mantissa >> above, 2 * logarithms + above
    return logarithms


def _of_parity(minimum: int, counts: NDArray[Any], parity: int) -> tuple[int, NDArray[Any]]:
    """The values of one parity in a row: the smallest u; frequencies of u, u + 1, …, and of the escape, whose frequency is
    halved.
    """
    if counts.size == 1:  # nothing is coded by a skipped row
        return minimum >> 1, counts
    first = (parity - minimum) % 2
    frequencies = counts[first:-1:2].astype(np.int64)
    if not frequencies.size:  # a row of one value has a next value of the least frequency
        frequencies = np.ones(1, np.int64)
    return (minimum + first) >> 1, rescaled(np.append(frequencies, (counts[-1] + 1) // 2))


def rescaled(frequencies: NDArray[Any]) -> NDArray[Any]:
    """Positive whole numbers in proportion to others (K,) that sum to 2¹⁶, by whole numbers alone.

    Each gets 1 and its share of the rest, rounded down; the difference goes to the largest remainders, among equal ones to the
    first.
    """
    total = TOTAL - frequencies.size
    shares, remainders = np.divmod(frequencies * total, frequencies.sum())
    shares[np.argsort(-remainders, kind="stable")[: total - shares.sum()]] += 1
    return (shares + 1).astype(np.int32)
