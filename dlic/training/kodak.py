"""Measures a network in training on the 24 Kodak images, and compares it with published curves."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.errors import DlicError
from dlic.evaluation.anchors import AVIF_AS_SHIPPED, check_kodak, kodak_anchors
from dlic.evaluation.comparison import compare
from dlic.evaluation.rate_distortion import Point, bits_saved, score_gained
from dlic.evaluation.scores import as_score
from dlic.images.files import EXTENSIONS, read_image
from dlic.metrics.registry import METRICS
from dlic.models.base import Model

# Anchors of a run's scalars, by the keys in their names; the figure shows all curves.
MAIN = {
    "vtm": "VTM (H.266)",
    "bpg": "BPG 4:4:4",
    "avif": AVIF_AS_SHIPPED,
    "jpeg": "JPEG 4:2:0, optimised",
    "factorized": "CompressAI factorized",
    "hyperprior": "CompressAI hyperprior",
    "mean_scale": "CompressAI mean-scale",
}
LEARNED = ("factorized", "hyperprior", "mean_scale")
REFERENCE = {name: name for name in LEARNED} | {"light": "mean_scale"}  # a model's name → the published curve of (about) its kind
JUDGED_BY = {"mse": ("psnr",), "ms-ssim": ("ms_ssim",), "visual": ("ssimulacra2", "psnr")}  # distortion of training → metrics
SCORES = {"psnr": "PSNR", "ms_ssim": "MS-SSIM", "ssimulacra2": "SSIMULACRA 2"}
UNITS = {"psnr": "dB", "ms_ssim": "dB", "ssimulacra2": "points"}  # of differences of scores
# λ of the points of CompressAI's curves; its loss is dlic's too (CompressAI's documentation, "Losses")
LMBDAS = {
    "psnr": (0.0018, 0.0035, 0.0067, 0.0130, 0.0250, 0.0483, 0.0932, 0.1800),
    "ms_ssim": (2.40, 4.58, 8.73, 16.64, 31.73, 60.50, 115.37, 220.00),
}


@dataclass(frozen=True)
class Published:
    """The curve of another codec."""

    label: str
    points: list[Point]
    lmbdas: tuple[float, ...] = ()  # of the points, where they are networks trained with the same loss


def published(metric: str = "psnr") -> dict[str, Published]:
    """The anchors of a run, by the keys of `MAIN`; for MS-SSIM, networks that were trained for it. Some lack a metric."""
    anchors = kodak_anchors(metric)
    labels = {key: f"{label}, for MS-SSIM" if metric == "ms_ssim" and key in LEARNED else label for key, label in MAIN.items()}
    return {
        key: Published(label, anchors[label].points, LMBDAS[metric] if key in LEARNED else ())
        for key, label in labels.items()
        if label in anchors
    }


def axis_label(metric: str) -> str:
    """'PSNR (dB)'."""
    return SCORES[metric] + (" (dB)" if UNITS[metric] == "dB" else "")


def kodak_files(folder: str | Path, asked: str) -> list[Path]:
    """The images of the Kodak set. Raises DlicError, which names `asked`, where `folder` holds others or an unreadable one."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DlicError(f"{asked} needs the Kodak images, and {folder} is no folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS)
    shapes = [read_image(path).pixels.shape for path in paths]  # decoded whole: a broken one shows now, not hours later
    check_kodak(str(folder), [(shape[0], shape[1]) for shape in shapes], asked)
    return paths


@torch.no_grad()
def estimated_points(
    network: Model, levels: Sequence[int], paths: Sequence[Path], device: torch.device, metrics: Sequence[str] = ("psnr",)
) -> dict[str, list[Point]]:
    """By metric, one point a level: estimated bits and the score of pixels rounded to 8 bits, means over the images.

    The score of "ms_ssim" is dB of the mean MS-SSIM, as in published curves.
    Of a prepared network in evaluation mode. One image is in memory at a time, and no generator of random numbers is moved.
    """
    rows = []
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for path in paths:
            pixels = torch.from_numpy(read_image(path).pixels).to(device)  # (H, W, 3)
            rows.append([_estimated(network, pixels.permute(2, 0, 1)[None], level, metrics) for level in levels])
    bpp, *values = torch.tensor(rows, dtype=torch.float64).mean(dim=0).T.tolist()  # (1 + metrics, levels)
    return {
        metric: [Point(rate, as_score(metric, value)) for rate, value in zip(bpp, of_levels, strict=True)]
        for metric, of_levels in zip(metrics, values, strict=True)
    }


