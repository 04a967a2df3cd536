"""Vectors ⇄ bits in contexts.

A vector is its prediction, the expected one (`temporal`), that of a neighbour, or a difference from the prediction: the median of
its neighbours and twice of the expected vector. Arrays hold all vectors of a pass; the few that differ from their predictions are
in lists, as calls of NumPy would take longer than their bits.
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
from dlic.classical.motion.lattice import Pass, sorted_four, sorted_three
from dlic.classical.motion.temporal import Expected
from dlic.entropy.flags import Flags

Vector = list[int]  # y and x


@dataclass(eq=False)
class CodedField:
    """A field while it is coded."""

    modes: NDArray[np.int64]  # (N,)
    split: NDArray[np.int64]  # (N,)
    vectors: NDArray[np.int64]  # (references, 2, N)
    colours: NDArray[np.int64]  # (N, 3)


@dataclass(frozen=True, eq=False)
class Hints:
    """Expected vectors (references, 2, N), and where there are any (N,)."""

    vectors: NDArray[np.int64]
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, expected: Expected) -> "Hints":
        """Those of macroblocks (mh, mw)."""
        vectors = expected.vectors.reshape(len(expected.vectors), -1, 2)
        return cls(np.ascontiguousarray(vectors.transpose(0, 2, 1)), expected.known.ravel())


@dataclass(frozen=True, eq=False, kw_only=True)
class _Choices:
    """What differences of vectors (2, N) from their predictions are likely to be."""

    classes: NDArray[Any]  # (N,) by the spread of neighbours
    zero: NDArray[Any]  # (N,) contexts of 0
    hint: NDArray[Any]  # (2, N) of expected vectors; 0 where there are none
    others: NDArray[Any]  # (2, K, N) of neighbours


def code_vectors(flags: Flags, one: Pass, coded: CodedField, known: CodedField | None, number: int, hints: Hints | None) -> None:
    at, vectors, modes = one.places, coded.vectors[number], coded.modes[one.places]
    there = np.zeros(at.size, bool) if hints is None else hints.known[at]
    if one.neighbours is None:
        around, classes = np.zeros((2, 4, at.size), np.int64), np.zeros(at.size, np.int64)
        hint = predicted = np.zeros((2, at.size), np.int64) if hints is None else hints.vectors[number][:, at] * there
    else:
        around = vectors[:, one.neighbours]
        a, b, c, d = sorted_four(around[:, 0], around[:, 1], around[:, 2], around[:, 3])
        classes, median = _classes(d - a), b + c >> 1
        hint = median if hints is None else np.where(there, hints.vectors[number][:, at], median)
        # The median of six, in which the hint is twice
        predicted = np.minimum(np.maximum(hint, a), c) + np.minimum(np.maximum(hint, b), d) >> 1
    apart = hint - predicted
    agreement = np.where(there, 1 + np.searchsorted(_AGREEING, np.abs(apart[0]) + np.abs(apart[1])), 0)
    used = np.flatnonzero((modes == number) | (modes == BOTH))
    choices = _Choices(
        classes=classes[used],
        zero=(AGREEMENTS * classes + agreement)[used],
        hint=apart[:, used],
        others=(around - predicted[:, None])[:, :, used],
    )
    wanted = None if known is None else known.vectors[number][:, at[used]] - predicted[:, used]
    vectors[:, at] = predicted
    vectors[:, at[used]] = _wrapped(predicted[:, used] + _code_differences(flags, choices, wanted))


_AGREEING = np.array([0, NEAR])


def _classes(spreads: NDArray[Any]) -> NDArray[Any]:
    """Class 1 … CLASSES − 1 of the spreads (2, N) of neighbouring vectors."""
    return 1 + np.searchsorted(SPREADS, spreads[0] + spreads[1])


def code_blocks(
    flags: Flags, size: tuple[int, int], coded: CodedField, field: MotionField | None, number: int
) -> NDArray[np.int64]:
    """Codes the three later blocks of split macroblocks; returns the vectors of all blocks (2·mh, 2·mw, 2)."""
    first = coded.vectors[number].reshape(2, *size)
    vectors = of_macroblocks(first.transpose(1, 2, 0))
    modes = coded.modes.reshape(size)
    rows, columns = np.nonzero((coded.split.reshape(size) != 0) & ((modes == number) | (modes == BOTH)))
    if not rows.size:
        return vectors
    for i, j in ((0, 1), (1, 0), (1, 1)):
        y, x = 2 * rows + i, 2 * columns + j
        beside = first[:, rows, np.clip(columns + 2 * j - 1, 0, size[1] - 1)]
        above = first[:, np.clip(rows + 2 * i - 1, 0, size[0] - 1), columns]
        three = np.stack([first[:, rows, columns], beside, above], axis=1)
        least, predicted, most = sorted_three(three[:, 0], three[:, 1], three[:, 2])
        wanted = None if field is None else field.vectors[number, y, x].T - predicted
        classes = CLASSES + _classes(most - least)
        choices = _Choices(
            classes=classes,
            zero=(AGREEMENTS - 1) * CLASSES + classes,
            hint=np.zeros_like(predicted),
            others=three - predicted[:, None],
        )
        vectors[y, x] = _wrapped(predicted + _code_differences(flags, choices, wanted)).T
    return vectors


def _code_differences(flags: Flags, choices: _Choices, wanted: NDArray[Any] | None) -> NDArray[Any]:
    """Codes differences of vectors (2, N) from their predictions."""
    values = np.zeros(choices.hint.shape, np.int64)
    zero = flags.code(IS_ZERO + choices.zero, None if wanted is None else ~wanted.any(axis=0))
    left = np.flatnonzero(zero == 0)
    if left.size:
        others = choices.others[:, :, left].transpose(2, 1, 0).tolist()
        few = _Few(flags, choices.classes[left].tolist(), choices.hint[:, left].T.tolist(), others)
        values[:, left] = np.array(few.code(None if wanted is None else wanted[:, left].T.tolist())).T
    return values


@dataclass(frozen=True, eq=False)
class _Few:
    """Codes differences other than 0."""

    flags: Flags
    classes: list[int]
    hints: list[Vector]  # 0 where there are none
    others: list[list[Vector]]  # of neighbours

    def code(self, wanted: list[Vector] | None) -> list[Vector]:
        """Codes all; a writer is given them."""
        values = [list(hint) for hint in self.hints]
        some = [i for i, hint in enumerate(self.hints) if hint != [0, 0]]
        left = set(range(len(values))) - set(
            self._those(some, IS_EXPECTED, None if wanted is None else [wanted[i] == self.hints[i] for i in some])
        )
        rest = sorted(left)
        chosen = self._those(rest, IS_NEIGHBOUR, None if wanted is None else [wanted[i] in self.others[i] for i in rest])
        which = self._choice(chosen, None if wanted is None else [self.others[i].index(wanted[i]) for i in chosen])
        for i, other in zip(chosen, which, strict=True):
            values[i] = self.others[i][other % len(self.others[i])]
        new = sorted(left - set(chosen))
        for i, value in zip(new, self._new(new, None if wanted is None else [wanted[i] for i in new]), strict=True):
            values[i] = value
        return values

    def _those(self, places: list[int], first: int, wanted: list[bool] | None) -> list[int]:
        """Codes a bit for each of some places, in the contexts of their classes; returns the places with a one."""
        bits = self.flags.code_few([first + self.classes[i] for i in places], wanted)
        return [i for i, bit in zip(places, bits, strict=True) if bit]

    def _choice(self, places: list[int], wanted: list[int] | None) -> list[int]:
        """Codes a number 0 … 3 for each of some places, in two bits."""
        contexts = [WHICH + 3 * (self.classes[i] >= CLASSES) for i in places]
        first = self.flags.code_few(contexts, None if wanted is None else [number >> 1 for number in wanted])
        contexts = [context + 1 + bit for context, bit in zip(contexts, first, strict=True)]
        second = self.flags.code_few(contexts, None if wanted is None else [number & 1 for number in wanted])
        return [2 * high + low for high, low in zip(first, second, strict=True)]

    def _new(self, places: list[int], wanted: list[Vector] | None) -> list[Vector]:
        """Codes the differences of some places that are no neighbour's."""
        classes = [self.classes[i] for i in places]
        zero_y = self.flags.code_few(
            [IS_ZERO_Y + kind for kind in classes], None if wanted is None else [y == 0 for y, _ in wanted]
        )
        both = [n for n, zero in enumerate(zero_y) if not zero]
        zero_x = self.flags.code_few(
            [IS_ZERO_X + classes[n] for n in both], None if wanted is None else [wanted[n][1] == 0 for n in both]
        )
        without_x = {n for n, zero in zip(both, zero_x, strict=True) if zero}
        longer = [(n, 0) for n in both] + [(n, 1) for n in range(len(places)) if n not in without_x]
        longer.sort()
        values = [[0, 0] for _ in places]
        signed = code_signed(
            self.flags, [classes[n] for n, _ in longer], None if wanted is None else [wanted[n][axis] for n, axis in longer]
        )
        for (n, axis), value in zip(longer, signed, strict=True):
            values[n][axis] = value
        return values


