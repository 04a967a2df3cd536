"""Symbols survive the coder, cost what the tables say, and damage is seen or harmless."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy import rans
from dlic.entropy.parts import Part
from dlic.entropy.tables import FrequencyTables, integer_counts
from dlic.errors import CorruptFileError
from tests.entropy.test_tables import laplace

TABLES = laplace([0.01, 0.4, 2.0, 30.0], centre=3)


def draw(seed: int, count: int, outliers: int = 0):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(TABLES), count)
    symbols = np.rint(3 + rng.laplace(size=count) * np.array([0.01, 0.4, 2.0, 30.0])[rows]).astype(np.int64)
    symbols[rng.integers(0, max(1, count), outliers if count else 0)] += rng.integers(-100_000, 100_000)
    return TABLES.clip(symbols, rows), rows


CODER = rans.RansCoder()


def encode(symbols, rows, tables=TABLES):
    encoder = CODER.encoder(tables)
    encoder.push(symbols, Part("y", rows))
    return encoder.finish()


def decode(stream, rows, tables=TABLES):
    decoder = CODER.decoder(stream, tables)
    symbols = decoder.pull(Part("y", rows))
    decoder.finish()
    return symbols


@given(st.integers(0, 2**32), st.integers(0, 2000), st.integers(0, 20))
@settings(max_examples=60)
def test_decode_inverts_encode(seed, count, outliers):
    symbols, rows = draw(seed, count, outliers)
    assert (decode(encode(symbols, rows), rows) == symbols).all()


@given(st.integers(0, 2**32), st.integers(2, 2 * rans.SMALL), st.floats(0.01, 100))
@settings(max_examples=60)
def test_how_symbols_are_looked_for_changes_no_stream(seed, size, concentration):
    rng = np.random.default_rng(seed)
    tables = FrequencyTables(np.zeros(1, np.int32), (integer_counts(rng.dirichlet(np.full(size, concentration))),))
    symbols, rows = rng.integers(0, size + 1, 500).astype(np.int32), np.zeros(500, int)  # the last two are escapes
    streams, decoded = set(), []
    for small in (0, size):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rans, "SMALL", small)
            streams.add(encode(symbols, rows, tables))
            decoded += [decode(stream, rows, tables) for stream in streams]
    assert len(streams) == 1 and all((found == symbols).all() for found in decoded)


def test_the_stream_costs_what_the_tables_say():
    symbols, rows = draw(1, 200_000, outliers=50)
    bits = 8 * len(encode(symbols, rows))
    assert bits == pytest.approx(TABLES.bits(symbols, rows), rel=1e-3)


def test_skipped_rows_cost_nothing():
    rows = np.zeros(100_000, int)
    symbols = TABLES.clip(np.arange(100_000), rows)
    assert set(symbols) == {3}
    assert encode(symbols, rows) == b""
    assert (decode(b"", rows) == 3).all()


def test_the_hard_cap_bounds_every_value():
    rows = np.full(2, 2)
    symbols = TABLES.clip(np.array([-(10**12), 10**12]), rows)
    assert symbols[0] > -20_000 and symbols[1] < 20_000
    assert (decode(encode(symbols, rows), rows) == symbols).all()


def test_rows_may_come_in_any_order_and_type():
    symbols, rows = draw(5, 5000)
    reference = encode(symbols, rows)
    assert encode(symbols, rows.astype(np.int16)) == reference


@given(st.binary(max_size=64))
def test_any_bytes_decode_or_are_refused(stream):
    rows = np.arange(40) % len(TABLES)
    with contextlib.suppress(CorruptFileError):
        assert decode(stream, rows).shape == (40,)
