"""Groups of symbols with even sums: whatever rows and symbols there are, they survive the coder and cost what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.coder import coder_of
from dlic.entropy.parity import GROUP, GROUP_BITS, Groups, Repair, groups_of_steps, joined
from dlic.entropy.parts import Part
from dlic.entropy.tables import ENTROPY_FRACTION, TOTAL, FrequencyTables
from dlic.errors import CorruptFileError
from tests.entropy.test_tables import laplace

# skipped, narrow, usual, of more than a group's bits in two symbols, and one of a single value and its escape
WIDE = laplace([0.01, 0.4, 2.0, 200.0], centre=3)
TABLES = FrequencyTables(np.append(WIDE.minima, 7).astype(np.int32), (*WIDE.counts, np.array([60_000, 5536], np.int32)))
CODER, PLAIN = coder_of(1), coder_of(0)


def drawn(seed: int, shape: tuple[int, ...], steps: int, outliers: int = 0) -> tuple[Part, np.ndarray, np.ndarray]:
    """A part, what its symbols stand for (N,), and the symbols (N,) float32 to which that is rounded."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(TABLES), shape, p=rng.dirichlet(np.ones(len(TABLES)))).astype(np.uint8)
    part = Part("y", rows, rng.integers(0, steps, shape).astype(np.uint8))
    aims = 3 + rng.laplace(size=rows.size) * np.array([0.01, 0.4, 2.0, 200.0, 0.5])[rows.ravel()]
    aims[rng.integers(0, max(1, rows.size), outliers if rows.size else 0)] += rng.choice([-1e6, -600, 600, 1e6])
    return part, aims.astype(np.float32), TABLES.clip(np.rint(aims), rows.ravel()).astype(np.float32)


def repaired(part: Part, aims: np.ndarray, symbols: np.ndarray, price: float = 40.0) -> np.ndarray:
    """Symbols of the part's shape with even groups, step after step as an encoder does it."""
    repair, even = Repair(TABLES, price), symbols.copy()
    for groups in groups_of_steps(part, TABLES):
        repair(even, aims, part.rows.ravel(), groups)
    return even.reshape(part.shape).astype(np.int32)


def coded(part: Part, symbols: np.ndarray, number: int = 1) -> bytes:
    encoder = coder_of(number).encoder(TABLES)
    encoder.push(symbols, part)
    return encoder.finish()


def decoded(part: Part, stream: bytes) -> np.ndarray:
    decoder = CODER.decoder(stream, TABLES)
    symbols = decoder.pull(part)
    decoder.finish()
    return symbols


shapes = st.tuples(st.integers(0, 12), st.integers(1, 12), st.integers(1, 5))


@given(st.integers(0, 2**32), shapes, st.integers(1, 4), st.integers(0, 9))
@settings(max_examples=150)
def test_repaired_symbols_have_even_groups_and_survive_the_coder(seed, shape, steps, outliers):
    part, aims, symbols = drawn(seed, shape, steps, outliers)
    groups = joined(groups_of_steps(part, TABLES))
    even = repaired(part, aims, symbols)
    assert not groups.odd(even.ravel()).any()
    moved = np.abs(even.ravel() - symbols)
    assert moved.max(initial=0) <= 1 and moved.sum() == groups.odd(symbols).sum()
    assert (even == TABLES.clip(even, part.rows)).all()
    assert (decoded(part, coded(part, even)) == even).all()


