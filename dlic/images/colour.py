"""Colour spaces: RGB ⇄ YCbCr and RGB ⇄ HSV, for arrays (…, 3) on the scale 0 … 255."""

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
CENTRE = np.array([0.0, 128.0, 128.0])  # of Y, Cb, Cr where there is no colour


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """RGB (…, 3) in 0 … 255 → Y in 0 … 255, Cb and Cr in 0.5 … 255.5, 128 for gray; float32 stays, others become float64."""
    values = _floats(rgb)
    return values @ TO_YCBCR.T.astype(values.dtype) + CENTRE.astype(values.dtype)


def ycbcr_to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """Inverse of `rgb_to_ycbcr`: exact to 1e-12 in float64 and 1e-4 in float32. Colours RGB does not have leave 0 … 255."""
    values = _floats(ycbcr)
    return (values - CENTRE.astype(values.dtype)) @ TO_RGB.T.astype(values.dtype)


def rgb_to_ycbcr8(rgb: np.ndarray) -> np.ndarray:
    """uint8 RGB (…, 3) → rounded uint8 YCbCr, as JPEG files hold it; pure red and blue round to 255 in their chroma."""
    return rounded(rgb_to_ycbcr(rgb))


def ycbcr8_to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """uint8 YCbCr (…, 3) → rounded and clamped uint8 RGB. What `rgb_to_ycbcr8` gave comes back within ±1: it has fewer colours."""
    return rounded(ycbcr_to_rgb(ycbcr))


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


def _floats(colours: np.ndarray) -> np.ndarray:
    """As float32 or float64. Raises DlicError for what is no (…, 3) array."""
    colours = np.asarray(colours)
    if colours.ndim == 0 or colours.shape[-1] != 3:
        raise DlicError(f"colours are an array of shape (…, 3), not {colours.shape}")
    return colours if colours.dtype in (np.float32, np.float64) else colours.astype(np.float64)
