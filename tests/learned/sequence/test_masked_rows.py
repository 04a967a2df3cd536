"""Rows of areas in which some superblocks are not coded."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.parts import Path
from dlic.learned.sequence.areas import superblocks
from dlic.learned.sequence.masked_rows import MaskedRows


class Rows:
    """Rows of a model that are all the same."""

    def path(self, size: tuple[int, int], level: int) -> Path:
        raise AssertionError("nothing is coded here")

    def hyper_rows(self, size: tuple[int, int], level: int) -> np.ndarray:
        return np.full((-(-size[0] // 4), -(-size[1] // 4), 2), 7, np.uint8)

    def rows(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        return np.full((*size, 3), 7, np.uint8)

    def steps(self, size: tuple[int, int]) -> None:
        return None


@settings(max_examples=30)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 1000))
def test_the_latents_of_a_superblock_are_those_of_its_pixels(height, width, seed):
    """Also at the frame's border, where a superblock has one latent or more along an axis."""
    coded = np.random.default_rng(seed).random(superblocks(height, width)) < 0.5
    masked, size = MaskedRows(Rows(), coded, 9), (-(-height // 16), -(-width // 16))
    assert np.array_equal(masked.hyper_rows(size, 0)[..., 0] == 7, coded)
    i, j = np.indices(size) // 4
    assert np.array_equal(masked.rows(np.zeros(0), size, 0)[..., 0] == 7, coded[i, j])
