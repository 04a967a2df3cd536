"""The rate–distortion figure."""

import sys
from subprocess import run

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.evaluation.plots import Curve, figure_pixels, rd_figure
from dlic.evaluation.rate_distortion import Point

JPEG = Curve("JPEG", [0.2, 0.5, 1.0], [27.0, 31.0, 34.0], "k.--")
curves = st.lists(st.lists(st.builds(Point, st.floats(0, 20), st.floats(0, 100)), max_size=4), max_size=4)


def test_lines_labels_and_axes():
    figure = rd_figure([JPEG, Curve.through("now", [Point(0.3, 30.0)], "C3*"), Curve.through("path", [Point(2, 20), Point(1, 25)])])
    (axes,) = figure.axes
    assert "bits per pixel" in axes.get_xlabel() and "dB" in axes.get_ylabel()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["JPEG", "now", "path"]
    assert [line.get_marker() for line in axes.lines] == [".", "*", "."]
    assert axes.lines[2].get_xydata().tolist() == [[2, 20], [1, 25]]  # a path keeps its order


def test_a_single_point_is_a_marker():
    (line,) = rd_figure([Curve("one", [1.0], [30.0])]).axes[0].lines
    assert line.get_marker() == "o"


@settings(max_examples=10)
@given(curves)
def test_any_points_can_be_drawn(drawn):
    figure = rd_figure([Curve.through(f"curve {i}", points) for i, points in enumerate(drawn)])
    assert len(figure.axes[0].lines) == len(drawn)
    assert figure_pixels(figure).shape == (550, 800, 3)


def test_pixels_are_those_of_the_figure():
    pixels = figure_pixels(rd_figure([JPEG]))
    assert pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == [255, 255, 255] and pixels.min() < 50


def test_values_that_are_not_numbers_do_no_harm():
    assert figure_pixels(
        rd_figure([JPEG, Curve("diverged", [float("nan"), 0.5, float("inf")], [float("inf"), float("nan"), 30.0])])
    ).any()


def test_points_beyond_the_limit_are_left_out():
    figure = rd_figure([JPEG, Curve("path", [3.0, 2.0, 0.4], [20.0, 25.0, 30.0]), Curve("far", [9.0], [40.0])], bpp_limit=0.5)
    assert [line.get_xydata().tolist() for line in figure.axes[0].lines] == [[[0.2, 27], [0.5, 31]], [[0.4, 30]], []]


def test_lengths_must_agree():
    with pytest.raises(AssertionError, match="uneven"):
        Curve("uneven", [1.0], [30.0, 31.0])


def test_pyplot_stays_out():
    code = "import sys, dlic.evaluation.plots as p; p.figure_pixels(p.rd_figure([])); sys.exit('matplotlib.pyplot' in sys.modules)"
    assert run([sys.executable, "-c", code]).returncode == 0
