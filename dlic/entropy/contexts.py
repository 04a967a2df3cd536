"""Integers with contexts that predict their magnitudes ⇄ bytes, by canonical Huffman codes: one code for each group of contexts.

Contexts are numbers 0 … CONTEXTS − 1, in order of the predicted magnitude. Neighbouring contexts share a code where separate codes
would cost more than they save. Each group's values are stored together, in input order, so a reader decodes each group as one plain
sequence of symbols before it needs the values.

    group      contexts 1, values varint, then unless there are none:
               flags 1 (1: runs of zeros are counted), symbols varint, Huffman table, bytes varint, codes, remaining bits
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy import huffman
from dlic.entropy.bits import pack, unpack
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.entropy.grouped_values import GroupedValues
from dlic.entropy.huffman import HuffmanCode
from dlic.errors import CorruptFileError

CONTEXTS = 48
DIRECT = 32  # magnitudes with a symbol of their own; above, four symbols to an octave and the rest in plain bits
MAX_BITS = 24  # of a magnitude: 16-bit samples leave wavelet coefficients of 18 bits and a sign
SYMBOLS = DIRECT + 4 * (MAX_BITS - 5)
LONGEST = 15  # bits of a code; JPEG's limit of 16 less one, so that the tables stay small
TABLE_BITS = 40, 5  # approximate bits of a code, and of each symbol in it


def context_of(activity: NDArray[Any]) -> NDArray[Any]:
    """Contexts of activities ≥ 0, three to an octave: uint8."""
    return np.searchsorted(_THRESHOLDS, activity).astype(np.uint8)


# 0, 1, 2, …, where steps of a cube root of two are at least one apart; the last is beyond 2¹⁵.
_THRESHOLDS = np.unique(np.rint(2 ** (np.arange(CONTEXTS + 1) / 3)).astype(np.int64) - 1)[: CONTEXTS - 1]


def encode(values: NDArray[Any], contexts: NDArray[Any]) -> bytes:
    """Values (N,), their magnitudes below 2²³, with contexts (N,)."""
    sizes = _grouping(_counts(values, contexts))
    group_of = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
    groups = group_of[contexts]
    order = np.argsort(groups, kind="stable")
    parts = np.split(values[order], np.cumsum(np.bincount(groups, minlength=len(sizes)))[:-1])
    return b"".join(bytes([size]) + _write_group(part) for size, part in zip(sizes, parts, strict=True))


def estimated_bits(values: NDArray[Any], contexts: NDArray[Any]) -> float:
    """Approximate bits of `encode`'s result, in a fraction of its time."""
    return sum(_cost(counts) for counts in _counts(values, contexts)) + float(symbols_of(values)[2].sum())


class Decoder(GroupedValues):
    """Inverse of `encode`, in portions: it returns values as their contexts become known."""

    def __init__(self, reader: Reader, count: int):
        """Reads all groups; raises CorruptFileError unless together they hold `count` values."""
        sizes, groups = list[int](), list[NDArray[np.int32]]()
        while sum(sizes) < CONTEXTS:
            sizes.append(reader.take(1)[0])
            groups.append(_read_group(reader, count - sum(group.size for group in groups)))
        if sum(sizes) != CONTEXTS or 0 in sizes:
            raise CorruptFileError("the groups of contexts do not add up")
        counts = np.array([len(group) for group in groups])
        if counts.sum() != count:
            raise CorruptFileError(f"the coded picture holds {counts.sum()} values where there should be {count}")
        super().__init__(np.concatenate(groups), counts)
        self._group_of = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)

    def pull(self, contexts: NDArray[Any]) -> NDArray[Any]:
        """The next values, for contexts (N,): int32 (N,). A damaged stream gives wrong values; see `finish`."""
        return super().pull(self._group_of[contexts])


def _write_group(values: NDArray[Any]) -> bytes:
    head = write_varint(values.size)
    if not values.size:
        return head
    symbols, extra, lengths = symbols_of(values)
    counted = _count_zeros(symbols)
    plain, with_runs = (HuffmanCode.from_counts(np.bincount(each), LONGEST) for each in (symbols, counted))
    runs = with_runs.bits(np.bincount(counted)) < plain.bits(np.bincount(symbols))
    coded, code = (counted, with_runs) if runs else (symbols, plain)
    codes = huffman.encode(coded, code)
    sizes = bytes([runs]) + write_varint(coded.size), write_varint(len(codes))
    return head + sizes[0] + code.to_bytes() + sizes[1] + codes + pack(extra, lengths)


