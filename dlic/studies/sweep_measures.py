"""Measures of one run of a sweep: costs of its network, rate and distortion of its files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dlic.checkpoints.manifest import read_manifest
from dlic.container.format import read
from dlic.errors import DlicError
from dlic.evaluation.anchors import check_kodak, kodak_anchors
from dlic.evaluation.provenance import provenance
from dlic.evaluation.run import Run
from dlic.evaluation.runner import begin, conduct, join
from dlic.evaluation.sweep import images_of, make_plan
from dlic.learned.codec import load_codec
from dlic.models import build_model
from dlic.models.macs import macs_per_pixel
from dlic.studies.search_grid import Settings
from dlic.studies.sweep_results import SCORES, Curves, Result
from dlic.training.kodak import MAIN

EVALUATION = "evaluation"
BESIDE = ("jpeg", "factorized", "mean_scale")  # of the published curves on Kodak


def saved_checkpoint(run: Path) -> Path:
    """The last intact checkpoint of a run, over all its resumptions. Raises DlicError where there is none."""
    path = last_checkpoint(run)
    if path is None:
        raise DlicError(f"{run} has no checkpoint that can be read")
    return path


def last_checkpoint(run: Path) -> Path | None:
    """`saved_checkpoint`, or None."""
    files = sorted(run.glob("version_*/checkpoints/last*.ckpt"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files:
        try:
            torch.load(path, map_location="cpu", weights_only=True)["dlic"]
        except Exception:  # one that was being written when the run was killed fails in many ways
            continue
        return path
    return None


def measured(out: Path, run: Path, checkpoint: Path, settings: Settings, images: Path | None, kodak: bool) -> list[Result]:
    """The results of a run: one, or one a quality for a network of several rates; measured from files if there are images."""
    manifest = read_manifest(checkpoint)
    network = build_model(manifest.model, manifest.config)
    macs, parameters = macs_per_pixel(network), sum(p.numel() for p in network.parameters())
    training = manifest.model, manifest.training.steps, manifest.training.pixels, seconds_of(run)
    result = Result(checkpoint.name, dict(settings), *training, parameters, macs.encoder, macs.decoder)
    if images is None:
        return [result]
    means = [mean for mean in evaluated(out, images, [str(checkpoint)], kodak).means if mean.codec == checkpoint.name]
    rows = []
    for mean in means:
        sparsity, size = symbol_statistics(checkpoint, images, mean.quality)
        rows.append(
            replace(
                result, quality=mean.quality, images=mean.images, bpp=mean.bpp,
                psnr=mean.metrics["psnr"], ms_ssim=mean.metrics["ms_ssim"], encode_ms=mean.encode_ms, decode_ms=mean.decode_ms,
                sparsity=sparsity, symbol_size=size,
            )
        )  # fmt: skip
    return rows


def seconds_of(run: Path) -> float | None:
    """Training time in the last checkpoint of a run; steps lost with a killed process do not count."""
    stored = torch.load(saved_checkpoint(run), map_location="cpu", weights_only=True)
    timer = stored.get("callbacks", {}).get("Timer")
    return None if timer is None else timer["time_elapsed"]["train"]


def evaluated(out: Path, images: Path, codecs: Sequence[str], kodak: bool) -> Run:
    """Adds these codecs to the evaluation in the folder of a sweep."""
    plan, left_out = make_plan(images, codecs, {}, tuple(SCORES))
    notes = [f"left out: {name}" for name in left_out]
    run = join(begin(plan, provenance("dlic sweep"), notes, "kodak" if kodak else None), out / EVALUATION)
    return conduct(run, plan, out / EVALUATION, lambda rows, label, count: rows, memory=False)


def symbol_statistics(checkpoint: Path, images: Path, quality: float | None) -> tuple[float, float]:
    """Share of the symbols of y that are zero, and their mean size, in the files of a checkpoint at one quality."""
    codec = load_codec(checkpoint)
    at_quality = codec.at(1 if quality is None else int(quality))
    zeros = sizes = count = 0
    for pixels in (image for _, image in images_of(images) if isinstance(image, np.ndarray)):
        for unit in codec.units(read(at_quality.compress(pixels))):
            symbols = np.abs(codec.unit.parse(unit).y)
            zeros, sizes, count = zeros + int((symbols == 0).sum()), sizes + int(symbols.sum()), count + symbols.size
    return zeros / count, sizes / count


def reference_curves(out: Path, images: Path | None, kodak: bool) -> Curves:
    """Reference curves for a sweep: JPEG's, and on Kodak published ones. Raises DlicError where `images` is not the Kodak set."""
    if images is None:
        return {}
    if not kodak:
        run = evaluated(out, images, ["jpeg"], kodak)
        return {metric: {run.codecs["jpeg"].label: run.curve("jpeg", metric)} for metric in SCORES}
    sizes = [(image.shape[0], image.shape[1]) for _, image in images_of(images) if isinstance(image, np.ndarray)]
    check_kodak(str(images), sizes, "--kodak")
    labels = [MAIN[key] for key in BESIDE]
    return {metric: {label: kodak_anchors(metric)[label].points for label in labels} for metric in SCORES}
