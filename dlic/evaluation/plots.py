"""Figures of rate–distortion curves, drawn without pyplot's global state."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlic.evaluation.rate_distortion import Point


@dataclass(frozen=True)
class Curve:
    """One line of a figure; a single point is drawn as a marker."""

    label: str
    bpp: Sequence[float]
    scores: Sequence[float]  # dB of PSNR or values of another metric, one for each bpp; higher is better
    style: str = ""  # matplotlib's short form, such as "k--"; the next colour of the cycle by default
    name: str = ""  # a short form of the label, for the end of the line; the label itself by default

    def __post_init__(self) -> None:
        assert len(self.bpp) == len(self.scores), (self.label, len(self.bpp), len(self.scores))

    @classmethod
    def through(cls, label: str, points: Sequence[Point], style: str = "", name: str = "") -> "Curve":
        """The curve through points, in their order."""
        return cls(label, [p.bpp for p in points], [p.score for p in points], style, name)


def rd_figure(curves: Sequence[Curve], bpp_limit: float = math.inf, score: str = "PSNR (dB)") -> Figure:
    """`score` over bpp, one line a curve in the order of its points; points of more than `bpp_limit` bits are left out."""
    figure = Figure(figsize=(8, 5.5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for curve in curves:
        single = len(curve.bpp) == 1
        style = curve.style or ("o" if single else ".-")
        points = [(bpp, score) for bpp, score in zip(curve.bpp, curve.scores, strict=True) if bpp <= bpp_limit]
        bpp, scores = zip(*points, strict=True) if points else ((), ())
        axes.plot(bpp, scores, style, label=curve.label, markersize=10 if single else 6, zorder=3 if single else 2)
    axes.set_xlabel("rate (bits per pixel)")
    axes.set_ylabel(score)
    axes.grid(color="0.9")
    if curves:
        axes.legend(loc="lower right")
    return figure


def figure_pixels(figure: Figure) -> np.ndarray:
    """A figure as uint8 (H, W, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
