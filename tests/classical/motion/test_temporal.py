"""Vectors that references let expect."""

import numpy as np
import pytest

from dlic.classical.motion.field import BOTH, FIRST, FLAT, REACH, SECOND, still
from dlic.classical.motion.temporal import FrameMotion, expected, scaled

KEY = FrameMotion()


def moving(number: int, references: tuple[int, ...], *vectors: tuple[int, int], mode: int = FIRST) -> FrameMotion:
    """A frame of 2 × 3 macroblocks with one vector a reference."""
    field = still(32, 48, len(references))
    field.modes[...] = mode
    for which, vector in enumerate(vectors):
        field.vectors[which] = vector
    return FrameMotion(number=number, references=references, field=field)


def test_vectors_are_scaled_to_both_references():
    hints = expected(2, [KEY, moving(4, (0,), (-8, 20))])
    assert hints.known.all() and hints.vectors.shape == (2, 2, 3, 2)
    assert (hints.vectors[0] == (-4, 10)).all() and (hints.vectors[1] == (4, -10)).all()


@pytest.mark.parametrize(("mode", "vector"), [(FIRST, (3, 0)), (BOTH, (3, 0)), (SECOND, (0, 5))])
def test_the_vector_of_the_first_reference_in_use_counts(mode, vector):
    hints = expected(6, [moving(4, (0, 8), (6, 0), (0, -10), mode=mode), KEY])
    assert (hints.vectors[0] == vector).all()


def test_where_the_first_reference_has_no_vector_the_second_has():
    first, second = moving(3, (2,), (4, 4)), moving(1, (0,), (-2, 6))
    first.field.modes[0, 0] = first.field.modes[1, 2] = second.field.modes[1, 2] = FLAT
    hints = expected(4, [first, second])
    assert hints.known.sum() == 5 and not hints.known[1, 2]
    assert (hints.vectors[0, 0, 0] == (-2, 6)).all() and (hints.vectors[0, 1, 1] == (4, 4)).all()


def test_key_frames_let_nothing_expect():
    assert expected(1, [KEY]) is None and expected(3, [KEY, KEY]) is None


@pytest.mark.parametrize(("vector", "distance", "span", "result"), [
    (5, 1, 2, 3), (-5, 1, 2, -2), (5, -1, 2, -2), (5, 1, -2, -2), (-5, -1, -2, -2), (7, 3, 4, 5), (2047, -31, 1, -REACH),
    (-2048, -31, 1, REACH - 1), (0, 5, 3, 0),
])  # fmt: skip
def test_halves_are_rounded_up_and_the_reach_kept(vector, distance, span, result):
    assert scaled(np.array([vector], np.int16), distance, span) == result
