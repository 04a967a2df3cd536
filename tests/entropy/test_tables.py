"""Integer frequency tables: sums, reach, storage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.entropy.tables import (
    TOTAL,
    FrequencyTables,
    counted_tables,
    escape_code,
    escaped_value,
    integer_counts,
    tables_from_likelihoods,
)


def laplace(scales: list[float], centre: float = 0.0) -> FrequencyTables:
    def likelihoods(values):
        density = np.exp(-np.abs(values[None] - centre) / np.array(scales)[:, None])
        return density / density.sum(axis=1, keepdims=True)

    return tables_from_likelihoods(likelihoods)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300).filter(lambda p: sum(p) > 1e-6))
def test_counts_are_positive_and_sum_exactly(probabilities):
    counts = integer_counts(np.array(probabilities))
    assert counts.min() >= 1
    assert counts.sum() == TOTAL


def test_counts_follow_the_probabilities():
    assert integer_counts(np.array([0.5, 0.25, 0.25])).tolist() == [32768, 16384, 16384]


def test_certain_rows_are_skipped_and_wide_rows_are_wide():
    tables = laplace([0.01, 1.0, 20.0])
    assert tables.skipped.tolist() == [True, False, False]
    assert tables.minima[0] == 0
    assert tables.sizes[1] < tables.sizes[2] < 600


@given(st.integers(-40000, 40000), st.integers(1, 100))
def test_escape_codes_are_positive_and_invert(value, size):
    if 0 <= value < size:
        value += size
    code = escape_code(np.array([value]), size)
    assert code.min() >= 1
    assert escaped_value(code, np.array([size]))[0] == value


def test_counted_tables_follow_what_was_seen_and_keep_a_place_for_the_rest():
    learned = laplace([6.0, 0.01])
    rng = np.random.default_rng(0)
    symbols = np.rint(rng.laplace(size=50_000)).astype(int)  # narrower than the first row was learned
    rows = np.zeros(symbols.size, int)
    seen = np.zeros((2, 2 * 200 + 1))
    seen[0] = np.bincount(symbols + 200, minlength=401)
    counted = counted_tables(learned, seen)
    assert counted.bits(symbols, rows) < 0.9 * learned.bits(symbols, rows)
    assert counted.costs(symbols, rows).shape == symbols.shape
    assert counted.sizes[0] > np.ptp(symbols)
    assert counted.skipped.tolist() == [False, True]


def test_json_gives_the_same_tables_and_hash():
    tables = laplace([0.3, 3.0])
    again = FrequencyTables.from_json(tables.to_json())
    assert again.sha256 == tables.sha256
    assert all((a == b).all() for a, b in zip(again.counts, tables.counts, strict=True))


@pytest.mark.parametrize("counts", [[TOTAL - 1], [TOTAL, 0], [TOTAL + 1, -1], []])
def test_tables_that_do_not_add_up_are_refused(counts):
    with pytest.raises(ValueError, match="row 0"):
        FrequencyTables(np.array([0], np.int32), (np.array(counts, np.int32),))
