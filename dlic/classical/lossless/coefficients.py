"""Coefficients of the reversible 5/3 wavelet ⇄ bytes, by Huffman codes of their contexts."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from dlic.classical.wavelet.transform import Band, bands, forward_53, inverse_53
from dlic.entropy import contexts
from dlic.entropy.byte_reader import Reader
from dlic.entropy.contexts import Decoder, context_of
from dlic.pixels.arrays import size_of_array

LEVELS = 5

Visit = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (activities, values where they are known) → values


def encode(planes: list[np.ndarray], depth: int) -> bytes:
    """The 5/3 coefficients of every plane, band by band."""
    parts, before = [], None
    for plane in planes:
        coefficients = forward_53(plane - (1 << (depth - 1)), LEVELS)
        coded: list[tuple[np.ndarray, np.ndarray]] = []

        def visit(activities: np.ndarray, values: np.ndarray, coded=coded) -> np.ndarray:
            coded.append((context_of(activities), values))
            return values

        before = _walk(coefficients, before, visit)
        of, values = (np.concatenate(column) for column in zip(*coded, strict=True))
        parts.append(contexts.encode(values, of))
    return b"".join(parts)


def decode(reader: Reader, shape: tuple[int, int, int], depth: int) -> list[np.ndarray]:
    """Inverse of `encode`."""
    planes: list[np.ndarray] = []
    before: np.ndarray | None = None
    for _ in range(shape[2]):
        decoder = Decoder(reader, math.prod(shape[:2]))
        coefficients = np.zeros(shape[:2], np.int32)
        before = _walk(coefficients, before, partial(_pulled, decoder))
        decoder.finish()
        planes.append(inverse_53(coefficients, LEVELS) + (1 << (depth - 1)) & (1 << depth) - 1)
    return planes


def _pulled(decoder: Decoder, activities: np.ndarray, _: np.ndarray) -> np.ndarray:
    """The visitor of a decoder: it reads the values."""
    return decoder.pull(context_of(activities))


def _walk(coefficients: np.ndarray, before: np.ndarray | None, visit: Visit) -> np.ndarray:
    """Visits all coefficients (H, W) and fills in the results of `visit`; returns their magnitudes (H, W).

    An encoder and a decoder take the same walk: bands from coarse to fine, and each band in four lattices, of which later ones have
    neighbours on all sides. `before` (H, W) are the magnitudes of the plane before.
    """
    magnitudes = np.zeros(coefficients.shape, np.int32)
    walked: dict[tuple[int, str], np.ndarray] = {}
    for band in bands(size_of_array(coefficients), LEVELS):
        if 0 in band.shape:
            continue
        place = band.rows, band.columns
        beside = _known_beside(band, walked, None if before is None else before[place])
        frame = np.zeros((band.shape[0] + 2, band.shape[1] + 2), np.int32)
        inside = frame[1:-1, 1:-1]
        for down, right in ((0, 0), (1, 1), (0, 1), (1, 0)):
            lattice = slice(down, None, 2), slice(right, None, 2)
            activities = beside[lattice] + _around(frame)[lattice]
            values = visit(activities.ravel(), coefficients[place][lattice].ravel()).reshape(activities.shape)
            coefficients[place][lattice] = values
            inside[lattice] = np.abs(values)
        magnitudes[place] = inside
        walked[band.level, band.kind] = inside
    return magnitudes


def _around(frame: np.ndarray) -> np.ndarray:
    """Magnitudes around each coefficient of a band that has a border of one: the nearest count twice."""
    near = frame[:-2, 1:-1] + frame[2:, 1:-1] + frame[1:-1, :-2] + frame[1:-1, 2:]
    return 2 * near + frame[:-2, :-2] + frame[:-2, 2:] + frame[2:, :-2] + frame[2:, 2:]


def _known_beside(band: Band, walked: dict[tuple[int, str], np.ndarray], before: np.ndarray | None) -> np.ndarray:
    """Prediction of a band's magnitudes (H, W) from the coarser band, the level's other bands and the plane before."""
    activity = np.zeros(band.shape, np.int32)
    parent = walked.get((band.level + 1, band.kind))
    if parent is not None:
        rows, columns = (np.minimum(np.arange(size) // 2, limit - 1) for size, limit in zip(band.shape, parent.shape, strict=True))
        activity += 2 * parent[rows[:, None], columns]
    for kind in ("HL", "LH"):
        magnitudes = walked.get((band.level, kind))
        if magnitudes is not None:
            part = magnitudes[: band.shape[0], : band.shape[1]]
            activity[: part.shape[0], : part.shape[1]] += part
    if before is not None:
        activity += 2 * before
    return activity
