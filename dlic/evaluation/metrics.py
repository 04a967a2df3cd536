"""Distances between two uint8 images, computed on what was saved."""

import numpy as np

from dlic.errors import DlicError

SMALLEST_MSE = 1e-10  # of pixels in [0, 1]: an exact reconstruction counts as 100 dB, so that means stay finite
MS_SSIM_SMALLEST = 161  # five scales of an 11-pixel window


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio over all channels in dB; 100 for equal images. Both uint8 of one shape."""
    _same_shape(a, b)
    error = np.mean((a.astype(np.float64) - b) ** 2) / 255**2
    return float(-10 * np.log10(max(error, SMALLEST_MSE)))


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Multi-scale structural similarity in [0, 1] (Wang et al. 2003), both uint8 (H, W, 3); None where five scales do not fit."""
    _same_shape(a, b)
    if min(a.shape[:2]) < MS_SSIM_SMALLEST:
        return None
    import pytorch_msssim
    import torch

    x, y = (torch.from_numpy(i.copy()).permute(2, 0, 1)[None].float() for i in (a, b))
    return float(pytorch_msssim.ms_ssim(x, y, data_range=255))


def _same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise DlicError(f"images of different shapes cannot be compared: {a.shape} and {b.shape}")
