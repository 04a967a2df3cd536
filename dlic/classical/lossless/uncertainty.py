"""The expected size of a residual, from what a decoder knows around a sample; and its expected value, from the planes before.

    sizes around, steps of samples around ─ weights ─ activity ─ context ┬ table of the residual
    residuals of the two planes before at the same place ─ corrections ──┴ added to the prediction

The weights of each plane, and the corrections of each plane and band of contexts, are fitted to the picture and stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from dlic.classical.lossless.prediction import FAR, NEAR, At
from dlic.entropy.byte_reader import Reader
from dlic.errors import CorruptFileError

BEFORE = 2  # planes that help to predict a later one
STEPS = (((0, -1), (-1, -1)), ((-1, 0), (-1, -1)), ((-1, 1), (-1, 0)))  # pairs of neighbours: w − nw, n − nw, ne − n
FEATURES = len(NEAR) + len(FAR) + BEFORE + len(STEPS)
CONTEXTS = {8: 30, 16: 52}  # by depth: three to an octave, up to activities of a fifth of all sizes
BAND = 4  # contexts that share a correction
UNIT = 64  # of the weights
SHIFT = 3  # activities are in 1/8
FRACTION = 5  # corrections are in 1/32


@dataclass(frozen=True)
class Uncertainty:
    """Weights and corrections of the planes of one picture."""

    depth: int
    weights: np.ndarray  # (P, FEATURES), in 1/UNIT
    corrections: np.ndarray  # (P, bands, BEFORE), in 1/32

    def to_bytes(self) -> bytes:
        """Weights of all planes. Then for each plane but the first: a number of bands, their corrections by the planes before."""
        parts = [self.weights.tobytes()]
        for number, plane in enumerate(self.corrections[1:], start=1):
            used = np.flatnonzero(plane.any(axis=1))
            count = int(used[-1]) + 1 if used.size else 0
            parts += [bytes([count]), plane[:count, : min(number, BEFORE)].tobytes()]
        return b"".join(parts)

    @classmethod
    def read(cls, reader: Reader, planes: int, depth: int) -> "Uncertainty":
        """Inverse of `to_bytes`. Raises CorruptFileError."""
        weights = np.frombuffer(reader.take(planes * FEATURES), np.uint8).reshape(planes, FEATURES)
        corrections = np.zeros((planes, bands(depth), BEFORE), np.int8)
        for number in range(1, planes):
            count = reader.take(1)[0]
            if count > bands(depth):
                raise CorruptFileError(f"the coded picture has corrections for {count} bands; there are {bands(depth)}")
            part = corrections[number, :count, : min(number, BEFORE)]
            part[...] = np.frombuffer(reader.take(part.size), np.int8).reshape(part.shape)
        return cls(depth, weights, corrections)

    @cached_property
    def magnitudes(self) -> np.ndarray:
        """Expected magnitudes of the groups of all planes, in 1/8: (P · contexts,)."""
        return np.tile(np.append(0, thresholds(self.depth)), len(self.weights))

    @cached_property
    def by_group(self) -> np.ndarray:
        """Corrections for each plane before, by group: (BEFORE, P · contexts)."""
        spread = np.repeat(self.corrections, BAND, axis=1)[:, : CONTEXTS[self.depth]]
        return np.ascontiguousarray(spread.reshape(-1, BEFORE).T.astype(np.int32))


def bands(depth: int) -> int:
    return -(-CONTEXTS[depth] // BAND)


@lru_cache
def thresholds(depth: int) -> np.ndarray:
    """The least activity of each context but the first: rounded powers of the cube root of two, less one, while they grow."""
    return np.unique(np.rint(2 ** (np.arange(1, CONTEXTS[depth] + 12) / 3)).astype(np.int64) - 1)[1 : CONTEXTS[depth]]


@lru_cache
def context_table(depth: int) -> np.ndarray:
    """Contexts by activity, up to the last threshold: (A,)."""
    return np.searchsorted(thresholds(depth), np.arange(thresholds(depth)[-1] + 1), side="right").astype(np.uint8)


def context_of(activities: np.ndarray, depth: int) -> np.ndarray:
    """Contexts of activities ≥ 0."""
    table = context_table(depth)
    return table.take(activities.astype(np.intp), mode="clip")


def features(sizes: At, samples: At, before: Sequence[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """(FEATURES, …): sizes of residuals around, of those of the planes before, the last first, and steps of samples."""
    own = len(NEAR) + len(FAR)
    found = np.empty((FEATURES, *samples(*NEAR[0]).shape), dtype)
    for target, offset in zip(found, (*NEAR, *FAR), strict=False):
        target[...] = sizes(*offset)
    found[own + len(before) : own + BEFORE] = 0
    for target, residuals in zip(found[own:], before, strict=False):
        target[...] = np.abs(residuals)
    for target, (first, second) in zip(found[own + BEFORE :], STEPS, strict=True):
        target[...] = np.abs(samples(*first) - samples(*second))
    return found


def in_units(sums: np.ndarray) -> np.ndarray:
    """Activities of features summed by their weights: whole numbers in floats, and eighths."""
    return sums * (1 / (1 << SHIFT))
