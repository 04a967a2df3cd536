"""Symbols ⇄ bytes by asymmetric numeral systems, from integer tables alone.

A stream holds one or more parts. Within a part, symbols are grouped by table row, so that each row is one call into constriction.
Layout of a part, in decoding order: the symbols of row 0, row 1, …, each in array order, escapes marked; then for every escape its
bit length (of 16), then its remaining bits.
"""

from collections.abc import Sequence
from functools import partial

import constriction
import numpy as np

from dlic.entropy.tables import ESCAPE_BITS, TOTAL, FrequencyTables, indexed, symbols_at
from dlic.errors import CorruptFileError

AnsCoder = constriction.stream.stack.AnsCoder
Categorical, Uniform = constriction.stream.model.Categorical, constriction.stream.model.Uniform
SMALL = 10  # frequencies of a table that are summed up on the way to a symbol faster than their sums are searched


def encode(parts: Sequence[tuple[np.ndarray, np.ndarray]], tables: FrequencyTables) -> bytes:
    """Code parts of int32 symbols (N,), each with the table rows (N,) of its symbols, as `tables.clip` leaves them."""
    coder = AnsCoder()
    for symbols, rows in reversed(parts):  # a stack: last in, first out
        _push(coder, symbols, rows, tables)
    return coder.get_compressed().astype("<u4").tobytes()


class Decoder:
    """Reads a stream part by part; the rows of a part may depend on the symbols of those before it."""

    def __init__(self, stream: bytes, tables: FrequencyTables):
        """Raises CorruptFileError for bytes that no encoder wrote."""
        self._coder, self._tables = _coder(stream), tables

    def pull(self, rows: np.ndarray) -> np.ndarray:
        """The next part: int32 symbols (N,) for table rows (N,). A damaged stream gives other symbols, never an error."""
        return _pull(self._coder, rows, self._tables)

    def finish(self) -> None:
        """Raises CorruptFileError if anything is left."""
        if not self._coder.is_empty():
            raise CorruptFileError("the coded picture holds more than its symbols")


def _push(coder: AnsCoder, symbols: np.ndarray, rows: np.ndarray, tables: FrequencyTables) -> None:
    indices, escapes = indexed(symbols, rows, tables)
    _push_escapes(coder, escapes)
    for row, values in reversed(indices):
        coder.encode_reverse(values.astype(np.int32), _model(tables, row))


def _pull(coder: AnsCoder, rows: np.ndarray, tables: FrequencyTables) -> np.ndarray:
    """Inverse of `_push`."""
    return symbols_at(rows, tables, lambda row, count: coder.decode(_model(tables, row), count), partial(_pull_escapes, coder))


def _push_escapes(coder: AnsCoder, codes: np.ndarray) -> None:
    """Exp-Golomb: a length in 0 … 15, then so many bits below the leading one."""
    if codes.size == 0:
        return
    lengths = np.floor(np.log2(codes)).astype(np.int32)
    assert lengths.max() <= ESCAPE_BITS, "symbols must be clipped before they are coded"
    scales = (1 << lengths).astype(np.int32)
    long = lengths > 0
    if long.any():
        coder.encode_reverse((codes - scales)[long].astype(np.int32), Uniform(), scales[long])
    coder.encode_reverse(lengths, Uniform(ESCAPE_BITS + 1))


def _pull_escapes(coder: AnsCoder, count: int) -> np.ndarray:
    """Inverse of `_push_escapes`."""
    if count == 0:
        return np.empty(0, np.int64)
    lengths = np.asarray(coder.decode(Uniform(ESCAPE_BITS + 1), count))
    codes = (1 << lengths).astype(np.int32)
    long = lengths > 0
    if long.any():
        codes[long] += coder.decode(Uniform(), codes[long])
    return codes


def _model(tables: FrequencyTables, row: int) -> Categorical:
    """Counts over 2¹⁶ are exact in float64, and so is what constriction makes of them: the model depends on integers only."""
    counts = tables.counts[row]
    return Categorical(counts / TOTAL, perfect=False, lazy=counts.size <= SMALL)


def _coder(stream: bytes) -> AnsCoder:
    if len(stream) % 4:
        raise CorruptFileError("the coded picture is not a whole number of 32-bit words")
    words = np.frombuffer(stream, dtype="<u4").astype(np.uint32)
    if words.size and words[-1] == 0:
        raise CorruptFileError("the coded picture ends in an empty word")
    return AnsCoder(words)
