"""A network in training on the 24 Kodak images, which published curves hold for."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.errors import DlicError
from dlic.evaluation.anchors import check_kodak, kodak_anchors
from dlic.evaluation.comparison import compare
from dlic.evaluation.rate_distortion import Point, bits_saved, score_gained
from dlic.evaluation.run import as_score
from dlic.images.files import EXTENSIONS, read_image
from dlic.metrics.registry import ms_ssim
from dlic.models.base import Model

# What a run is held against in figures; its curve is drawn among all there are. Keys stand in names of scalars.
MAIN = {
    "vtm": "VTM (H.266)",
    "bpg": "BPG 4:4:4",
    "avif": "AVIF 4:2:0, speed 6 (as Pillow ships it)",
    "jpeg": "JPEG 4:2:0, optimised",
    "factorized": "CompressAI factorized",
    "hyperprior": "CompressAI hyperprior",
    "mean_scale": "CompressAI mean-scale",
}
LEARNED = ("factorized", "hyperprior", "mean_scale")
REFERENCE = {name: name for name in LEARNED} | {"light": "mean_scale"}  # a model's name → the published curve of (about) its kind
JUDGED_BY = {"mse": "psnr", "ms-ssim": "ms_ssim"}  # what a run is trained for → what it is measured by
SCORES = {"psnr": "PSNR", "ms_ssim": "MS-SSIM"}
# λ of the points of CompressAI's curves, in the loss that is dlic's too (its documentation, "Losses")
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
    """What a run is held against, by the keys of `MAIN`: by MS-SSIM, networks that were trained for it."""
    anchors = kodak_anchors(metric)
    labels = {key: label if metric == "psnr" or key not in LEARNED else f"{label}, for MS-SSIM" for key, label in MAIN.items()}
    return {key: Published(label, anchors[label].points, LMBDAS[metric] if key in LEARNED else ()) for key, label in labels.items()}


def kodak_files(folder: str | Path, asked: str) -> list[Path]:
    """The images of the Kodak set; DlicError where `folder`, which `asked` needs, holds others, or one that cannot be read."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DlicError(f"{asked} needs the Kodak images, and {folder} is no folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS)
    sizes = [read_image(path).pixels.shape[:2] for path in paths]  # decoded whole: a broken one shows now, not hours later
    check_kodak(str(folder), sizes, asked)
    return paths


@torch.no_grad()
def estimated_points(
    network: Model, levels: Sequence[int], paths: Sequence[Path], device: torch.device, metric: str = "psnr"
) -> list[Point]:
    """One point a level, as validation measures crops: estimated bits, PSNR of pixels rounded to 8 bits, means over the images.

    The score of "ms_ssim" is dB of the mean MS-SSIM, as in published curves.
    Of a prepared network in evaluation mode. One image is in memory at a time, and no generator of random numbers is moved.
    """
    rows = []
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for path in paths:
            pixels = torch.from_numpy(read_image(path).pixels).to(device)  # (H, W, 3)
            rows.append([_estimated(network, pixels.permute(2, 0, 1)[None], level, metric) for level in levels])
    means = torch.tensor(rows, dtype=torch.float64).mean(dim=0)  # (levels, 2)
    return [Point(bpp, as_score(metric, value)) for bpp, value in means.tolist()]


def _estimated(network: Model, pixels: Tensor, level: int, metric: str) -> tuple[float, float]:
    """uint8 (1, 3, H, W) → bits per pixel, and PSNR in dB or MS-SSIM up to 1."""
    height, width = pixels.shape[2:]
    x = pixels.float() / 255
    padded = F.pad(x, (0, -width % network.stride, 0, -height % network.stride), mode="replicate")
    output = network.forward(padded, torch.tensor([level], device=x.device))  # never compiled, as in validation
    x_hat = (output.x_hat[:, :, :height, :width].clamp(0, 1) * 255).round()
    bpp = float(output.bits) / (height * width)
    if metric == "ms_ssim":
        return bpp, ms_ssim(*(image[0].permute(1, 2, 0).byte().cpu().numpy() for image in (pixels, x_hat)))
    return bpp, -10 * math.log10(float((x_hat / 255 - x).square().mean().clamp_min(1e-10)))


# --- beside the curves of others ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """A run beside the curve of another codec: its point, or the mean along its curve."""

    label: str
    gained: float | None  # dB above the curve at equal rate; None where the curve does not reach it
    saved: float | None  # share of bits at equal quality; None likewise
    twin: tuple[float, Point] | None  # λ and point of the curve that were trained most alike, where λ is known
    score: str = "PSNR"
    mean: bool = False  # along a curve, as Bjøntegaard's

    def __str__(self) -> str:
        """'0.40 dB below CompressAI factorized (λ = 0.013: 0.440 bpp, 31.27 dB) at equal rate, +8.2 % bits at equal PSNR'."""
        name = self.label if self.twin is None else f"{self.label} {_twin(*self.twin)}"
        parts = [] if self.saved is None else [f"{-100 * self.saved:+.1f} % bits at equal {self.score}"]
        if self.gained is None:
            apart = "too far apart from" if self.mean else "beyond the rates of"
            return ", ".join([f"{apart} {name}", *parts])
        side = "below" if self.gained < 0 else "above"
        mean = " on average" if self.mean else ""
        return ", ".join([f"{abs(self.gained):.2f} dB {side} {name} at equal rate{mean}", *parts])


def standings(points: Sequence[Point], metric: str = "psnr", lmbda: float | None = None) -> dict[str, Standing]:
    """A network's points, one a rate, beside each of the `published` curves; `lmbda` is that of a single one."""
    beside = (lambda one: _beside_curve(points, one)) if len(points) > 1 else (lambda one: _beside_point(points[0], one, lmbda))
    return {key: replace(beside(one), score=SCORES[metric]) for key, one in published(metric).items()}


def _beside_point(point: Point, other: Published, lmbda: float | None) -> Standing:
    gained = saved = twin = None
    with suppress(ValueError):
        gained = score_gained(other.points, point)
    with suppress(ValueError):
        saved = bits_saved(other.points, point)
    if other.lmbdas and lmbda is not None:
        twin = min(zip(other.lmbdas, other.points, strict=False), key=lambda pair: abs(math.log(pair[0] / lmbda)))
    return Standing(other.label, gained, saved, twin)


def _beside_curve(points: Sequence[Point], other: Published) -> Standing:
    compared = compare(other.points, points)
    return Standing(other.label, compared.bd_psnr, None if compared.bd_rate is None else -compared.bd_rate, None, mean=True)


def _twin(lmbda: float, point: Point) -> str:
    return f"(λ = {lmbda:g}: {point.bpp:.3f} bpp, {point.score:.2f} dB)"
