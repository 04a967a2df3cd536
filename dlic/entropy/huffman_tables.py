"""Symbols ⇄ bytes by Huffman codes made from the integer frequency tables: `rans` without arithmetic coding, behind the same calls.

Every row of the tables has one canonical code of at most 16 bits, computed from its counts where it is needed and never stored.
No symbol costs less than a bit, which is what rANS saves. Layout of a part: the symbols of row 0, row 1, …, each in array order,
escapes marked; then 4 bits for the length of every escape; then their remaining bits. Parts follow one another without a gap.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from dlic.entropy.bits import pack, unpack
from dlic.entropy.huffman import HuffmanCode, decode_from
from dlic.entropy.tables import FrequencyTables, indexed, symbols_at
from dlic.errors import CorruptFileError

LENGTH_BITS = 4  # of the length 0 … 15 of an escape

Bits = tuple[np.ndarray, np.ndarray]  # values (N,) and the bits that each takes (N,)


def encode(parts: Sequence[tuple[np.ndarray, np.ndarray]], tables: FrequencyTables) -> bytes:
    """Code parts of int32 symbols (N,), each with the table rows (N,) of its symbols, as `tables.clip` leaves them."""
    bits = [piece for symbols, rows in parts for piece in _push(symbols, rows, tables)]
    values, lengths = (np.concatenate([piece[i] for piece in bits] or [np.empty(0, np.int64)]) for i in (0, 1))
    return pack(values, lengths)


class Decoder:
    """Reads a stream part by part; the rows of a part may depend on the symbols of those before it."""

    def __init__(self, stream: bytes, tables: FrequencyTables):
        self._stream, self._tables, self._position = stream, tables, 0

    def pull(self, rows: np.ndarray) -> np.ndarray:
        """The next part: int32 symbols (N,) for table rows (N,). Raises CorruptFileError where the stream ends before it."""
        return symbols_at(rows, self._tables, self._pull_indices, self._pull_escapes)

    def finish(self) -> None:
        """Raises CorruptFileError if anything is left."""
        if self._position + 7 < 8 * len(self._stream):
            raise CorruptFileError("the coded picture holds more than its symbols")

    def _pull_indices(self, row: int, count: int) -> np.ndarray:
        indices, self._position = decode_from(self._stream, self._position, count, code_of(self._tables, row))
        return indices

    def _pull_escapes(self, count: int) -> np.ndarray:
        """Inverse of `_escapes`."""
        lengths = self._take(np.full(count, LENGTH_BITS)).astype(np.int64)
        return (1 << lengths) + self._take(lengths)

    def _take(self, lengths: np.ndarray) -> np.ndarray:
        ends = self._position + np.cumsum(lengths)
        numbers = unpack(self._stream, ends - lengths, lengths)
        self._position = int(ends[-1]) if ends.size else self._position
        return numbers


def code_of(tables: FrequencyTables, row: int) -> HuffmanCode:
    """The code of a row that is not skipped; its last symbol is the escape."""
    return _code(tables.counts[row].astype("<i4").tobytes())


@lru_cache(maxsize=1024)  # more rows than any checkpoint has
def _code(counts: bytes) -> HuffmanCode:
    return HuffmanCode.from_counts(np.frombuffer(counts, "<i4"))


def _push(symbols: np.ndarray, rows: np.ndarray, tables: FrequencyTables) -> list[Bits]:
    """Inverse of `Decoder.pull`."""
    indices, escapes = indexed(symbols, rows, tables)
    codes = [(code_of(tables, row), values) for row, values in indices]
    bits = [(code.codes[values].astype(np.int64), code.lengths[values].astype(np.int64)) for code, values in codes]
    return bits + _escapes(escapes)


def _escapes(codes: np.ndarray) -> list[Bits]:
    """Exp-Golomb: a length in 0 … 15, then so many bits below the leading one."""
    lengths = np.floor(np.log2(codes)).astype(np.int64)
    assert lengths.size == 0 or lengths.max() < 1 << LENGTH_BITS, "symbols must be clipped before they are coded"
    return [(lengths, np.full(codes.size, LENGTH_BITS)), (codes - (1 << lengths), lengths)]
