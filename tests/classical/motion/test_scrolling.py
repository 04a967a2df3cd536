"""First vectors of screens that scroll."""

import numpy as np
import pytest

from dlic.classical.motion import scrolling
from dlic.classical.motion.field import macroblocks
from dlic.classical.motion.planes import luma
from dlic.classical.motion.prediction import predict
from dlic.classical.motion.search import SearchOptions, SearchReference, search


def scrolled(down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """A part of a page with lines of random letters, and the part so far below it and to its right."""
    dots = np.random.default_rng(3).integers(0, 2, (200, 250, 1)) * (np.arange(200) % 8 < 5)[:, None, None]
    whole = (255 * (1 - dots)).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1).repeat(3, axis=2)
    return whole[:200, :260], whole[down : 200 + down, right : 260 + right]


@pytest.mark.parametrize(("down", "right"), [(75, 0), (-90, 0), (0, 130)])
def test_far_scrolling_is_predicted_exactly(down, right):
    before, after = scrolled(abs(down), right) if down >= 0 else scrolled(-down, right)[::-1]
    field = search(after, [SearchReference(before)], SearchOptions(price=8.0, scrolls=True))
    kept = slice(max(0, -down) + 16, 200 - max(0, down) - 16), slice(0, 260 - right - 16)
    assert (predict([before], field)[kept] == after[kept]).mean() > 0.98


def test_a_dragged_window_is_predicted_exactly():
    back, window = (
        np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8) for seed, size in ((1, (200, 300, 3)), (2, (70, 90, 3)))
    )
    before, after = back.copy(), back.copy()
    before[20:90, 30:120] = after[105:175, 180:270] = window
    field = search(after, [SearchReference(before)], SearchOptions(price=8.0, scrolls=True))
    kept = slice(112, 160), slice(192, 256)
    assert (predict([before], field)[kept] == window[7:55, 12:76]).mean() > 0.98


@pytest.mark.parametrize("size", [(1, 1), (7, 130), (129, 16)])
def test_any_size_has_candidates(size):
    gray = luma(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
    found = scrolling.candidates(gray, gray, macroblocks(*size))
    assert [one.shape for one in found] == [(*macroblocks(*size), 2)] * 4 and not any(one.any() for one in found)
