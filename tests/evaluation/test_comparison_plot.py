"""The figure of one codec among a handful of others."""

import io
import sys
from itertools import pairwise
from subprocess import run

import pytest
from matplotlib.text import Annotation, Text
from PIL import Image

from dlic.evaluation.anchors import kodak_anchors
from dlic.evaluation.comparison_plot import MOST, WELL_KNOWN, Panel, comparison_figure, figure_bytes, panels_figure, run_figure
from dlic.evaluation.plots import Curve
from tests.evaluation.test_tensorboard import make_run

OURS = Curve("ours", [0.2, 0.4, 0.8], [28.0, 31.0, 34.0])
WORSE = Curve("worse", [0.8, 0.1, 0.3], [32.0, 22.0, 27.0])  # in any order
BETTER = Curve("better", [0.3, 0.6], [31.0, 34.0])
NEARBY = [Curve(f"codec {i}", [0.2, 0.4, 0.8], [28.0 + i / 100, 31.0, 34.0 + i / 100]) for i in range(6)]


def names(axes) -> list[Annotation]:
    """The names at the ends of lines, from the lowest."""
    return sorted((child for child in axes.get_children() if isinstance(child, Annotation)), key=lambda name: name.xyann[1])


def test_each_line_has_its_name_at_its_end():
    figure = comparison_figure(OURS, [WORSE, BETTER], "on two images")
    upper = figure.axes[0]
    assert [name.get_text() for name in names(upper)] == ["worse", "better", "ours"]
    assert [name.xy for name in names(upper)] == [pytest.approx(end) for end in ((0.8, 32), (0.6, 34), (0.8, 34))]
    assert figure.get_suptitle() == "on two images" and upper.get_xscale() == "log" and not figure.legends


def test_names_of_lines_that_lie_together_do_not_overlap():
    figure = comparison_figure(OURS, NEARBY)
    figure.canvas.draw()
    for axes in figure.axes:
        boxes = [Text.get_window_extent(name) for name in names(axes)]
        assert len(boxes) == 7 and all(low.y1 <= high.y0 + 0.5 for low, high in pairwise(boxes))


@pytest.mark.parametrize("length", [1, 25, 60])
def test_nothing_is_clipped_whatever_the_names(length):
    long = [Curve(f"{i} {'word ' * length}", c.bpp, c.scores, name=f"name {i}") for i, c in enumerate(NEARBY[: 1 + length // 20])]
    figure = panels_figure([Panel("PSNR dB", OURS, long)] * 2)
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for box in (Text.get_window_extent(name) for axes in figure.axes for name in names(axes)):
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0 and legend.x1 <= width


def test_the_lower_part_shows_leads_where_both_reach():
    worse, better, ours = comparison_figure(OURS, [WORSE, BETTER]).axes[1].lines
    assert ours.get_xydata().tolist() == [[0.2, 0], [0.4, 0], [0.8, 0]]
    assert better.get_xdata().tolist() == [0.3, 0.4, 0.6] and min(better.get_ydata()) > 0
    assert worse.get_xdata().tolist() == [0.2, 0.3, 0.4, 0.8] and worse.get_ydata()[-1] == pytest.approx(-2)


def test_a_single_point_has_no_lower_part():
    figure = comparison_figure(Curve("ours", [0.5], [30.0]), [WORSE, BETTER, Curve("far", [7.0, 9.0], [50.0, 60.0])])
    assert len(figure.axes) == 1 and {name.get_text() for name in names(figure.axes[0])} == {"ours", "worse", "better"}


def test_of_many_curves_a_handful_is_drawn():
    curves = [Curve.through(label, anchor.points) for label, anchor in kodak_anchors().items()]
    figure = comparison_figure(OURS, curves)
    assert len(figure.axes[0].lines) == 1 + MOST and set(WELL_KNOWN) <= {curve.label for curve in curves}


def test_a_run_has_a_panel_for_each_metric():
    figure = run_figure(make_run(against="kodak"))
    assert [axes.get_ylabel() for axes in figure.axes[:2]] == ["PSNR dB", "MS-SSIM dB"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["mine: Mine", "jpeg: JPEG 4:2:0, optimised"]


def test_distances_are_drawn_with_the_best_above():
    distances = Curve("ours", [0.2, 0.4], [-3.0, -1.5])
    figure = panels_figure([Panel("Butteraugli", distances, [Curve("other", [0.2, 0.4], [-4.0, -2.0])], lower_is_better=True)])
    figure.canvas.draw()
    assert all(not text.get_text().startswith("−") for text in figure.axes[0].get_yticklabels())
    assert figure.axes[0].get_ylim()[0] < figure.axes[0].get_ylim()[1]


def test_both_endings():
    figure = comparison_figure(OURS, [WORSE])
    assert Image.open(io.BytesIO(figure_bytes(figure, ".PNG"))).size == tuple(map(round, 100 * figure.get_size_inches()))
    assert b"<svg" in figure_bytes(figure, ".svg")


def test_pyplot_stays_out():
    code = (
        "import sys; from dlic.evaluation.comparison_plot import *; from dlic.evaluation.plots import Curve;"
        "figure_bytes(comparison_figure(Curve('a', [1], [30]), []), '.svg'); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert run([sys.executable, "-c", code]).returncode == 0
