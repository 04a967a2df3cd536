"""Motion search: known motion is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.motion.field import FLAT, FRACTION, macroblocks, still
from dlic.classical.motion.prediction import predict
from dlic.classical.motion.search import SearchOptions, SearchReference, search
from tests.classical.motion.fields import sizes


def error(x: np.ndarray, p: np.ndarray) -> float:
    return float(np.square(x.astype(float) - p).mean())


@pytest.mark.parametrize("motion", [(0, 0), (1, -1), (-3, 7), (13, -30), (-40, 21)])
def test_a_translation_is_found(photograph, motion):
    down, right = motion
    reference = photograph[100:260, 200:392]
    x = photograph[100 + down : 260 + down, 200 + right : 392 + right]
    field = search(x, [SearchReference(reference)], SearchOptions(price=4.0))
    inside = field.vectors[0, 6:-6, 8:-8]  # 48 and 64 pixels from the border, which the motion brings in
    assert (inside == np.multiply(motion, FRACTION)).all(axis=2).mean() > 0.95
    assert not field.split.all() and field.modes.size == np.prod(macroblocks(160, 192))


@pytest.mark.parametrize("vector", [(2, 0), (-2, 6), (1, 3), (-7, 5)])
def test_quarter_pels_are_found(photograph, vector):
    moved = still(160, 192)
    moved.vectors[...] = vector
    reference = photograph[100:260, 200:392]
    field = search(predict([reference], moved), [SearchReference(reference)], SearchOptions(price=4.0))
    assert (field.vectors[0, 4:-4, 4:-4] == vector).all(axis=2).mean() > 0.9


def test_the_mean_of_two_references_is_found(photograph):
    first, second = photograph[100:196, 100:196].astype(int), photograph[100:196, 101:197].astype(int)
    noise = np.random.default_rng(0).normal(0, 12, (2, *first.shape))
    references = [np.clip(frame + noise[i], 0, 255).astype(np.uint8) for i, frame in enumerate((first, second))]
    x = np.clip(first, 0, 255).astype(np.uint8)
    one = predict(references[:1], search(x, [SearchReference(references[0])], SearchOptions(price=4.0)))
    both = predict(references, search(x, [SearchReference(each) for each in references], SearchOptions(price=4.0)))
    assert error(x, both) < 0.75 * error(x, one)


def test_new_flat_content_is_one_colour(photograph):
    x = photograph[:128, :128].copy()
    x[32:96, 32:96] = 10, 200, 40
    field = search(x, [SearchReference(photograph[:128, :128])], SearchOptions(price=4.0))
    assert (field.modes[2:6, 2:6] == FLAT).all() and not field.split[field.modes == FLAT].any()
    assert np.abs(field.colours[2:6, 2:6].astype(int) - (10, 200, 40)).max() <= 2


def test_dearer_bits_make_smoother_fields(photograph):
    rng = np.random.default_rng(1)
    reference = photograph[200:328, 300:460]
    x = np.clip(photograph[202:330, 303:463] + rng.normal(0, 10, (128, 160, 3)), 0, 255).astype(np.uint8)
    cheap, dear = (search(x, [SearchReference(reference)], SearchOptions(price=price)) for price in (1.0, 60.0))
    assert dear.split.sum() < cheap.split.sum()


@settings(max_examples=12)
@given(sizes(), st.integers(1, 2), st.integers(0, 100))
def test_any_size_is_predicted_no_worse_than_by_copying(size, references, seed):
    rng = np.random.default_rng(seed)
    frames = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(references)]
    field = search(frames[0], [SearchReference(frame) for frame in frames], SearchOptions(price=1.0))
    assert np.array_equal(predict(frames, field), frames[0])
