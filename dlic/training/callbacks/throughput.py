"""Throughput of a run, and its time waiting for data."""

import time
from dataclasses import astuple, dataclass, fields

import pytorch_lightning as pl
import torch
from lightning_utilities.core.rank_zero import rank_zero_info

from dlic.training.callbacks.tensorboard import tensorboard
from dlic.training.processes import mean_over_processes, process_count


class Throughput(pl.Callback):
    """Optimiser steps and crops a second, of all processes together, and the share of time spent waiting for the next batch.

    Validation is left out. In TensorBoard, in the progress bar, and over the whole call in one line at its end.
    """

    def __init__(self, every_n_steps: int = 50):
        """
        Args:
            every_n_steps: steps averaged over for one logged value.
        """
        self.every_n_steps = every_n_steps
        self._started = 0.0
        self._ended: float | None = None
        self._now, self._call = Pace(), Pace()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._ended = None
        self._now, self._call = Pace(), Pace()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch, batch_idx) -> None:
        self._started = time.perf_counter()
        if self._ended is not None:
            self._now.waiting += self._started - self._ended

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        self._ended = time.perf_counter()
        self._now.working += self._ended - self._started
        self._now.steps += 1 / trainer.accumulate_grad_batches
        self._now.crops += len(batch)
        if self._now.steps >= self.every_n_steps:
            self._write(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._ended = None  # the gap before the next step is validation, not waiting

    def _write(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        figures, writer = self._now.figures(pl_module.device), tensorboard(trainer)
        for name, value in figures.items():
            if writer is not None:
                writer.add_scalar(f"speed/{name}", value, trainer.global_step)
            pl_module.log(f"speed/{name}", value, prog_bar=name != "steps_per_second", logger=False)  # the bar counts steps itself
        self._call, self._now = self._call + self._now, Pace()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        whole = self._call + self._now
        if whole.working == 0:
            return
        figures = whole.figures(pl_module.device)
        rank_zero_info(
            f"{figures['steps_per_second']:.2f} steps/s, {figures['crops_per_second']:.1f} crops/s, "
            f"{figures['waiting_for_data']:.1%} of the time waiting for data"
        )


@dataclass
class Pace:
    """Counts and times of one process over some steps."""

    working: float = 0.0  # seconds
    waiting: float = 0.0
    steps: float = 0.0
    crops: int = 0

    def __add__(self, other: "Pace") -> "Pace":
        return Pace(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def figures(self, device: torch.device) -> dict[str, float]:
        """Figures over all processes of distributed training; each must call it."""
        values = torch.tensor(astuple(self), dtype=torch.float64).float().to(device)
        working, waiting, steps, crops = mean_over_processes(values).tolist()
        seconds = working + waiting
        return {
            "steps_per_second": steps / seconds,
            "crops_per_second": process_count() * crops / seconds,
            "waiting_for_data": waiting / seconds,
        }
