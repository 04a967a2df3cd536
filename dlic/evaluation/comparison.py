"""One codec held against others: BD-rates of a curve, bits saved by a single point."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlic.evaluation.rate_distortion import Point, bd_psnr, bd_rate, bd_rate_within, bits_saved, cut, frontier, shared_psnr

LEAST_OVERLAP = 0.5  # of the narrower curve's decibels: what a BD-rate says of less depends on a part that one codec hardly has


@dataclass(frozen=True)
class Anchor:
    """The curve of a codec to compare with."""

    points: list[Point]
    note: str = ""  # what to know before comparing


@dataclass(frozen=True)
class Comparison:
    """A curve against another by PSNR or another score; shares are None where the curves cannot be compared."""

    bd_rate: float | None  # between `rate_distortion.RATES`; −0.1 is 10 % fewer bits
    bd_psnr: float | None  # mean gain in dB between these rates; None where the rates overlap too little
    psnr: tuple[float, float] | None  # dB over which bd_rate was taken
    bpp: tuple[float, float] | None  # what the curve itself needs at both ends of that
    whole: float | None  # BD-rate over all the PSNR both reach, at any rate
    problem: str = ""  # why there is no bd_rate


def compare(anchor: Sequence[Point], test: Sequence[Point]) -> Comparison:
    """BD-rate and BD-PSNR of `test` against `anchor`, with the range they hold over."""
    try:
        whole = bd_rate(anchor, test)
    except ValueError as error:
        return Comparison(None, None, None, None, None, str(error))
    try:
        share, psnr = bd_rate_within(anchor, test), shared_psnr(cut(anchor), cut(test))
        _check_overlap(cut(anchor), cut(test), psnr)
    except ValueError as error:
        return Comparison(None, None, None, None, whole, str(error))
    return Comparison(share, _bd_psnr(anchor, test), psnr, _rates_at(test, psnr), whole)


def _bd_psnr(anchor: Sequence[Point], test: Sequence[Point]) -> float | None:
    try:
        return bd_psnr(cut(anchor), cut(test))
    except ValueError:  # curves that share decibels may share no rates
        return None


def _check_overlap(anchor: Sequence[Point], test: Sequence[Point], shared: tuple[float, float]) -> None:
    """Raises ValueError where two parts of curves share too few decibels for a mean over them to say anything."""
    narrower = min(curve[-1].score - curve[0].score for curve in (anchor, test))
    overlap = (shared[1] - shared[0]) / narrower
    if overlap < LEAST_OVERLAP:
        raise ValueError(f"the curves share {shared[0]:.2f} to {shared[1]:.2f} dB, {overlap:.0%} of what the narrower one covers")


def compare_all(anchors: Mapping[str, Anchor], test: Sequence[Point]) -> dict[str, Comparison]:
    """`test` against each anchor, from the one it beats most to the one that beats it most; those without figures last."""
    compared = {label: compare(anchor.points, test) for label, anchor in anchors.items()}
    return dict(sorted(compared.items(), key=lambda item: math.inf if item[1].bd_rate is None else item[1].bd_rate))


def saved_by(point: Point, anchors: Mapping[str, Anchor]) -> dict[str, float | None]:
    """Share of each anchor's bits that `point` saves at equal PSNR; None outside an anchor's curve."""
    return {label: _saved(anchor.points, point) for label, anchor in anchors.items()}


def _saved(curve: Sequence[Point], point: Point) -> float | None:
    try:
        return bits_saved(curve, point)
    except ValueError:
        return None


def _rates_at(curve: Sequence[Point], decibels: tuple[float, float]) -> tuple[float, float]:
    """bpp of a curve at two of its PSNR values, by PCHIP of log(bpp)."""
    from scipy.interpolate import PchipInterpolator

    known = frontier(curve)
    log_bpp_at = PchipInterpolator([p.score for p in known], [math.log(p.bpp) for p in known])
    low, high = (math.exp(log_bpp_at(value)) for value in decibels)
    return low, high
