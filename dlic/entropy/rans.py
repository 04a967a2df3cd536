"""Symbols ⇄ bytes by asymmetric numeral systems, from integer tables alone.

A stream holds one or more parts. Within a part, symbols are grouped by table row, so that each row is one call into constriction.
Layout of a part, in decoding order: the symbols of row 0, row 1, …, each in array order, escapes marked; then for every escape its
bit length (of 16), then its remaining bits.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Part
from dlic.entropy.tables import ESCAPE_BITS, TOTAL, FrequencyTables, indexed, symbols_at
from dlic.errors import CorruptFileError

AnsCoder = constriction.stream.stack.AnsCoder
Categorical, Uniform = constriction.stream.model.Categorical, constriction.stream.model.Uniform
SMALL = 10  # table size up to which constriction's lazy model is faster: it sums frequencies instead of searching stored sums


@dataclass(frozen=True)
class RansCoder:
    """Codes symbols by rANS with the tables of their rows."""

    number: int = 0
    name: str = "rANS"
    even: bool = False

    def encoder(self, tables: FrequencyTables) -> "RansEncoder":
        return RansEncoder(tables)

    def decoder(self, stream: bytes, tables: FrequencyTables) -> "RansDecoder":
        """Raises CorruptFileError for bytes that no encoder wrote."""
        return RansDecoder(stream, tables)

    def costs(self, symbols: NDArray[Any], part: Part, tables: FrequencyTables) -> NDArray[Any]:
        """Ideal bits of each symbol, escapes included: float64, of the part's shape."""
        return tables.costs(symbols, part.rows)


class RansEncoder:
    """Writes a stream part by part."""

    def __init__(self, tables: FrequencyTables):
        self._tables = tables
        self._pushed: list[tuple[NDArray[Any], NDArray[Any], FrequencyTables]] = []  # symbols (N,), rows (N,) and their tables

    def push(self, symbols: NDArray[Any], part: Part) -> None:
        """Adds the int32 symbols of a part, clipped by `FrequencyTables.clip`."""
        self.push_rows(symbols.ravel(), part.rows.ravel(), self._tables)

    def push_rows(self, symbols: NDArray[Any], rows: NDArray[Any], tables: FrequencyTables) -> None:
        """Add int32 symbols (N,) by their rows (N,) of any tables."""
        self._pushed.append((symbols, rows, tables))

    def finish(self) -> bytes:
        """The stream of all parts."""
        coder = AnsCoder()
        for symbols, rows, tables in reversed(self._pushed):  # a stack: last in, first out
            _push(coder, symbols, rows, tables)
        return bytes(coder.get_compressed().astype("<u4").tobytes())


class RansDecoder:
    """Reads a stream part by part."""

    def __init__(self, stream: bytes, tables: FrequencyTables):
        """Raises CorruptFileError for bytes that no encoder wrote."""
        self._coder, self._tables = _coder(stream), tables

    def pull(self, part: Part) -> NDArray[Any]:
        """The int32 symbols of the next part. A damaged stream gives other symbols, never an error."""
        return self.pull_rows(part.rows.ravel(), self._tables).reshape(part.shape)

    def pull_rows(self, rows: NDArray[Any], tables: FrequencyTables) -> NDArray[Any]:
        """The next int32 symbols (N,) by their rows (N,) of any tables."""
        return _pull(self._coder, rows, tables)

    def finish(self) -> None:
        """Raises CorruptFileError if anything is left."""
        if not self._coder.is_empty():
            raise CorruptFileError("the coded picture holds more than its symbols")


def _push(coder: Any, symbols: NDArray[Any], rows: NDArray[Any], tables: FrequencyTables) -> None:
    indices, escapes = indexed(symbols, rows, tables)
    _push_escapes(coder, escapes)
    for row, values in reversed(indices):
        coder.encode_reverse(values.astype(np.int32), _model(tables, row))


def _pull(coder: Any, rows: NDArray[Any], tables: FrequencyTables) -> NDArray[Any]:
    """Inverse of `_push`."""
    return symbols_at(rows, tables, lambda row, count: coder.decode(_model(tables, row), count), partial(_pull_escapes, coder))


def _push_escapes(coder: Any, codes: NDArray[Any]) -> None:
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


def _pull_escapes(coder: Any, count: int) -> NDArray[Any]:
    """Inverse of `_push_escapes`."""
    if count == 0:
        return np.empty(0, np.int64)
    lengths = np.asarray(coder.decode(Uniform(ESCAPE_BITS + 1), count))
    codes = (1 << lengths).astype(np.int32)
    long = lengths > 0
    if long.any():
        codes[long] += coder.decode(Uniform(), codes[long])
    return codes


def _model(tables: FrequencyTables, row: int) -> Any:
    """The entropy model of constriction. Counts over 2¹⁶ are exact in float64, as is constriction's fixed point: the model depends
    on integers only.
    """
    counts = tables.counts[row]
    return Categorical(counts / TOTAL, perfect=False, lazy=counts.size <= SMALL)


def _coder(stream: bytes) -> Any:
    if len(stream) % 4:
        raise CorruptFileError("the coded picture is not a whole number of 32-bit words")
    words = np.frombuffer(stream, dtype="<u4").astype(np.uint32)
    if words.size and words[-1] == 0:
        raise CorruptFileError("the coded picture ends in an empty word")
    return AnsCoder(words)
