"""Whether a run over-fits or under-fits, by its losses."""

import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import pytorch_lightning as pl
import torch

from dlic.training.callbacks.tensorboard import tensorboard

log = logging.getLogger(__name__)

NOTES = {
    "over-fitting": (
        "**Over-fitting:** the validation loss has risen at each of the last {patience} validations while the training loss fell. "
        "More photographs, more augmentation or a smaller model help; the best checkpoint so far is kept."
    ),
    "under-fitting": (
        "**Under-fitting, or finished:** neither the training nor the validation loss has moved by {tolerance:.1%} over the last "
        "{patience} validations. Early in a run a higher learning rate or a larger model helps; late in it, it has converged."
    ),
}
Verdict = Literal["over-fitting", "under-fitting"]


def fit_verdict(training: Sequence[float], validation: Sequence[float], patience: int, tolerance: float) -> Verdict | None:
    """Over-fitting, under-fitting or neither, from the losses at each validation, oldest first.

    over-fitting: the validation loss rose `patience` times in a row and the training loss is lower than before.
    under-fitting: over `patience` validations neither loss changed by the share `tolerance` of its value.
    """
    if min(len(training), len(validation)) <= patience:
        return None
    training, validation = training[-patience - 1 :], validation[-patience - 1 :]
    rises = all(later > earlier for earlier, later in pairwise(validation))
    if rises and training[-1] < training[0]:
        return "over-fitting"
    if all(abs(losses[-1] - losses[0]) < tolerance * abs(losses[0]) for losses in (training, validation)):
        return "under-fitting"
    return None


class FitNotes(pl.Callback):
    """A text note and a log line when `fit_verdict` finds something new."""

    def __init__(self, patience: int = 5, tolerance: float = 0.01):
        """
        Args:
            patience: validations the finding must hold for.
            tolerance: smallest relative change of a loss that counts as movement; the mean training loss between two
                validations alone varies by nearly a percent with the photographs drawn.
        """
        if patience < 1:
            raise ValueError(f"patience must be at least one validation, not {patience}")
        self.patience, self.tolerance = patience, tolerance
        self.training: list[float] = []  # mean loss of the steps before each validation
        self.validation: list[float] = []
        self.verdict: Verdict | None = None
        self._sum, self._steps = torch.zeros(()), 0  # losses since the last validation

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        if outputs and torch.isfinite(outputs["loss"]):  # a skipped step has no loss
            loss = outputs["loss"].detach() * trainer.accumulate_grad_batches  # Lightning has divided it
            self._sum, self._steps = self._sum + loss, self._steps + 1

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        writer = tensorboard(trainer)
        if writer is None or self._steps == 0:
            return
        self.training.append(float(self._sum) / self._steps)
        self.validation.append(float(trainer.callback_metrics["val/loss"]))
        self._forget_steps()
        previous, self.verdict = self.verdict, fit_verdict(self.training, self.validation, self.patience, self.tolerance)
        if self.verdict is not None and self.verdict != previous:
            note = NOTES[self.verdict].format(patience=self.patience, tolerance=self.tolerance)
            writer.add_text("notes/fit", f"Step {trainer.global_step:,}. {note}", trainer.global_step)
            log.warning("step %d: %s", trainer.global_step, note.replace("**", ""))

    def _forget_steps(self) -> None:
        self._sum, self._steps = torch.zeros(()), 0

    def state_dict(self) -> dict:
        return {"training": self.training, "validation": self.validation, "verdict": self.verdict}

    def load_state_dict(self, state_dict: dict) -> None:
        self.training, self.validation = list(state_dict["training"]), list(state_dict["validation"])
        self.verdict = state_dict["verdict"]
