"""Averages down, triangles up, any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.jpeg.subsampling import FACTORS, downsample, upsample

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def noise(size) -> np.ndarray:
    return np.random.default_rng(sum(size)).integers(0, 256, size).astype(np.uint8)


@given(sizes, st.sampled_from(list(FACTORS.values())))
@settings(max_examples=60)
def test_downsampling_averages_and_upsampling_gives_the_size_back(size, factors):
    plane, (vertical, horizontal) = noise(size), factors
    small = downsample(plane, vertical, horizontal)
    padded = np.pad(plane, ((0, -size[0] % vertical), (0, -size[1] % horizontal)), mode="edge").astype(float)
    means = padded.reshape(small.shape[0], vertical, small.shape[1], horizontal).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 0.5
    large = upsample(small, size, (1, vertical), (1, horizontal))
    assert large.shape == size and large.min() >= small.min() and large.max() <= small.max()


@pytest.mark.parametrize("factors", FACTORS.values())
@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_flat_planes_stay_flat(factors, level):
    plane = np.full((17, 23), level, np.uint8)
    assert (downsample(plane, *factors) == level).all()
    assert (upsample(downsample(plane, *factors), plane.shape, (1, factors[0]), (1, factors[1])) == level).all()


def test_doubling_weighs_the_nearer_sample_three_to_one():
    row = np.array([[0, 100, 200]], np.uint8)
    assert upsample(row, (1, 6), (1, 1), (1, 2)).tolist() == [[0, 25, 75, 125, 175, 200]]
    assert upsample(row.T, (6, 1), (1, 2), (1, 1)).ravel().tolist() == [0, 25, 75, 125, 175, 200]


def test_other_ratios_repeat_samples():
    row = np.array([[1, 2]], np.uint8)
    assert upsample(row, (1, 8), (1, 1), (1, 4)).tolist() == [[1] * 4 + [2] * 4]
    assert upsample(row, (1, 3), (1, 1), (2, 3)).tolist() == [[1, 1, 2]]
