"""Colour transforms are exact and stay within the samples' range."""

import numpy as np
import pytest

from dlic.classical.lossless.reversible_colour import TRANSFORMS, forward, inverse


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("depth", [8, 16])
def test_inverse_inverts_forward(transform, depth):
    rng = np.random.default_rng(0)
    planes = list(rng.integers(0, 1 << depth, (3, 50, 60)))
    edge = np.array([0, 1, (1 << depth - 1) - 1, 1 << depth - 1, (1 << depth) - 1])
    corners = [axis.ravel()[None] for axis in np.meshgrid(edge, edge, edge)]
    for each in (planes, corners):
        stored = forward(each, depth, transform)
        assert all(plane.min() >= 0 and plane.max() < 1 << depth for plane in stored)
        for back, plane in zip(inverse(stored, depth, transform), each, strict=True):
            assert (back == plane).all()


@pytest.mark.parametrize("transform", TRANSFORMS[1:])
def test_grey_leaves_no_colour(transform):
    grey = np.arange(256)[None]
    luma, *colours = forward([grey] * 3, 8, transform)
    assert (luma == grey).all() and all((colour == 128).all() for colour in colours)
