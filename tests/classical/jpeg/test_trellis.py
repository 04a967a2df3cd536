"""The search finds what trying every combination finds."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.jpeg.run_lengths import ZRL
from dlic.classical.jpeg.trellis import trellis

RATES = np.random.default_rng(0).uniform(1, 12, 256)


def cost(ratios: np.ndarray, block: np.ndarray, weights: np.ndarray) -> float:
    """Written out: error of the AC places and bits of their codes."""
    bits, run = 0.0, 0
    for level in block[1:]:
        if level == 0:
            run += 1
            continue
        size = int(abs(level)).bit_length()
        bits += (run >> 4) * RATES[ZRL] + RATES[(run & 15) << 4 | size] + size
        run = 0
    error = (weights * (ratios - block) ** 2)[1:].sum()
    return float(error + bits + (RATES[0] if run else 0))


@given(st.integers(0, 2**31), st.lists(st.integers(1, 63), min_size=1, max_size=4, unique=True), st.floats(0.2, 60))
@settings(max_examples=40)
def test_no_choice_of_candidates_is_cheaper(seed, places, weight):
    rng = np.random.default_rng(seed)
    ratios = rng.uniform(-0.49, 0.49, 64)
    ratios[places] = rng.uniform(-9, 9, len(places))
    weights = weight * rng.uniform(0.5, 2, 64)
    levels = np.trunc(ratios + np.copysign(0.5, ratios)).astype(np.int16)
    chosen = trellis(ratios[None], levels[None], weights, RATES)[0]
    options = []
    for place in range(1, 64):
        level = abs(int(levels[place]))
        shorter = 2 ** (level.bit_length() - 1) - 1 if level else 0
        options.append({np.sign(levels[place]) * magnitude for magnitude in (0, level, max(level - 1, 0), shorter)})
    best = min(cost(ratios, np.array([levels[0], *block]), weights) for block in itertools.product(*options))
    assert chosen[0] == levels[0] and cost(ratios, chosen, weights) <= best + 1e-6


def test_where_bits_cost_little_nothing_changes_and_where_much_all_goes():
    ratios = np.random.default_rng(1).uniform(-20, 20, (50, 64))
    levels = np.rint(ratios).astype(np.int16)
    assert (trellis(ratios, levels, np.full(64, 1e6), RATES) == levels).all()
    assert (trellis(ratios, levels, np.full(64, 1e-6), RATES)[:, 1:] == 0).all()
