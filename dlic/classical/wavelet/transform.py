"""Wavelet transforms by lifting: CDF 9/7 in floats, and the reversible 5/3 in integers.

Written here because PyWavelets' bior4.4 expands odd sizes and it has no integer 5/3; these give as many coefficients as samples.

A decomposition keeps the picture's shape, each level splitting what the one before left at the top left:

    LL HL        LL: low-pass both ways        HL: high-pass along the rows
    LH HH        LH: high-pass down the columns

The border is extended by whole-sample symmetry, … x₂ x₁ x₀ x₁ x₂ …, so that an odd length has one more low than high coefficient.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

# Daubechies & Sweldens 1998, "Factoring wavelet transforms into lifting steps": predict, update, predict, update.
LIFTING_97 = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
SCALE_97 = 1.149604398860241  # low × this, high ÷ this: both filters then have a gain of √2, close to orthonormal


@dataclass(frozen=True)
class Band:
    """The rectangle of one subband in the decomposition."""

    level: int  # 1 is the finest; LL has that of the coarsest
    kind: str  # LL, HL, LH or HH
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def bands(shape: tuple[int, int], levels: int) -> list[Band]:
    """The bands of a decomposition of (H, W), coarse to fine: LL, then HL, LH, HH of every level; some may be empty."""
    details = []
    height, width = shape
    for level in range(1, levels + 1):
        low_height, low_width = (height + 1) // 2, (width + 1) // 2
        top, bottom = slice(0, low_height), slice(low_height, height)
        left, right = slice(0, low_width), slice(low_width, width)
        details.append([Band(level, "HL", top, right), Band(level, "LH", bottom, left), Band(level, "HH", bottom, right)])
        height, width = low_height, low_width
    return [Band(levels, "LL", slice(0, height), slice(0, width)), *(band for level in reversed(details) for band in level)]


def forward_97(planes: np.ndarray, levels: int) -> np.ndarray:
    """CDF 9/7 of real planes (…, H, W): the decomposition, float32 of the same shape, nearly orthonormal."""
    return _decompose(planes.astype(np.float32), levels, _split_97)


def inverse_97(coefficients: np.ndarray, levels: int) -> np.ndarray:
    """Inverse of `forward_97` up to rounding."""
    return _compose(coefficients.astype(np.float32), levels, _merge_97)


def forward_53(planes: np.ndarray, levels: int) -> np.ndarray:
    """Reversible 5/3 (Le Gall & Tabatabai, rounded as in JPEG 2000) of whole planes (…, H, W): int32 of the same shape.

    Coefficients of samples in ±2ᵇ lie in ±2ᵇ⁺².
    """
    return _decompose(planes.astype(np.int32), levels, _split_53)


def inverse_53(coefficients: np.ndarray, levels: int) -> np.ndarray:
    """Inverse of `forward_53`, exactly. Sums beyond 32 bits wrap, which damaged coefficients alone can cause."""
    return _compose(coefficients.astype(np.int32), levels, _merge_53)


@cache
def synthesis_norm_97(level: int, kind: str) -> float:
    """Root of the squared error in the picture for a unit error in one coefficient of a band, far from the border."""
    norms = {letter: _norm_97(level, letter) for letter in "LH"}
    return norms[kind[0]] * norms[kind[1]]


def _norm_97(level: int, letter: str) -> float:
    size = 1 << (level + 5)
    row = np.zeros((1, size), np.float32)
    low = size >> level
    row[0, low // 2 + (low if letter == "H" else 0)] = 1
    return float(np.linalg.norm(inverse_97(row, level)))


def _decompose(planes: np.ndarray, levels: int, split) -> np.ndarray:
    for height, width in _low_shapes(planes.shape[-2], planes.shape[-1], levels):
        part = planes[..., :height, :width]
        part[...] = _rows(split, _columns(split, part))
    return planes


def _compose(planes: np.ndarray, levels: int, merge) -> np.ndarray:
    for height, width in reversed(list(_low_shapes(planes.shape[-2], planes.shape[-1], levels))):
        part = planes[..., :height, :width]
        part[...] = _columns(merge, _rows(merge, part))
    return planes


def _low_shapes(height: int, width: int, levels: int) -> Iterator[tuple[int, int]]:
    for _ in range(levels):
        yield height, width
        height, width = (height + 1) // 2, (width + 1) // 2


def _columns(step, planes: np.ndarray) -> np.ndarray:
    return np.moveaxis(step(np.moveaxis(planes, -2, 0)), 0, -2)


def _rows(step, planes: np.ndarray) -> np.ndarray:
    """Along contiguous rows of a transposed copy: three times faster than every second sample of each row."""
    turned = np.ascontiguousarray(np.moveaxis(planes, -1, 0))
    return np.moveaxis(step(turned), 0, -1)


def _split_97(line: np.ndarray) -> np.ndarray:
    low, high = line[0::2].copy(), line[1::2].copy()
    if len(high):
        for at, factor in enumerate(LIFTING_97):
            if at % 2 == 0:
                high += np.float32(factor) * _beside_high(low, len(high))
            else:
                low += np.float32(factor) * _beside_low(high, len(low))
        low *= np.float32(SCALE_97)
        high *= np.float32(1 / SCALE_97)
    return np.concatenate([low, high])


def _merge_97(line: np.ndarray) -> np.ndarray:
    low, high = _halves(line)
    if len(high):
        low *= np.float32(1 / SCALE_97)
        high *= np.float32(SCALE_97)
        for at, factor in reversed(list(enumerate(LIFTING_97))):
            if at % 2 == 0:
                high -= np.float32(factor) * _beside_high(low, len(high))
            else:
                low -= np.float32(factor) * _beside_low(high, len(low))
    return _interleave(low, high)


def _split_53(line: np.ndarray) -> np.ndarray:
    low, high = line[0::2].copy(), line[1::2].copy()
    if len(high):
        high -= _beside_high(low, len(high)) >> 1
        low += (_beside_low(high, len(low)) + 2) >> 2
    return np.concatenate([low, high])


def _merge_53(line: np.ndarray) -> np.ndarray:
    low, high = _halves(line)
    if len(high):
        low -= (_beside_low(high, len(low)) + 2) >> 2
        high += _beside_high(low, len(high)) >> 1
    return _interleave(low, high)


def _beside_high(low: np.ndarray, count: int) -> np.ndarray:
    """Sum of the two low neighbours of each of `count` high samples; the last has one neighbour twice where the length is even."""
    after = low[1 : count + 1]
    return low[:count] + (after if len(after) == count else np.concatenate([after, low[-1:]]))


def _beside_low(high: np.ndarray, count: int) -> np.ndarray:
    """Sum of the two high neighbours of each of `count` low samples; one at either end has one neighbour twice."""
    before = np.concatenate([high[:1], high[: count - 1]])
    return before + (high if len(high) == count else np.concatenate([high, high[-1:]]))


def _halves(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = (len(line) + 1) // 2
    return line[:middle].copy(), line[middle:].copy()


def _interleave(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    line = np.empty((len(low) + len(high), *low.shape[1:]), low.dtype)
    line[0::2], line[1::2] = low, high
    return line