def code_signed(flags: Flags, classes: list[int], wanted: list[int] | None) -> list[int]:
    """Codes whole numbers other than 0: octave, bits below the leading one, sign."""
    octaves, left = [0] * len(classes), list(range(len(classes)))
    for octave in range(OCTAVES):
        contexts = [IS_LONGER + classes[i] * OCTAVES + octave for i in left]
        more = flags.code_few(contexts, None if wanted is None else [abs(wanted[i]) >> octave > 1 for i in left])
        left = [i for i, longer in zip(left, more, strict=True) if longer]
        for i in left:
            octaves[i] += 1
    sizes = code_bits(flags, octaves, None if wanted is None else [abs(value) for value in wanted], leading=True)
    negative = flags.code_few([EVEN] * len(classes), None if wanted is None else [value < 0 for value in wanted])
    rests = zip(octaves, sizes, negative, strict=True)
    return [-(1 << octave) - rest if minus else (1 << octave) + rest for octave, rest, minus in rests]


def _wrapped(vectors: NDArray[Any]) -> NDArray[Any]:
    """Vectors within REACH; a writer's are there already."""
    return (vectors + REACH) % (2 * REACH) - REACH


def code_bits(flags: Flags, lengths: list[int], wanted: list[int] | None, leading: bool = False) -> list[int]:
    """Codes the lowest bits of numbers, of each so many, the highest first; that one in contexts of its own if `leading`."""
    values = [0] * len(lengths)
    for place in range(max(lengths, default=0) - 1, -1, -1):
        which = [i for i, length in enumerate(lengths) if length > place]
        second = SECOND_BIT + min(place, OCTAVES - 1) if leading else EVEN
        contexts = [second if lengths[i] == place + 1 else EVEN for i in which]
        bits = flags.code_few(contexts, None if wanted is None else [wanted[i] >> place & 1 for i in which])
        for i, bit in zip(which, bits, strict=True):
            values[i] |= bit << place
    return values
