"""Where a run is drawn: in TensorBoard, by the first of the processes that train together."""

import pytorch_lightning as pl
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter


def tensorboard(trainer: pl.Trainer) -> SummaryWriter | None:
    """Where to draw; None where `drawn` says no, and in all processes that train together but the first."""
    if not drawn(trainer) or not trainer.is_global_zero:
        return None
    return next(logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger))


def drawn(trainer: pl.Trainer) -> bool:
    """Whether a run shows itself: not without a TensorBoardLogger nor while Lightning only checks that validation works."""
    return not trainer.sanity_checking and any(isinstance(logger, TensorBoardLogger) for logger in trainer.loggers)
