"""RGB ⇄ the full-range YCbCr of JFIF (ITU-T T.871), in the 16-bit fixed point of libjpeg, so that both give the same integers."""

import numpy as np

HALF = 1 << 15
CENTRE = 128 << 16
ROWS = 64  # converted at a time: the integers of so many rows stay in the cache
CHROMA_GAINS = (1.772**2 + 0.34414**2) / 3, (1.402**2 + 0.71414**2) / 3  # squared RGB error of one in Cb, in Cr; in Y it is 3/3


def to_ycbcr(image: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3) → uint8 planes Y, Cb, Cr (3, H, W)."""
    planes = np.empty((3, *image.shape[:2]), np.uint8)
    for top in range(0, image.shape[0], ROWS):
        r, g, b = image[top : top + ROWS].astype(np.int32).transpose(2, 0, 1)
        band = planes[:, top : top + ROWS]
        band[0] = (_fix(0.299) * r + _fix(0.587) * g + _fix(0.114) * b + HALF) >> 16
        band[1] = (-_fix(0.16874) * r - _fix(0.33126) * g + _fix(0.5) * b + CENTRE + HALF - 1) >> 16
        band[2] = (_fix(0.5) * r - _fix(0.41869) * g - _fix(0.08131) * b + CENTRE + HALF - 1) >> 16
    return planes


def to_rgb(planes: np.ndarray) -> np.ndarray:
    """Inverse of `to_ycbcr` up to rounding: each sample comes back within ±2."""
    image = np.empty((*planes[0].shape, 3), np.uint8)
    for top in range(0, image.shape[0], ROWS):
        y, cb, cr = (plane[top : top + ROWS].astype(np.int32) for plane in planes)
        cb, cr = cb - 128, cr - 128
        band = image[top : top + ROWS]
        band[..., 0] = np.clip(y + ((_fix(1.402) * cr + HALF) >> 16), 0, 255)
        band[..., 1] = np.clip(y + ((-_fix(0.34414) * cb - _fix(0.71414) * cr + HALF) >> 16), 0, 255)
        band[..., 2] = np.clip(y + ((_fix(1.772) * cb + HALF) >> 16), 0, 255)
    return image


def _fix(factor: float) -> int:
    return int(factor * 65536 + 0.5)
