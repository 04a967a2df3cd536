"""The best checkpoint of a run, over all of its calls."""

import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.callbacks import ModelCheckpoint

from dlic.errors import DlicError
from dlic.training.callbacks.durable_checkpoints import store

log = logging.getLogger(__name__)


class KeepBest(ModelCheckpoint):
    """Keeps the best checkpoint of a run over all its calls: a resumed call starts with a copy of the best one so far.

    Lightning's own begins anew where it saves to another folder.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        best = Path(state_dict["best_model_path"])
        if self.dirpath is None or state_dict["dirpath"] == self.dirpath:
            super().load_state_dict(state_dict)
        elif best.is_file():  # and has not been taken away
            copy, score = Path(self.dirpath) / best.name, state_dict["best_model_score"]
            try:
                _copy_on_first_process(best, copy)
            except (DlicError, OSError) as error:
                log.warning("the best checkpoint so far stays in %s: %s", best, error)
                return
            self.best_model_path = self.kth_best_model_path = str(copy)
            self.best_model_score = self.kth_value = score
            self.best_k_models = {str(copy): score}


@rank_zero_only
def _copy_on_first_process(source: Path, place: Path) -> None:
    store(source.read_bytes(), place)


def checkpoint_folder(trainer: pl.Trainer) -> Path | None:
    """The folder of a run's checkpoints, after its start; None if it keeps none."""
    keeper = best_keeper(trainer)
    return None if keeper is None or keeper.dirpath is None else Path(keeper.dirpath)


def best_keeper(trainer: pl.Trainer) -> ModelCheckpoint | None:
    """The callback that keeps the best checkpoint; others save to its folder."""
    return next((callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)), None)