def _estimated(network: Model, pixels: Tensor, level: int, metrics: Sequence[str]) -> list[float]:
    """uint8 (1, 3, H, W) → bits per pixel, and the value of each metric."""
    height, width = pixels.shape[2:]
    x = pixels.float() / 255
    padded = F.pad(x, (0, -width % network.stride, 0, -height % network.stride), mode="replicate")
    output = network.forward(padded, torch.tensor([level], device=x.device))  # never compiled, as in validation
    x_hat = (output.x_hat[:, :, :height, :width].clamp(0, 1) * 255).round()
    images = [image[0].permute(1, 2, 0).byte().cpu().numpy() for image in (pixels, x_hat)]
    return [float(output.bits) / (height * width), *(_measured(metric, *images) for metric in metrics)]


def _measured(metric: str, original: np.ndarray, reconstruction: np.ndarray) -> float:
    value = METRICS[metric].compute(original, reconstruction)
    return math.nan if value is None else value  # None: too small an image


# --- next to published curves ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """A run's distance from the curve of another codec: of its point, or the mean along its curve."""

    label: str
    gained: float | None  # dB above the curve at equal rate; None where the curve does not reach it
    saved: float | None  # share of bits at equal quality; None likewise
    twin: tuple[float, Point] | None  # λ and point of the curve that were trained most alike, where λ is known
    metric: str = "psnr"
    mean: bool = False  # along a curve, as Bjøntegaard's

    def __str__(self) -> str:
        """'0.40 dB below CompressAI factorized (λ = 0.013: 0.440 bpp, 31.27 dB) at equal rate, +8.2 % bits at equal PSNR'."""
        name = self.label if self.twin is None else f"{self.label} {_twin(*self.twin)}"
        parts = [] if self.saved is None else [f"{-100 * self.saved:+.1f} % bits at equal {SCORES[self.metric]}"]
        if self.gained is None:
            apart = "too far apart from" if self.mean else "beyond the rates of"
            return ", ".join([f"{apart} {name}", *parts])
        side = "below" if self.gained < 0 else "above"
        mean = " on average" if self.mean else ""
        return ", ".join([f"{abs(self.gained):.2f} {UNITS[self.metric]} {side} {name} at equal rate{mean}", *parts])


def standings(points: Sequence[Point], metric: str = "psnr", lmbda: float | None = None) -> dict[str, Standing]:
    """Compares a network's points, one a rate, with each of the `published` curves; `lmbda` is that of a single point."""
    beside = (lambda one: _beside_curve(points, one)) if len(points) > 1 else (lambda one: _beside_point(points[0], one, lmbda))
    return {key: replace(beside(one), metric=metric) for key, one in published(metric).items()}


def _beside_point(point: Point, anchor: Published, lmbda: float | None) -> Standing:
    gained = saved = twin = None
    with suppress(ValueError):
        gained = score_gained(anchor.points, point)
    with suppress(ValueError):
        saved = bits_saved(anchor.points, point)
    if anchor.lmbdas and lmbda is not None:
        twin = min(zip(anchor.lmbdas, anchor.points, strict=False), key=lambda pair: abs(math.log(pair[0] / lmbda)))
    return Standing(anchor.label, gained, saved, twin)


def _beside_curve(points: Sequence[Point], anchor: Published) -> Standing:
    compared = compare(anchor.points, points)
    return Standing(anchor.label, compared.bd_score, None if compared.bd_rate is None else -compared.bd_rate, None, mean=True)


def _twin(lmbda: float, point: Point) -> str:
    return f"(λ = {lmbda:g}: {point.bpp:.3f} bpp, {point.score:.2f} dB)"
