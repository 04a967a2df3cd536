"""A network in training on the 24 Kodak images, which published curves hold for."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.errors import DlicError
from dlic.evaluation.anchors import check_kodak
from dlic.evaluation.comparison import Anchor
from dlic.evaluation.rate_distortion import Point, bits_saved, score_gained
from dlic.images.files import EXTENSIONS, read_image
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
# λ of the points of CompressAI's curves, in the loss that is dlic's too (its documentation, "Losses")
LMBDAS = (0.0018, 0.0035, 0.0067, 0.0130, 0.0250, 0.0483, 0.0932, 0.1800)


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
def estimated_points(network: Model, levels: Sequence[int], paths: Sequence[Path], device: torch.device) -> list[Point]:
    """One point a level, as validation measures crops: estimated bits, PSNR of pixels rounded to 8 bits, means over the images.

    Of a prepared network in evaluation mode. One image is in memory at a time, and no generator of random numbers is moved.
    """
    rows = []
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for path in paths:
            pixels = torch.from_numpy(read_image(path).pixels).to(device)  # (H, W, 3)
            rows.append([_estimated(network, pixels.permute(2, 0, 1)[None], level) for level in levels])
    means = torch.tensor(rows, dtype=torch.float64).mean(dim=0)  # (levels, 2)
    return [Point(bpp, psnr) for bpp, psnr in means.tolist()]


def _estimated(network: Model, pixels: Tensor, level: int) -> tuple[float, float]:
    """uint8 (1, 3, H, W) → bits per pixel and PSNR."""
    height, width = pixels.shape[2:]
    x = pixels.float() / 255
    padded = F.pad(x, (0, -width % network.stride, 0, -height % network.stride), mode="replicate")
    output = network.forward(padded, torch.tensor([level], device=x.device))  # never compiled, as in validation
    x_hat = (output.x_hat[:, :, :height, :width].clamp(0, 1) * 255).round() / 255
    mse = (x_hat - x).square().mean().clamp_min(1e-10)
    return float(output.bits) / (height * width), -10 * math.log10(float(mse))


# --- one point beside the curves ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """A point beside the curve of another codec."""

    label: str
    gained: float | None  # dB above the curve at equal rate; None where the curve does not reach it
    saved: float | None  # share of bits at equal PSNR; None likewise
    twin: tuple[float, Point] | None  # λ and point of the curve that were trained most alike, where λ is known

    def __str__(self) -> str:
        """'0.40 dB below CompressAI factorized (λ = 0.013: 0.440 bpp, 31.27 dB) at equal rate, +8.2 % bits at equal PSNR'."""
        name = self.label if self.twin is None else f"{self.label} {_twin(*self.twin)}"
        parts = [] if self.saved is None else [f"{-100 * self.saved:+.1f} % bits at equal PSNR"]
        if self.gained is None:
            return ", ".join([f"beyond the rates of {name}", *parts])
        side = "below" if self.gained < 0 else "above"
        return ", ".join([f"{abs(self.gained):.2f} dB {side} {name} at equal rate", *parts])


def standings(point: Point, anchors: Mapping[str, Anchor], lmbda: float) -> dict[str, Standing]:
    """A point of a network trained with `lmbda` beside each of the main curves, by key."""
    return {key: _standing(point, label, anchors[label], lmbda) for key, label in MAIN.items()}


def _standing(point: Point, label: str, anchor: Anchor, lmbda: float) -> Standing:
    gained = saved = twin = None
    with suppress(ValueError):
        gained = score_gained(anchor.points, point)
    with suppress(ValueError):
        saved = bits_saved(anchor.points, point)
    if label.startswith("CompressAI"):
        twin = min(zip(LMBDAS, anchor.points, strict=False), key=lambda pair: abs(math.log(pair[0] / lmbda)))
    return Standing(label, gained, saved, twin)


def _twin(lmbda: float, point: Point) -> str:
    return f"(λ = {lmbda:g}: {point.bpp:.3f} bpp, {point.score:.2f} dB)"
