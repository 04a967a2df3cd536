"""A run's settings in TensorBoard's table of hyperparameters, next to its curves."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytorch_lightning as pl

from dlic.evaluation.tensorboard import Setting, log_settings
from dlic.training.callbacks.tensorboard import tensorboard

PARTS = ("model", "data", "trainer.max_steps", "trainer.precision", "trainer.accumulate_grad_batches", "averaging", "from")


class SettingsTable(pl.Callback):
    """Writes one row: the settings that decide what is trained. Its metrics are the scalars of the run."""

    def __init__(self, config: Mapping[str, Any]):
        """
        Args:
            config: the complete configuration of the run, as its config.yaml has it.
        """
        self.config = config

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if (writer := tensorboard(trainer)) is not None:
            log_settings(writer, dict(settings(self.config)))


def settings(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Setting]]:
    """Columns of the table by dotted key; without values that are not set, and without settings of places and callbacks."""
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from settings(value, f"{name}.")
        elif value is not None and any(f"{name}.".startswith(f"{part}.") for part in PARTS):
            yield name.replace(".init_args.", "."), value if isinstance(value, str | int | float) else str(value)
