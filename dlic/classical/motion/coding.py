"""Motion fields ⇄ bits in contexts: modes, splits, vectors, colours.

Macroblocks are coded in the passes of `lattice`. The vector of a split macroblock is that of its first block. The other three
follow at the end, each predicted by the median of the first and of its neighbours outside of the macroblock.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.contexts import IS_BOTH, IS_FLAT, IS_SECOND, IS_SPLIT
from dlic.classical.motion.field import BOTH, FLAT, MotionField
from dlic.classical.motion.lattice import Pass, passes
from dlic.classical.motion.temporal import Expected
from dlic.classical.motion.vector_coding import CodedField, Hints, code_bits, code_blocks, code_vectors
from dlic.entropy.flags import Flags


def code_field(
    flags: Flags, size: tuple[int, int], references: int, field: MotionField | None, hints: Expected | None = None
) -> MotionField:
    """Codes a field of mh × mw macroblocks in either direction, and returns it as a decoder has it.

    A writer is given the field; its unused vectors do not matter. Both are given the same `hints`.
    """
    known = None if field is None else _raveled(field)
    coded, expected = _empty(size, references), None if hints is None else Hints.of(hints)
    for one in passes(*size):
        _code_modes(flags, one, coded, known)
        _code_split(flags, one, coded, known)
        for number in range(references):
            code_vectors(flags, one, coded, known, number, expected)
        _code_colours(flags, one, coded, known)
    vectors = [code_blocks(flags, size, coded, field, number) for number in range(references)]
    return MotionField(
        modes=coded.modes.reshape(size).astype(np.uint8),
        split=coded.split.reshape(size).astype(bool),
        vectors=np.stack(vectors).astype(np.int16),
        colours=coded.colours.reshape(*size, 3).astype(np.uint8),
    )


def _raveled(field: MotionField) -> CodedField:
    return CodedField(
        modes=field.modes.ravel().astype(np.int64),
        split=field.split.ravel().astype(np.int64),
        vectors=field.vectors[:, ::2, ::2].reshape(field.references, -1, 2).transpose(0, 2, 1).astype(np.int64),
        colours=field.colours.reshape(-1, 3).astype(np.int64),
    )


def _empty(size: tuple[int, int], references: int) -> CodedField:
    count = size[0] * size[1]
    none = np.zeros(count, np.int64)
    return CodedField(none, none.copy(), np.zeros((references, 2, count), np.int64), np.zeros((count, 3), np.int64))


def _counted(values: NDArray[Any], one: Pass) -> NDArray[Any]:
    """How many of the four neighbours are set: (N,)."""
    if one.neighbours is None:
        return np.zeros(one.places.size, np.int64)
    return np.asarray(values.astype(np.int64, copy=False)[one.neighbours].sum(axis=0))


def _code_modes(flags: Flags, one: Pass, coded: CodedField, known: CodedField | None) -> None:
    at, wanted = one.places, None if known is None else known.modes[one.places]
    flat = np.minimum(_counted(coded.modes == FLAT, one), 2)
    is_flat = flags.code(IS_FLAT + flat, None if wanted is None else wanted == FLAT)
    modes = FLAT * is_flat.astype(np.int64)
    rest = np.flatnonzero(is_flat == 0)
    if coded.vectors.shape[0] == 2 and rest.size:
        of_rest = None if wanted is None else wanted[rest]
        is_both = flags.code(IS_BOTH + _counted(coded.modes == BOTH, one)[rest], None if of_rest is None else of_rest == BOTH)
        single = np.flatnonzero(is_both == 0)
        second = _counted(coded.modes == 1, one)[rest[single]]
        is_second = flags.code(IS_SECOND + second, None if of_rest is None else of_rest[single] == 1)
        modes[rest] = BOTH * is_both
        modes[rest[single]] = is_second
    coded.modes[at] = modes


def _code_split(flags: Flags, one: Pass, coded: CodedField, known: CodedField | None) -> None:
    at = one.places[coded.modes[one.places] != FLAT]
    contexts = _counted(coded.split, one)[coded.modes[one.places] != FLAT]
    coded.split[at] = flags.code(IS_SPLIT + contexts, None if known is None else known.split[at])


def _code_colours(flags: Flags, one: Pass, coded: CodedField, known: CodedField | None) -> None:
    at = one.places[coded.modes[one.places] == FLAT]
    if not at.size:
        return
    wanted = None if known is None else (known.colours[at] >> 2).ravel().tolist()
    coded.colours[at] = 4 * np.reshape(code_bits(flags, [6] * (3 * at.size), wanted), (-1, 3))
