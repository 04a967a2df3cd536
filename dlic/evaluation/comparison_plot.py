"""Rate–distortion figures of one codec among a handful of others, each line labelled at its end."""

import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlic.evaluation.anchors import AVIF_AS_SHIPPED
from dlic.evaluation.line_labels import label_lines, settle
from dlic.evaluation.plots import Curve
from dlic.evaluation.results import anchors_of
from dlic.evaluation.run import Run
from dlic.evaluation.scores import head, told

WINDOW = (0.09, 1.7)  # shown range of bpp; BD-rates are taken between 0.1 and 1.5
TICKS = (0.1, 0.2, 0.3, 0.5, 1, 1.5)
MOST = 7  # other curves in one figure; more are hard to tell apart
WELL_KNOWN = (  # the published curves to draw if there are more
    "VTM (H.266)",
    "BPG 4:4:4",
    AVIF_AS_SHIPPED,
    "CompressAI cheng2020-anchor",
    "CompressAI hyperprior",
    "JPEG XL, effort 7",
    "JPEG 4:2:0, optimised",
)
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#e69f00", "#17becf", "#8c564b")  # of the others, in their order
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1)), (0, (3, 1)), (0, (8, 3)))
OURS = {"color": "black", "linewidth": 2.4, "marker": "o", "markersize": 5, "zorder": 5}
WIDTH, HEIGHT = 5.2, 4.2  # inches of a panel
LETTERS, LINE = 64, 0.17  # of the legend: letters that fit into a line, and inches a line takes
BELOW = 0.2  # of our own range of scores: how far a worse curve is followed below it
LEAD = 0.2  # of our own range of scores: the largest difference, either way, that the lower panels show


@dataclass(frozen=True)
class Panel:
    """Curves by one metric."""

    score: str  # the metric with its unit: "PSNR dB"
    ours: Curve
    others: Sequence[Curve]
    lower_is_better: bool = False  # then scores are values of the metric with a minus


def comparison_figure(ours: Curve, others: Sequence[Curve], title: str = "", score: str = "PSNR dB") -> Figure:
    """`ours` in front of other curves by one metric; of many curves, only the well-known ones."""
    return panels_figure([Panel(score, ours, _handful(others))], title)


def run_figure(run: Run) -> Figure:
    """The first codec of a run in front of the run's other codecs and some published ones, a panel for each metric."""
    first = next(iter(run.codecs.values()))
    names = {entry.label: entry.name for entry in run.codecs.values()}
    panels = []
    for metric in told(run.metrics):
        ours = Curve.through(first.label, run.curve(first.name, metric), name=first.name)
        anchors = {label: anchor for label, anchor in anchors_of(run, first.name, metric).items() if anchor.points}
        peers = [Curve.through(label, anchor.points, name=names.get(label, "")) for label, anchor in anchors.items()]
        if ours.bpp:
            measured, published = [c for c in peers if c.name], [c for c in peers if not c.name]
            curves = [*measured, *(curve for curve in published if curve.label in WELL_KNOWN)][:MOST]
            panels.append(Panel(head(metric), ours, curves, max(ours.scores) <= 0))
    return panels_figure(panels, f"{first.label} on the {len(run.pictures)} images of {run.title}")


