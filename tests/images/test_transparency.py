"""What cannot be seen becomes smooth, what can stays as it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.images.transparency import filled


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 2**32), st.floats(0, 1))
@settings(max_examples=50)
def test_only_clear_pixels_change_and_they_stay_between_the_others(height, width, gray, seed, share):
    rng = np.random.default_rng(seed)
    colours = rng.integers(60, 200, (height, width) if gray else (height, width, 3), dtype=np.uint8)
    alpha = rng.integers(0, 256, (height, width), dtype=np.uint8) * (rng.random((height, width)) < share)
    smooth = filled(colours, alpha)
    assert smooth.shape == colours.shape and smooth.dtype == np.uint8
    seen = colours[alpha > 0]
    assert (smooth[alpha > 0] == seen).all()
    if seen.size:
        assert seen.min() <= smooth.min() and smooth.max() <= seen.max()
    else:
        assert (smooth == 128).all()


def test_a_hole_takes_the_colour_around_it_and_a_cliff_becomes_a_slope():
    colours = np.zeros((64, 64, 3), np.uint8)
    alpha = np.full((64, 64), 255, np.uint8)
    colours[:] = (10, 200, 90)
    alpha[20:40, 20:40], colours[20:40, 20:40] = 0, 255
    assert (filled(colours, alpha) == (10, 200, 90)).all()
    ramp = np.zeros((1, 64), np.uint8)
    ramp[:, 60:] = 240
    between = filled(ramp, (np.arange(64) % 60 < 4)[None] * np.uint8(1))
    assert np.abs(np.diff(between.astype(int))).max() < 80 < 240


@pytest.mark.parametrize("alpha", [1, 255])
def test_nothing_happens_where_all_is_seen(alpha):
    colours = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert filled(colours, np.full((4, 4), alpha, np.uint8)) is colours
