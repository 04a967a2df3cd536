"""A run's progress in steps: one line of a terminal, or a line a validation in a log."""

import logging
import sys
from typing import Any, TextIO

import pytorch_lightning as pl
from lightning_utilities.core.rank_zero import rank_zero_info
from pytorch_lightning.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SHOWN = {"train/loss": "loss", "train/bpp": "bpp"}  # values next to the bar; 80 columns hold no more
VALIDATED = {"val/loss": "loss", "val/bpp": "bpp", "val/psnr": "PSNR", "val/saved_vs_jpeg": "% fewer bits than JPEG:"}


class StepProgress(ProgressBar):
    """Shows the steps of the run, not epochs: crops are drawn without end, so that an epoch has none.

    On a terminal it draws a bar on standard error. After each validation it writes a line with the values found.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._enabled and sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("step {task.completed:,.0f}/{task.fields[last]}"),
                BarColumn(bar_width=None),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[values]}"),
                console=Console(stderr=True),
                expand=True,
            )
            original = sys.stderr
            self._bar.start()  # replaces sys.stderr by a stream that writes above the bar
            _move_logs(original, sys.stderr)
            total = trainer.max_steps if trainer.max_steps > 0 else None
            self._task = self._bar.add_task(
                "", total=total, completed=trainer.global_step, values="", last="…" if total is None else f"{total:,}"
            )

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch, batch_idx: int) -> None:
        if self._bar is not None and self._task is not None:
            values = _told(trainer, SHOWN)
            self._bar.update(self._task, completed=trainer.global_step, values=values)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._enabled and not trainer.sanity_checking and (values := _told(trainer, VALIDATED)):
            line = f"step {trainer.global_step:,}: validation {values}"
            if self._bar is not None:
                self._bar.console.print(line, highlight=False)
            else:
                rank_zero_info(line)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._stop()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            above = sys.stderr
            self._bar.stop()
            _move_logs(above, sys.stderr)
        self._bar = self._task = None


def _move_logs(source: TextIO, target: TextIO) -> None:
    """Lets the loggers that write to one stream write to another: they took theirs when they were made."""
    names = ["", *logging.Logger.manager.loggerDict]
    for handler in {handler for name in names for handler in logging.getLogger(name).handlers}:
        if isinstance(handler, logging.StreamHandler) and handler.stream is source:
            handler.setStream(target)


def _told(trainer: pl.Trainer, names: dict[str, str]) -> str:
    """'loss 1.234, bpp 0.456' of the values that the run has logged."""
    metrics = trainer.callback_metrics
    parts = [f"{short} {float(metrics[name]):.4g}" for name, short in names.items() if name in metrics]
    return ", ".join(parts)
