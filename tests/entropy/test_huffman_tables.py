"""The Huffman coder behind the calls of rANS: the same symbols come back, at what the code lengths say."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy import huffman_tables, rans
from dlic.errors import CorruptFileError
from tests.entropy.test_rans import TABLES, draw


def decode(stream, rows):
    decoder = huffman_tables.Decoder(stream, TABLES)
    symbols = decoder.pull(rows)
    decoder.finish()
    return symbols


@given(st.integers(0, 2**32), st.integers(0, 2000), st.integers(0, 20))
@settings(max_examples=60)
def test_decode_inverts_encode(seed, count, outliers):
    symbols, rows = draw(seed, count, outliers)
    found = decode(huffman_tables.encode([(symbols, rows)], TABLES), rows)
    assert found.dtype == np.int32 and (found == symbols).all()


def test_wide_rows_cost_as_by_rans_and_narrow_ones_a_bit_a_symbol():
    symbols, rows = draw(1, 100_000)
    for row, low, high in ((3, 1.0, 1.01), (2, 1.0, 1.05), (1, 1.0, 2.0)):
        of_row = rows == row
        parts = [(symbols[of_row], rows[of_row])]
        assert low < len(huffman_tables.encode(parts, TABLES)) / len(rans.encode(parts, TABLES)) < high
    zeros = np.full(8000, 3, np.int32), np.ones(8000, int)  # the likeliest value of row 1
    assert len(huffman_tables.encode([zeros], TABLES)) == 1000


def test_skipped_rows_cost_nothing():
    rows = np.zeros(100_000, int)
    assert huffman_tables.encode([(TABLES.clip(np.arange(100_000), rows), rows)], TABLES) == b""
    assert (decode(b"", rows) == 3).all()


def test_codes_depend_on_the_counts_alone_and_use_up_their_bits():
    for row in np.flatnonzero(~TABLES.skipped):
        code = huffman_tables.code_of(TABLES, row)
        assert code.complete and (np.diff(code.lengths[np.argsort(-TABLES.counts[row], kind="stable")].astype(int)) >= 0).all()


@given(st.integers(0, 2**32), st.integers(0, 500), st.integers(0, 500))
@settings(max_examples=30)
def test_later_rows_may_depend_on_earlier_symbols(seed, first, second):
    symbols, rows = draw(seed, first, outliers=2)
    then, _ = draw(seed + 1, second, outliers=2)
    then_rows = (np.arange(second) + int(symbols.sum())) % len(TABLES)
    then = TABLES.clip(then, then_rows)
    decoder = huffman_tables.Decoder(huffman_tables.encode([(symbols, rows), (then, then_rows)], TABLES), TABLES)
    found = decoder.pull(rows)
    assert (found == symbols).all()
    assert (decoder.pull((np.arange(second) + int(found.sum())) % len(TABLES)) == then).all()
    decoder.finish()


@given(st.binary(max_size=64))
def test_any_bytes_decode_or_are_refused(stream):
    rows = np.arange(40) % len(TABLES)
    with contextlib.suppress(CorruptFileError):
        assert decode(stream, rows).shape == (40,)


def test_truncated_and_extended_streams_are_refused():
    symbols, rows = draw(2, 300, outliers=3)
    whole = huffman_tables.encode([(symbols, rows)], TABLES)
    for length in range(len(whole)):
        with pytest.raises(CorruptFileError):
            decode(whole[:length], rows)
    with pytest.raises(CorruptFileError, match="more than"):
        decode(whole + b"\0", rows)
