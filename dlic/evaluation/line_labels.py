"""Names at the ends of lines, next to the axes, moved apart where ends lie close together."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

SIZE = 8.5  # points of the letters
BROADEST = 20  # letters in a line of a name
STEPS = 64  # in which a line is followed from one point to the next
AIR = 1.0  # pixels between two names

End = tuple[str, str, Sequence[float], Sequence[float]]  # name, colour, x and y of a line; x rises, on a logarithmic axis


def label_lines(axes: Axes, ends: Sequence[End]) -> None:
    """Write each name to the right of the axes, at the height of the line's last point within them, with a thin line to it.

    The limits of the axes must stand. A line that has no point within them gets no name.
    """
    for name, colour, x, y in ends:
        last = _last_within(axes, x, y)
        if last is not None:
            axes.annotate(
                textwrap.fill(name, BROADEST, break_long_words=False),
                xy=last,
                xytext=(1.03, _share(axes, last[1])),
                textcoords="axes fraction",
                color=colour,
                fontsize=SIZE,
                verticalalignment="center",
                linespacing=1.0,
                annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 1},
            )


def settle(figure: Figure) -> None:
    """Lay a figure out, move the names of `label_lines` apart by their real sizes, and keep that layout."""
    for _ in range(2):  # the names that were moved may need another layout
        figure.draw_without_rendering()
        for axes in figure.axes:
            _move_apart(axes)
    figure.set_layout_engine("none")


def _move_apart(axes: Axes) -> None:
    names = [child for child in axes.get_children() if isinstance(child, Annotation)]
    names.sort(key=lambda name: name.xy[1])
    height = axes.get_window_extent().height
    # of the letters alone: an annotation's own extent has its line as well
    heights = [(Text.get_window_extent(name).height + AIR) / height for name in names]
    for name, place in zip(names, _apart([_share(axes, name.xy[1]) for name in names], heights), strict=True):
        name.xyann = (name.xyann[0], place)


def _apart(middles: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Rising middles moved upward, then downward from the top, until no two names overlap."""
    places = list(middles)
    for above in range(1, len(places)):
        places[above] = max(places[above], places[above - 1] + (heights[above - 1] + heights[above]) / 2)
    for below in range(len(places) - 1, -1, -1):
        top = 1.0 if below == len(places) - 1 else places[below + 1] - (heights[below + 1] + heights[below]) / 2
        places[below] = min(places[below], top)
    return places


def _last_within(axes: Axes, x: Sequence[float], y: Sequence[float]) -> tuple[float, float] | None:
    """Where a line is last seen within the axes: at its end, or where it leaves them."""
    if not x:
        return None
    place = np.arange(len(x))
    fine = np.linspace(0, len(x) - 1, STEPS * (len(x) - 1) + 1)  # so many steps between two points
    along, across = np.exp(np.interp(fine, place, np.log(x))), np.interp(fine, place, y)
    (left, right), (low, high) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
    inside = np.flatnonzero((left <= along) & (along <= right) & (low <= across) & (across <= high))
    return (float(along[inside[-1]]), float(across[inside[-1]])) if len(inside) else None


def _share(axes: Axes, y: float) -> float:
    """Height of a value within the axes, 0…1."""
    low, high = axes.get_ylim()
    return (y - low) / (high - low)
