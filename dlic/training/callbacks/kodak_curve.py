"""A run's rate and distortion on the 24 Kodak images, next to published curves."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytorch_lightning as pl
from lightning_utilities.core.rank_zero import rank_zero_info
from torch.utils.tensorboard import SummaryWriter

from dlic.errors import UnreadableImageError
from dlic.evaluation.anchors import kodak_anchors
from dlic.evaluation.comparison_plot import comparison_figure
from dlic.evaluation.plots import Curve, figure_pixels, rd_figure
from dlic.evaluation.rate_distortion import Point, frontier
from dlic.training.callbacks.tensorboard import tensorboard
from dlic.training.kodak import (
    JUDGED_BY,
    REFERENCE,
    SCORES,
    UNITS,
    Standing,
    axis_label,
    estimated_points,
    kodak_files,
    standings,
)
from dlic.training.levels import spread_levels

if TYPE_CHECKING:
    from dlic.training.module import TrainingModule

log = logging.getLogger(__name__)

HIGH_QUALITY = 70  # score, as the authors of SSIMULACRA 2 call it


class KodakCurve(pl.Callback):
    """Measures a run on the 24 Kodak images and compares it with published curves, as a reference line to reach. Every run has this
    callback; it does nothing without a folder of the images:

        dlic train --config configs/factorized.yaml --data.train_dir PATH --kodak kodak --kodak.every 2

    At every N-th validation, with the weights that are validated (averaged ones, where the run averages) and in float32, bits are
    estimated for rounded latents (files of light-1 are 3 % better by BD-rate, as an encoder chooses its symbols). A run that is
    trained for MS-SSIM is measured by it, and held against networks that were trained for it. One that is trained for SSIMULACRA 2
    is measured by it and by PSNR; tags of its score begin with kodak_ssimulacra2.

    kodak/rate_distortion   the run among all published curves
    kodak/bpp, kodak/psnr   of one rate (or kodak/ms_ssim_db): beside the run's line runs that of the published network of its
                            architecture and the nearest λ, as a run of its own
    kodak/db_vs_vtm         dB above that curve at equal rate, and so on for others; the published network's line is 0
    kodak/bits_vs_vtm       percent of bits at equal quality, negative where it needs fewer
    kodak/bd_db_vs_vtm, kodak/bd_rate_vs_vtm   the same of a network of several rates, along its curve
    kodak/standing          all of it in words
    kodak_ssimulacra2/bpp_at_70   bits that a network of several rates needs for a score of 70, high quality

    Kodak is for reporting: other callbacks cannot monitor these values, and the run is bit for bit the same without them.
    """

    def __init__(self, folder: str | None = None, every: int = 1, levels: int = 6):
        """
        Args:
            folder: the 24 Kodak images; a run does not start with others, as the curves hold for these only. None: no measurement.
            every: validations from one measurement to the next; of light, one takes 20 seconds on two CPU cores.
            levels: rates that are measured, evenly spread, where the network has several; a BD-rate takes four.
        """
        if every < 1 or levels < 4:
            raise ValueError(f"KodakCurve takes every ≥ 1 and levels ≥ 4, not {every} and {levels}")
        self.folder, self.every, self.levels = folder, every, levels
        self.validations = 0  # of this call
        self._reference: SummaryWriter | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if self.folder is not None:
            self._files = kodak_files(self.folder, "KodakCurve")

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if self._reference is not None:
            self._reference.close()
            self._reference = None

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch, batch_idx, dataloader_idx=0
    ) -> None:
        """Measures between the start of the validation epoch (weights averaged and prepared) and its end (training weights
        restored).
        """
        writer = None if self.folder is None else tensorboard(trainer)
        if writer is None or batch_idx > 0:
            return
        self.validations += 1
        if self.validations % self.every == 0:
            try:
                self._report(writer, trainer.global_step, pl_module)
            except UnreadableImageError as error:  # no reason to end a run
                log.warning("step %d: Kodak was not measured: %s", trainer.global_step, error)

    def _report(self, writer: SummaryWriter, step: int, pl_module: pl.LightningModule) -> None:
        module = cast("TrainingModule", pl_module)
        levels, metrics = spread_levels(module.network.levels, self.levels), JUDGED_BY[module.loss.distortion]
        for metric, points in estimated_points(module.network, levels, self._files, module.device, metrics).items():
            self._report_metric(writer, step, module, metric, points)

    def _report_metric(self, writer: SummaryWriter, step: int, module: "TrainingModule", metric: str, points: list[Point]) -> None:
        by_key, group = standings(points, metric, module.lmbda), _group(metric)
        for tag, value in _scalars(points, by_key, metric).items():
            writer.add_scalar(tag, value, step)
        lines = [f"{point.bpp:.3f} bpp, {SCORES[metric]} {point.score:.2f}" for point in points]
        text = "\n".join([f"Step {step:,}, bits estimated:", "", *(f"- {line}" for line in [*by_key.values(), *lines])])
        writer.add_text(f"{group}/standing", text, step)
        key = REFERENCE.get(module.network.name, "mean_scale")
        if key in by_key:
            rank_zero_info(f"Kodak, step {step:,}: {by_key[key]}")
            self._draw_reference(writer, key, by_key[key], metric, step)
        title = f"Kodak, step {step:,}, estimated bits\n{by_key.get(key, '')}".replace(" at equal rate", "\nat equal rate")
        writer.add_image(f"{group}/rate_distortion", _figure(points, metric, title), step, dataformats="HWC")

    def _draw_reference(self, writer: SummaryWriter, key: str, standing: Standing, metric: str, step: int) -> None:
        """Draws the published network as a run of its own, with a level line in every chart that both have."""
        if self._reference is None:
            name = standing.label if standing.twin is None else f"{standing.label}, lambda {standing.twin[0]:g}"
            self._reference = SummaryWriter(str(Path(writer.log_dir) / f"published {name}"))
        points = [] if standing.twin is None else [standing.twin[1]]
        for tag, value in _scalars(points, {key: replace(standing, gained=0.0, saved=0.0)}, metric).items():
            self._reference.add_scalar(tag, value, step)
        self._reference.flush()  # Lightning flushes its own writer alone


def _group(metric: str) -> str:
    """First part of the tags of a metric; a visual run has those of PSNR and its own."""
    return "kodak_ssimulacra2" if metric == "ssimulacra2" else "kodak"


def _scalars(points: Sequence[Point], by_key: Mapping[str, Standing], metric: str) -> dict[str, float]:
    """Scalars of `KodakCurve` by tag: a run's points, and their distances from other curves."""
    group, unit = _group(metric), UNITS[metric].lower()
    score = {"psnr": "psnr", "ms_ssim": "ms_ssim_db", "ssimulacra2": "score"}[metric]
    values = {f"{group}/bpp": points[0].bpp, f"{group}/{score}": points[0].score} if len(points) == 1 else {}
    if metric == "ssimulacra2" and len(points) > 1 and points[0].score <= HIGH_QUALITY <= points[-1].score:
        scores, log_bpp = zip(*((point.score, math.log(point.bpp)) for point in frontier(points)), strict=True)
        values[f"{group}/bpp_at_{HIGH_QUALITY}"] = math.exp(np.interp(HIGH_QUALITY, scores, log_bpp))
    for key, standing in by_key.items():
        gained, saved = (f"bd_{unit}", "bd_rate") if standing.mean else (unit, "bits")
        if standing.gained is not None:
            values[f"{group}/{gained}_vs_{key}"] = standing.gained
        if standing.saved is not None:
            values[f"{group}/{saved}_vs_{key}"] = -100 * standing.saved
    return values


def _figure(points: Sequence[Point], metric: str, title: str) -> np.ndarray:
    curves = [Curve.through(label, anchor.points) for label, anchor in kodak_anchors(metric).items()]
    run = Curve.through("this run", points)
    if UNITS[metric] != "dB":
        return figure_pixels(rd_figure([*curves, run], score=axis_label(metric)))
    return figure_pixels(comparison_figure(run, curves, title, SCORES[metric]))
