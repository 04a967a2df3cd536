"""Checkpoints of a run that are whole or not there, whatever ends it while they are written."""

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
    """Saves beside the file that is there, and only what is whole on the disk takes its place.

    Lightning writes into the system's temporary folder and moves from there, which between two disks is a copy that a killed
    process leaves cut off. What cannot be saved is left out, with a warning: a run outlives a full disk for a while.
    """

    def __init__(self, patience: int = 10):
        """
        Args:
            patience: so many saves in a row may fail before the run ends.
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
        """Nothing goes while what should take its place could not be saved."""
        if self.failure is None:
            super().remove_checkpoint(path)


def _write(checkpoint: dict[str, Any], path: Path) -> None:
    if not is_finite({name: value for name, value in checkpoint.items() if name in STATES}):
        raise DlicError("its weights are not finite")
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)  # not into the file: what torch makes of a full disk has no number
    store(buffer.getbuffer(), path)


def store(data: bytes | memoryview, path: Path) -> None:
    """A checkpoint's bytes, whole or not at all, in a folder that is made for them. Raises DlicError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    with written_whole(path, overwrite=True) as file:
        file.write(data)


def is_finite(state: Any) -> bool:
    """Whether every number is, in tensors nested in whatever lists and dictionaries."""
    if isinstance(state, Tensor):
        return not state.is_floating_point() or bool(torch.isfinite(state).all())
    if isinstance(state, dict):
        return all(map(is_finite, state.values()))
    return all(map(is_finite, state)) if isinstance(state, list | tuple) else True


class PatientEvents:
    """TensorBoard's event file, which leaves out what it cannot write; TensorBoard's own ends the run at the next value."""

    def __init__(self, events: EventFileWriter, pause: float = 60.0):
        """
        Args:
            events: what writes the file.
            pause: seconds until another file is tried, after one could not be written.
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
    """Lets nothing that a run writes end it where there is no room, unless no checkpoint can be saved for long."""

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
        """Raises StorageError where the end of the run is not in its checkpoints."""
        if self.checkpoints.failure is not None:
            raise StorageError(f"the run's last steps are not saved: {self.checkpoints.failure}")
