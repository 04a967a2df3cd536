"""Predictions come back at every size, and the predictors are those of their standards."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.lossless.prediction import PREDICTORS, STRIP, med, paeth, predict, restore


def given_back(residuals: np.ndarray, asked: list):
    """What `restore` pulls from: the residuals in order; the activities it names are noted."""
    position = 0

    def pull(activities: np.ndarray) -> np.ndarray:
        nonlocal position
        asked.append(activities)
        position += activities.size
        return residuals[position - activities.size : position]

    return pull


def check(plane: np.ndarray, depth: int, predictor: str, beside: np.ndarray) -> None:
    asked: list[np.ndarray] = []
    residuals, activities, magnitudes = predict(plane, depth, predictor, beside)
    samples, sizes = restore(beside, depth, predictor, given_back(residuals, asked))
    assert (samples == plane).all() and (sizes == magnitudes).all()
    assert (np.concatenate(asked) == activities).all()
    assert residuals.min() >= -(1 << depth - 1) and residuals.max() < 1 << depth - 1


@given(
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    st.sampled_from([8, 16]),
    st.sampled_from(PREDICTORS),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40)
def test_restore_inverts_predict(shape, depth, predictor, seed):
    rng = np.random.default_rng(seed)
    check(rng.integers(0, 1 << depth, shape), depth, predictor, rng.integers(0, 1000, shape))


@pytest.mark.parametrize("shape", [(1, 2 * STRIP + 77), (3 * STRIP, 2), (5, STRIP + 1)])
@pytest.mark.parametrize("predictor", PREDICTORS)
def test_long_pictures_are_cut_into_strips(shape, predictor):
    check(np.random.default_rng(0).integers(0, 256, shape), 8, predictor, np.zeros(shape, np.int32))


def test_med_is_the_one_of_jpeg_ls():
    """ISO/IEC 14495-1: min(W, N) if NW ≥ max, max(W, N) if NW ≤ min, W + N − NW otherwise."""
    w, n, nw = np.meshgrid(*[np.arange(0, 256, 15)] * 3)
    expected = np.where(nw >= np.maximum(w, n), np.minimum(w, n), np.where(nw <= np.minimum(w, n), np.maximum(w, n), w + n - nw))
    assert (med(w, n, nw) == expected).all()


def test_paeth_is_the_one_of_png():
    """PNG (third edition) § 9.4, sample by sample."""

    def by_the_book(a: int, b: int, c: int) -> int:
        p = a + b - c
        distances = abs(p - a), abs(p - b), abs(p - c)
        return (a, b, c)[distances.index(min(distances))]

    w, n, nw = (axis.ravel() for axis in np.meshgrid(*[np.arange(0, 256, 17)] * 3))
    assert paeth(w, n, nw).tolist() == [by_the_book(*each) for each in zip(w.tolist(), n.tolist(), nw.tolist(), strict=True)]


def test_the_blend_beats_its_candidates_on_a_photograph(photograph_plane):
    zeros = np.zeros(photograph_plane.shape, np.int32)
    means = {name: predict(photograph_plane, 8, name, zeros)[2].mean() for name in PREDICTORS}
    assert means["blend"] < 0.95 * means["med"] < 0.95 * means["paeth"]


@pytest.fixture
def photograph_plane() -> np.ndarray:
    from PIL import Image

    from tests.conftest import KODAK

    return np.array(Image.open(KODAK))[100:228, 200:392, 1]
