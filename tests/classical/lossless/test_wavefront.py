"""One wavefront of all planes: what an encoder predicts a decoder restores, and planes help the later ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.lossless import fitting, wavefront
from dlic.classical.lossless.blending import NUMBERS, blend
from dlic.classical.lossless.prediction import CANDIDATES
from dlic.classical.lossless.stripes import ROWS
from dlic.classical.lossless.uncertainty import BEFORE, CONTEXTS, FEATURES, Uncertainty, bands, context_of
from dlic.entropy.byte_reader import Reader
from dlic.errors import CorruptFileError


def check(planes: list[np.ndarray], depth: int) -> int:
    coded = wavefront.encode(planes, depth)
    reader = Reader(coded)
    decoded = wavefront.decode(reader, (*planes[0].shape, len(planes)), depth)
    assert reader.position == len(coded)
    assert all((restored == plane).all() for restored, plane in zip(decoded, planes, strict=True))
    return len(coded)


@given(
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    st.integers(1, 4),
    st.sampled_from([8, 16]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=30)
def test_decode_inverts_encode(shape, count, depth, seed):
    rng = np.random.default_rng(seed)
    check([rng.integers(0, 1 << rng.integers(0, depth + 1), shape).astype(np.int32) for _ in range(count)], depth)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("shape", [(2 * ROWS + 1, 3), (1, ROWS + 9), (5, ROWS + 1)])
def test_pictures_of_several_stripes(shape, depth):
    peak = (1 << depth) - 1
    rng = np.random.default_rng(0)
    check([np.full(shape, peak, np.int32), rng.choice([0, peak], shape).astype(np.int32), np.zeros(shape, np.int32)], depth)


def test_a_plane_like_the_one_before_costs_little():
    rng = np.random.default_rng(0)
    noise, other = rng.integers(0, 64, (2, 96, 96)).astype(np.int32)
    assert check([noise, noise + 100], 8) < 0.75 * check([noise, other], 8)


def test_uncertainty_comes_back():
    rng = np.random.default_rng(0)
    for depth in CONTEXTS:
        corrections = rng.integers(-127, 128, (4, bands(depth), BEFORE)).astype(np.int8)
        corrections[0], corrections[1, :, 1] = 0, 0  # planes that are not there
        stored = Uncertainty(depth, rng.integers(0, 256, (4, FEATURES)).astype(np.uint8), corrections)
        reader = Reader(stored.to_bytes())
        found = Uncertainty.read(reader, 4, depth)
        assert reader.position == len(reader.data)
        assert (found.weights == stored.weights).all() and (found.corrections == corrections).all()
        with pytest.raises(CorruptFileError):
            Uncertainty.read(Reader(stored.to_bytes()[:-1]), 4, depth)


@pytest.mark.parametrize("depth", [8, 16])
def test_contexts_rise_with_activity_and_fit(depth):
    contexts = context_of(np.append(np.arange(1 << 16), 1 << 30), depth).astype(int)
    assert contexts[0] == 0 and (np.diff(contexts) >= 0).all() and contexts.max() == CONTEXTS[depth] - 1


@pytest.mark.parametrize("depth", [8, 16])
def test_a_blend_is_that_of_whole_numbers(depth):
    """docs/format.md: the weights are quotients rounded down, and so is the mean, rounded to the nearest."""
    numbers, rng = NUMBERS[depth], np.random.default_rng(0)
    said = rng.integers(0, 1 << depth, (CANDIDATES, 2000)).astype(numbers.sample)
    errors = (rng.integers(0, 11 << depth, said.shape) >> rng.integers(0, depth + 4, said.shape)).astype(numbers.sample)
    said[:, 0], errors[:, 0] = numbers.peak, 0
    said[:, 1], errors[:, 1] = numbers.peak, 11 * numbers.peak
    weights = [[numbers.scale // (int(e) ** 2 + 1) + 1 for e in column] for column in errors.T]
    expected = [
        (sum(w * int(p) for w, p in zip(each, column, strict=True)) + sum(each) // 2) // sum(each)
        for each, column in zip(weights, said.T, strict=True)
    ]
    assert blend(said, errors, numbers).tolist() == expected


def test_weights_find_the_feature_that_counts():
    rng = np.random.default_rng(0)
    features = rng.integers(0, 20, (FEATURES, 3000)).astype(np.float64)
    found = fitting.weights(features, features[3] / 2)
    assert found[3] == pytest.approx(32, abs=1) and found.sum() - found[3] <= 3


def test_corrections_find_the_share_of_a_plane_before():
    rng = np.random.default_rng(0)
    before = rng.integers(-50, 50, 4000).astype(np.float64)
    residuals = np.where(np.arange(4000) % 2, before / 2, 0)
    contexts = (np.arange(4000) % 2 * 4).astype(np.uint8)
    found = fitting.corrections(residuals, [before], contexts, 8)
    assert found[0, 0] == 0 and found[1, 0] == 16 and (found[2:] == 0).all() and (found[:, 1] == 0).all()