def _read_group(reader: Reader, most: int) -> NDArray[Any]:
    """Inverse of `_write_group`: int32 values, at most `most`."""
    count = read_varint(reader)
    if count > most:
        raise CorruptFileError(f"the coded picture holds {count} values where at most {most} are left")
    if not count:
        return np.empty(0, np.int32)
    flags, coded = reader.take(1)[0], read_varint(reader)
    if flags > 1 or coded > count:
        raise CorruptFileError("a group of residuals holds more symbols than values")
    code = HuffmanCode.read(reader)
    if code.lengths.size > SYMBOLS + 1:
        raise CorruptFileError(f"a table of residuals has {code.lengths.size} symbols; {SYMBOLS + 1} is the limit")
    symbols = huffman.decode(reader.take(read_varint(reader)), coded, code).astype(np.int64)
    if flags:
        symbols = _expand_zeros(symbols, count)
    if symbols.size != count or symbols.max() >= SYMBOLS:
        raise CorruptFileError("a group of residuals does not hold as many values as it says")
    lengths = extra_bits(symbols)
    ends = np.cumsum(lengths)
    remaining = reader.take((int(ends[-1]) + 7) // 8)
    return values_of(symbols, unpack(remaining, ends - lengths, lengths))


def _counts(values: NDArray[Any], contexts: NDArray[Any]) -> NDArray[Any]:
    """How often each context has each symbol: (CONTEXTS, SYMBOLS)."""
    index = contexts.astype(np.int64) * SYMBOLS + symbols_of(values)[0]
    return np.bincount(index, minlength=CONTEXTS * SYMBOLS).reshape(CONTEXTS, SYMBOLS)


def symbols_of(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Symbols (N,), and the remaining bits of the values: (N,) numbers of (N,) bits each.

    Signs go to the lowest bit: 0, −1, 1, −2, … become 0, 1, 2, 3, …
    """
    folded = np.where(values < 0, -2 * values.astype(np.int64) - 1, 2 * values.astype(np.int64))
    lengths = np.where(folded < DIRECT, 0, np.frexp(folded.astype(np.float64))[1] - 3)  # three leading bits are in the symbol
    symbols = np.where(folded < DIRECT, folded, DIRECT + 4 * (lengths - 3) + (folded >> lengths & 3))
    return symbols, folded & (1 << lengths) - 1, lengths


def extra_bits(symbols: NDArray[Any]) -> NDArray[Any]:
    """Number of plain bits after each symbol."""
    return np.where(symbols < DIRECT, 0, (symbols - DIRECT >> 2) + 3)


def values_of(symbols: NDArray[Any], extra: NDArray[Any]) -> NDArray[Any]:
    """Inverse of `symbols_of`: int32."""
    leading = np.where(symbols < DIRECT, symbols, symbols - DIRECT & 3 | 4)
    folded = (leading << extra_bits(symbols)) + extra
    return np.where(folded & 1, -(folded >> 1) - 1, folded >> 1).astype(np.int32)


def _count_zeros(symbols: NDArray[Any]) -> NDArray[Any]:
    """Every run of zeros as its length in digits 1 and 2 (symbols 0 and 1) of weights 1, 2, 4, … (bzip2); others move up by one.

    A run of n has the digits that n + 1 has below its leading bit.
    """
    starts, lengths = _zero_runs(symbols)
    digits = np.frexp(lengths + 1.0)[1] - 1
    room = np.ones(symbols.size, np.int64)
    room[symbols == 0] = 0
    room[starts] = digits
    coded = np.repeat(symbols + 1, room)
    first = (np.cumsum(room) - room)[starts]
    place = _counting(digits)
    coded[np.repeat(first, digits) + place] = np.repeat(lengths + 1, digits) >> place & 1
    return coded


def _expand_zeros(coded: NDArray[Any], count: int) -> NDArray[Any]:
    """Inverse of `_count_zeros`. Raises CorruptFileError unless exactly `count` symbols come out."""
    is_digit = coded < 2
    edges = np.flatnonzero(np.diff(is_digit.astype(np.int8), prepend=0, append=0))
    place = _counting(edges[1::2] - edges[::2])
    if place.size and place.max() > 32:
        raise CorruptFileError("a run of zeros is longer than any picture")
    room = np.ones(coded.size, np.int64)
    room[is_digit] = coded[is_digit] + 1 << place
    if room.sum() != count:
        raise CorruptFileError("a group of residuals does not hold as many values as it says")
    return np.repeat(np.where(is_digit, 0, coded - 1), room)


def _zero_runs(symbols: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Starts and lengths of the runs of zeros."""
    edges = np.flatnonzero(np.diff((symbols == 0).astype(np.int8), prepend=0, append=0))
    return edges[::2], edges[1::2] - edges[::2]


def _counting(lengths: NDArray[Any]) -> NDArray[Any]:
    """0, 1, …, lengths[0] − 1, 0, 1, …, lengths[1] − 1, …"""
    ends = np.cumsum(lengths)
    return np.asarray(np.arange(ends[-1] if ends.size else 0) - np.repeat(ends - lengths, lengths))


def _grouping(counts: NDArray[Any]) -> list[int]:
    """Number of neighbouring contexts for each code, from the counts of symbols (CONTEXTS, SYMBOLS).

    From one group a context, the two neighbours that save most by merging are merged until nothing is saved.
    """
    sizes, groups = [1] * len(counts), list(counts)
    costs = [_cost(group) for group in groups]
    merged = [_cost(first + second) for first, second in pairwise(groups)]
    while len(groups) > 1:
        gains = [costs[i] + costs[i + 1] - merged[i] for i in range(len(merged))]
        best = int(np.argmax(gains))
        if gains[best] < 0:
            break
        groups[best : best + 2] = [groups[best] + groups[best + 1]]
        sizes[best : best + 2] = [sizes[best] + sizes[best + 1]]
        costs[best : best + 2] = [merged.pop(best)]
        for i in (best - 1, best):
            if 0 <= i < len(merged):
                merged[i] = _cost(groups[i] + groups[i + 1])
    return sizes


def _cost(counts: NDArray[Any]) -> float:
    """Approximate bits of a group with these counts of symbols."""
    used = counts[counts > 0]
    total = used.sum()
    if not total:
        return 0.0
    return TABLE_BITS[0] + TABLE_BITS[1] * used.size + float((used * (np.log2(total) - np.log2(used))).sum())
