"""Distances between two uint8 images, sample by sample, without neighbourhoods."""

import math

import numpy as np

from dlic.errors import DlicError

SMALLEST_ERROR = 1e-10  # of a scale of 1: an exact reconstruction counts as 100 dB, so that means stay finite
ROWS = 256  # of an image at once: all of a big one as wide numbers would not fit into memory
LUMA = (0.299, 0.587, 0.114)  # BT.601, full range, as JPEG has it


def mse(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared error over all samples in 0 … 255²; both uint8 of one shape."""
    check_same_shape(a, b)
    total = 0
    for start in range(0, len(a), ROWS):
        difference = np.subtract(a[start : start + ROWS], b[start : start + ROWS], dtype=np.int32)
        total += int(np.square(difference, out=difference).sum(dtype=np.int64))
    return total / a.size


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio over all channels in dB; 100 for equal images. Both uint8 of one shape."""
    return _decibels_of_error(mse(a, b) / 255**2)


def psnr_y(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR of the luma Y = 0.299 R + 0.587 G + 0.114 B in dB, at most 100; both uint8 (H, W, 3), or gray (H, W).

    Y is neither rounded nor squeezed into 16 … 235, as some papers on upscaling have it; the peak is 255.
    """
    check_same_shape(a, b)
    difference = a.astype(np.float64) - b
    luma = difference if a.ndim == 2 else difference @ LUMA
    return _decibels_of_error(np.mean(luma**2) / 255**2)


def decibels(ms_ssim: float) -> float:
    """MS-SSIM in dB as the field draws it, −10 log10(1 − MS-SSIM): 0 … 100, where equal steps near 1 look alike."""
    return _decibels_of_error(1 - ms_ssim)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two uint8 images of one shape as vectors: 0 (nothing in common) … 1 (equal but for brightness).

    Black has no direction: 1 against black, 0 against anything else.
    """
    check_same_shape(a, b)
    x, y = (image.ravel().astype(np.float64) for image in (a, b))
    lengths = np.sqrt((x @ x) * (y @ y))
    return float(min(1.0, x @ y / lengths)) if lengths else float(x.any() == y.any())


def hamming(a: np.ndarray, b: np.ndarray) -> float:
    """Share of all bits in which two uint8 images of one shape differ: 0 (equal) … 1 (each the other's negative)."""
    return float(np.mean(hamming_planes(a, b)))


def hamming_planes(a: np.ndarray, b: np.ndarray) -> tuple[float, ...]:
    """Share of differing bits of each of the eight bit planes, from the highest (128) to the lowest (1); each 0 … 1."""
    check_same_shape(a, b)
    bits = np.unpackbits((a ^ b).ravel()).reshape(-1, 8)  # high bits first
    return tuple(float(share) for share in bits.mean(axis=0))


def check_same_shape(a: np.ndarray, b: np.ndarray) -> None:
    """Raises DlicError where two images cannot be compared."""
    if a.shape != b.shape:
        raise DlicError(f"images of different shapes cannot be compared: {a.shape} and {b.shape}")


def _decibels_of_error(error: float) -> float:
    return -10 * math.log10(max(error, SMALLEST_ERROR))
