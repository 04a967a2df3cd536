"""Integers in groups ⇄ bytes by rANS, with tables learned from the values before: no table is stored.

A group holds values of about one magnitude. Its table starts from the expected magnitude; it is counted anew whenever the group has
twice as many values. The values of a group are stored together, in input order, so a reader decodes all groups before it needs the
values.

    values varint of each group; after a 0, varint how many further groups are empty; words varint, words of 32 bits of
    constriction's rANS coder, little-endian; then remaining bits
"""

from collections.abc import Iterator
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from dlic.entropy.bits import pack, unpack
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.entropy.contexts import DIRECT, extra_bits, symbols_of, values_of
from dlic.entropy.grouped_values import GroupedValues
from dlic.entropy.tables import TOTAL
from dlic.errors import CorruptFileError

AnsCoder, Categorical = constriction.stream.stack.AnsCoder, constriction.stream.model.Categorical

FIRST = 32  # values that are coded with the table of the expected magnitude
UNIT = 64  # of the counts: one value
TRUST = 24  # values that the expected magnitude counts for


def encode(values: NDArray[Any], groups: NDArray[Any], magnitudes: NDArray[Any], depth: int) -> bytes:
    """Values (N,) of `depth` bits around zero, in groups (N,) 0 … G − 1 of expected `magnitudes` (G,), in 1/8."""
    symbols, extra, lengths = symbols_of(values)
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups, minlength=len(magnitudes))
    coder, ordered = AnsCoder(), np.split(symbols[order].astype(np.int32), np.cumsum(counts)[:-1])
    for part, counted in zip(reversed(ordered), _first_counts(magnitudes, depth)[::-1], strict=True):
        _push(coder, part, counted)
    words = coder.get_compressed().astype("<u4")
    return _write_counts(counts) + write_varint(words.size) + bytes(words.tobytes()) + pack(extra[order], lengths[order])


class Decoder(GroupedValues):
    """Inverse of `encode`, in portions: it returns values as their groups become known."""

    def __init__(self, reader: Reader, count: int, magnitudes: NDArray[Any], depth: int):
        """Reads all groups; raises CorruptFileError unless together they hold `count` values."""
        counts = _read_counts(reader, len(magnitudes))
        if counts.sum() != count:
            raise CorruptFileError(f"the coded picture holds {counts.sum()} values where there should be {count}")
        coder = _coder(reader.take(4 * read_varint(reader)))
        parts = [_pull(coder, int(size), first) for size, first in zip(counts, _first_counts(magnitudes, depth), strict=True)]
        if not coder.is_empty():
            raise CorruptFileError("the coded picture holds more than its residuals")
        values = _read_values(reader, np.concatenate(parts))
        super().__init__(np.append(values, np.int32(0)), np.append(counts, 0))

    @property
    def nothing(self) -> int:
        """The number of a group more, whose values are zeros without end."""
        return len(self._ends) - 1

    def pull(self, groups: NDArray[Any]) -> NDArray[Any]:
        """The next values, for groups (N,) uint8: int32 (N,). A damaged stream gives wrong values; see `finish`."""
        values = super().pull(groups)
        self._next[-1] = self._ends[-1]
        return values


def _write_counts(counts: NDArray[Any]) -> bytes:
    """How many values each group (G,) has."""
    parts, group, full = [], 0, np.append(np.flatnonzero(counts), counts.size)
    while group < counts.size:
        parts.append(write_varint(int(counts[group])))
        group += 1
        if not counts[group - 1]:
            following = int(full[np.searchsorted(full, group)])
            parts.append(write_varint(following - group))
            group = following
    return b"".join(parts)


def _read_counts(reader: Reader, groups: int) -> NDArray[np.int64]:
    """Inverse of `_write_counts`: (G,). Raises CorruptFileError."""
    counts: list[int] = []
    while len(counts) < groups:
        counts.append(read_varint(reader))
        further = 0 if counts[-1] else read_varint(reader)
        if len(counts) + further > groups:
            raise CorruptFileError("the coded picture holds more groups of residuals than there are")
        counts += [0] * further
    return np.array(counts)


def _read_values(reader: Reader, symbols: NDArray[np.int32]) -> NDArray[np.int32]:
    """Values of symbols (N,), with the bits that remain of the large ones."""
    values = np.where(symbols & 1, -(symbols >> 1) - 1, symbols >> 1)
    large = np.flatnonzero(symbols >= DIRECT)
    lengths = extra_bits(symbols[large])
    ends = np.cumsum(lengths)
    remaining = reader.take((int(lengths.sum()) + 7) // 8)
    values[large] = values_of(symbols[large], unpack(remaining, ends - lengths, lengths))
    return values


def _push(coder: Any, symbols: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Symbols (N,) of one group, on the stack of `coder`."""
    coded = []
    for part in _portions(symbols.size):
        coded.append((symbols[part], _table(counts)))
        counts = counts + UNIT * np.bincount(symbols[part], minlength=counts.size)
    for values, table in reversed(coded):
        coder.encode_reverse(values, table)


def _pull(coder: Any, size: int, counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Inverse of `_push`: int32 (`size`,)."""
    symbols = np.empty(size, np.int32)
    for part in _portions(size):
        symbols[part] = coder.decode(_table(counts), part.stop - part.start)
        counts = counts + UNIT * np.bincount(symbols[part], minlength=counts.size)
    return symbols


def _portions(size: int) -> Iterator[slice]:
    """Values that share a table: FIRST, then each time as many as before."""
    start, stop = 0, FIRST
    while start < size:
        yield slice(start, min(stop, size))
        start, stop = stop, 2 * stop


def _first_counts(magnitudes: NDArray[Any], depth: int) -> NDArray[np.int64]:
    """Counts of all symbols (G, S) before any value is known: fractions of TRUST values by 1 / (m² + value²), and at least one."""
    symbols = np.arange(int(symbols_of(np.array([-1 << depth - 1]))[0][0]) + 1)
    lengths = extra_bits(symbols)
    least = 4 * np.where(symbols < DIRECT, symbols, (symbols - DIRECT & 3 | 4) << lengths)  # eight times the magnitude
    shares = (1 << 46 + lengths) // (magnitudes[:, None].astype(np.int64) ** 2 + least**2 + 1)
    counts: NDArray[np.int64] = TRUST * UNIT * shares // shares.sum(axis=1, keepdims=True) + 1
    return counts


def _table(counts: NDArray[np.int64]) -> Any:
    """The entropy model of counts (S,), in whole 2⁻¹⁶: every symbol has one, the most frequent one what is left."""
    shares = 1 + counts * (TOTAL - counts.size) // counts.sum()
    shares[counts.argmax()] += TOTAL - shares.sum()
    return Categorical(shares / TOTAL, perfect=False, lazy=True)


def _coder(data: bytes) -> Any:
    words = np.frombuffer(data, "<u4").astype(np.uint32)
    if words.size and words[-1] == 0:
        raise CorruptFileError("the coded picture ends in an empty word")
    return AnsCoder(words)
