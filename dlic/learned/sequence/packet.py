"""The data of one frame's packet.

alpha       length varint and bytes, if the sequence has it
key         kind 1, coder 1, then the stream of a picture of that kind
others      flags 1, length varint and bytes of the side stream, then the stream of the residual
            flags 1: there is motion; 2: superblocks are coded; 4: all of them; 8 · number of the entropy coder
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.coding import code_field
from dlic.classical.motion.contexts import CONTEXTS as MOTION_CONTEXTS
from dlic.classical.motion.contexts import probabilities
from dlic.classical.motion.field import MotionField, macroblocks, still
from dlic.classical.motion.lattice import passes
from dlic.classical.motion.temporal import FrameMotion, expected
from dlic.entropy.adaptive import Probabilities
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.entropy.flags import FlagReader, Flags, FlagWriter
from dlic.errors import CorruptFileError
from dlic.learned.sequence.areas import SUPERBLOCK, superblocks

MOTION, CODED, ALL_CODED, CODER = 1, 2, 4, 8
SKIP_CONTEXTS = 10  # coded neighbours 0 … 4, without and with motion
PER_SIDE = SUPERBLOCK // 16


@dataclass(frozen=True, eq=False, kw_only=True)
class InterPacket:
    """A frame that is predicted."""

    field: MotionField
    coded: NDArray[np.bool_]  # (h, w) superblocks with a residual
    coder: int
    stream: bytes  # of the residual
    side_bytes: int = 0  # of motion and skip map


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


def write_inter(moved: WrittenMotion, coded: NDArray[np.bool_], coder: int, stream: bytes) -> tuple[bytes, FrameMotion]:
    """A packet's bytes, and the frame's motion for others. Nothing but its flags where the frame is its first reference.

    Args:
        moved: its motion, written once.
        coded: (h, w) superblocks with a residual.
        coder: of the residual.
        stream: of the residual.
    """
    flags, moving, partly = 0, not moved.field.is_still, bool(coded.any() and not coded.all())
    flags |= MOTION * moving | CODED * bool(coded.any()) | ALL_CODED * bool(coded.all()) | CODER * coder
    if partly:
        _code_map(moved.writer, moved.field, coded.shape, coded)
    side = moved.writer.finish() if moving or partly else None
    head = bytes([flags]) if side is None else bytes([flags]) + write_varint(len(side)) + side
    return head + stream, _motion(moved.number, moved.references, moved.field, moved.contexts)


def read_inter(
    data: bytes, height: int, width: int, number: int, references: Sequence[FrameMotion]
) -> tuple[InterPacket, FrameMotion]:
    """Inverse of `write_inter`. Raises CorruptFileError."""
    reader = Reader(data)
    flags = reader.take(1)[0]
    moving, some, whole = bool(flags & MOTION), bool(flags & CODED), bool(flags & ALL_CODED)
    if whole and not some:
        raise CorruptFileError("a frame of the sequence holds values that version 2 does not have")
    field, coded, length = still(height, width, len(references)), np.full(superblocks(height, width), whole), 0
    of_contexts = _probabilities(references)
    if moving or some != whole:
        length = read_varint(reader)
        flag_reader = FlagReader(reader.take(length), of_contexts)
        if moving:
            field = code_field(flag_reader, macroblocks(height, width), len(references), None, expected(number, references))
        if some != whole:
            coded = _code_map(flag_reader, field, coded.shape, None)
        flag_reader.finish()
    stream = data[reader.position :]
    if bool(stream) > some:
        raise CorruptFileError("a frame without a residual holds data of one")
    packet = InterPacket(field=field, coded=coded, coder=flags // CODER, stream=stream, side_bytes=length)
    return packet, _motion(number, references, field, of_contexts)


def _probabilities(references: Sequence[FrameMotion]) -> Probabilities:
    """Those of the first reference that has some, after its side stream; the priors without one."""
    counts = [motion.counts for motion in references if motion.counts is not None]
    return probabilities(SKIP_CONTEXTS, counts[0] if counts else None)


def _motion(number: int, references: Sequence[FrameMotion], field: MotionField, of_contexts: Probabilities) -> FrameMotion:
    return FrameMotion(
        number=number, references=tuple(motion.number for motion in references), field=field, counts=of_contexts.counts
    )


def _code_map(flags: Flags, field: MotionField, size: tuple[int, ...], coded: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Codes which superblocks have a residual, in contexts of their neighbours and of their motion."""
    moves = (field.modes != 0) | field.split | field.vectors[0, ::2, ::2].any(axis=2)
    whole = np.zeros((PER_SIDE * size[0], PER_SIDE * size[1]), bool)
    whole[: moves.shape[0], : moves.shape[1]] = moves
    moving = whole.reshape(size[0], PER_SIDE, size[1], PER_SIDE).any(axis=(1, 3)).ravel()
    found = np.zeros(size[0] * size[1], np.int64)
    for one in passes(size[0], size[1]):
        around = np.where(one.known > 0, found[one.neighbours].sum(axis=1), 2)
        contexts = MOTION_CONTEXTS + around + 5 * moving[one.places]
        found[one.places] = flags.code(contexts, None if coded is None else coded.ravel()[one.places])
    return found.reshape(size).astype(bool)
