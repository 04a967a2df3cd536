"""Colour spaces: RGB ⇄ YCbCr and RGB ⇄ HSV, for arrays (…, 3) on the scale 0 … 255."""

from collections.abc import Iterator, Sequence

import numpy as np

from dlic.errors import DlicError

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


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """RGB (…, 3) in 0 … 255 → Y in 0 … 255, Cb and Cr in 0.5 … 255.5, 128 for gray; float32 stays, others become float64."""
    values = _floats(rgb)
    return values @ TO_YCBCR.T.astype(values.dtype) + CENTRE.astype(values.dtype)


def ycbcr_to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """Inverse of `rgb_to_ycbcr`: exact to 1e-12 in float64 and 1e-4 in float32. Colours RGB does not have leave 0 … 255."""
    values = _floats(ycbcr)
    return (values - CENTRE.astype(values.dtype)) @ TO_RGB.T.astype(values.dtype)


def rgb_to_ycbcr8(rgb: np.ndarray) -> np.ndarray:
    """uint8 RGB (…, 3) → rounded uint8 YCbCr (…, 3), see `rgb_to_planes`."""
    return np.moveaxis(rgb_to_planes(rgb), 0, -1)


def ycbcr8_to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """Inverse of `rgb_to_ycbcr8` but for its rounding, which is not one to one: every sample comes back within ±2."""
    return planes_to_rgb(np.moveaxis(ycbcr, -1, 0))


def rgb_to_planes(rgb: np.ndarray) -> np.ndarray:
    """uint8 RGB (…, 3) → uint8 planes Y, Cb, Cr (3, …), rounded in the 16-bit fixed point of libjpeg, which so gives the same."""
    flat, planes = rgb.reshape(-1, 3), np.empty((3, rgb.size // 3), np.uint8)
    for part in _parts(len(flat)):
        r, g, b = flat[part].astype(np.int32).T
        planes[0, part] = (_fix(0.299) * r + _fix(0.587) * g + _fix(0.114) * b + HALF) >> 16
        planes[1, part] = (-_fix(0.16874) * r - _fix(0.33126) * g + _fix(0.5) * b + CHROMA_CENTRE + HALF - 1) >> 16
        planes[2, part] = (_fix(0.5) * r - _fix(0.41869) * g - _fix(0.08131) * b + CHROMA_CENTRE + HALF - 1) >> 16
    return planes.reshape(3, *rgb.shape[:-1])


def planes_to_rgb(planes: Sequence[np.ndarray]) -> np.ndarray:
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


def rgb_to_hsv(rgb: np.ndarray) -> np.ndarray:
    """RGB (…, 3), not negative, of any scale → hue in degrees 0 ≤ H < 360, saturation 0 … 1, value on the scale of RGB.

    A. R. Smith's (1978). Gray has hue 0, black saturation 0 too. float32 stays, others become float64.
    From uint8, `rounded(hsv_to_rgb(…))` gives back exactly the colour that went in, for all 2²⁴ of them and in float32 as well.
    """
    values = _floats(rgb)
    red, green, blue = np.moveaxis(values, -1, 0)
    value = values.max(axis=-1)
    chroma = value - values.min(axis=-1)
    span = np.where(chroma > 0, chroma, 1)
    sixth = np.select(
        [value == red, value == green], [(green - blue) / span % 6, (blue - red) / span + 2], (red - green) / span + 4
    )
    sixth = np.where(sixth < 6, sixth, 0)  # a tiny negative number modulo six rounds to six
    saturation = chroma / np.where(value > 0, value, 1)
    return np.stack([60 * sixth, saturation, value], axis=-1).astype(values.dtype)


def hsv_to_rgb(hsv: np.ndarray) -> np.ndarray:
    """Inverse of `rgb_to_hsv`; hues outside 0 … 360 go round the circle."""
    values = _floats(hsv)
    hue, saturation, value = np.moveaxis(values, -1, 0)
    chroma = value * saturation
    sixth = (hue / 60)[..., None] + np.array([5, 3, 1], values.dtype)  # of R, G, B
    sixth %= 6
    away = np.clip(np.minimum(sixth, 4 - sixth), 0, 1)  # how far each channel is below the value, in units of chroma
    return value[..., None] - chroma[..., None] * away


def rounded(values: np.ndarray) -> np.ndarray:
    """The nearest uint8 values."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _parts(pixels: int) -> Iterator[slice]:
    return (slice(start, start + PART) for start in range(0, pixels, PART))


def _fix(factor: float) -> int:
    return int(factor * 65536 + 0.5)


def _floats(colours: np.ndarray) -> np.ndarray:
    """As float32 or float64. Raises DlicError for what is no (…, 3) array."""
    colours = np.asarray(colours)
    if colours.ndim == 0 or colours.shape[-1] != 3:
        raise DlicError(f"colours are an array of shape (…, 3), not {colours.shape}")
    return colours if colours.dtype in (np.float32, np.float64) else colours.astype(np.float64)