def panels_figure(panels: Sequence[Panel], title: str = "") -> Figure:
    """A column for each metric: scores over the logarithmic rate, and below how far each curve is above ours.

    The lower panel spreads curves that lie close together; it is left out where ours is one point.
    Each line has its short name at its end; a legend below tells the long ones.
    """
    with_leads = all(len(panel.ours.bpp) > 1 for panel in panels)
    rows = 1 + with_leads
    figure = Figure(figsize=(WIDTH * len(panels) + 0.3, HEIGHT * rows + 0.3), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    looks = _looks(panels)
    grid = figure.subplots(rows, len(panels), squeeze=False, sharex="col")
    for panel, column in zip(panels, grid.T, strict=True):
        for axes, leads in zip(column, (False, True), strict=False):
            _draw(axes, panel, looks, leads)
        column[-1].set_xlabel("rate (bits per pixel, logarithmic)")
    figure.suptitle(title, fontsize=11)
    _explain_names(figure, panels, looks)
    settle(figure)
    return figure


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """A figure as a file of that ending, `.png` or `.svg`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix.lower().lstrip("."))
    return buffer.getvalue()


def _handful(curves: Sequence[Curve]) -> list[Curve]:
    """All curves if they are few; otherwise the well-known ones, or the first if none is known."""
    drawn = [curve for curve in curves if len(curves) <= MOST or curve.label in WELL_KNOWN]
    return (drawn or list(curves))[:MOST]


def _looks(panels: Sequence[Panel]) -> dict[str, dict]:
    """Label → colour and dashes, the same in every panel."""
    labels = dict.fromkeys(curve.label for panel in panels for curve in panel.others)
    looks = {
        label: {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place % len(DASHES)], "linewidth": 1.6}
        for place, label in enumerate(labels)
    }
    return {**looks, **{panel.ours.label: OURS for panel in panels}}


# --- a panel ------------------------------------------------------------------------------------------------------------


def _draw(axes: Axes, panel: Panel, looks: dict[str, dict], leads: bool) -> None:
    """Draws scores over rate, or their differences from ours."""
    ends = []
    for curve in [*panel.others, panel.ours]:
        look = looks[curve.label] | ({"marker": "o"} if len(curve.bpp) == 1 else {})
        bpp, scores = _lead(curve, panel.ours) if leads else _by_rate(curve)
        axes.plot(bpp, scores, **look)
        ends.append((curve.name or curve.label, str(look["color"]), bpp, scores))
    axes.set(xscale="log", xlim=WINDOW, ylim=_limits(panel, leads))
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.set_xticks([], minor=True)
    axes.grid(color="0.92")
    axes.set_ylabel(f"{panel.score} above {panel.ours.name or panel.ours.label}" if leads else panel.score)
    if panel.lower_is_better and not leads:
        axes.yaxis.set_major_formatter(lambda value, _: f"{-value:g}")
    label_lines(axes, ends)


def _limits(panel: Panel, leads: bool) -> tuple[float, float]:
    """Lowest and highest score of a panel: our scores, all better ones, and a small range of worse ones."""
    ours = _seen(*_by_rate(panel.ours)) or list(panel.ours.scores) or [0.0]
    span = max(ours) - min(ours) or 1.0
    if leads:
        scores = [score for curve in panel.others for score in _seen(*_lead(curve, panel.ours))] + [0.0]
        air = 0.05 * (max(scores) - min(scores) or 1.0)
        return max(min(scores) - air, -LEAD * span), min(max(scores) + air, LEAD * span)
    scores = [score for curve in panel.others for score in _seen(*_by_rate(curve))] + ours
    return max(min(scores), min(ours) - BELOW * span) - 0.02 * span, max(scores) + 0.02 * span


def _seen(bpp: Sequence[float], scores: Sequence[float]) -> list[float]:
    """Finite scores within the window of rates."""
    return [score for rate, score in zip(bpp, scores, strict=True) if WINDOW[0] <= rate <= WINDOW[1] and math.isfinite(score)]


def _lead(curve: Curve, ours: Curve) -> tuple[list[float], list[float]]:
    """bpp, and how far a curve is above ours there, over the rates both reach."""
    (bpp, _), (our_rates, _) = _by_rate(curve), _by_rate(ours)
    low, high = max(bpp[0], our_rates[0]), min(bpp[-1], our_rates[-1])
    shared = sorted({low, high, *(rate for rate in (*bpp, *our_rates) if low < rate < high)}) if low <= high else []
    return shared, list(_score_at(curve, shared) - _score_at(ours, shared))


def _score_at(curve: Curve, rates: Sequence[float]) -> np.ndarray:
    """Scores at some rates: interpolated linearly over log(bpp), and held beyond the ends."""
    bpp, scores = _by_rate(curve)
    return np.interp(np.log(rates), np.log(bpp), scores)


def _by_rate(curve: Curve) -> tuple[list[float], list[float]]:
    """bpp and scores of a curve, by rising rate."""
    pairs = sorted(zip(curve.bpp, curve.scores, strict=True))
    return [bpp for bpp, _ in pairs], [score for _, score in pairs]


def _explain_names(figure: Figure, panels: Sequence[Panel], looks: dict[str, dict]) -> None:
    """A legend for the curves whose short name differs from the label."""
    curves = {curve.label: curve for panel in panels for curve in (panel.ours, *panel.others)}
    named = [curve for curve in curves.values() if curve.name not in ("", curve.label)]
    if named:
        texts = {curve.label: textwrap.fill(f"{curve.name}: {curve.label}", LETTERS) for curve in named}
        handles = [figure.axes[0].plot([], [], label=texts[curve.label], **looks[curve.label])[0] for curve in named]
        columns = 1 if len(panels) == 1 else 2
        lines = math.ceil(sum(1 + text.count("\n") for text in texts.values()) / columns)
        figure.set_figheight(figure.get_figheight() + LINE * lines)
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=8.5, frameon=False, handlelength=4)
