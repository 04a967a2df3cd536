"""The rate–distortion figure of one codec among many."""

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlic.evaluation.plots import Curve
from dlic.evaluation.run import Run
from dlic.evaluation.summary import anchors_of

WINDOW = (0.09, 2.1)  # bpp that are shown
TICKS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2)
FOCUS = 0.5  # bpp at which curves are ranked: near the middle of the window, and within reach of every published curve
LEAD = 3.2  # dB either way that the lower part shows; JPEG is further off, and well apart from the rest in the upper one
OURS = {"color": "black", "linewidth": 2.6, "marker": "o", "markersize": 6, "zorder": 5}


def comparison_figure(ours: Curve, others: Sequence[Curve], title: str = "", score: str = "PSNR") -> Figure:
    """`ours` in front of the curves of others, over a logarithmic rate; one legend lists the best first. `score` is in dB.

    Below it stands how many dB each is ahead of ours, which spreads what lies close together; not where ours is one point.
    """
    figure = Figure(figsize=(11, 9.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(2, sharex=True, height_ratios=(1, 1.1)) if len(ours.bpp) > 1 else [figure.add_subplot()])
    ranked = sorted([ours, *others], key=lambda curve: _psnr_at(curve, [FOCUS])[0], reverse=True)
    for rank, curve in enumerate(ranked):
        look = OURS if curve is ours else _behind(rank, len(ranked))
        panels[0].plot(*_by_rate(curve), label=curve.label, **look)
        if len(panels) > 1:
            panels[1].plot(*_lead(curve, ours), **look)
    _finish(panels, ours.label, title, score)
    figure.legend(loc="outside right upper", fontsize=8.5, title=f"best first, at {FOCUS} bpp", frameon=False)
    return figure


def run_figure(run: Run) -> Figure:
    """The first codec of a run in front of everything it is held against."""
    first = next(iter(run.codecs.values()))
    others = [Curve.through(label, anchor.points) for label, anchor in anchors_of(run, first.name).items() if anchor.points]
    title = f"{first.label} on the {len(run.pictures)} images of {run.title}"
    return comparison_figure(Curve.through(first.label, run.curve(first.name)), others, title)


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """A figure as a file of that ending, `.png` or `.svg`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix.lower().lstrip("."))
    return buffer.getvalue()


def _behind(rank: int, count: int) -> dict:
    """How a curve of others looks: coloured by its place among them, and dashed in turns so that neighbours differ."""
    return {
        "color": colormaps["turbo"](0.06 + 0.88 * rank / count),
        "linestyle": ("-", "--", "-.", ":")[rank % 4],
        "linewidth": 1.2,
    }


def _lead(curve: Curve, ours: Curve) -> tuple[list[float], np.ndarray]:
    """bpp, and how many dB a curve is above ours there, over the rates both reach."""
    (bpp, _), (known, _) = _by_rate(curve), _by_rate(ours)
    low, high = max(bpp[0], known[0]), min(bpp[-1], known[-1])
    shared = sorted({low, high, *(rate for rate in (*bpp, *known) if low < rate < high)}) if low <= high else []
    return shared, _psnr_at(curve, shared) - _psnr_at(ours, shared)


def _psnr_at(curve: Curve, rates: Sequence[float]) -> np.ndarray:
    """dB at some rates: log(bpp) interpolated linearly, and held beyond the ends."""
    bpp, psnr = _by_rate(curve)
    return np.interp(np.log(rates), np.log(bpp), psnr)


def _by_rate(curve: Curve) -> tuple[list[float], list[float]]:
    """bpp and PSNR of a curve, by rising rate."""
    pairs = sorted(zip(curve.bpp, curve.psnr, strict=True))
    return [bpp for bpp, _ in pairs], [psnr for _, psnr in pairs]


def _finish(panels: Sequence[Axes], name: str, title: str, score: str) -> None:
    """Labels, round numbers, and the rates and qualities that matter."""
    panels[0].set(title=title, ylabel=f"{score} (dB)")
    panels[0].set_ylim(*_seen(panels[0]))
    if len(panels) > 1:
        low, high = _seen(panels[1])
        panels[1].set(ylabel=f"{score} above that of {name} (dB)", ylim=(max(low, -LEAD), min(high, LEAD)))
    panels[-1].set(xlabel="rate (bits per pixel, logarithmic)", xscale="log", xlim=WINDOW)
    panels[-1].set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    panels[-1].set_xticks([], minor=True)
    for axes in panels:
        axes.grid(color="0.92")


def _seen(axes: Axes) -> tuple[float, float]:
    """Lowest and highest dB drawn within the window of rates, with some air."""
    values = [
        psnr for line in axes.lines for bpp, psnr in line.get_xydata() if WINDOW[0] <= bpp <= WINDOW[1] and math.isfinite(psnr)
    ]
    return (min(values) - 0.3, max(values) + 0.3) if values else (0.0, 1.0)
