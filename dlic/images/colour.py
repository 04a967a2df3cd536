"""RGB ⇄ YCbCr, for arrays (…, 3) on the scale 0 … 255."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlic.errors import DlicError

Floats = NDArray[np.floating[Any]]  # float32 or float64

# ITU-R BT.601 at full range, as JFIF 1.02 (page 3) wants it; the rows of both chroma sum to zero, so that gray has none.
RED, BLUE = 0.299, 0.114
GREEN = 1 - RED - BLUE
TO_YCBCR = np.array(
    [
        [RED, GREEN, BLUE],
        [-RED / (2 * (1 - BLUE)), -GREEN / (2 * (1 - BLUE)), 0.5],
        [0.5, -GREEN / (2 * (1 - RED)), -BLUE / (2 * (1 - RED))],
    ]
)
TO_RGB = np.array(
    [
        [1, 0, 2 * (1 - RED)],
        [1, -2 * BLUE * (1 - BLUE) / GREEN, -2 * RED * (1 - RED) / GREEN],
        [1, 2 * (1 - BLUE), 0],
    ]
)
PLANE_GAINS = (TO_RGB**2).sum(axis=0) / 3  # mean squared error of RGB that one of 1 in Y, in Cb, in Cr makes
CENTRE = np.array([0.0, 128.0, 128.0])  # of Y, Cb, Cr where there is no colour
CHROMA_CENTRE, HALF = 128 << 16, 1 << 15  # in fixed point
PART = 48 * 1024  # pixels converted at a time: their integers stay in the cache


def rgb_to_ycbcr(rgb: ArrayLike) -> Floats:
    """RGB (…, 3) in 0 … 255 → Y in 0 … 255, Cb and Cr in 0.5 … 255.5, 128 for gray; float32 stays, others become float64."""
    values = _floats(rgb)
    ycbcr: Floats = values @ TO_YCBCR.T.astype(values.dtype) + CENTRE.astype(values.dtype)
    return ycbcr


def ycbcr_to_rgb(ycbcr: ArrayLike) -> Floats:
    """Inverse of `rgb_to_ycbcr`: exact to 1e-12 in float64 and 1e-4 in float32. Colours RGB does not have leave 0 … 255."""
    values = _floats(ycbcr)
    rgb: Floats = (values - CENTRE.astype(values.dtype)) @ TO_RGB.T.astype(values.dtype)
    return rgb


def rgb_to_planes(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 RGB (…, 3) → uint8 planes Y, Cb, Cr (3, …), rounded in the 16-bit fixed point of libjpeg: the same values."""
    flat, planes = rgb.reshape(-1, 3), np.empty((3, rgb.size // 3), np.uint8)
    for part in _parts(len(flat)):
        r, g, b = flat[part].astype(np.int32).T
        planes[0, part] = (_fix(0.299) * r + _fix(0.587) * g + _fix(0.114) * b + HALF) >> 16
        planes[1, part] = (-_fix(0.16874) * r - _fix(0.33126) * g + _fix(0.5) * b + CHROMA_CENTRE + HALF - 1) >> 16
        planes[2, part] = (_fix(0.5) * r - _fix(0.41869) * g - _fix(0.08131) * b + CHROMA_CENTRE + HALF - 1) >> 16
    return planes.reshape(3, *rgb.shape[:-1])


def planes_to_rgb(planes: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Inverse of `rgb_to_planes` within ±2, as libjpeg computes it: three uint8 planes of one shape → RGB (…, 3)."""
    rgb = np.empty((*planes[0].shape, 3), np.uint8)
    flat_planes = [plane.reshape(-1) for plane in planes]
    for part in _parts(planes[0].size):
        y, cb, cr = (plane[part].astype(np.int32) for plane in flat_planes)
        cb, cr = cb - 128, cr - 128
        flat = rgb.reshape(-1, 3)[part]
        flat[:, 0] = np.clip(y + ((_fix(1.402) * cr + HALF) >> 16), 0, 255)
        flat[:, 1] = np.clip(y + ((-_fix(0.34414) * cb - _fix(0.71414) * cr + HALF) >> 16), 0, 255)
        flat[:, 2] = np.clip(y + ((_fix(1.772) * cb + HALF) >> 16), 0, 255)
    return rgb


def rounded(values: Floats) -> NDArray[np.uint8]:
    """The nearest uint8 values."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _parts(pixels: int) -> Iterator[slice]:
    return (slice(start, start + PART) for start in range(0, pixels, PART))


def _fix(factor: float) -> int:
    return int(factor * 65536 + 0.5)


def _floats(colours: ArrayLike) -> Floats:
    """`colours` as float32 or float64. Raises DlicError for an array of another shape."""
    values = np.asarray(colours)
    if values.ndim == 0 or values.shape[-1] != 3:
        raise DlicError(f"colours are an array of shape (…, 3), not {values.shape}")
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
