"""Offsets keep values away from rounding boundaries; rounding is then the same for values that differ a little."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.learned.guarded_rounding import GREY, INTER, KEY, MOST, STEPS, Guard, GuardedRounding, chosen
from dlic.pixels.rectangles import Rectangle

SIZES = st.tuples(st.integers(1, 140), st.integers(1, 140))
SMALL = Guard(side=8, margin=2e-4)  # its units always find an offset


def values(size: tuple[int, int], seed: int, spread: float = 40) -> np.ndarray:
    """Differences (H, W, 3) as networks give them."""
    return np.random.default_rng(seed).normal(0.5, spread, (*size, 3)).astype(np.float32)


def distances(differences: np.ndarray, steps: np.ndarray, side: int) -> np.ndarray:
    """Of moved values from the nearest boundary, in levels."""
    offsets = (steps / STEPS).repeat(side, axis=0).repeat(side, axis=1)[: differences.shape[0], : differences.shape[1], None]
    moved = differences.astype(np.float64) + offsets
    return np.abs(moved - np.rint(moved))


@given(SIZES, st.integers(0, 1000), st.sampled_from([SMALL, Guard(side=32, margin=1e-4)]))
def test_values_keep_the_margin(size, seed, guard):
    differences = values(size, seed)
    steps = chosen(differences, guard)
    assert steps.shape == guard.units(*size) and np.abs(steps).max() <= MOST
    assert distances(differences, steps, guard.side).min() > guard.margin - 1e-5


def test_the_first_offset_that_keeps_the_margin_is_taken():
    differences = np.full((8, 8, 3), 3.5, np.float32)
    assert chosen(differences, SMALL) == [[0]]
    differences[2, 3, 1] = 4.0001
    assert chosen(differences, SMALL) == [[1]]
    differences[5, 5, 0] = -2 - 1 / STEPS
    assert chosen(differences, SMALL) == [[-1]]


def test_without_such_an_offset_the_margin_is_as_large_as_can_be():
    """A ramp over all fractions leaves no gap of twice the margin."""
    differences = np.linspace(0, 1, 3 * 64 * 64, dtype=np.float32).reshape(64, 64, 3)
    guard = Guard(side=64, margin=4e-4)
    assert distances(differences, chosen(differences, guard), 64).min() > 0


@pytest.mark.parametrize("guard", [KEY, INTER])
@given(SIZES, st.integers(0, 1000))
def test_differences_of_machines_do_not_change_a_pixel(guard, size, seed):
    rng, differences = np.random.default_rng(seed), values(size, seed)
    p = rng.integers(0, 256, differences.shape, dtype=np.uint8)
    place, encoder = Rectangle(0, 0, size[1], size[0]), GuardedRounding(guard, size, choose=True)
    pixels = encoder.pixels(differences, place, p)
    apart = rng.uniform(-guard.margin / 2, guard.margin / 2, differences.shape).astype(np.float32)
    decoder = GuardedRounding(guard, size, encoder.steps)
    if distances(differences, encoder.steps, guard.side).min() > guard.margin - 1e-5:  # all but a unit in some thousands
        assert np.array_equal(decoder.pixels(differences + apart, place, p), pixels)
    assert np.abs(pixels - np.clip(p + differences - 0.5, 0, 255)).max() <= 0.5 + MOST / STEPS + 1e-4


def test_parts_of_a_frame_are_rounded_as_the_whole():
    differences, size = values((70, 150), 3), (70, 150)
    whole, parts = (GuardedRounding(KEY, size, choose=True) for _ in range(2))
    pixels = whole.pixels(differences, Rectangle(0, 0, 150, 70))
    for place in (Rectangle(0, 0, 64, 64), Rectangle(64, 0, 86, 64), Rectangle(0, 64, 150, 6)):
        assert np.array_equal(parts.pixels(differences[place.slices], place), pixels[place.slices])
    assert np.array_equal(whole.steps, parts.steps)


def test_without_offsets_values_are_rounded_down_onto_grey():
    differences = np.array([[[-200, -0.1, 0.9]]], np.float32)
    assert GuardedRounding(KEY, (1, 1)).pixels(differences, Rectangle(0, 0, 1, 1)).tolist() == [[[0, GREY - 1, GREY]]]
