"""Callbacks of training: saving and stopping a run, and its figures in TensorBoard (only with a TensorBoardLogger)."""

from dlic.training.callbacks.fit_notes import FitNotes
from dlic.training.callbacks.keep_best import KeepBest
from dlic.training.callbacks.kodak_curve import KodakCurve
from dlic.training.callbacks.rate_distortion_curve import RateDistortionCurve
from dlic.training.callbacks.reconstructions import Reconstructions
from dlic.training.callbacks.save_at_end import SaveAtEnd
from dlic.training.callbacks.save_often import SaveOften
from dlic.training.callbacks.throughput import Throughput
from dlic.training.callbacks.time_per_call import TimePerCall

__all__ = [
    "FitNotes", "KeepBest", "KodakCurve", "RateDistortionCurve", "Reconstructions", "SaveAtEnd", "SaveOften", "Throughput",
    "TimePerCall",
]  # fmt: skip
