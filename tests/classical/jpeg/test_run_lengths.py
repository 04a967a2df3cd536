"""Sizes and bits, runs, differences: each comes back; the codes of known blocks are those the standard gives."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dlic.classical.jpeg.run_lengths import (
    accumulated,
    block_codes,
    dc_codes,
    differences,
    ends_of_blocks,
    levels_of,
    places_of,
    runs_before,
    sizes_and_bits,
)


def test_levels_come_back_from_sizes_and_bits():
    levels = np.arange(-32767, 32768)
    sizes, bits = sizes_and_bits(levels)
    assert (levels_of(sizes, bits) == levels).all()
    assert [tuple(map(int, pair)) for pair in zip(*sizes_and_bits(np.array([0, 1, -1, 5, -5])), strict=True)] == [
        (0, 0),
        (1, 1),
        (1, 0),
        (3, 5),
        (3, 2),
    ]


@given(hnp.arrays(np.int8, st.tuples(st.integers(1, 8), st.integers(1, 63)), elements=st.sampled_from([0, 0, 0, 1, -3])))
@settings(max_examples=100)
def test_places_come_back_from_runs(levels):
    blocks, places = np.nonzero(levels)
    runs = runs_before(blocks, places + 5, 5)
    assert (places_of(blocks, runs + 1, 5) == places + 5).all()


def test_the_codes_of_a_block():
    levels = np.zeros((2, 63), int)
    levels[0, [0, 40]], levels[1, 62] = [-2, 1], 3
    slots = np.ones(2, int)
    codes = block_codes(levels, 1, slots, dc_codes(np.array([5, 0]), slots - 1), ends_of_blocks(levels, slots))
    assert [f"{s:02x}" for s in codes.symbols] == ["03", "02", "f0", "f0", "71", "00", "00", "f0", "f0", "f0", "e2"]
    assert codes.extra.tolist() == [5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 3]
    assert codes.extra_lengths.tolist() == [3, 2, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    assert codes.slots.tolist() == [0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]
    assert codes.blocks.tolist() == [0] * 6 + [1] * 5


@given(st.integers(1, 30), st.integers(1, 40), st.sampled_from([[0], [0, 0, 1, 2], [0, 0, 0, 0, 1, 2], [0, 1]]))
@settings(max_examples=60)
def test_dc_levels_come_back_from_differences(units, interval, pattern):
    dc = np.random.default_rng(units).integers(-1024, 1024, (units, len(pattern)))
    changes = differences(dc, np.array(pattern), interval)
    assert (accumulated(changes, np.array(pattern), interval) == dc).all()
    assert (changes[::interval, 0] == dc[::interval, 0]).all()
