"""Atomic checkpoints of a run: whole or absent, even if the process is killed during writing."""

import io
import logging
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.plugins.io import TorchCheckpointIO
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from torch import Tensor

from dlic.errors import DlicError, StorageError
from dlic.storage.files import cannot_write, written_whole

log = logging.getLogger(__name__)

STATES = ("state_dict", "current_model_state", "optimizer_states")  # of a checkpoint: averaged weights, those of training, moments


class WholeFiles(TorchCheckpointIO):
    """Writes a new file next to the old one, and replaces the old one only when the new one is complete on the disk. Lightning
    writes into the system's temporary folder and moves the file; between two disks that is a copy, which a killed process leaves
    truncated. A failed save only warns, so a run survives a full disk for a while.
    """

    def __init__(self, patience: int = 10):
        """
        Args:
            patience: failed saves in a row before the run ends.
        """
        super().__init__()
        self.patience = patience
        self.failed = 0  # saves in a row
        self.failure: DlicError | None = None  # of the newest save

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Raises StorageError when `patience` saves in a row have failed."""
        if "://" in str(path):  # not on a disk
            return super().save_checkpoint(checkpoint, path, storage_options)
        try:
            _write(checkpoint, Path(path))
            self.failed, self.failure = 0, None
        except DlicError as error:
            self.failed, self.failure = self.failed + 1, error
            log.warning("step %d is not saved, what was saved before stays: %s", checkpoint["global_step"], error)
            if self.failed >= self.patience:
                raise StorageError(f"{self.failed} saves in a row failed, the last one as: {error}") from error

    def remove_checkpoint(self, path: str | Path) -> None:
        """Keeps old checkpoints as long as the newest save has failed."""
        if self.failure is None:
            super().remove_checkpoint(path)


def _write(checkpoint: dict[str, Any], path: Path) -> None:
    if not is_finite({name: value for name, value in checkpoint.items() if name in STATES}):
        raise DlicError("its weights are not finite")
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)  # not directly into the file: torch's error of a full disk has no errno
    store(buffer.getbuffer(), path)


def store(data: bytes | memoryview, path: Path) -> None:
    """Writes a checkpoint's bytes atomically; creates the folder. Raises DlicError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    with written_whole(path, overwrite=True) as file:
        file.write(data)


def is_finite(state: Any) -> bool:
    """Whether all numbers in nested lists and dictionaries of tensors are finite."""
    if isinstance(state, Tensor):
        return not state.is_floating_point() or bool(torch.isfinite(state).all())
    if isinstance(state, dict):
        return all(map(is_finite, state.values()))
    return all(map(is_finite, state)) if isinstance(state, list | tuple) else True


class PatientEvents:
    """TensorBoard's event file; it drops values that it cannot write. TensorBoard's own ends the run at the next value."""

    def __init__(self, events: EventFileWriter, pause: float = 60.0):
        """
        Args:
            events: writes the file.
            pause: seconds from a failed write to the next file.
        """
        self._events, self._pause = events, pause
        self._failed: float | None = None  # when a file could not be written
        self._told = False

    def get_logdir(self) -> str:
        return self._events.get_logdir()

    def add_event(self, event: Any) -> None:
        self._attempt("add_event", event)

    def flush(self) -> None:
        self._attempt("flush")

    def close(self) -> None:
        self._attempt("close")

    def _attempt(self, name: str, *arguments: Any) -> None:
        try:
            if self._failed is not None and time.monotonic() - self._failed > self._pause:
                self._events, self._failed = EventFileWriter(self.get_logdir()), None
            if self._failed is None:
                getattr(self._events, name)(*arguments)
        except OSError as error:
            if not self._told:
                log.warning("TensorBoard shows nothing until there is room again: %s", error)
            self._failed, self._told = time.monotonic(), True


class OutliveFullDisk(pl.Callback):
    """Lets a run survive a full disk, unless checkpoints cannot be saved for long."""

    def __init__(self):
        self.checkpoints = WholeFiles()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        trainer.strategy.checkpoint_io = self.checkpoints

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                file_writer = logger.experiment.file_writer
                file_writer.event_writer = PatientEvents(file_writer.event_writer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Raises StorageError where the last steps of the run are not saved."""
        if self.checkpoints.failure is not None:
            raise StorageError(f"the run's last steps are not saved: {self.checkpoints.failure}")
