"""Vectors ⇄ bits in contexts.

A vector is its prediction, the expected one (`temporal`), that of a neighbour, or a difference from the prediction: the median of
its neighbours and twice of the expected vector.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.contexts import (
    AGREEMENTS,
    CLASSES,
    EVEN,
    IS_EXPECTED,
    IS_LONGER,
    IS_NEIGHBOUR,
    IS_ZERO,
    IS_ZERO_X,
    IS_ZERO_Y,
    NEAR,
    OCTAVES,
    SECOND_BIT,
    SPREADS,
    WHICH,
)
from dlic.classical.motion.field import BOTH, REACH, MotionField, of_macroblocks
from dlic.classical.motion.lattice import Pass, medians, spreads
from dlic.classical.motion.temporal import Expected
from dlic.entropy.flags import Flags


@dataclass(eq=False)
class CodedField:
    """A field while it is coded."""

    modes: NDArray[np.int64]  # (N,)
    split: NDArray[np.int64]  # (N,)
    vectors: NDArray[np.int64]  # (references, N, 2)
    colours: NDArray[np.int64]  # (N, 3)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Choices:
    """What differences of vectors (N, 2) from their predictions are likely to be."""

    classes: NDArray[Any]  # (N,) by the spread of neighbours
    zero: NDArray[Any]  # (N,) contexts of 0
    hint: NDArray[Any]  # (N, 2) of expected vectors; 0 where there are none
    others: NDArray[Any]  # (N, K, 2) of neighbours


def code_vectors(flags: Flags, one: Pass, coded: CodedField, known: CodedField | None, number: int, hints: Expected | None) -> None:
    at, vectors, modes = one.places, coded.vectors[number], coded.modes[one.places]
    around = vectors[one.neighbours]
    median = np.where(one.known[:, None] > 0, medians(around), 0)
    there = np.zeros(at.size, bool) if hints is None else hints.known.ravel()[at]
    hint = median if hints is None else np.where(there[:, None], hints.vectors[number].reshape(-1, 2)[at], median)
    predicted = np.where(one.known[:, None] > 0, medians(np.concatenate([around, hint[:, None], hint[:, None]], axis=1)), hint)
    agreement = np.where(there, 1 + np.searchsorted([0, NEAR], np.abs(hint - predicted).sum(axis=1)), 0)
    classes = np.where(one.known > 0, _classes(around), 0)
    used = (modes == number) | (modes == BOTH)
    choices = _Choices(
        classes=classes[used],
        zero=(AGREEMENTS * classes + agreement)[used],
        hint=(hint - predicted)[used],
        others=(around - predicted[:, None])[used],
    )
    apart = None if known is None else known.vectors[number][at[used]] - predicted[used]
    vectors[at] = predicted
    vectors[at[used]] = _wrapped(predicted[used] + _code_differences(flags, choices, apart))


def _classes(around: NDArray[Any]) -> NDArray[Any]:
    """Class 1 … CLASSES − 1 of the spread of vectors (N, K, 2)."""
    return 1 + np.searchsorted(SPREADS, spreads(around).sum(axis=1))


def code_blocks(
    flags: Flags, size: tuple[int, int], coded: CodedField, field: MotionField | None, number: int
) -> NDArray[np.int64]:
    """Codes the three later blocks of split macroblocks; returns the vectors of all blocks (2·mh, 2·mw, 2)."""
    first = coded.vectors[number].reshape(*size, 2)
    vectors = of_macroblocks(first)
    modes = coded.modes.reshape(size)
    rows, columns = np.nonzero((coded.split.reshape(size) != 0) & ((modes == number) | (modes == BOTH)))
    if not rows.size:
        return vectors
    for i, j in ((0, 1), (1, 0), (1, 1)):
        y, x = 2 * rows + i, 2 * columns + j
        beside = first[rows, np.clip(columns + 2 * j - 1, 0, size[1] - 1)]
        above = first[np.clip(rows + 2 * i - 1, 0, size[0] - 1), columns]
        three = np.stack([first[rows, columns], beside, above], axis=1)
        predicted = np.sort(three, axis=1)[:, 1]
        apart = None if field is None else field.vectors[number, y, x] - predicted
        classes = CLASSES + _classes(three)
        choices = _Choices(
            classes=classes,
            zero=(AGREEMENTS - 1) * CLASSES + classes,
            hint=np.zeros_like(predicted),
            others=three - predicted[:, None],
        )
        vectors[y, x] = _wrapped(predicted + _code_differences(flags, choices, apart))
    return vectors


def _code_differences(flags: Flags, choices: _Choices, apart: NDArray[Any] | None) -> NDArray[Any]:
    """Codes differences of vectors (N, 2) from their predictions."""
    classes, values = choices.classes, np.zeros(choices.hint.shape, np.int64)
    if not classes.size:  # nothing is coded, as in what returns early below: calls cost more than their few bits
        return values
    zero = flags.code(IS_ZERO + choices.zero, None if apart is None else ~apart.any(axis=1))
    left = np.flatnonzero(zero == 0)
    left = left[_code_expected(flags, choices, left, values, apart) == 0]
    equal = None if apart is None else (choices.others[left] == apart[left, None]).all(axis=2)
    is_choice = flags.code(IS_NEIGHBOUR + classes[left], None if equal is None else equal.any(axis=1))
    chosen = left[is_choice != 0]
    which = _code_choice(flags, classes[chosen], None if equal is None else equal[is_choice != 0].argmax(axis=1))
    values[chosen] = choices.others[chosen, which % choices.others.shape[1]]
    _code_new(flags, classes, left[is_choice == 0], values, apart)
    return values


def _code_expected(
    flags: Flags, choices: _Choices, left: NDArray[Any], values: NDArray[Any], apart: NDArray[Any] | None
) -> NDArray[Any]:
    """Codes whether the differences at the places `left` are the expected ones, where these are not 0; returns it: (N,)."""
    is_expected = np.zeros(left.size, np.int64)
    some = np.flatnonzero(choices.hint[left].any(axis=1))
    if not some.size:
        return is_expected
    at = left[some]
    is_expected[some] = flags.code(
        IS_EXPECTED + choices.classes[at], None if apart is None else (choices.hint[at] == apart[at]).all(axis=1)
    )
    chosen = left[is_expected != 0]
    values[chosen] = choices.hint[chosen]
    return is_expected


def _code_choice(flags: Flags, classes: NDArray[Any], wanted: NDArray[Any] | None) -> NDArray[Any]:
    """Codes numbers 0 … 3 (N,) in two bits."""
    if not classes.size:
        return np.zeros(0, np.int64)
    first_context = WHICH + 3 * (classes >= CLASSES)
    first = flags.code(first_context, None if wanted is None else wanted >> 1)
    second = flags.code(first_context + 1 + first, None if wanted is None else wanted & 1)
    return 2 * first.astype(np.int64) + second


def _code_new(flags: Flags, classes: NDArray[Any], left: NDArray[Any], values: NDArray[Any], apart: NDArray[Any] | None) -> None:
    """Codes the differences that are no neighbour's, at the places `left`, into `values` (N, 2)."""
    if not left.size:
        return
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
    rest = code_bits(flags, octaves, None if sizes is None else sizes - (1 << octaves), leading=True)
    negative = flags.code(np.full(classes.size, EVEN), None if wanted is None else wanted < 0)
    return np.where(negative != 0, -1, 1) * ((1 << octaves) + rest)


def _wrapped(vectors: NDArray[Any]) -> NDArray[Any]:
    """Vectors within REACH; a writer's are there already."""
    return (vectors + REACH) % (2 * REACH) - REACH


def code_bits(flags: Flags, lengths: NDArray[Any], wanted: NDArray[Any] | None, leading: bool = False) -> NDArray[Any]:
    """Codes numbers (N,) of so many bits each, the highest bit first; that one in contexts of its own if `leading`."""
    values = np.zeros(lengths.size, np.int64)
    for place in range(int(lengths.max(initial=0)) - 1, -1, -1):
        which = np.flatnonzero(lengths > place)
        first = leading & (lengths[which] == place + 1)
        contexts = np.where(first, SECOND_BIT + np.minimum(place, OCTAVES - 1), EVEN)
        bits = flags.code(contexts, None if wanted is None else wanted[which] >> place & 1)
        values[which] |= bits.astype(np.int64) << place
    return values
