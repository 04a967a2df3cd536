"""Points and curves of rate against distortion, measured from real bytes and real pixels."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlic.metrics.registry import psnr
from dlic.peers.pillow import jpeg
from dlic.pixels.arrays import Codec

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator

RATES = (0.1, 1.5)  # range of bpp of comparisons: usual for photographs, and covered by most published curves
JPEG_QUALITIES = (5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 95)  # about 0.2 to 3 bpp on photographs

Measure = Callable[[np.ndarray, np.ndarray], float | None]  # original, reconstruction: uint8 (H, W, 3) → higher is better, or None


@dataclass(frozen=True)
class Point:
    """Mean rate and score of a codec on a set of images."""

    bpp: float  # bits per pixel, mean over the images
    score: float  # of PSNR in dB, or of another metric made by `scores.as_score`; mean over the images; higher is better


def mean_point(codec: Codec, images: Sequence[np.ndarray], measure: Measure = psnr) -> Point:
    """Mean rate and score of `codec` on uint8 (H, W, 3) images: bits of its files, PSNR or another measure of the decoded pixels.

    Raises ValueError without images, and for an image that is too small to be measured.
    """
    if not images:
        raise ValueError("there are no images to measure")
    streams = [codec.compress(image) for image in images]
    bpp = [8 * len(data) / (image.shape[0] * image.shape[1]) for image, data in zip(images, streams, strict=True)]
    scores = [measure(image, codec.decompress(data)) for image, data in zip(images, streams, strict=True)]
    measured = [score for score in scores if score is not None]
    if len(measured) < len(scores):
        raise ValueError("an image is too small for this measure")
    return Point(float(np.mean(bpp)), float(np.mean(measured)))


def jpeg_curve(images: Sequence[np.ndarray], qualities: Sequence[int] = JPEG_QUALITIES, measure: Measure = psnr) -> list[Point]:
    """One point a quality of JPEG 4:2:0 with optimised Huffman tables, the line to beat."""
    return [mean_point(jpeg(quality), images, measure) for quality in qualities]


def bits_saved(curve: Sequence[Point], point: Point) -> float:
    """Share of bits `point` saves against `curve` at equal score; negative where it needs more.

    log(bpp) is interpolated linearly over the score between neighbouring points, after sorting.
    Raises ValueError where the score lies outside the curve.
    """
    cheapest = {p.score: p.bpp for p in sorted(curve, key=lambda p: p.bpp, reverse=True)}  # one bpp for each score
    scores = sorted(cheapest)
    if not scores or not scores[0] <= point.score <= scores[-1]:
        reach = f"{scores[0]:.2f} to {scores[-1]:.2f}" if scores else "nothing"
        raise ValueError(f"{point.score:.2f} is outside the curve, which covers {reach}")
    above = max(1, bisect_left(scores, point.score))
    near = scores[above - 1 : above + 1]
    log_bpp = np.interp(point.score, near, [math.log(cheapest[score]) for score in near])
    return 1 - point.bpp / math.exp(log_bpp)


def score_gained(curve: Sequence[Point], point: Point) -> float:
    """Score by which `point` is above `curve` at equal rate; negative where it is below.

    The score of the curve's frontier is interpolated linearly over log(bpp). Raises ValueError where the rate lies outside it.
    """
    points = frontier(curve)
    if not points or not points[0].bpp <= point.bpp <= points[-1].bpp:
        reach = f"{points[0].bpp:.3f} to {points[-1].bpp:.3f} bpp" if points else "nothing"
        raise ValueError(f"{point.bpp:.3f} bpp is outside the curve, which covers {reach}")
    return point.score - float(np.interp(math.log(point.bpp), [math.log(p.bpp) for p in points], [p.score for p in points]))


def bd_rate(anchor: Sequence[Point], test: Sequence[Point]) -> float:
    """Bjøntegaard delta rate of `test` against `anchor` over the scores both reach: −0.1 is 10 % fewer bits.

    Piecewise cubic Hermite interpolation of log-rate, by the `bjontegaard` package, through the points of each curve's frontier.
    Raises ValueError where that leaves a curve fewer than four points or the two share no scores.
    """
    anchor, test = frontier(anchor), frontier(test)
    if min(len(anchor), len(test)) < 4:
        raise ValueError(f"a BD-rate needs four points a curve, not {len(anchor)} and {len(test)}")
    return _bd_rate(anchor, test)


def bd_rate_between(anchor: Sequence[Point], test: Sequence[Point], scores: tuple[float, float]) -> float:
    """`bd_rate` over a range of scores that both curves reach, by the same interpolation."""
    log_rates = (log_rate_of(frontier(curve)) for curve in (anchor, test))
    before, after = (float(log_rate.integrate(*scores)) for log_rate in log_rates)
    return math.exp((after - before) / (scores[1] - scores[0])) - 1


def log_rate_of(curve: Sequence[Point]) -> "PchipInterpolator":
    """log(bpp) over the scores of a frontier."""
    from scipy.interpolate import PchipInterpolator

    return PchipInterpolator([p.score for p in curve], [math.log(p.bpp) for p in curve])


def bd_score(anchor: Sequence[Point], test: Sequence[Point]) -> float:
    """Bjøntegaard delta of the score of `test` against `anchor` over the rates both reach: by PSNR, 1.0 is 1 dB more.

    Interpolates as `bd_rate` does. Raises ValueError where the two share no rates.
    """
    import bjontegaard

    anchor, test = frontier(anchor), frontier(test)
    low, high = max(anchor[0].bpp, test[0].bpp), min(anchor[-1].bpp, test[-1].bpp)
    if low >= high:
        raise ValueError(
            f"the curves share no rate: {low:.3f} bpp is the highest of the minima, {high:.3f} the lowest of the maxima"
        )
    return bjontegaard.bd_psnr(*_columns(anchor, test), method="pchip", require_matching_points=False, min_overlap=0)


def bd_rate_within(anchor: Sequence[Point], test: Sequence[Point], rates: tuple[float, float] = RATES) -> float:
    """`bd_rate` of the parts of both curves between two rates in bpp, over the scores that both parts reach.

    Curves are of means over images. Each is cut at both rates, if it goes beyond them, at the score that PCHIP over log(bpp) gives
    there; so the range reaches from the better curve at the low rate to the worse one at the high rate, whichever is the anchor.
    Raises ValueError as `bd_rate` does; its four points are counted before cutting.
    """
    if min(len(frontier(anchor)), len(frontier(test))) < 4:
        return bd_rate(anchor, test)  # says what is missing
    return _bd_rate(cut(anchor, rates), cut(test, rates))


def cut(curve: Sequence[Point], rates: tuple[float, float] = RATES) -> list[Point]:
    """The part of a curve's frontier between two rates in bpp, with points interpolated at those it goes beyond."""
    from scipy.interpolate import PchipInterpolator

    points = frontier(curve)
    if len(points) < 2:
        return [p for p in points if rates[0] <= p.bpp <= rates[1]]
    score_at = PchipInterpolator([math.log(p.bpp) for p in points], [p.score for p in points])
    ends = [Point(rate, float(score_at(math.log(rate)))) for rate in rates if points[0].bpp <= rate <= points[-1].bpp]
    return sorted([*ends, *(p for p in points if rates[0] < p.bpp < rates[1])], key=lambda p: p.bpp)


