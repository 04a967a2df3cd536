"""Keeps Lightning's advertisements and its lists of absent devices out of a run's log."""

import logging
import re

UNWANTED = re.compile(r"💡|.*\b(?:GPU|TPU|HPU|NPU) available: False|Seed set to |`Trainer.fit` stopped: `max_steps")
LOGGERS = ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.rank_zero", "lightning_fabric.utilities.seed")


def keep_quiet() -> None:
    """Filters the messages for the rest of the process; calling it again changes nothing."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if _wanted not in logger.filters:
            logger.addFilter(_wanted)


def _wanted(record: logging.LogRecord) -> bool:
    return UNWANTED.match(record.getMessage()) is None
