"""The default callbacks of every run."""

from collections.abc import Callable, Sequence

from pytorch_lightning.callbacks import (
    Callback,
    EMAWeightAveraging,
    LearningRateMonitor,
    ModelCheckpoint,
    ProgressBar,
    WeightAveraging,
)

from dlic.training.callbacks.fit_notes import FitNotes
from dlic.training.callbacks.keep_best import KeepBest
from dlic.training.callbacks.rate_distortion_curve import RateDistortionCurve
from dlic.training.callbacks.reconstructions import Reconstructions
from dlic.training.callbacks.save_at_end import SaveAtEnd
from dlic.training.callbacks.save_often import SaveOften
from dlic.training.callbacks.step_progress import StepProgress
from dlic.training.callbacks.throughput import Throughput


def with_usual_callbacks(
    own: Sequence[Callback], averaging: float, save_every: int, logs: bool, bar: bool, curve: bool = True
) -> list[Callback]:
    """A recipe's callbacks and the default ones; a default is left out if the recipe has a callback of its class.

    Args:
        own: callbacks that the recipe lists.
        averaging: decay of weight averaging a step, below 1; 0 for none.
        save_every: optimiser steps from one save of last.ckpt to the next; validations save as well.
        logs: whether the run has a logger.
        bar: whether the run shows its progress.
        curve: whether validation measures a curve over levels; predictions have a level of their own.
    """
    usual: list[tuple[type[Callback], Callable[[], Callback]]] = [
        (SaveAtEnd, SaveAtEnd),
        (ModelCheckpoint, _keep_best),
        (SaveOften, lambda: SaveOften(save_every)),
        (RateDistortionCurve, RateDistortionCurve),
        (Reconstructions, Reconstructions),
        (FitNotes, FitNotes),
        (Throughput, Throughput),
    ]
    if not curve:
        usual = [(kind, make) for kind, make in usual if kind is not RateDistortionCurve]
    if averaging:
        usual.insert(1, (WeightAveraging, lambda: EMAWeightAveraging(decay=averaging)))
    if logs:
        usual.append((LearningRateMonitor, LearningRateMonitor))
    if bar:
        usual.append((ProgressBar, StepProgress))
    added = [make() for kind, make in usual if not any(isinstance(callback, kind) for callback in own)]
    # before weight averaging, which ends a run by replacing the weights that resuming needs
    return sorted([*added, *own], key=lambda callback: not isinstance(callback, SaveAtEnd))


def _keep_best() -> KeepBest:
    return KeepBest(
        monitor="val/loss", filename="best", save_last=True, save_top_k=1,
        enable_version_counter=False, auto_insert_metric_name=False,
    )  # fmt: skip
