"""One codec held against others: BD-rates of a curve, bits saved by a single point."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlic.evaluation.rate_distortion import Point, bd_rate, bd_rate_within, bits_saved, cut, frontier, shared_psnr


@dataclass(frozen=True)
class Anchor:
    """The curve of a codec to compare with."""

    points: list[Point]
    note: str = ""  # what to know before comparing


@dataclass(frozen=True)
class Comparison:
    """A curve against another by PSNR; shares are None where the curves cannot be compared."""

    bd_rate: float | None  # between `rate_distortion.RATES`; −0.1 is 10 % fewer bits
    psnr: tuple[float, float] | None  # dB over which it was taken
    bpp: tuple[float, float] | None  # what the curve itself needs at both ends of that
    whole: float | None  # BD-rate over all the PSNR both reach, at any rate
    problem: str = ""  # why there is no bd_rate


def compare(anchor: Sequence[Point], test: Sequence[Point]) -> Comparison:
    """BD-rates of `test` against `anchor`, with the range they hold over."""
    try:
        whole = bd_rate(anchor, test)
    except ValueError as error:
        return Comparison(None, None, None, None, str(error))
    try:
        share = bd_rate_within(anchor, test)
    except ValueError as error:
        return Comparison(None, None, None, whole, str(error))
    psnr = shared_psnr(cut(anchor), cut(test))
    return Comparison(share, psnr, _rates_at(test, psnr), whole)


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
