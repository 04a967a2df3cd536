"""Metrics of two uint8 images, computed on saved pixels.

mse             mean squared error of the samples: what quantisers minimise; 0 … 65,025
psnr            the same in dB, as curves of rate and distortion are drawn; 0 … 100, higher is better
psnr_y          that of luma alone, as video codecs are compared
ssim            likeness of local means, contrasts and structure at one scale, nearer to what people see; up to 1
ms_ssim         SSIM over five scales, which viewing distance moves less; up to 1, in `decibels` 0 … 100
ssimulacra2     MS-SSIM's ideas in a colour space of the eye, fitted to what people said of compressed images; up to 100
butteraugli     3-norm of a map of visible differences, by libjxl's program; from 0, lower is better
cvvdp           ColorVideoVDP, steps of visible difference on a given display, through a package; up to 10 JOD
lpips, dists    distances of features in networks trained on ImageNet, through packages; from 0, lower is better
cosine          angle between the images as vectors: blind to brightness as a whole, as features are compared; 0 … 1
hamming         share of the bits that differ: what a plain bit-plane coder would have to mend; 0 … 1
hamming_planes  that of each bit plane, from the highest, where faults are seen, to the lowest, where noise lives
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from dlic.errors import DlicError
from dlic.metrics.butteraugli import butteraugli
from dlic.metrics.color_video_vdp import color_video_vdp
from dlic.metrics.distances import cosine, decibels, hamming, hamming_planes, mse, psnr, psnr_y
from dlic.metrics.learned_distances import dists, lpips
from dlic.metrics.ssim import ms_ssim, ssim
from dlic.metrics.ssim_constants import MS_SSIM_SMALLEST, ms_ssim_scales
from dlic.metrics.ssimulacra2 import ssimulacra2

__all__ = [
    "METRICS", "MS_SSIM_SMALLEST", "Metric", "available", "butteraugli", "color_video_vdp", "cosine", "decibels", "dists",
    "hamming", "hamming_planes", "lpips", "ms_ssim", "ms_ssim_scales", "mse", "psnr", "psnr_y", "ssim", "ssimulacra2",
]  # fmt: skip


@dataclass(frozen=True)
class Metric:
    """A metric with its name, unit and function, for evaluations, reports and TensorBoard."""

    name: str  # column of the CSV, word of --metrics
    label: str
    compute: Callable[[np.ndarray, np.ndarray], float | None]  # original, reconstruction: uint8 (H, W, 3); None: too small
    unit: str = ""
    higher_is_better: bool = True
    needs: str = ""  # package or program to install; empty where dlic brings it
    default: bool = True  # measured without being asked for


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR", psnr, "dB"),
        Metric("psnr_y", "PSNR of luma", psnr_y, "dB"),
        Metric("ssim", "SSIM", ssim),
        Metric("ms_ssim", "MS-SSIM", ms_ssim),
        Metric("ssimulacra2", "SSIMULACRA 2", ssimulacra2),
        Metric(
            "butteraugli", "Butteraugli", butteraugli, "3-norm", higher_is_better=False, needs="butteraugli_main", default=False
        ),
        Metric("cvvdp", "ColorVideoVDP", color_video_vdp, "JOD", needs="cvvdp", default=False),
        Metric("lpips", "LPIPS", lpips, higher_is_better=False, needs="lpips", default=False),
        Metric("dists", "DISTS", dists, higher_is_better=False, needs="DISTS_pytorch", default=False),
    )
}


def available(names: Iterable[str] | None = None) -> dict[str, Metric]:
    """The default metrics, or the named ones in that order. Raises DlicError at once for an unknown name, a missing package, or
    weights that cannot be downloaded.
    """
    if names is None:
        return {name: metric for name, metric in METRICS.items() if metric.default}
    requested = {name: _known(name) for name in names}
    flat = np.zeros((64, 64, 3), np.uint8)
    for metric in requested.values():
        if metric.needs:
            metric.compute(flat, flat)
    return requested


def _known(name: str) -> Metric:
    if name not in METRICS:
        raise DlicError(f"there is no metric {name!r}; there are {', '.join(METRICS)}")
    return METRICS[name]
