"""Symbols ⇄ bytes by canonical, length-limited Huffman codes.

Lengths come from the package-merge algorithm (Larmore and Hirschberg 1990), which is optimal under its limit. Codes of one length
are consecutive and in the order of their symbols, so that a table is its lengths and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.bits import WINDOW, pack, windows
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError

MAX_LENGTH = WINDOW
MAX_SYMBOLS = 1 << MAX_LENGTH  # more cannot have codes of 16 bits
PIECE = 1 << 15  # bytes decoded at a time: the lists of a piece take about 2 MB


def code_lengths(counts: NDArray[Any], limit: int = MAX_LENGTH) -> NDArray[Any]:
    """Lengths (N,) uint8 that code `counts` (N,) of symbols in the fewest bits, none above `limit`; 0 for absent symbols.

    A lone symbol gets length 1. Of two symbols as frequent, the later never has the shorter code.
    Raises ValueError if so many symbols have no codes that short.
    """
    counts = np.asarray(counts, dtype=np.int64)
    used = np.flatnonzero(counts > 0)
    lengths = np.zeros(counts.size, np.uint8)
    if used.size > 1 << limit:
        raise ValueError(f"{used.size} symbols cannot have codes of at most {limit} bits")
    if used.size <= 1:
        lengths[used] = 1
        return lengths
    rarest_first = used[np.lexsort((-used, counts[used]))]
    lengths[rarest_first] = _package_merge(counts[rarest_first], limit)
    return lengths


@dataclass(frozen=True, eq=False)
class HuffmanCode:
    """One canonical code: the length (0 for none) and the code word of every symbol."""

    lengths: NDArray[Any]  # (N,) uint8, 0 … 16
    codes: NDArray[Any]  # (N,) uint32

    @classmethod
    def from_lengths(cls, lengths: NDArray[Any]) -> "HuffmanCode":
        """Raises CorruptFileError if no code has these lengths; those that leave codes unused are accepted, see `complete`."""
        lengths = np.asarray(lengths, dtype=np.uint8)
        if lengths.size and lengths.max() > MAX_LENGTH:
            raise CorruptFileError(f"a Huffman table has a code of {lengths.max()} bits; {MAX_LENGTH} is the limit")
        spans = np.where(lengths > 0, 1 << (MAX_LENGTH - lengths.astype(np.int64)), 0)  # of the 2¹⁶ windows
        if spans.sum() > 1 << MAX_LENGTH:
            raise CorruptFileError("a Huffman table is over-subscribed: it has more codes than there are bits for")
        order = np.argsort(lengths, kind="stable")
        starts = np.zeros(lengths.size, np.int64)
        starts[order] = np.cumsum(spans[order]) - spans[order]
        return cls(lengths, (starts >> (MAX_LENGTH - lengths.astype(np.int64))).astype(np.uint32))

    @classmethod
    def from_counts(cls, counts: NDArray[Any], limit: int = MAX_LENGTH) -> "HuffmanCode":
        """The optimal code for symbols that occur `counts` (N,) times."""
        return cls.from_lengths(code_lengths(counts, limit))

    @property
    def complete(self) -> bool:
        """Whether every sequence of bits is one of symbols."""
        return int((1 << (MAX_LENGTH - self.lengths[self.lengths > 0].astype(np.int64))).sum()) == 1 << MAX_LENGTH

    @cached_property
    def lookup(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """By 16-bit window: the symbol of its first code and the code's length, (2¹⁶,) each; length 0 where no code matches."""
        order = np.argsort(self.lengths, kind="stable")
        order = order[self.lengths[order] > 0]
        spans = 1 << (MAX_LENGTH - self.lengths[order].astype(np.int64))
        symbols, lengths = np.zeros(MAX_SYMBOLS, np.uint16), np.zeros(MAX_SYMBOLS, np.uint8)
        symbols[: spans.sum()] = np.repeat(order, spans)
        lengths[: spans.sum()] = np.repeat(self.lengths[order], spans)
        return symbols, lengths

    def bits(self, counts: NDArray[Any]) -> int:
        """Bits of symbols that occur `counts` (N,) times."""
        return int((np.asarray(counts, np.int64) * self.lengths).sum())

    def to_bytes(self) -> bytes:
        """The table: the number of symbols; then, in Elias gamma codes, the alternating runs of unused and used symbols; then the
        differences between the lengths of successive used symbols.
        """
        runs = _runs(self.lengths > 0)
        used = self.lengths[self.lengths > 0].astype(np.int64)
        steps = np.diff(used, prepend=8)
        numbers = np.concatenate([runs + 1, np.where(steps > 0, 2 * steps, 1 - 2 * steps)])
        coded = pack(numbers, 2 * np.floor(np.log2(numbers)).astype(np.int64) + 1)
        return write_varint(self.lengths.size) + write_varint(len(coded)) + coded

    @classmethod
    def read(cls, reader: Reader) -> "HuffmanCode":
        """Inverse of `to_bytes`. Raises CorruptFileError for tables that no optimal code has: over-subscribed or incomplete."""
        size = read_varint(reader)
        if size > MAX_SYMBOLS:
            raise CorruptFileError(f"a Huffman table of {size} symbols is above the limit of {MAX_SYMBOLS}")
        coded_size = read_varint(reader)
        if coded_size > 2 * size + 8:  # 16 bits a symbol are more than any table takes
            raise CorruptFileError(f"a Huffman table of {size} symbols cannot take {coded_size} bytes")
        code = cls.from_lengths(_read_lengths(reader.take(coded_size), size))
        if np.count_nonzero(code.lengths) > 1 and not code.complete:
            raise CorruptFileError("a Huffman table is incomplete: some codes have no symbol")
        return code


