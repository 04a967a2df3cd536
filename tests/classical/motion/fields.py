"""Random motion fields."""

import numpy as np
from hypothesis import strategies as st

from dlic.classical.motion.field import FLAT, MotionField, macroblocks, of_macroblocks


@st.composite
def sizes(draw: st.DrawFn, most: int = 70) -> tuple[int, int]:
    """Height and width of a frame."""
    return draw(st.integers(1, most)), draw(st.integers(1, most))


def random_field(size: tuple[int, int], references: int, seed: int, reach: int = 200) -> MotionField:
    """A field of all modes with vectors up to a reach in quarter pels."""
    rng = np.random.default_rng(seed)
    mh, mw = macroblocks(*size)
    modes = rng.choice([0, FLAT] if references == 1 else [0, 1, 2, FLAT], (mh, mw)).astype(np.uint8)
    split = (rng.random((mh, mw)) < 0.4) & (modes != FLAT)
    fine = rng.integers(-reach, reach, (references, 2 * mh, 2 * mw, 2))
    whole = np.stack([of_macroblocks(one[::2, ::2]) for one in fine])
    vectors = np.where(of_macroblocks(split)[None, ..., None], fine, whole).astype(np.int16)
    return MotionField(modes=modes, split=split, vectors=vectors, colours=rng.integers(0, 64, (mh, mw, 3), dtype=np.uint8) * 4)
