"""The last checkpoint of a run."""

import pytorch_lightning as pl

from dlic.training.callbacks.keep_best import best_keeper, checkpoint_folder


class SaveAtEnd(pl.Callback):
    """Writes last.ckpt when a run ends; ModelCheckpoint alone would lose the steps after the last validation. It comes before
    weight averaging, which at the end replaces the weights that resuming needs.
    """

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        checkpoints, folder = best_keeper(trainer), checkpoint_folder(trainer)
        if checkpoints is not None and folder is not None:
            # by ModelCheckpoint's own method: where it has saved nothing yet, it would write the averaged weights over this file
            checkpoints._save_checkpoint(trainer, str(folder / "last.ckpt"))
