"""The prediction of a frame: against a plain description of it, pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.motion.field import BOTH, FLAT, MotionField, still
from dlic.classical.motion.interpolation import FILTERS
from dlic.classical.motion.prediction import predict
from tests.classical.motion.fields import random_field, sizes

pytestmark = pytest.mark.usefixtures("code")


def plainly_predicted(references: list[np.ndarray], field: MotionField) -> np.ndarray:
    """`predict`, block after block with whole numbers of 64 bits, as docs/format.md has it."""
    (height, width), (mh, mw) = references[0].shape[:2], field.size
    total = np.zeros((16 * mh + 8, 16 * mw + 8, 3), np.int64)
    for i, j in np.ndindex(mh, mw):
        side = 8 if field.split[i, j] else 16
        for y, x in [(2 * i + a, 2 * j + b) for a in (0, 1) for b in (0, 1)] if side == 8 else [(i, j)]:
            window = _window(references, field, (i, j), (y, x), side)
            down, across = _weights(mh * 16 // side, side, y), _weights(mw * 16 // side, side, x)
            total[side * y : side * y + side + 8, side * x : side * x + side + 8] += window * down[:, None, None] * across[:, None]
    return np.clip((total[4 : 4 + height, 4 : 4 + width] + 4096) >> 13, 0, 255).astype(np.uint8)


def _window(references, field, macroblock, block, side):
    mode, (y, x), cell = field.modes[macroblock], block, side // 8
    if mode == FLAT:
        return 32 * field.colours[macroblock].astype(np.int64)
    taken = []
    for number, reference in enumerate(references):
        if mode in (number, BOTH):
            down, right = field.vectors[number, cell * y, cell * x].tolist()
            taken.append(_sample(reference, 4 * (side * y - 4) + down, 4 * (side * x - 4) + right, side + 8))
    return sum(taken) * (2 // len(taken))


def _sample(reference, y, x, size):
    height, width = reference.shape[:2]
    rows, columns = (np.clip(np.arange(at // 4 - 3, at // 4 + size + 4), 0, end - 1) for at, end in ((y, height), (x, width)))
    pixels, taps = reference[rows][:, columns].astype(np.int64), FILTERS.astype(np.int64)
    filtered = sum(taps[y % 4][k] * pixels[k : k + size] for k in range(8))
    return (sum(taps[x % 4][k] * filtered[:, k : k + size] for k in range(8)) + 128) >> 8


def _weights(count, side, place):
    weights = np.full(side + 8, 16)
    if place > 0:
        weights[:8] = np.arange(1, 16, 2)
    if place < count - 1:
        weights[-8:] = np.arange(15, 0, -2)
    return weights


@settings(max_examples=25)
@given(sizes(), st.integers(1, 2), st.integers(0, 1000))
def test_equals_the_plain_description(size, references, seed):
    rng = np.random.default_rng(seed)
    frames = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(references)]
    field = random_field(size, references, seed)
    assert np.array_equal(predict(frames, field), plainly_predicted(frames, field))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_a_few_blocks_that_move_equal_the_plain_description(seed, count):
    rng, size = np.random.default_rng(seed), (200, 260)
    frames, field = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(2)], random_field(size, 2, seed)
    still_ones = np.ones(field.size, bool)
    still_ones.flat[rng.choice(still_ones.size, count)] = False
    field = field.stilled(still_ones)
    assert np.array_equal(predict(frames, field), plainly_predicted(frames, field))


@pytest.mark.parametrize("value", [0, 255])
def test_constant_frames_stay_constant(value):
    frames = [np.full((65, 257, 3), value, np.uint8)] * 2
    field = random_field((65, 257), 2, 1, reach=2000)
    colours = np.full_like(field.colours, value)
    field = MotionField(modes=field.modes, split=field.split, vectors=field.vectors, colours=colours)
    assert np.array_equal(predict(frames, field), frames[0])


def test_vectors_far_outside_take_the_border(photograph):
    frame, field = photograph[:64, :80], still(64, 80)
    field.vectors[..., 0], field.vectors[..., 1] = -2048, 2047
    assert np.array_equal(predict([frame], field), np.broadcast_to(frame[0, -1], frame.shape))


def test_whole_vectors_move_pixels(photograph):
    field = still(96, 96)
    field.vectors[...] = -12, 20  # 3 up, 5 to the right
    p = predict([photograph[100:196, 100:196]], field)
    assert np.array_equal(p[3:, :-5], photograph[100:193, 105:196])


def test_alpha_is_ignored(photograph):
    frame = np.dstack([photograph[:40, :40], np.full((40, 40), 7, np.uint8)])
    field = random_field((40, 40), 1, 3)
    assert np.array_equal(predict([frame], field), predict([photograph[:40, :40]], field))


def test_one_moving_block_changes_only_its_surroundings(photograph):
    frame, field = photograph[:160, :160], still(160, 160)
    field.vectors[0, 8:10, 8:10] = 5, -9
    p = predict([frame], field)
    changed = np.argwhere((p != frame).any(axis=2))
    assert changed.min() >= 60 and changed.max() < 84  # 4 pixels around the macroblock at 64
