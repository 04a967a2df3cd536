"""Stripes: planes come back, no sample is decoded before its neighbours, and borders are what a decoder has stored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.classical.lossless.prediction import FAR, NEAR
from dlic.classical.lossless.stripes import ABOVE, LEFT, ROWS, Stripes, around_each, framed

SIZES = [(1, 1), (1, 9), (2, 3), (7, 13), (ROWS + 1, 5), (5, 2 * ROWS + 3)]


@given(st.integers(1, 40), st.integers(1, 600), st.booleans())
def test_join_inverts_cut(short, long, turned):
    height, width = (short, long) if turned else (long, short)
    stripes, plane = Stripes(height, width), np.arange(height * width, dtype=np.int32).reshape(height, width)
    cut = stripes.cut(plane)
    assert cut.shape == (stripes.count, stripes.rows, stripes.columns)
    assert (stripes.join(cut) == plane).all()
    assert 0 < stripes.last <= stripes.rows <= ROWS


@pytest.mark.parametrize("size", SIZES)
def test_steps_name_every_sample_once(size):
    stripes = Stripes(*size)
    plane = np.arange(size[0] * size[1], dtype=np.int32).reshape(size)
    ordered = stripes.in_steps(stripes.cut(plane))
    assert ordered.size == stripes.samples and set(ordered.tolist()) == set(plane.ravel().tolist())
    skewed = np.full((stripes.steps, stripes.rows, stripes.count), -1, np.int32)
    for step in range(stripes.steps):
        for row in range(*stripes.rows_at(step)):
            skewed[step, row] = stripes.cut(plane)[:, row, step - 2 * row]
    assert (stripes.join(stripes.from_steps(skewed)) == plane).all()
    assert stripes.rows_at(-1) == stripes.rows_at(stripes.steps) == (0, 0)


@pytest.mark.parametrize("size", SIZES)
def test_neighbours_are_known_before(size):
    """The step of a neighbour, or of the sample that stands for it, is less; -1 where nothing does."""
    stripes = Stripes(*size)
    step = np.add.outer(2 * np.arange(stripes.rows), np.arange(stripes.columns)).astype(np.int32)
    at = around_each(framed(np.repeat(step[None], stripes.count, axis=0), -1))
    assert all((at(*offset) < step).all() for offset in (*NEAR, *FAR))


def test_borders_are_samples_of_the_same_step():
    rows, columns = 4, 7
    names = np.arange(rows * columns).reshape(1, rows, columns)
    frame = framed(names, -1)[0]
    assert frame[ABOVE + 2, :LEFT].tolist() == names[0, 1, :2].tolist()
    assert frame[ABOVE + 1, LEFT + columns] == names[0, 2, columns - 2]
    assert frame[ABOVE - 1, LEFT + 2 : LEFT + columns].tolist() == names[0, 0, : columns - 2].tolist()
    assert (frame[ABOVE, :LEFT] == -1).all() and (frame[0, : LEFT + 4] == -1).all()
