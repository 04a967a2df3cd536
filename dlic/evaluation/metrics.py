"""How far apart or alike two uint8 images are, computed on what was saved.

mse             mean squared error of the samples: what quantisers minimise; 0 … 65,025
psnr            the same in dB, as curves of rate and distortion are drawn; 0 … 100, higher is better
ssim            likeness of local means, contrasts and structure at one scale, nearer to what people see; up to 1
ms_ssim         SSIM over five scales, which viewing distance moves less; up to 1
cosine          angle between the images as vectors: blind to brightness as a whole, as features are compared; 0 … 1
hamming         share of the bits that differ: what a plain bit-plane coder would have to mend; 0 … 1
hamming_planes  that of each bit plane, from the highest, where faults are seen, to the lowest, where noise lives
"""

from typing import TYPE_CHECKING

import numpy as np

from dlic.errors import DlicError

if TYPE_CHECKING:
    import torch

SMALLEST_MSE = 1e-10  # of pixels in [0, 1]: an exact reconstruction counts as 100 dB, so that means stay finite
SSIM_WINDOW = 11
MS_SSIM_SMALLEST = 161  # five scales of an 11-pixel window


def mse(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared error over all samples in 0 … 255²; both uint8 of one shape."""
    _same_shape(a, b)
    return float(np.mean((a.astype(np.float64) - b) ** 2))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio over all channels in dB; 100 for equal images. Both uint8 of one shape."""
    return float(-10 * np.log10(max(mse(a, b) / 255**2, SMALLEST_MSE)))


def ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Structural similarity (Wang et al. 2004: Gaussian window of 11 × 11, σ = 1.5), mean over the channels, 1 for equal images.

    Both uint8 (H, W) or (H, W, C). Negative only where one is nearly the other's negative. None where the window does not fit.
    """
    _same_shape(a, b)
    if min(a.shape[:2]) < SSIM_WINDOW:
        return None
    import pytorch_msssim

    x, y = _planes(a).double(), _planes(b).double()  # a variance of float32 squares is 1e-3 off, which flats show
    return float(pytorch_msssim.ssim(x, y, data_range=255))


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Multi-scale structural similarity in [0, 1] (Wang et al. 2003), both uint8 (H, W) or (H, W, C).

    None where five scales do not fit.
    """
    _same_shape(a, b)
    if min(a.shape[:2]) < MS_SSIM_SMALLEST:
        return None
    import pytorch_msssim

    return float(pytorch_msssim.ms_ssim(_planes(a), _planes(b), data_range=255))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two uint8 images of one shape as vectors: 0 (nothing in common) … 1 (equal but for brightness).

    Black has no direction: 1 against black, 0 against anything else.
    """
    _same_shape(a, b)
    x, y = (image.ravel().astype(np.float64) for image in (a, b))
    lengths = np.sqrt((x @ x) * (y @ y))
    return float(min(1.0, x @ y / lengths)) if lengths else float(x.any() == y.any())


def hamming(a: np.ndarray, b: np.ndarray) -> float:
    """Share of all bits in which two uint8 images of one shape differ: 0 (equal) … 1 (each the other's negative)."""
    return float(np.mean(hamming_planes(a, b)))


def hamming_planes(a: np.ndarray, b: np.ndarray) -> tuple[float, ...]:
    """Share of differing bits of each of the eight bit planes, from the highest (128) to the lowest (1); each 0 … 1."""
    _same_shape(a, b)
    bits = np.unpackbits((a ^ b).ravel()).reshape(-1, 8)  # high bits first
    return tuple(float(share) for share in bits.mean(axis=0))


def _planes(image: np.ndarray) -> "torch.Tensor":
    """uint8 (H, W) or (H, W, C) → float (1, C, H, W)."""
    import torch

    return torch.from_numpy(np.atleast_3d(image).copy()).permute(2, 0, 1)[None].float()


def _same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise DlicError(f"images of different shapes cannot be compared: {a.shape} and {b.shape}")
