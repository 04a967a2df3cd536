"""Coefficients ⇄ integer levels: JPEG's example tables (T.81 Annex K) scaled by quality as the IJG's library does; zigzag."""

import numpy as np

from dlic.errors import DlicError

# Steps for (row, column) frequencies.
LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).reshape(64)
CHROMA = np.full((8, 8), 99)
CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
CHROMA = CHROMA.reshape(64)

# Along the anti-diagonals, by turns upwards and downwards: place in the zigzag → place in the block.
ZIGZAG = np.array(sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
UNZIGZAG = np.argsort(ZIGZAG)


def scaled(table: np.ndarray, quality: int) -> np.ndarray:
    """Steps (64,) 1 … 255 at an IJG quality of 1 … 100; 50 leaves the table as it is, 100 makes every step 1."""
    if not 1 <= quality <= 100:
        raise DlicError(f"the quality of a JPEG is 1 … 100, not {quality}")
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((table * percent + 50) // 100, 1, 255)


def quantise(coefficients: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The nearest multiples of the steps (64,), halves away from zero: float (N, 64) → int16 (N, 64)."""
    ratio = coefficients / steps.astype(np.float32)
    return np.trunc(ratio + np.copysign(np.float32(0.5), ratio)).astype(np.int16)


def dequantise(levels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """int16 (N, 64) → whole numbers (N, 64) float64."""
    return levels * steps.astype(np.float64)


def zigzag(levels: np.ndarray) -> np.ndarray:
    """(…, 64) row by row → from low frequencies to high."""
    return levels[..., ZIGZAG]


def unzigzag(levels: np.ndarray) -> np.ndarray:
    """Inverse of `zigzag`."""
    return levels[..., UNZIGZAG]
