"""Weights and corrections of `uncertainty` that suit a picture, by least squares on a part of its samples."""

from collections.abc import Sequence

import numpy as np

from dlic.classical.lossless.uncertainty import BAND, BEFORE, FRACTION, UNIT, bands, context_of, in_units

SAMPLES = 1 << 15  # that are enough for 14 weights
ROUNDS = 4  # of weighted least squares
LEAST = 50  # samples of a band with a correction


def every(size: int) -> int:
    """Of how many rows one is looked at, for planes of `size` samples; odd, so that steps of two do not hide."""
    return max(1, size // SAMPLES) | 1


def weights(features: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Weights (F,), in 1/UNIT, that predict sizes (N,) from features (F, N). An error counts by its share of the prediction."""
    found = _solved(features, sizes, np.ones(sizes.size))
    for _ in range(ROUNDS):
        found = _solved(features, sizes, 1 / (found @ features + 0.3))
    return np.clip(np.rint(found * UNIT), 0, 255).astype(np.uint8)


def corrections(residuals: np.ndarray, before: Sequence[np.ndarray], contexts: np.ndarray, depth: int) -> np.ndarray:
    """(bands, BEFORE), in 1/2^FRACTION: factors of the residuals before, (N,) each, that come next to residuals (N,)."""
    found = np.zeros((bands(depth), BEFORE), np.int8)
    for band in range(len(found)) if before else ():
        where = contexts // BAND == band
        if np.count_nonzero(where) >= LEAST:
            factors = _robust(np.stack(before)[:, where], residuals[where])
            found[band, : len(before)] = np.clip(np.rint(factors * (1 << FRACTION)), -127, 127)
    return found


def expected(weights: np.ndarray, features: np.ndarray, depth: int) -> np.ndarray:
    """Contexts (N,) of features (F, N)."""
    return context_of(in_units(weights @ features), depth)


def _robust(before: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Factors (B,) of (B, N), for an error between the squared and the absolute one."""
    factors = _least_squares(before, residuals, np.ones(residuals.size))
    for _ in range(ROUNDS - 1):
        factors = _least_squares(before, residuals, 1 / (np.abs(residuals - factors @ before) + 0.5))
    return factors


def _solved(features: np.ndarray, sizes: np.ndarray, certainty: np.ndarray) -> np.ndarray:
    return np.clip(_least_squares(features, sizes, certainty**2), 0, None)


def _least_squares(features: np.ndarray, values: np.ndarray, certainty: np.ndarray) -> np.ndarray:
    """Factors (F,) of features (F, N) that give values (N,), of which each counts by its certainty (N,)."""
    weighted = features * certainty
    return np.linalg.solve(weighted @ features.T + np.eye(len(features)), weighted @ values)
