"""A limit to the time of one call."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Timer


class TimePerCall(Timer):
    """Ends a call after a duration; Lightning's max_time also counts the calls before it."""

    def __init__(self, duration: str):
        """
        Args:
            duration: DD:HH:MM:SS from the first step of the call.
        """
        super().__init__(duration)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:  # between steps: gradients are not stored
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def load_state_dict(self, state_dict: dict) -> None:
        pass  # a resumed call has the whole time again
