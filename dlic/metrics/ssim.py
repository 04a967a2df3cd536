"""SSIM (similarity of local means, contrasts and structure), and MS-SSIM over several scales.

For images x and y the sum u = x + y and the difference v = x − y carry the same statistics as x and y, with one plane less to blur:

    luminance  (2 μx μy + C1) / (μx² + μy² + C1)  = 1 − 2 μv² / (μu² + μv² + 2 C1)
    structure  (2 σxy + C2) / (σx² + σy² + C2)    = 1 − 2 σv² / (σu² + σv² + 2 C2)

Only what differs is taken from 1, so that float32 is enough: values are within 1e-6 of the usual form in double precision, of which
pytorch_msssim is up to 3e-5 off on flats, its window being rounded to float32.
"""

import numpy as np

from dlic.metrics import ssim_constants as likeness
from dlic.metrics.distances import check_same_shape
from dlic.metrics.ssim_constants import GAUSSIAN, WINDOW, ms_ssim_scales, scale_weights

C1, C2 = likeness.C1 * 255**2, likeness.C2 * 255**2
STRIPE = 64  # rows at a time, whose planes stay in a core's cache


def ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Structural similarity (Wang et al. 2004: Gaussian window of 11 × 11, σ = 1.5), mean over the channels, 1 for equal images.

    Both uint8 (H, W) or (H, W, C). Negative only where one is nearly the other's negative. None where the window does not fit.
    """
    check_same_shape(a, b)
    if min(a.shape[:2]) < WINDOW:
        return None
    return float(_terms(*_sum_and_difference(a, b))[0].mean())


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Multi-scale structural similarity in [0, 1] (Wang et al. 2003), both uint8 (H, W) or (H, W, C); mean over the channels.

    Images below MS_SSIM_SMALLEST take as many scales as fit, with weights that again sum to 1: values of different numbers of
    scales are not comparable, so report `ms_ssim_scales` with them. None where not even one fits.
    """
    check_same_shape(a, b)
    scales = ms_ssim_scales(*a.shape[:2])
    if scales == 0:
        return None
    planes, product = _sum_and_difference(a, b), 1.0
    for scale, weight in enumerate(scale_weights(scales), start=1):
        whole, structure = _terms(*planes)
        product = product * np.maximum(whole if scale == scales else structure, 0) ** weight  # (C,)
        planes = [halved(_evened(plane)) for plane in planes]
    return float(np.mean(product))


def moments(planes: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance (C, H − n + 1, W − n + 1) of (C, H, W) in windows of n × n, weighted by a symmetric kernel (n,)."""
    mean, variance = _blurred(planes, kernel), _blurred(planes * planes, kernel)
    variance -= mean * mean
    return mean, variance


def halved(planes: np.ndarray) -> np.ndarray:
    """Means of 2 × 2 samples of (C, H, W), whose sides are even."""
    return (planes[:, ::2, ::2] + planes[:, 1::2, ::2] + planes[:, ::2, 1::2] + planes[:, 1::2, 1::2]) / 4


def _sum_and_difference(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """uint8 (H, W) or (H, W, C) → x + y and x − y, float32 (C, H, W)."""
    x, y = (np.moveaxis(np.atleast_3d(image), 2, 0).astype(np.float32, order="C") for image in (a, b))
    return [x + y, x - y]


def _terms(total: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """SSIM and its structure term alone, each the mean of a channel: (C, H, W) twice → (2, C)."""
    height, width = (side - WINDOW + 1 for side in total.shape[1:])
    rows = [slice(top, top + STRIPE + WINDOW - 1) for top in range(0, height, STRIPE)]
    return np.sum([_sums(total[:, part], difference[:, part]) for part in rows], axis=0) / (height * width)


def _sums(total: np.ndarray, difference: np.ndarray) -> np.ndarray:
    (mean_u, var_u), (mean_v, var_v) = (_centred_moments(planes) for planes in (total, difference))
    structure = 1 - 2 * var_v / (var_u + var_v + 2 * C2)
    luminance = 1 - 2 * mean_v**2 / (mean_u**2 + mean_v**2 + 2 * C1)
    return np.array([term.sum(axis=(1, 2), dtype=np.float64) for term in (luminance * structure, structure)])


def _centred_moments(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`moments`, of differences from the mean: the squares of a bright flat would leave no bits for its variance."""
    centre = planes.mean(axis=(1, 2), keepdims=True)
    mean, variance = moments(planes - centre, GAUSSIAN)
    return mean + centre, variance


def _blurred(planes: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Separable convolution where the kernel fits, down and then across; one pair of equal weights at a time."""
    middle = len(kernel) // 2
    for axis in (1, 2):
        length = planes.shape[axis] - 2 * middle
        shifted = [planes[(slice(None),) * axis + (slice(i, i + length),)] for i in range(len(kernel))]
        planes = shifted[middle] * np.float32(kernel[middle])
        for i in range(middle):
            pair = shifted[i] + shifted[-1 - i]
            pair *= np.float32(kernel[i])
            planes += pair
    return planes


def _evened(planes: np.ndarray) -> np.ndarray:
    """With a line of zeros before the first of an odd side, as the field's implementations have it."""
    return np.pad(planes, [(0, 0), *((side % 2, 0) for side in planes.shape[1:])])
