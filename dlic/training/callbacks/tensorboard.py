"""Access to a run's TensorBoard writer, in the first process of distributed training."""

import pytorch_lightning as pl
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter


def tensorboard(trainer: pl.Trainer) -> SummaryWriter | None:
    """The writer; None where `drawn` is false, and in all processes except the first."""
    if not drawn(trainer) or not trainer.is_global_zero:
        return None
    return next(logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger))


def drawn(trainer: pl.Trainer) -> bool:
    """Whether a run draws: not without a TensorBoardLogger, nor during Lightning's sanity check."""
    return not trainer.sanity_checking and any(isinstance(logger, TensorBoardLogger) for logger in trainer.loggers)