def encode(symbols: NDArray[Any], code: HuffmanCode) -> bytes:
    """The codes of `symbols` (N,), zeros filling the last byte. Raises ValueError for a symbol without code."""
    symbols = np.asarray(symbols, dtype=np.intp)
    if symbols.size and (symbols.min() < 0 or symbols.max() >= code.lengths.size or not code.lengths[symbols].all()):
        raise ValueError("a symbol has no code in this Huffman table")
    return pack(code.codes[symbols], code.lengths[symbols])


def decode(data: bytes, count: int, code: HuffmanCode) -> NDArray[Any]:
    """Inverse of `encode`: `count` symbols, uint16. Raises CorruptFileError where `data` is not exactly their codes."""
    symbols, end = decode_from(data, 0, count, code)
    if end + 7 < 8 * len(data):
        raise CorruptFileError("bytes follow the coded symbols")
    return symbols


def decode_from(data: bytes, position: int, count: int, code: HuffmanCode) -> tuple[NDArray[Any], int]:
    """`count` symbols, uint16, whose codes begin at a bit of `data`, and the bit at which they end.

    Raises CorruptFileError where `data` ends before them.
    """
    if count > 8 * len(data) - position:
        raise CorruptFileError("the file is truncated: its coded symbols are incomplete")
    symbols, lengths = code.lookup
    pieces = [np.empty(0, np.uint16)]
    while count > 0:
        start, size = position // 8, min(PIECE, 2 * count + 1)  # no code is longer than two bytes
        window = windows(data[start : start + size + 2])[: 8 * size]
        starts, end = _follow(lengths[window].tolist(), position - 8 * start, count)
        pieces.append(symbols[window[starts]])
        count -= len(starts)
        position = 8 * start + end
        if (count and position >= 8 * len(data)) or position > 8 * len(data):
            raise CorruptFileError("the file is truncated: its coded symbols are incomplete")
    return np.concatenate(pieces), position


def _follow(steps: list[int], position: int, count: int) -> tuple[list[int], int]:
    """Starts of at most `count` codes, from `position` to the end of the piece, and the start of the next one."""
    starts: list[int] = []
    append = starts.append
    try:
        for _ in range(count):
            step = steps[position]
            append(position)
            if not step:
                raise CorruptFileError("the coded symbols hold a code that is not in their Huffman table")
            position += step
    except IndexError:
        pass  # the piece is read to its end
    return starts, position


def _package_merge(counts: NDArray[Any], limit: int) -> NDArray[Any]:
    """Lengths of N ≥ 2 symbols whose counts rise.

    Level by level the coins (a symbol each) and the packages (two of the level below) are merged in order of their cost. The first
    2N − 2 of the last level are bought; a symbol's length is the number of its coins among all that this unpacks to.
    """
    coins_before, merged = [], counts
    is_coin = np.ones(counts.size, bool)
    for _ in range(limit - 1):
        coins_before.append(np.concatenate([[0], np.cumsum(is_coin)]))
        packages = merged[: merged.size // 2 * 2].reshape(-1, 2).sum(axis=1)
        items = np.concatenate([counts, packages])
        order = np.argsort(items, kind="stable")
        merged, is_coin = items[order], order < counts.size
    coins_before.append(np.concatenate([[0], np.cumsum(is_coin)]))
    lengths, bought = np.zeros(counts.size, np.uint8), 2 * counts.size - 2
    for coins in reversed(coins_before):
        lengths[: coins[bought]] += 1
        bought = 2 * (bought - int(coins[bought]))
    return lengths


def _runs(flags: NDArray[Any]) -> NDArray[Any]:
    """Lengths of the runs of False, True, False, … that make up `flags`; the first may be 0."""
    changes = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0))
    return np.diff(np.concatenate([[0], changes, [flags.size]]))


def _read_lengths(coded: bytes, size: int) -> NDArray[Any]:
    """Inverse of the gamma codes of `HuffmanCode.to_bytes`."""
    numbers = _gamma_numbers(coded)
    lengths, used, place, is_used = np.zeros(size, np.uint8), np.zeros(size, bool), next(numbers) - 1, True
    while place < size:
        run = next(numbers) - 1
        used[place : place + run] = is_used
        place, is_used = place + run, not is_used
    if place > size:
        raise CorruptFileError("a Huffman table has more symbols than it says")
    length = 8
    for symbol in np.flatnonzero(used):
        number = next(numbers)
        length += number // 2 if number % 2 == 0 else -(number // 2)
        if not 1 <= length <= MAX_LENGTH:
            raise CorruptFileError(f"a Huffman table has a code of {length} bits")
        lengths[symbol] = length
    return lengths


def _gamma_numbers(coded: bytes) -> Iterator[int]:
    bits = "".join(f"{byte:08b}" for byte in coded)
    position = 0
    while True:
        leading = bits.find("1", position)
        if leading < 0 or 2 * leading - position >= len(bits):
            raise CorruptFileError("the file is truncated: a Huffman table is incomplete")
        position, number = 2 * leading - position + 1, int(bits[leading : 2 * leading - position + 1], 2)
        yield number
