"""A run's rate–distortion curve, next to JPEG on the same crops."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from dlic.evaluation.plots import Curve, figure_pixels, rd_figure
from dlic.evaluation.rate_distortion import Point, bd_rate, bits_saved, jpeg_curve
from dlic.metrics.registry import METRICS
from dlic.training.callbacks.tensorboard import drawn, tensorboard
from dlic.training.kodak import axis_label
from dlic.training.processes import mean_over_processes
from dlic.training.validated import Validated


class RateDistortionCurve(pl.Callback):
    """Draws at each validation the run's rate–distortion curve, and JPEG's on the same crops. A network of one rate draws the path
    of its point so far, one of several rates its curve. The run's bits are estimates, JPEG's are those of its files.
    `val/saved_vs_jpeg` is the percentage of bits saved at equal PSNR (of several rates: by BD-rate), where the two overlap. A run
    that is trained for SSIMULACRA 2 is measured by its score instead. In distributed training every process measures, as other
    callbacks may monitor the values, and the first draws.
    """

    def __init__(self):
        self.path: list[list[Point]] = []  # one point a level, one list a validation
        self.jpeg: list[Point] = []  # made at the first validation; not stored, since a resumed run may have other photographs

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._originals: list[np.ndarray] = []
        self._measured: dict[int, list[Tensor]] = defaultdict(list)  # by level
        self._visual = False

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch, batch_idx, dataloader_idx=0
    ) -> None:
        if not drawn(trainer):
            return
        validated: list[Validated] = outputs
        self._visual = validated[0].ssimulacra2 is not None
        for level_batch in validated:
            scores = level_batch.psnr if level_batch.ssimulacra2 is None else level_batch.ssimulacra2
            self._measured[level_batch.level].append(torch.stack([level_batch.bpp, scores]).double())  # (2, B)
        if not self.jpeg:
            self._originals.extend((validated[0].x * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy())  # (H, W, 3) each

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not drawn(trainer) or not self._measured:
            return
        self.jpeg = self.jpeg or jpeg_curve(self._originals, measure=METRICS[self._metric].compute)
        self._originals = []
        means = torch.stack([torch.cat(parts, dim=1).mean(dim=1) for _, parts in sorted(self._measured.items())])  # (levels, 2)
        newest = [Point(*values) for values in mean_over_processes(means).tolist()]
        self.path.append(newest)
        if (writer := tensorboard(trainer)) is not None:
            writer.add_image("rate_distortion/run", self._figure(trainer.global_step), trainer.global_step, dataformats="HWC")
        with suppress(ValueError):  # worse than JPEG's worst or better than its best: no bits to compare
            saved = bits_saved(self.jpeg, newest[0]) if len(newest) == 1 else -bd_rate(self.jpeg, newest)
            pl_module.log("val/saved_vs_jpeg", 100 * saved, prog_bar=True, sync_dist=True)

    @property
    def _metric(self) -> str:
        return "ssimulacra2" if self._visual else "psnr"

    def _figure(self, step: int) -> np.ndarray:
        newest = self.path[-1]
        last = newest[-1]
        run = newest if len(newest) > 1 else [point for points in self.path for point in points]
        unit = "" if self._visual else " dB"
        curves = [
            Curve.through("JPEG 4:2:0", self.jpeg, "k.--"),
            Curve.through("this run (estimated bits)", run, "C0.-"),
            Curve.through(f"step {step:,}: {last.score:.2f}{unit} at {last.bpp:.3f} bpp", [last], "C3*"),
        ]
        # JPEG at high quality and a run's first points would squeeze the rest
        focus = max(3 * self.jpeg[0].bpp, 3 * newest[0].bpp, 1.5 * last.bpp)
        return figure_pixels(rd_figure(curves, focus, axis_label(self._metric)))

    def state_dict(self) -> dict:
        return {"path": [[asdict(point) for point in points] for points in self.path]}

    def load_state_dict(self, state_dict: dict) -> None:
        self.path = [[Point(**point) for point in points] for points in state_dict["path"]]
