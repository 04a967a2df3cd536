"""Checkpoints between validations."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.trainer.states import TrainerFn

from dlic.training.callbacks.keep_best import checkpoint_folder


class SaveOften(Checkpoint):
    """Writes last.ckpt every `every_n_steps` steps, independent of validations; a killed run resumes from it.

    Where a validation follows, it saves after that: a run resumed from before it would skip it. ModelCheckpoint would save there
    only what is best so far.

    Lightning calls it after every other callback, so the saved state contains the whole step.
    """

    def __init__(self, every_n_steps: int):
        """
        Args:
            every_n_steps: optimiser steps from one save to the next.
        """
        if every_n_steps < 1:
            raise ValueError(f"SaveOften takes every_n_steps ≥ 1, not {every_n_steps}")
        self.every_n_steps = every_n_steps

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        folder = checkpoint_folder(trainer)
        if folder is None:
            raise ValueError("SaveOften saves where a ModelCheckpoint does, and there is none")
        self._file, self._seen = folder / "last.ckpt", trainer.global_step

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        stepped, self._seen = trainer.global_step != self._seen, trainer.global_step  # gradients may be gathered over batches
        if stepped and trainer.global_step % self.every_n_steps == 0 and not _validates_now(trainer):
            trainer.save_checkpoint(self._file, weights_only=False)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            trainer.save_checkpoint(self._file, weights_only=False)


def _validates_now(trainer: pl.Trainer) -> bool:
    """Whether a validation follows the batch that has just ended."""
    every = trainer.val_check_batch  # infinite, or None, where they go by epochs or by time
    return trainer.enable_validation and isinstance(every, int) and (trainer.fit_loop.total_batch_idx + 1) % every == 0
