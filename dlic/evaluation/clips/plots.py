"""PSNR over the frames of each clip, by codec at the quality nearest to a rate."""

import io

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlic.evaluation.clips.measure import ClipRow
from dlic.evaluation.clips.run import ClipRun
from dlic.evaluation.clips.summary import settings_of

WIDTH, HEIGHT = 4.6, 2.8  # inches of one panel
REFERENCE = 2  # the middle quality of the first codec gives the rate


def nearest(run: ClipRun, codec: str, clip: str, bpp: float) -> ClipRow | None:
    """The file of a codec whose rate is nearest."""
    rows = [row for row in run.rows if (row.codec, row.clip) == (codec, clip)]
    return min(rows, key=lambda row: abs(row.bpp - bpp), default=None)


def rate_of(run: ClipRun, clip: str, names: list[str]) -> float | None:
    """The rate that a panel is drawn at: of the first codec's middle quality."""
    rows = sorted((row for row in run.rows if (row.codec, row.clip) == (names[0], clip)), key=lambda row: row.bpp)
    return rows[min(REFERENCE, len(rows) - 1)].bpp if rows else None


def over_frames(run: ClipRun, suffix: str) -> bytes:
    """A figure with a row a setting and a column a clip, as a file of that ending, `.png` or `.svg`."""
    settings = settings_of(run)
    size = WIDTH * len(run.clips), HEIGHT * len(settings)
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(settings), len(run.clips), squeeze=False)
    for (setting, names), row in zip(settings.items(), grid, strict=True):
        for clip, axes in zip(run.clips, row, strict=True):
            _draw(axes, run, clip.name, names)
            axes.set_title(f"{clip.name}, {setting}", fontsize=9)
    grid[-1][0].set_xlabel("frame")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix.lower().lstrip("."))
    return buffer.getvalue()


def _draw(axes: Axes, run: ClipRun, clip: str, names: list[str]) -> None:
    rate = rate_of(run, clip, names)
    if rate is None:
        return
    for place, name in enumerate(names):
        row = nearest(run, name, clip, rate)
        if row is not None:
            label = f"{run.codecs[name].label}, {row.bpp:.3f} bpp"
            axes.plot(row.psnr_of_frames, label=label, linewidth=2.2 if place == 0 else 1)
    axes.set_ylabel("PSNR (dB)")
    axes.grid(color="0.92")
    axes.legend(fontsize=6, frameon=False)