@given(st.integers(0, 2**32), shapes, st.integers(1, 4))
@settings(max_examples=100)
def test_groups_hold_their_bits_in_order(seed, shape, steps):
    """As docs/format.md tells it, one symbol after the other."""
    part, _, _ = drawn(seed, shape, steps)
    rows, entropies = part.rows.ravel().tolist(), TABLES.entropies.tolist()
    expected: list[list[int]] = []
    for step in range(steps):
        before, of_number = 0, {}
        for place in np.flatnonzero(part.steps.ravel() == step).tolist():
            if bits := entropies[rows[place]]:
                of_number.setdefault(before // GROUP, []).append(place)
                before += bits
        expected += [places for number, places in sorted(of_number.items()) if number < before // GROUP]
    groups = joined(groups_of_steps(part, TABLES))
    assert [places.tolist() for places in np.split(groups.members, groups.starts[1:]) if places.size] == expected
    assert groups.lasts.tolist() == [max(places, key=lambda place: (rows[place], -place)) for places in expected]


def test_a_group_may_be_one_even_symbol():
    """No row has more than 16 bits, so that no number of a group is left out."""
    wide = FrequencyTables(np.zeros(1, np.int32), (np.append(np.full(TOTAL // 2 - 1, 2, np.int32), np.int32(2)),))
    assert wide.entropies[0] == 15 << ENTROPY_FRACTION
    part = Part("y", np.zeros(40, np.uint8), np.zeros(40, np.uint8))
    (groups,) = groups_of_steps(part, wide)
    sizes = np.diff(groups.starts, append=groups.members.size)
    assert set(sizes.tolist()) == {1, 2} and len(groups) == 40 * 15 // GROUP_BITS


@pytest.mark.parametrize("row", [0, 1])
def test_parts_without_groups_are_those_of_plain_coding(row):
    """Skipped rows only, too few symbols for a group, and no context at all."""
    shape = (0 if row else 30, 3, 2)
    certain = Part("y", np.full(shape, row, np.uint8), np.zeros(shape, np.uint8))
    symbols = np.full(shape, TABLES.minima[row], np.int32)
    assert coded(certain, symbols) == coded(certain, symbols, 0)
    few = Part("y", np.full((1, 2, 1), 2, np.uint8), np.zeros((1, 2, 1), np.uint8))
    assert coded(few, np.array([[[1], [2]]], np.int32)) == coded(few, np.array([[[1], [2]]], np.int32), 0)
    part, _, symbols = drawn(1, (5, 6, 3), 1)
    odd = symbols.reshape(part.shape).astype(np.int32)
    assert coded(Part("z", part.rows), odd) == coded(Part("z", part.rows), odd, 0)


def test_an_encoder_refuses_odd_groups():
    part, _, symbols = drawn(1, (5, 6, 3), 2)
    assert joined(groups_of_steps(part, TABLES)).odd(symbols).any()
    with pytest.raises(AssertionError, match="even"):
        coded(part, symbols.reshape(part.shape).astype(np.int32))


def test_the_stream_costs_what_the_coder_says_and_less_than_without_parity():
    rng = np.random.default_rng(2)
    part = Part("y", rng.integers(1, 4, (64, 64, 16)).astype(np.uint8), rng.integers(0, 4, (64, 64, 16)).astype(np.uint8))
    aims = (3 + rng.laplace(size=part.rows.size) * np.array([0.01, 0.4, 2.0, 200.0])[part.rows.ravel()]).astype(np.float32)
    even = repaired(part, aims, TABLES.clip(np.rint(aims), part.rows.ravel()).astype(np.float32))
    bits, groups = CODER.costs(even, part, TABLES).sum(), len(joined(groups_of_steps(part, TABLES)))
    assert 8 * len(coded(part, even)) == pytest.approx(bits, rel=1e-3)
    assert PLAIN.costs(even, part, TABLES).sum() - bits == pytest.approx(groups, rel=0.15)  # halved escapes are shorter too


def test_the_cheapest_symbol_moves_to_the_other_side_of_what_it_stands_for():
    groups = Groups(members=np.array([0, 1, 2, 4, 5]), starts=np.array([0, 3]), lasts=np.array([0, 4]))
    rows, aims = np.full(6, 3, np.uint8), np.array([3.1, 2.0, -4.45, 0.5, 1.0, 7.2], np.float32)
    symbols = np.rint(aims)
    Repair(TABLES, 1000.0)(symbols, aims, rows, groups)
    assert symbols.tolist() == [3, 2, -5, 0, 1, 7]


def test_of_symbols_that_cost_the_same_only_one_moves():
    groups = Groups(members=np.arange(4), starts=np.array([0]), lasts=np.array([0]))
    aims = np.full(4, 3.25, np.float32)
    symbols = np.array([3, 3, 3, 4], np.float32)
    aims[3] = 4.25
    Repair(TABLES, 40.0)(symbols, aims, np.full(4, 3, np.uint8), groups)
    assert np.abs(symbols - [3, 3, 3, 4]).sum() == 1


@given(st.binary(max_size=64).map(lambda data: data[: len(data) // 4 * 4]))
def test_strange_streams_give_symbols_with_even_groups_or_are_refused(stream):
    part, _, _ = drawn(3, (4, 4, 3), 2)
    try:
        symbols = CODER.decoder(stream, TABLES).pull(part)
    except CorruptFileError:
        return
    assert not joined(groups_of_steps(part, TABLES)).odd(symbols.ravel()).any()
