"""Vectors that a frame's references lead to expect: theirs at the same place, scaled by the distances in time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import BOTH, FIRST, FLAT, REACH, SECOND, MotionField


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameMotion:
    """How a frame moves, for frames that refer to it."""

    number: int = 0  # of the frame in its group, in the order of display
    references: tuple[int, ...] = ()  # the numbers of its references
    field: MotionField | None = None  # None: a key frame
    counts: NDArray[np.int64] | None = None  # (2, contexts) zeros and ones, after its side stream; None: as at first
    exact: NDArray[np.bool_] | None = None  # (mh, mw): macroblocks that are stored exactly; None: none


@dataclass(frozen=True, eq=False, kw_only=True)
class Expected:
    """Expected vectors of macroblocks."""

    vectors: NDArray[np.int64]  # (references, mh, mw, 2)
    known: NDArray[np.bool_]  # (mh, mw): whether there is one


def expected(number: int, references: Sequence[FrameMotion]) -> Expected | None:
    """What a frame's references let expect of it; None where all of them are key frames.

    The vector of a macroblock in the first reference that moves there, from one frame to another, is scaled to the distance between
    frame `number` and each of its references. Vectors of macroblocks are those of their first block.
    """
    moving = [motion for motion in references if motion.field is not None]
    if not moving:
        return None
    per_reference = [_scaled(motion, [reference.number - number for reference in references]) for motion in moving]
    vectors, known = per_reference[0]
    for others, there in per_reference[1:]:
        vectors, known = np.where(known[..., None], vectors, others), known | there
    return Expected(vectors=vectors, known=known)


def _scaled(motion: FrameMotion, distances: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Vectors of one frame (R, mh, mw, 2) for each distance to a reference, and where it has any: (mh, mw)."""
    field = motion.field
    assert field is not None, "key frames have no vectors"
    vectors = np.zeros((len(distances), *field.size, 2), np.int64)
    first = (field.modes == FIRST) | (field.modes == BOTH)
    for which, mask in ((0, first), (1, field.modes == SECOND))[: field.references]:
        span = motion.references[which] - motion.number
        for target, distance in enumerate(distances):
            vectors[target][mask] = scaled(field.vectors[which, ::2, ::2][mask], distance, span)
    return vectors, field.modes != FLAT


def scaled(vectors: NDArray[np.int16], distance: int, span: int) -> NDArray[np.int64]:
    """Vectors times distance / span, rounded (halves up), within REACH. `span` is not 0."""
    numerator = vectors.astype(np.int64) * (distance if span > 0 else -distance)
    return np.clip((2 * numerator + abs(span)) // (2 * abs(span)), -REACH, REACH - 1)
