"""The figure of one codec among many."""

import io
import sys
from subprocess import run

import pytest
from PIL import Image

from dlic.evaluation.comparison_plot import comparison_figure, figure_bytes
from dlic.evaluation.plots import Curve

OURS = Curve("ours", [0.2, 0.4, 0.8], [28.0, 31.0, 34.0])
WORSE = Curve("worse", [0.8, 0.1, 0.3], [32.0, 22.0, 27.0])  # in any order
BETTER = Curve("better", [0.3, 0.6], [31.0, 34.0])


def labels(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_legend_lists_the_best_first():
    figure = comparison_figure(OURS, [WORSE, BETTER], "on two images")
    assert labels(figure) == ["better", "ours", "worse"]
    assert figure.axes[0].get_title() == "on two images" and figure.axes[1].get_xscale() == "log"


def test_the_lower_part_shows_leads_where_both_reach():
    better, ours, worse = comparison_figure(OURS, [WORSE, BETTER]).axes[1].lines
    assert ours.get_xydata().tolist() == [[0.2, 0], [0.4, 0], [0.8, 0]]
    assert better.get_xdata().tolist() == [0.3, 0.4, 0.6] and min(better.get_ydata()) > 0
    assert worse.get_xdata().tolist() == [0.2, 0.3, 0.4, 0.8] and worse.get_ydata()[-1] == pytest.approx(-2)


def test_a_single_point_has_no_lower_part():
    figure = comparison_figure(Curve("ours", [0.5], [30.0]), [WORSE, BETTER, Curve("far", [7.0, 9.0], [50.0, 60.0])])
    assert len(figure.axes) == 1 and set(labels(figure)) == {"ours", "worse", "better", "far"}


def test_both_endings():
    figure = comparison_figure(OURS, [WORSE])
    assert Image.open(io.BytesIO(figure_bytes(figure, ".PNG"))).size[0] == 1320
    assert b"<svg" in figure_bytes(figure, ".svg")


def test_pyplot_stays_out():
    code = (
        "import sys; from dlic.evaluation.comparison_plot import *; from dlic.evaluation.plots import Curve;"
        "figure_bytes(comparison_figure(Curve('a', [1], [30]), []), '.svg'); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert run([sys.executable, "-c", code]).returncode == 0
