"""The side stream of a predicted frame, read by compiled code: `motion_side` of `classical/motion/motion.c`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.compiled import module
from dlic.classical.motion.field import MotionField, macroblocks
from dlic.classical.motion.temporal import FrameMotion
from dlic.errors import CorruptFileError, DlicError
from dlic.learned.sequence.areas import superblocks
from dlic.learned.sequence.side import EXACT, GUARDED, Side
from dlic.runtime.wasm import Instance

HEAD = 4  # numbers of a frame's motion: its own number, how many references it has, and theirs


def read_compiled(stream: bytes, flags: int, size: tuple[int, int], number: int, references: Sequence[FrameMotion]) -> Side:
    """As `side.read_side`."""
    with module() as code:
        moving = [reference for reference in references if reference.field is not None]
        data, *places = code.put(np.frombuffer(stream, np.uint8), *map(_packed, moving))
        at = iter(places)
        motions = [0 if reference.field is None else next(at) for reference in references]
        motions += [0] * (2 - len(motions))
        try:
            side = code.run("motion_side", data, len(stream), flags, size[1], size[0], number, len(references), *motions)
        except DlicError as error:
            raise CorruptFileError(str(error)) from error
        return _unpacked(code, side, flags, size, len(references))


def _packed(motion: FrameMotion) -> NDArray[np.uint8]:
    """The motion of a frame as `FrameMotion` of `web/c/expected.h` has it."""
    field, counts = motion.field, motion.counts
    assert field is not None and counts is not None, "key frames have no motion"
    head = np.zeros(HEAD, np.int32)
    head[: 2 + len(motion.references)] = motion.number, len(motion.references), *motion.references
    vectors = np.zeros((2, *field.size, 2), np.int16)
    vectors[: field.references] = field.vectors[:, ::2, ::2]
    exact = np.zeros(field.size, bool) if motion.exact is None else motion.exact
    parts = (head, counts.astype(np.int32), vectors, field.modes, exact)
    return np.frombuffer(b"".join(part.tobytes() for part in parts), np.uint8)


def _unpacked(code: Instance, side: int, flags: int, size: tuple[int, int], references: int) -> Side:
    """Copies of what `Side` of `web/c/side.h` holds."""
    kept = code.call("motion_kept")
    words = code.array_at(side, "<u4", (13,)).tolist()
    blocks, (mh, mw) = superblocks(*size), macroblocks(*size)
    modes, split, colours, *vectors = words[3:8]
    coded, steps, exact = words[10:]
    contexts = code.array_at(kept + 4 * HEAD, "<i4", (2, code.call("motion_contexts")))
    field = MotionField(
        modes=code.array_at(modes, np.uint8, (mh, mw)).copy(),
        split=code.array_at(split, bool, (mh, mw)).copy(),
        vectors=np.stack([code.array_at(at, "<i2", (2 * mh, 2 * mw, 2)) for at in vectors[:references]]),
        colours=code.array_at(colours, np.uint8, (mh, mw, 3)).copy(),
    )
    return Side(
        field=field,
        coded=code.array_at(coded, bool, blocks).copy(),
        exact=code.array_at(exact, bool, (mh, mw)).copy() if flags & EXACT else None,
        steps=code.array_at(steps, "<i2", blocks).copy() if flags & GUARDED else None,
        counts=contexts.astype(np.int64),
    )
