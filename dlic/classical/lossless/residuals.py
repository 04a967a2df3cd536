"""Residuals of one predictor for each plane ⇄ bytes, by Huffman codes: transparency, and earlier files."""

import math
from functools import partial

import numpy as np

from dlic.classical.lossless import prediction
from dlic.classical.lossless.choices import choice
from dlic.entropy import contexts
from dlic.entropy.byte_reader import Reader
from dlic.entropy.contexts import Decoder, context_of
from dlic.pixels.arrays import size_of_array


def encode(planes: list[np.ndarray], depth: int) -> bytes:
    """Every plane with the predictor that suits it best: its number, then the residuals."""
    parts: list[bytes] = []
    before: list[np.ndarray] = []
    for plane in planes:
        beside = _beside(before, size_of_array(plane))
        tried = [prediction.predict(plane, depth, predictor, beside) for predictor in prediction.PREDICTORS]
        costs = [contexts.estimated_bits(residuals, context_of(activities)) for residuals, activities, _ in tried]
        best = int(np.argmin(costs))
        residuals, activities, magnitudes = tried[best]
        parts.append(bytes([best]) + contexts.encode(residuals, context_of(activities)))
        before.append(magnitudes)
    return b"".join(parts)


def decode(reader: Reader, shape: tuple[int, int, int], depth: int) -> list[np.ndarray]:
    """Inverse of `encode`."""
    planes: list[np.ndarray] = []
    before: list[np.ndarray] = []
    for _ in range(shape[2]):
        predictor = choice(reader, prediction.PREDICTORS, "predictor")
        decoder = Decoder(reader, math.prod(shape[:2]))
        plane, magnitudes = prediction.restore(_beside(before, shape[:2]), depth, predictor, partial(_pulled, decoder))
        decoder.finish()
        planes.append(plane)
        before.append(magnitudes)
    return planes


def _pulled(decoder: Decoder, activities: np.ndarray) -> np.ndarray:
    return decoder.pull(context_of(activities))


def _beside(before: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Activity from the planes before: their residuals' magnitudes at the same position, to the right and below."""
    activity = np.zeros(shape, np.int32)
    if before:
        last = before[-1]
        activity += 2 * last
        activity[:, :-1] += last[:, 1:]
        activity[:-1] += last[1:]
    if len(before) > 1:
        activity += before[-2]
    return activity
