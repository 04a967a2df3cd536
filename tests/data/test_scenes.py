"""Scenes: frames in a row that move, and are the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.data.clips import decode_clips, find_clips
from dlic.data.photographs import decode_all, find_photographs
from dlic.data.scenes import MovedPhotographs, RealScenes


@pytest.fixture(scope="module")
def scenes(clips, photographs, tmp_path_factory):
    cache = tmp_path_factory.mktemp("decoded")
    moved = MovedPhotographs(decode_all(find_photographs(photographs), cache))
    return RealScenes(decode_clips(find_clips(clips), cache)), moved


@given(seed=st.integers(0, 1000), count=st.integers(2, 9), height=st.integers(32, 100), width=st.integers(32, 120))
@settings(max_examples=12)
def test_scenes_have_the_size_of_whole_blocks_and_repeat(scenes, seed, count, height, width):
    for kind, limits in zip(scenes, ((80, 96), (height, width)), strict=True):
        height, width = (side // 16 * 16 for side in (height, width))
        frames = kind.frames(np.random.default_rng(seed), count, height, width)
        assert frames.dtype == np.uint8 and frames.shape[0] == count and frames.shape[3] == 3
        assert frames.shape[1:3] == (min(height, limits[0] // 16 * 16), min(width, limits[1] // 16 * 16))
        assert np.array_equal(frames, kind.frames(np.random.default_rng(seed), count, height, width))


def test_frames_differ_but_belong_together(scenes):
    for kind in scenes:
        apart, strangers = [], []
        for seed in range(12):
            frames = kind.frames(np.random.default_rng(seed), 3, 64, 64).astype(float)
            other = kind.frames(np.random.default_rng(seed + 100), 3, 64, 64).astype(float)
            apart.append(np.abs(frames[1] - frames[0]).mean())
            strangers.append(np.abs(frames[1] - other[1]).mean())
        assert min(apart) > 0 and np.mean(apart) < np.mean(strangers) / 2


def test_a_clip_that_is_too_short_goes_back_and_forth(scenes):
    """Six frames make a scene of nine."""
    real = scenes[0]
    for seed in range(20):
        frames = real.frames(np.random.default_rng(seed), 9, 80, 96).astype(float)
        steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
        assert steps.max() < 4 * steps.min() + 6  # no cut
