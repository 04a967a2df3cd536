"""Integer frequency tables: sums, reach, storage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.entropy.tables import (
    ENTROPY_FRACTION,
    TOTAL,
    FrequencyTables,
    binary_logarithms,
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


def test_logarithms_by_whole_numbers_are_logarithms_rounded_down():
    values = np.arange(1, TOTAL + 1)
    exact = np.log2(values) * (1 << ENTROPY_FRACTION)
    assert (binary_logarithms(values) == np.floor(exact + 1e-9)).all()


def test_entropies_are_those_of_the_rows():
    tables = laplace([0.01, 0.4, 2.0, 200.0])
    for row, counts in enumerate(tables.counts):
        shares = counts / TOTAL
        exact = float(-(shares * np.log2(shares)).sum())
        assert exact - 1e-9 <= tables.entropies[row] / (1 << ENTROPY_FRACTION) + 2 / (1 << ENTROPY_FRACTION) <= exact + 0.01


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=40), st.integers(-600, 600))
def test_rows_of_one_parity_share_what_the_row_has_of_it(weights, minimum):
    counts = integer_counts(np.array(weights, float))
    tables = FrequencyTables(np.array([minimum], np.int32), (counts,))
    values = minimum + np.arange(counts.size - 1)
    for parity in (0, 1):
        first, shares = tables.by_parity.minima[parity], tables.by_parity.counts[parity]
        inside = values % 2 == parity
        assert shares.sum() == TOTAL
        if inside.any():
            assert (2 * (first + np.arange(shares.size - 1)) + parity == values[inside]).all()
            expected = np.append(counts[:-1][inside], (counts[-1] + 1) // 2)
            assert np.abs(shares - expected / expected.sum() * TOTAL).max() <= 1 + shares.size


def test_skipped_rows_stay_skipped_by_parity():
    tables = laplace([0.01, 2.0], centre=3)
    assert tables.by_parity.skipped.tolist() == [True, True, False, False]
