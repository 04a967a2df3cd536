"""Annealing: what it finds costs less than what is beside it, the less the longer it takes, and stays where tables have a price."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.parity import groups_of_steps, joined
from dlic.entropy.parts import Part
from dlic.learned.codec import load_codec
from dlic.runtime.torch.annealing import Prices, anneal, curvature
from dlic.runtime.torch.even_groups import EvenGroups
from tests.golden.rewrite import TINY_LIGHT

TABLES = load_codec(TINY_LIGHT).unit.tables
SHAPE = 6, 5, 4  # (h, w, M)


def rows_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, len(TABLES), SHAPE).astype(np.uint16)


def problem(seed: int, coupling: float) -> tuple[Prices, torch.Tensor, torch.Tensor]:
    """Prices in rows at random, the matrix of a quadratic form, and what it draws the symbols to (1, M, h, w)."""
    generator, count = np.random.default_rng(seed), np.prod(SHAPE)
    prices = Prices(TABLES, rows_of(seed))
    mixing = np.eye(count) + coupling * generator.standard_normal((count, count)) / np.sqrt(count)
    target = generator.laplace(scale=3, size=(1, SHAPE[2], *SHAPE[:2]))
    return prices, *(torch.from_numpy(array.astype(np.float32)) for array in (4 * mixing @ mixing.T, target))


def annealed(prices: Prices, form: torch.Tensor, target: torch.Tensor, iterations: int) -> torch.Tensor:
    def slope(symbols: torch.Tensor) -> torch.Tensor:
        return (form @ (symbols - target).flatten()).view_as(target)

    start = target.round().clamp(prices.low, prices.high)
    return anneal(start, prices, slope, curvature(start, prices, slope), iterations)


def energy(symbols: torch.Tensor, prices: Prices, form: torch.Tensor, target: torch.Tensor) -> float:
    missed = (symbols - target).flatten()
    return float(prices.bits(symbols).sum() + missed @ form @ missed / 2)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_symbols_that_do_not_meet_cost_less_than_the_whole_numbers_beside_them(seed):
    prices, form, target = problem(seed, coupling=0)
    found = annealed(prices, form, target, 40).round()
    below, cost, above = (prices.bits(there) + 2 * (there - target).square() for there in (found - 1, found, found + 1))
    assert ((cost <= below + 0.5) | (found == prices.low)).all()
    assert ((cost <= above + 0.5) | (found == prices.high)).all()


@given(st.integers(0, 10_000), st.sampled_from([1.0, 2.0]), st.sampled_from([1, 8, 30, 100]))
@settings(max_examples=20, deadline=None)
def test_symbols_that_meet_stay_where_they_have_a_price(seed, coupling, iterations):
    prices, form, target = problem(seed, coupling)
    found = annealed(prices, form, target, iterations)
    assert ((found >= prices.low) & (found <= prices.high)).all()


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_groups_that_anneal_together_become_even_and_cost_no_more_than_by_repair_alone(seed):
    """In the mean over a few problems: one alone may be lucky."""
    costs = []
    for number in range(seed, seed + 4):
        prices, form, target = problem(number, coupling=1)
        part = Part("y", rows_of(number), np.zeros(SHAPE, np.uint8))
        groups = EvenGroups(joined(groups_of_steps(part, TABLES)))

        def slope(symbols: torch.Tensor, form=form, target=target) -> torch.Tensor:
            return (form @ (symbols - target).flatten()).view_as(target)

        start = target.round().clamp(prices.low, prices.high)
        bend = curvature(start, prices, slope)
        found = [
            groups.repaired(anneal(start, prices, slope, bend, 40, groups=known).round(), prices, slope, bend)
            for known in (None, groups)
        ]
        costs.append([energy(symbols, prices, form, target) for symbols in found])
        for symbols in found:
            flat = symbols[0].permute(1, 2, 0).numpy().ravel()
            assert not joined(groups_of_steps(part, TABLES)).odd(flat).any()
    alone, together = np.mean(costs, axis=0)
    assert together < alone * 1.01


def test_together_they_cost_less_than_each_rounded_and_the_less_the_longer():
    means = []
    for iterations in (0, 8, 100):
        costs = []
        for seed in range(10):
            prices, form, target = problem(seed, coupling=1)
            costs.append(energy(annealed(prices, form, target, iterations).round(), prices, form, target))
        means.append(np.mean(costs))
    assert means[1] < 0.9 * means[0] and means[2] < means[1], means
