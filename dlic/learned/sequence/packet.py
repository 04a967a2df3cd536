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

from dlic.classical.motion import compiled
from dlic.classical.motion.coding import code_field
from dlic.classical.motion.contexts import EVEN
from dlic.classical.motion.field import MotionField
from dlic.classical.motion.temporal import FrameMotion, expected
from dlic.entropy.adaptive import Probabilities
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.entropy.flags import FlagWriter
from dlic.errors import CorruptFileError
from dlic.learned.sequence.compiled_side import read_compiled
from dlic.learned.sequence.exact_blocks import ExactBlocks
from dlic.learned.sequence.offsets import code_steps
from dlic.learned.sequence.side import (
    ALL_CODED,
    CODED,
    CODER,
    EXACT,
    GUARDED,
    MOTION,
    OFFSETS,
    code_coded,
    code_exact,
    probabilities_of,
    read_side,
    still_side,
)


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
    contexts = probabilities_of(references)
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
        code_coded(moved.writer, moved.field, coded.shape, coded)
    if exact is not None:
        code_exact(moved.writer, moved.field, moved.references[0], exact.mask)
    if steps is not None:
        code_steps(moved.writer, OFFSETS, EVEN, int(coded.sum()), steps[coded])
    parts = [moved.writer.finish()] if moving or partly or guarded or exact is not None else []
    parts += [exact.stream] if exact is not None else []
    head = bytes([flags]) + b"".join(write_varint(len(part)) + part for part in parts)
    mask = None if exact is None else exact.mask
    return head + stream, _motion(moved.number, moved.references, moved.field, moved.contexts.counts, mask)


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
    if moving or some != whole or has_exact or guarded:
        read = read_compiled if compiled.serves(height, width) else read_side
        side = read(reader.take(read_varint(reader)), flags, (height, width), number, references)
    else:
        side = still_side(flags, height, width, references)
    exact = None
    if side.exact is not None:
        exact = ExactBlocks(side.exact, reader.take(read_varint(reader)))
    stream = data[reader.position :]
    if bool(stream) > some:
        raise CorruptFileError("a frame without a residual holds data of one")
    if exact is not None and not exact.mask.any():
        raise CorruptFileError("a frame promises exact blocks and has none")
    packet = InterPacket(
        field=side.field, coded=side.coded, coder=flags % EXACT // CODER, stream=stream, steps=side.steps, exact=exact
    )
    return packet, _motion(number, references, side.field, side.counts, side.exact)


def _motion(
    number: int, references: Sequence[FrameMotion], field: MotionField, counts: NDArray[np.int64], exact: NDArray[np.bool_] | None
) -> FrameMotion:
    numbers = tuple(motion.number for motion in references)
    return FrameMotion(number=number, references=numbers, field=field, counts=counts, exact=exact)
