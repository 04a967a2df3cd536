"""Blocks come back, the DCT is the DCT, and the integer IDCT rounds as it should."""

import numpy as np
import pytest

from dlic.classical.jpeg.blocks import TRANSFORM, dct, fixed_point_dct, fixed_point_idct, join, split


@pytest.mark.parametrize("rows,columns", [(1, 1), (2, 5)])
def test_join_inverts_split(rows, columns):
    plane = np.arange(64 * rows * columns).reshape(8 * rows, 8 * columns)
    blocks = split(plane)
    assert (join(blocks, rows, columns) == plane).all()
    assert (blocks[0].reshape(8, 8) == plane[:8, :8]).all() and (blocks[-1].reshape(8, 8) == plane[-8:, -8:]).all()


def test_dct_is_the_definition():
    block = np.random.default_rng(0).uniform(-128, 127, (8, 8))
    x = np.arange(8)
    for u, v in [(0, 0), (0, 1), (3, 0), (7, 5)]:
        scale = 0.25 * (0.5**0.5 if u == 0 else 1) * (0.5**0.5 if v == 0 else 1)
        cosines = np.cos((2 * x + 1) * u * np.pi / 16)[:, None] * np.cos((2 * x + 1) * v * np.pi / 16)
        assert dct(block.reshape(1, 64))[0, 8 * u + v] == pytest.approx(scale * (block * cosines).sum(), abs=1e-3)


def test_idct_inverts_dct():
    blocks = np.random.default_rng(1).uniform(-128, 127, (100, 64)).astype(np.float32)
    assert np.abs(dct(blocks) @ TRANSFORM - blocks).max() < 1e-3


def test_the_fixed_point_idct_is_the_rounded_idct_within_what_13_bits_allow():
    coefficients = np.rint(dct(np.random.default_rng(2).integers(-128, 128, (2000, 64))))
    exact = coefficients @ TRANSFORM + 128
    made = fixed_point_idct(coefficients.astype(np.float64))
    assert made.dtype == np.uint8
    assert np.abs(made - exact.clip(0, 255)).max() < 0.6 and (made == np.rint(exact).clip(0, 255)).mean() > 0.95


def test_any_coefficients_are_clipped():
    extreme = np.random.default_rng(3).choice([-(2.0**31), 2.0**31], (50, 64))
    assert set(np.unique(fixed_point_idct(extreme))) <= {0, 255} | set(range(256))
    assert (fixed_point_idct(np.eye(64)[:1] * 1e6) == 255).all() and (fixed_point_idct(np.eye(64)[:1] * -1e6) == 0).all()


def test_the_fixed_point_dct_is_the_dct_within_what_13_bits_allow():
    blocks = np.random.default_rng(4).integers(0, 256, (2000, 64)).astype(np.uint8)
    made = fixed_point_dct(blocks)
    assert (made * 8 == np.rint(made * 8)).all() and np.abs(made - dct(blocks - np.float32(128))).max() < 0.3
