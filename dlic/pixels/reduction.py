"""Pictures at 1/2, 1/4 and 1/8 of their size: every pixel is the average of a box of pixels."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.errors import DlicError

REDUCTIONS = (1, 2, 4, 8)  # pixels along a box
WITH_ALPHA = ((2,), (4,))  # channels of pixels whose last one is alpha


def reduction_of(scale: float | Fraction) -> int:
    """A scale of 1, 1/2, 1/4 or 1/8 → pixels along a box. Raises DlicError for other scales."""
    for reduction in REDUCTIONS:
        if not isinstance(scale, bool) and scale == Fraction(1, reduction):
            return reduction
    raise DlicError(f"scale is 1, 1/2, 1/4 or 1/8, not {scale!r}")


def reduction_for(width: int, height: int, wanted: tuple[float, float]) -> int:
    """The largest reduction after which a picture is not smaller than the `wanted` (width, height)."""
    return max(n for n in REDUCTIONS if n == 1 or (width >= n * wanted[0] and height >= n * wanted[1]))


def reduced_size(width: int, height: int, reduction: int) -> tuple[int, int]:
    """Width and height after a reduction: boxes at the right and at the bottom may be smaller."""
    return -(-width // reduction), -(-height // reduction)


def averaged(pixels: NDArray[Any], reduction: int) -> NDArray[Any]:
    """uint8 or uint16 (H, W) or (H, W, C) → (⌈H / reduction⌉, ⌈W / reduction⌉ …) of the same type: averages over the pixels of each
    box, rounded. In pictures with alpha, colours count as much as they are opaque.
    """
    if reduction == 1:
        return pixels
    counts = _box_sums(np.ones(pixels.shape[:2], np.uint8), reduction)
    if pixels.shape[2:] not in WITH_ALPHA:
        return _divided(_box_sums(pixels, reduction), counts).astype(pixels.dtype)
    colours, alpha = pixels[..., :-1], pixels[..., -1:]
    opacity = _box_sums(alpha, reduction)
    weighted = _box_sums(colours.astype(np.uint64) * alpha, reduction)
    visible = _divided(weighted, np.maximum(opacity, 1))
    shown = np.where(opacity > 0, visible, _divided(_box_sums(colours, reduction), counts))
    return np.dstack([shown, _divided(opacity, counts)]).astype(pixels.dtype)


def box_means(values: NDArray[np.float32], side: int) -> NDArray[Any]:
    """Means of values (H, W, …) over boxes as `averaged` has them."""
    if side == 1:
        return values
    counts = _box_sums(np.ones(values.shape[:2], np.float32), side)
    means: NDArray[Any] = _box_sums(values, side) / counts[..., None]
    return means


def rounded(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of pixels as pixels."""
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


def _box_sums(samples: NDArray[Any], side: int) -> NDArray[Any]:
    """Sums of samples (H, W, …) over boxes from the left top: (⌈H / side⌉, ⌈W / side⌉, …). uint32 holds those of 16 bits."""
    wide = np.promote_types(samples.dtype, np.uint32)
    return _row_sums(_row_sums(samples, side, wide).swapaxes(0, 1), side, wide).swapaxes(0, 1)


def _row_sums(samples: NDArray[Any], side: int, wide: np.dtype[Any]) -> NDArray[Any]:
    sums = samples[::side].astype(wide)
    for offset in range(1, side):
        rows = samples[offset::side]
        sums[: len(rows)] += rows
    return sums


def _divided(sums: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    """Rounded quotients of whole numbers, halves up; `counts` (h, w) or of the shape of `sums`."""
    counts = counts if counts.ndim == sums.ndim else counts[..., None]
    quotients: NDArray[Any] = (2 * sums + counts) // (2 * counts)
    return quotients
