"""Shifts of blocks: what is coded comes back, the least cost is found, and uncoded shifts are as predicted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.coder import PARITY, PLAIN, coder_of
from dlic.learned.progressive.block_shifts import BLOCK, LEAST, MOST, STEP, BlockShifts, block_sums, coded_shifts
from dlic.learned.progressive.pricing import Pricing
from dlic.learned.progressive.tables import tables_of

TABLES = tables_of(bytes(8), 4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shape=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 9)))
@pytest.mark.parametrize("coder", [PLAIN, PARITY])
def test_shifts_come_back(coder, seed, shape):
    rng = np.random.default_rng(seed)
    costs, coded = rng.normal(0, 8, (2 * MOST + 1, *shape)), rng.random(shape) < 0.7
    shifts = BlockShifts.cheapest(costs, coded, TABLES.blocks)
    encoder = coder_of(coder).encoder(TABLES.tables)
    shifts.push(encoder, TABLES.blocks)
    stream = encoder.finish()
    decoder = coder_of(coder).decoder(stream, TABLES.tables)
    again = BlockShifts.pull(decoder, coded, TABLES.blocks)
    decoder.finish()
    assert np.array_equal(again.values, shifts.values) and np.abs(shifts.values).max() <= MOST
    assert abs(8 * len(stream) - shifts.bits(TABLES.blocks)) <= 64
    first = shifts.values[0, 0][~coded[0, 0]]
    assert not first.any()
    right = ~coded[:, 1:]
    assert np.array_equal(shifts.values[:, 1:][right], shifts.values[:, :-1][right])


def test_a_shift_is_worth_its_bits():
    """Large savings are taken, and small ones are not: 0 after 0 is the cheapest shift."""
    coded, costs = np.ones((1, 1, 2), bool), np.full((2 * MOST + 1, 1, 1, 2), 100.0)
    costs[MOST + 2, 0, 0] = (50.0, 99.9)
    assert BlockShifts.cheapest(costs, coded, TABLES.blocks).values.tolist() == [[[2, 0]]]


@pytest.mark.parametrize("size", [(1, 1), (16, 17), (40, 33)])
def test_blocks_cover_all_latents(size):
    of_latents = np.arange(size[0] * size[1] * 2, dtype=np.int64).reshape(*size, 2)
    sums = block_sums(of_latents)
    assert sums.shape == (-(-size[0] // BLOCK), -(-size[1] // BLOCK), 2) and sums.sum() == of_latents.sum()
    assert np.array_equal(sums[0, 0], of_latents[:BLOCK, :BLOCK].sum(axis=(0, 1)))
    shifts = BlockShifts((np.arange(sums.size).reshape(sums.shape) % 7 - MOST).astype(np.int8), np.ones(sums.shape, bool))
    rows = shifts.of_latents(size)
    assert rows.shape == of_latents.shape and np.array_equal(rows[-1, -1], STEP * shifts.values[-1, -1])


def test_only_channels_with_bits_are_coded():
    tables = np.zeros((BLOCK, BLOCK, 2), np.uint8)
    tables[..., 1] = TABLES.tables.entropies[:256].argmax()
    assert coded_shifts(tables, TABLES.tables.entropies).tolist() == [[[False, True]]]
    assert LEAST >= 1 << 8


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_least_costs_are_those_of_the_cheapest_refinements(seed):
    rng, pricing = np.random.default_rng(seed), Pricing(TABLES.tables, 40.0)
    distances = (np.round(rng.normal(0, 3, 200) * 16) / 16).astype(np.float32).clip(-11, 11)
    rows = rng.choice(np.flatnonzero(~TABLES.tables.skipped), 200)
    chosen = pricing.cheapest(distances, rows)
    costs = TABLES.tables.costs(chosen.astype(np.int32), rows) + 40 * np.square(chosen - distances)
    least = pricing.least(distances, rows)
    assert np.all(least <= costs + 1e-2) and np.median(np.abs(least - costs)) < 1e-2
