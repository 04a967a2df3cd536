"""Reconstructions of validated crops in TensorBoard."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import center_crop
from torchvision.utils import make_grid

from dlic.training.callbacks.tensorboard import tensorboard
from dlic.training.validated import Validated


class Reconstructions(pl.Callback):
    """Draws at each validation originals (left) and their reconstructions (right)."""

    def __init__(self, count: int = 4, side: int = 256):
        """
        Args:
            count: pairs shown, the first of the validation set.
            side: pixels of the shown middle of each; whole crops would add megabytes a validation.
        """
        self.count, self.side = count, side

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._pairs: list[Tensor] = []

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch, batch_idx, dataloader_idx=0
    ) -> None:
        if tensorboard(trainer) is None:
            return
        middle: Validated = outputs[len(outputs) // 2]  # of the levels
        for x, x_hat in list(zip(middle.x, middle.x_hat, strict=True))[: self.count - len(self._pairs)]:
            pair = torch.stack([x, x_hat])  # (2, 3, H, W)
            self._pairs.append(center_crop(pair, [min(self.side, n) for n in pair.shape[2:]]).float().cpu())

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        writer = tensorboard(trainer)
        if writer is not None and self._pairs:
            grid = make_grid(torch.cat(self._pairs), nrow=2, padding=4, pad_value=1.0)
            writer.add_image("val/original_and_reconstruction", grid, trainer.global_step)
