"""Motion fields ⇄ bits in contexts: modes, splits, then vectors.

A vector is the median of its neighbours, one of them, or a difference from the median.

Macroblocks are coded in the passes of `lattice`. The vector of a split macroblock is that of its first block. The other three
follow at the end, each predicted by the median of the first and of its neighbours outside of the macroblock.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import BOTH, FLAT, REACH, MotionField, of_macroblocks
from dlic.classical.motion.lattice import Pass, medians, passes, spreads
from dlic.classical.motion.priors import PRIORS
from dlic.entropy.adaptive import Probabilities
from dlic.entropy.flags import Flags

CLASSES = 6  # of the spread of neighbouring vectors: none known, 0, up to 2, 6, 16, more
SPREADS = np.array([0, 2, 6, 16])  # largest spreads of classes 1 … 4, in quarter pels
OCTAVES = 12  # of magnitudes 1 … 2 · REACH

# First contexts of each kind of bit. Neighbours count 0, 1, 2 or more of 4.
IS_FLAT, IS_BOTH, IS_SECOND, IS_SPLIT = 0, 3, 8, 13  # 3 contexts, then 5 each
IS_ZERO = IS_SPLIT + 5  # of a vector's difference: by class, for whole and for later blocks
IS_NEIGHBOUR = IS_ZERO + 2 * CLASSES  # whether it is that of a neighbour, by class
WHICH = IS_NEIGHBOUR + 2 * CLASSES  # of four neighbours or three: first bit, second bit; for whole and for later blocks
IS_ZERO_Y = WHICH + 2 * 3
IS_ZERO_X = IS_ZERO_Y + 2 * CLASSES
IS_LONGER = IS_ZERO_X + 2 * CLASSES  # by class and octave
SECOND_BIT = IS_LONGER + 2 * CLASSES * OCTAVES  # below the leading one, by octave
EVEN = SECOND_BIT + OCTAVES  # bits that are as often 0 as 1
CONTEXTS = EVEN + 1


SEEN = 8 * 32  # observations that a probability begins with, in the unit of counts: eight bits


def probabilities(more: int = 0) -> Probabilities:
    """Those that a frame's motion begins with; `more` further contexts begin with a half."""
    ones = np.array([*PRIORS, *[128] * more], np.int64)
    return Probabilities(ones * SEEN // 256, np.full(ones.size, SEEN))


@dataclass(eq=False)
class _Field:
    """A field while it is coded."""

    modes: NDArray[np.int64]  # (N,)
    split: NDArray[np.int64]  # (N,)
    vectors: NDArray[np.int64]  # (references, N, 2)
    colours: NDArray[np.int64]  # (N, 3)


def code_field(flags: Flags, size: tuple[int, int], references: int, field: MotionField | None) -> MotionField:
    """Codes a field of mh × mw macroblocks in either direction, and returns it as a decoder has it.

    A writer is given the field; its unused vectors do not matter.
    """
    known = None if field is None else _raveled(field)
    coded = _empty(size, references)
    for one in passes(*size):
        _code_modes(flags, one, coded, known)
        _code_split(flags, one, coded, known)
        for number in range(references):
            _code_vectors(flags, one, coded, known, number)
        _code_colours(flags, one, coded, known)
    vectors = [_code_blocks(flags, size, coded, field, number) for number in range(references)]
    return MotionField(
        modes=coded.modes.reshape(size).astype(np.uint8),
        split=coded.split.reshape(size).astype(bool),
        vectors=np.stack(vectors).astype(np.int16),
        colours=coded.colours.reshape(*size, 3).astype(np.uint8),
    )


def _raveled(field: MotionField) -> _Field:
    return _Field(
        modes=field.modes.ravel().astype(np.int64),
        split=field.split.ravel().astype(np.int64),
        vectors=field.vectors[:, ::2, ::2].reshape(field.references, -1, 2).astype(np.int64),
        colours=field.colours.reshape(-1, 3).astype(np.int64),
    )


def _empty(size: tuple[int, int], references: int) -> _Field:
    count = size[0] * size[1]
    none = np.zeros(count, np.int64)
    return _Field(none, none.copy(), np.zeros((references, count, 2), np.int64), np.zeros((count, 3), np.int64))


def _counted(values: NDArray[Any], one: Pass) -> NDArray[Any]:
    """How many of the four neighbours are set: (N,)."""
    return np.where(one.known > 0, values[one.neighbours].sum(axis=1), 0)


def _code_modes(flags: Flags, one: Pass, coded: _Field, known: _Field | None) -> None:
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


def _code_split(flags: Flags, one: Pass, coded: _Field, known: _Field | None) -> None:
    at = one.places[coded.modes[one.places] != FLAT]
    contexts = _counted(coded.split, one)[coded.modes[one.places] != FLAT]
    coded.split[at] = flags.code(IS_SPLIT + contexts, None if known is None else known.split[at])


def _code_vectors(flags: Flags, one: Pass, coded: _Field, known: _Field | None, number: int) -> None:
    vectors, modes = coded.vectors[number], coded.modes[one.places]
    around = vectors[one.neighbours]
    predicted = np.where(one.known[:, None] > 0, medians(around), 0)
    classes = np.where(one.known > 0, _classes(around), 0)
    used = (modes == number) | (modes == BOTH)
    apart = None if known is None else known.vectors[number][one.places[used]] - predicted[used]
    vectors[one.places] = predicted
    choices = (around - predicted[:, None])[used]
    vectors[one.places[used]] = _wrapped(predicted[used] + _code_differences(flags, classes[used], choices, apart))


def _classes(around: NDArray[Any]) -> NDArray[Any]:
    """Class 1 … CLASSES − 1 of the spread of vectors (N, K, 2)."""
    return 1 + np.searchsorted(SPREADS, spreads(around).sum(axis=1))


def _code_colours(flags: Flags, one: Pass, coded: _Field, known: _Field | None) -> None:
    at = one.places[coded.modes[one.places] == FLAT]
    wanted = None if known is None else (known.colours[at] >> 2).ravel()
    coded.colours[at] = 4 * _code_bits(flags, np.full(3 * at.size, 6), wanted).reshape(-1, 3)


def _code_blocks(flags: Flags, size: tuple[int, int], coded: _Field, field: MotionField | None, number: int) -> NDArray[np.int64]:
    """Codes the three later blocks of split macroblocks; returns the vectors of all blocks (2·mh, 2·mw, 2)."""
    first = coded.vectors[number].reshape(*size, 2)
    vectors = of_macroblocks(first)
    modes = coded.modes.reshape(size)
    rows, columns = np.nonzero((coded.split.reshape(size) != 0) & ((modes == number) | (modes == BOTH)))
    for i, j in ((0, 1), (1, 0), (1, 1)):
        y, x = 2 * rows + i, 2 * columns + j
        beside = first[rows, np.clip(columns + 2 * j - 1, 0, size[1] - 1)]
        above = first[np.clip(rows + 2 * i - 1, 0, size[0] - 1), columns]
        three = np.stack([first[rows, columns], beside, above], axis=1)
        predicted = np.sort(three, axis=1)[:, 1]
        apart = None if field is None else field.vectors[number, y, x] - predicted
        choices = three - predicted[:, None]
        vectors[y, x] = _wrapped(predicted + _code_differences(flags, CLASSES + _classes(three), choices, apart))
    return vectors


def _code_differences(flags: Flags, classes: NDArray[Any], choices: NDArray[Any], apart: NDArray[Any] | None) -> NDArray[Any]:
    """Codes differences of vectors (N, 2) from their predictions, in classes (N,); `choices` (N, K, 2) are those of neighbours."""
    values = np.zeros((classes.size, 2), np.int64)
    zero = flags.code(IS_ZERO + classes, None if apart is None else ~apart.any(axis=1))
    left = np.flatnonzero(zero == 0)
    equal = None if apart is None else (choices[left] == apart[left, None]).all(axis=2)
    is_choice = flags.code(IS_NEIGHBOUR + classes[left], None if equal is None else equal.any(axis=1))
    chosen = left[is_choice != 0]
    which = _code_choice(flags, classes[chosen], None if equal is None else equal[is_choice != 0].argmax(axis=1))
    values[chosen] = choices[chosen, which % choices.shape[1]]
    _code_new(flags, classes, left[is_choice == 0], values, apart)
    return values


def _code_choice(flags: Flags, classes: NDArray[Any], wanted: NDArray[Any] | None) -> NDArray[Any]:
    """Codes numbers 0 … 3 (N,) in two bits."""
    first_context = WHICH + 3 * (classes >= CLASSES)
    first = flags.code(first_context, None if wanted is None else wanted >> 1)
    second = flags.code(first_context + 1 + first, None if wanted is None else wanted & 1)
    return 2 * first.astype(np.int64) + second


def _code_new(flags: Flags, classes: NDArray[Any], left: NDArray[Any], values: NDArray[Any], apart: NDArray[Any] | None) -> None:
    """Codes the differences that are no neighbour's, at the places `left`, into `values` (N, 2)."""
    zero_y = flags.code(IS_ZERO_Y + classes[left], None if apart is None else apart[left, 0] == 0)
    both = left[zero_y == 0]
    zero_x = flags.code(IS_ZERO_X + classes[both], None if apart is None else apart[both, 1] == 0)
    longer = np.zeros(values.shape, bool)
    longer[left, 0], longer[left, 1] = zero_y == 0, True
    longer[both, 1] = zero_x == 0
    at, axis = np.nonzero(longer)
    values[at, axis] = _code_signed(flags, classes[at], None if apart is None else apart[at, axis])


def _code_signed(flags: Flags, classes: NDArray[Any], wanted: NDArray[Any] | None) -> NDArray[Any]:
    """Codes whole numbers other than 0 (N,): octave, bits below the leading one, sign."""
    sizes = None if wanted is None else np.abs(wanted)
    octaves = np.zeros(classes.size, np.int64)
    octave_of = None if sizes is None else np.frexp(sizes.astype(np.float64))[1] - 1
    left = np.arange(classes.size)
    for octave in range(OCTAVES):
        more = flags.code(IS_LONGER + classes[left] * OCTAVES + octave, None if octave_of is None else octave_of[left] > octave)
        left = left[more != 0]
        octaves[left] += 1
        if not left.size:
            break
    rest = _code_bits(flags, octaves, None if sizes is None else sizes - (1 << octaves), leading=True)
    negative = flags.code(np.full(classes.size, EVEN), None if wanted is None else wanted < 0)
    return np.where(negative != 0, -1, 1) * ((1 << octaves) + rest)


def _code_bits(flags: Flags, lengths: NDArray[Any], wanted: NDArray[Any] | None, leading: bool = False) -> NDArray[Any]:
    """Codes numbers (N,) of so many bits each, the highest bit first; that one in contexts of its own if `leading`."""
    values = np.zeros(lengths.size, np.int64)
    for place in range(int(lengths.max(initial=0)) - 1, -1, -1):
        which = np.flatnonzero(lengths > place)
        first = leading & (lengths[which] == place + 1)
        contexts = np.where(first, SECOND_BIT + np.minimum(place, OCTAVES - 1), EVEN)
        bits = flags.code(contexts, None if wanted is None else wanted[which] >> place & 1)
        values[which] |= bits.astype(np.int64) << place
    return values


def _wrapped(vectors: NDArray[Any]) -> NDArray[Any]:
    """Vectors within REACH; a writer's are there already."""
    return (vectors + REACH) % (2 * REACH) - REACH
