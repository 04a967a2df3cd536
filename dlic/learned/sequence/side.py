"""The side stream of a predicted frame: its motion, which superblocks are coded, exact blocks, and offsets.

`compiled_side` reads the same by compiled code, where Wasmtime is installed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.coding import code_field
from dlic.classical.motion.contexts import CONTEXTS as MOTION_CONTEXTS
from dlic.classical.motion.contexts import EVEN, probabilities
from dlic.classical.motion.field import MotionField, macroblocks, still
from dlic.classical.motion.lattice import passes
from dlic.classical.motion.temporal import FrameMotion, expected
from dlic.entropy.adaptive import Probabilities
from dlic.entropy.flags import FlagReader, Flags
from dlic.learned.sequence.areas import SUPERBLOCK, superblocks
from dlic.learned.sequence.offsets import OF_INTER, code_steps

MOTION, CODED, ALL_CODED, CODER, EXACT, GUARDED = 1, 2, 4, 8, 16, 32
SKIP_CONTEXTS = 10  # coded neighbours 0 … 4, without and with motion
EXACT_PRIORS = (4, 64, 128, 192, 240)  # of exact blocks, by exact neighbours 0 … 4; in 1/256
# Priors of exact blocks are of those without and with motion, then where the reference has one
PRIORS = (*[128] * SKIP_CONTEXTS, *4 * EXACT_PRIORS, *OF_INTER)
OFFSETS = MOTION_CONTEXTS + SKIP_CONTEXTS + 4 * len(EXACT_PRIORS)  # first context
PER_SIDE = SUPERBLOCK // 16


@dataclass(frozen=True, eq=False, kw_only=True)
class Side:
    """What a side stream says."""

    field: MotionField
    coded: NDArray[np.bool_]  # (h, w) superblocks with a residual
    exact: NDArray[np.bool_] | None  # (mh, mw) macroblocks that are stored exactly, if there are any
    steps: NDArray[np.int16] | None  # (h, w) of the offsets of superblocks, if the frame is guarded
    counts: NDArray[np.int64]  # (2, contexts) zeros and ones, after the stream


def still_side(flags: int, height: int, width: int, references: Sequence[FrameMotion]) -> Side:
    """That of a packet with these flags which has no side stream."""
    return Side(
        field=still(height, width, len(references)),
        coded=np.full(superblocks(height, width), bool(flags & ALL_CODED)),
        exact=None,
        steps=None,
        counts=probabilities_of(references).counts,
    )


def read_side(stream: bytes, flags: int, size: tuple[int, int], number: int, references: Sequence[FrameMotion]) -> Side:
    """Reads the side stream of frame `number` of a `size` (H, W). Raises CorruptFileError."""
    field, coded, exact = still(*size, len(references)), np.full(superblocks(*size), bool(flags & ALL_CODED)), None
    contexts, steps = probabilities_of(references), None
    reader = FlagReader(stream, contexts)
    if flags & MOTION:
        field = code_field(reader, macroblocks(*size), len(references), None, expected(number, references))
    if flags & (CODED | ALL_CODED) == CODED:
        coded = code_coded(reader, field, coded.shape, None)
    if flags & EXACT:
        exact = code_exact(reader, field, references[0], None)
    if flags & GUARDED:
        steps = np.zeros(coded.shape, np.int16)
        steps[coded] = code_steps(reader, OFFSETS, EVEN, int(coded.sum()), None)
    reader.finish()
    return Side(field=field, coded=coded, exact=exact, steps=steps, counts=contexts.counts)


def probabilities_of(references: Sequence[FrameMotion]) -> Probabilities:
    """Those of the first reference that has some, after its side stream; the priors without one."""
    counts = [motion.counts for motion in references if motion.counts is not None]
    return probabilities(PRIORS, counts[0] if counts else None)


def code_coded(flags: Flags, field: MotionField, size: tuple[int, ...], coded: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Codes which superblocks have a residual, in contexts of their neighbours and of their motion."""
    moves = _moves(field)
    whole = np.zeros((PER_SIDE * size[0], PER_SIDE * size[1]), bool)
    whole[: moves.shape[0], : moves.shape[1]] = moves
    moving = whole.reshape(size[0], PER_SIDE, size[1], PER_SIDE).any(axis=(1, 3))
    return _code_map(flags, MOTION_CONTEXTS + 5 * moving, 2, coded)


def code_exact(flags: Flags, field: MotionField, reference: FrameMotion, exact: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Codes which macroblocks are exact, in contexts of their neighbours, of their motion, and of the first reference."""
    before = np.zeros(field.size, bool) if reference.exact is None else reference.exact
    return _code_map(flags, MOTION_CONTEXTS + SKIP_CONTEXTS + 5 * _moves(field) + 10 * before, 0, exact)


def _moves(field: MotionField) -> NDArray[np.bool_]:
    """Macroblocks (mh, mw) that are not those of the first reference at their place, at least in their first block."""
    return np.asarray((field.modes != 0) | field.split | field.vectors[0, ::2, ::2].any(axis=2))


def _code_map(flags: Flags, first: NDArray[np.int64], alone: int, values: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Codes a map (h, w) in passes. `first` (h, w): the contexts of the values, to which the number of set neighbours is added, or
    `alone` where none is known.
    """
    found = np.zeros(first.size, np.int64)
    for one in passes(*first.shape):
        around = alone if one.neighbours is None else found[one.neighbours].sum(axis=0)
        contexts = first.ravel()[one.places] + around
        found[one.places] = flags.code(contexts, None if values is None else values.ravel()[one.places])
    return found.reshape(first.shape).astype(bool)
