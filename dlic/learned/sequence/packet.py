"""The data of one frame's packet.

alpha       length varint and bytes, if the sequence has it
key         `key_packet`
others      flags 1, length varint and bytes of the side stream, likewise of exact blocks, then the stream of the residual
            flags 1: there is motion; 2: superblocks are coded; 4: all of them; 8 · number of the entropy coder; 16: exact blocks;
            32: coded superblocks have offsets
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
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.entropy.flags import FlagReader, Flags, FlagWriter
from dlic.errors import CorruptFileError
from dlic.learned.sequence.areas import SUPERBLOCK, superblocks
from dlic.learned.sequence.exact_blocks import ExactBlocks
from dlic.learned.sequence.offsets import OF_INTER, code_steps

MOTION, CODED, ALL_CODED, CODER, EXACT, GUARDED = 1, 2, 4, 8, 16, 32
SKIP_CONTEXTS = 10  # coded neighbours 0 … 4, without and with motion
EXACT_PRIORS = (4, 64, 128, 192, 240)  # of exact blocks, by exact neighbours 0 … 4; in 1/256
# Priors of exact blocks are of those without and with motion, then where the reference has one
PRIORS = (*[128] * SKIP_CONTEXTS, *4 * EXACT_PRIORS, *OF_INTER)
OFFSETS = MOTION_CONTEXTS + SKIP_CONTEXTS + 4 * len(EXACT_PRIORS)  # first context
PER_SIDE = SUPERBLOCK // 16


@dataclass(frozen=True, eq=False, kw_only=True)
class InterPacket:
    """A frame that is predicted."""

    field: MotionField
    coded: NDArray[np.bool_]  # (h, w) superblocks with a residual
    coder: int
    stream: bytes  # of the residual
    steps: NDArray[np.int16] | None = None  # (h, w) of the offsets of superblocks, if the frame is guarded
    exact: ExactBlocks | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class WrittenMotion:
    """The motion of a frame in the writer of its side stream."""

    number: int  # of the frame
    references: tuple[FrameMotion, ...]
    field: MotionField  # as a decoder has it
    contexts: Probabilities
    writer: FlagWriter


def write_motion(field: MotionField, number: int, references: Sequence[FrameMotion]) -> WrittenMotion:
    """Begins the side stream of frame `number` with its motion, if it moves."""
    contexts = _probabilities(references)
    writer = FlagWriter(contexts)
    if not field.is_still:
        field = code_field(writer, field.size, field.references, field, expected(number, references))
    return WrittenMotion(number=number, references=tuple(references), field=field, contexts=contexts, writer=writer)


def write_inter(
    moved: WrittenMotion,
    coded: NDArray[np.bool_],
    coder: int,
    stream: bytes,
    exact: ExactBlocks | None = None,
    steps: NDArray[np.int16] | None = None,
) -> tuple[bytes, FrameMotion]:
    """A packet's bytes, and the frame's motion for others. Nothing but its flags where the frame is its first reference.

    Args:
        moved: its motion, written once.
        coded: (h, w) superblocks with a residual.
        coder: of the residual.
        stream: of the residual.
        exact: blocks that are stored exactly.
        steps: (h, w) of the offsets of superblocks, if the frame is guarded.
    """
    moving, some, whole = not moved.field.is_still, bool(coded.any()), bool(coded.all())
    partly, guarded = some and not whole, some and steps is not None
    flags = MOTION * moving | CODED * some | ALL_CODED * whole | CODER * coder | EXACT * (exact is not None) | GUARDED * guarded
    if partly:
        _code_coded(moved.writer, moved.field, coded.shape, coded)
    if exact is not None:
        _code_exact(moved.writer, moved.field, moved.references[0], exact.mask)
    if steps is not None:
        code_steps(moved.writer, OFFSETS, EVEN, int(coded.sum()), steps[coded])
    parts = [moved.writer.finish()] if moving or partly or guarded or exact is not None else []
    parts += [exact.stream] if exact is not None else []
    head = bytes([flags]) + b"".join(write_varint(len(part)) + part for part in parts)
    mask = None if exact is None else exact.mask
    return head + stream, _motion(moved.number, moved.references, moved.field, moved.contexts, mask)


def has_exact_blocks(data: bytes) -> bool:
    """Whether the packet of a predicted frame says that it has exact blocks."""
    return bool(data and data[0] & EXACT)


def read_inter(
    data: bytes, height: int, width: int, number: int, references: Sequence[FrameMotion]
) -> tuple[InterPacket, FrameMotion]:
    """Inverse of `write_inter`. Raises CorruptFileError."""
    reader = Reader(data)
    flags = reader.take(1)[0]
    moving, some, whole, has_exact, guarded = (bool(flags & flag) for flag in (MOTION, CODED, ALL_CODED, EXACT, GUARDED))
    if ((whole or guarded) and not some) or flags >= 2 * GUARDED:
        raise CorruptFileError("a frame of the sequence holds values that version 2 does not have")
    field, coded, exact = still(height, width, len(references)), np.full(superblocks(height, width), whole), None
    of_contexts, steps = _probabilities(references), None
    if moving or some != whole or has_exact or guarded:
        flag_reader = FlagReader(reader.take(read_varint(reader)), of_contexts)
        if moving:
            field = code_field(flag_reader, macroblocks(height, width), len(references), None, expected(number, references))
        if some != whole:
            coded = _code_coded(flag_reader, field, coded.shape, None)
        if has_exact:
            mask = _code_exact(flag_reader, field, references[0], None)
            exact = ExactBlocks(mask, reader.take(read_varint(reader)))
        if guarded:
            steps = np.zeros(coded.shape, np.int16)
            steps[coded] = code_steps(flag_reader, OFFSETS, EVEN, int(coded.sum()), None)
        flag_reader.finish()
    stream = data[reader.position :]
    if bool(stream) > some:
        raise CorruptFileError("a frame without a residual holds data of one")
    if exact is not None and not exact.mask.any():
        raise CorruptFileError("a frame promises exact blocks and has none")
    packet = InterPacket(field=field, coded=coded, coder=flags % EXACT // CODER, stream=stream, steps=steps, exact=exact)
    return packet, _motion(number, references, field, of_contexts, None if exact is None else exact.mask)


def _probabilities(references: Sequence[FrameMotion]) -> Probabilities:
    """Those of the first reference that has some, after its side stream; the priors without one."""
    counts = [motion.counts for motion in references if motion.counts is not None]
    return probabilities(PRIORS, counts[0] if counts else None)


def _motion(
    number: int, references: Sequence[FrameMotion], field: MotionField, of_contexts: Probabilities, exact: NDArray[np.bool_] | None
) -> FrameMotion:
    numbers = tuple(motion.number for motion in references)
    return FrameMotion(number=number, references=numbers, field=field, counts=of_contexts.counts, exact=exact)


def _code_coded(flags: Flags, field: MotionField, size: tuple[int, ...], coded: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Codes which superblocks have a residual, in contexts of their neighbours and of their motion."""
    moves = _moves(field)
    whole = np.zeros((PER_SIDE * size[0], PER_SIDE * size[1]), bool)
    whole[: moves.shape[0], : moves.shape[1]] = moves
    moving = whole.reshape(size[0], PER_SIDE, size[1], PER_SIDE).any(axis=(1, 3))
    return _code_map(flags, MOTION_CONTEXTS + 5 * moving, 2, coded)


def _code_exact(flags: Flags, field: MotionField, reference: FrameMotion, exact: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
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