def frontier(curve: Sequence[Point]) -> list[Point]:
    """The Pareto-optimal points of a curve, by rising rate and score: no other is at least as good for as many bits or fewer."""
    best: list[Point] = []
    for point in sorted(curve, key=lambda p: (p.bpp, -p.score)):
        if not best or point.score > best[-1].score:
            best.append(point)
    return best


def shared_scores(first: Sequence[Point], second: Sequence[Point]) -> tuple[float, float]:
    """Lowest and highest score that both frontiers reach. Raises ValueError where they share none."""
    if not first or not second:
        raise ValueError("a curve has no points in this range of rates")
    low, high = max(first[0].score, second[0].score), min(first[-1].score, second[-1].score)
    if low >= high:
        raise ValueError(f"the curves share no score: {low:.2f} is the highest of the minima, {high:.2f} the lowest of the maxima")
    return low, high


def _bd_rate(anchor: list[Point], test: list[Point]) -> float:
    """Of two frontiers."""
    import bjontegaard

    shared_scores(anchor, test)  # or says that there are none
    return bjontegaard.bd_rate(*_columns(anchor, test), method="pchip", require_matching_points=False, min_overlap=0) / 100


def _columns(anchor: Sequence[Point], test: Sequence[Point]) -> list[list[float]]:
    """Arguments of the `bjontegaard` package: rates and scores of the anchor, then of the test."""
    return [[getattr(p, name) for p in curve] for curve in (anchor, test) for name in ("bpp", "score")]
