"""Symbols ⇄ bytes by asymmetric numeral systems, from integer tables alone.

Symbols are grouped by table row, so that each row is one call into constriction. Layout, in decoding order: the symbols of
row 0, row 1, …, each in array order, escapes marked; then for every escape its bit length (of 16), then its remaining bits.
"""

import constriction
import numpy as np

from dlic.entropy.tables import ESCAPE_BITS, TOTAL, FrequencyTables, by_row, escape_code, escaped_value
from dlic.errors import CorruptFileError

AnsCoder = constriction.stream.stack.AnsCoder
Categorical, Uniform = constriction.stream.model.Categorical, constriction.stream.model.Uniform


def encode(symbols: np.ndarray, rows: np.ndarray, tables: FrequencyTables) -> bytes:
    """Code int32 symbols (N,), each by the table of its row (N,). They must be as `tables.clip` leaves them."""
    coder, groups, escapes = AnsCoder(), [], []
    for row, values in by_row(symbols, rows, len(tables)):
        size = tables.counts[row].size - 1
        inside = values - tables.minima[row]
        if size == 0:
            assert not inside.any(), f"row {row} is skipped and holds only {tables.minima[row]}"
            continue
        outside = (inside < 0) | (inside >= size)
        escapes.append(escape_code(inside[outside], size))
        groups.append((row, np.where(outside, size, inside).astype(np.int32)))
    _push_escapes(coder, np.concatenate(escapes) if escapes else np.empty(0, np.int64))
    for row, indices in reversed(groups):  # a stack: last in, first out
        coder.encode_reverse(indices, _model(tables, row))
    return coder.get_compressed().astype("<u4").tobytes()


def decode(stream: bytes, rows: np.ndarray, tables: FrequencyTables) -> np.ndarray:
    """The symbols (N,) int32 that `encode` was given. Raises CorruptFileError where the stream does not end with them."""
    coder = _coder(stream)
    groups = by_row(np.arange(rows.size), rows, len(tables))
    symbols = np.empty(rows.size, dtype=np.int32)
    escaped, sizes, minima = [], [], []
    for row, positions in groups:
        size, minimum = tables.counts[row].size - 1, tables.minima[row]
        if size == 0:
            symbols[positions] = minimum
            continue
        indices = coder.decode(_model(tables, row), positions.size)
        symbols[positions] = indices + minimum
        outside = positions[indices == size]
        escaped.append(outside)
        sizes.append(np.full(outside.size, size))
        minima.append(np.full(outside.size, minimum))
    if escaped:
        codes = _pull_escapes(coder, sum(map(len, escaped)))
        symbols[np.concatenate(escaped)] = escaped_value(codes, np.concatenate(sizes)) + np.concatenate(minima)
    if not coder.is_empty():
        raise CorruptFileError("the coded picture holds more than its symbols")
    return symbols


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
    return Categorical(tables.counts[row] / TOTAL, perfect=False)


def _coder(stream: bytes) -> AnsCoder:
    if len(stream) % 4:
        raise CorruptFileError("the coded picture is not a whole number of 32-bit words")
    words = np.frombuffer(stream, dtype="<u4").astype(np.uint32)
    if words.size and words[-1] == 0:
        raise CorruptFileError("the coded picture ends in an empty word")
    return AnsCoder(words)
