"""One codec compared with others: BD-rates of a curve, bits saved by a single point."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlic.evaluation.rate_distortion import (
    Point,
    bd_rate,
    bd_rate_between,
    bd_rate_within,
    bd_score,
    bits_saved,
    cut,
    frontier,
    log_rate_of,
    shared_scores,
)

LEAST_OVERLAP = 0.5  # share of the narrower curve's scores; a BD-rate over less depends on a small part of one curve

Range = tuple[float, float]  # the lower end first


@dataclass(frozen=True)
class Anchor:
    """The curve of a codec to compare with."""

    points: list[Point]
    note: str = ""  # note for readers of the comparison


@dataclass(frozen=True)
class Comparison:
    """A curve compared with another by one metric; shares are None where the curves cannot be compared."""

    bd_rate: float | None = None  # between `rate_distortion.RATES`; −0.1 is 10 % fewer bits
    bd_score: float | None = None  # mean gain of the score between these rates; None where the rates overlap too little
    scores: Range | None = None  # the overlap over which `bd_rate` was taken
    bpp: Range | None = None  # the curve's own rates at both ends of the overlap
    whole: float | None = None  # BD-rate over all scores that both curves reach, at any rate
    whole_scores: Range | None = None  # these scores
    between: float | None = None  # BD-rate within a given range of scores
    between_scores: Range | None = None  # the part of that range that both curves reach
    problem: str = ""  # why there is no `bd_rate`


def compare(anchor: Sequence[Point], test: Sequence[Point], between: Range | None = None) -> Comparison:
    """BD-rate and BD-score of `test` against `anchor`, each with its range.

    Args:
        anchor: a curve of scores; higher is better.
        test: the curve that is judged.
        between: range of scores for a further BD-rate, for example 70 to 85 of SSIMULACRA 2.
    """
    try:
        whole, whole_scores = bd_rate(anchor, test), shared_scores(frontier(anchor), frontier(test))
    except ValueError as error:
        return Comparison(problem=str(error))
    within, within_scores = _between(anchor, test, whole_scores, between)
    try:
        rate, scores = bd_rate_within(anchor, test), shared_scores(cut(anchor), cut(test))
        _check_overlap(cut(anchor), cut(test), scores)
    except ValueError as error:
        return Comparison(whole=whole, whole_scores=whole_scores, between=within, between_scores=within_scores, problem=str(error))
    return Comparison(
        bd_rate=rate,
        bd_score=_bd_score(anchor, test),
        scores=scores,
        bpp=_rates_at(test, scores),
        whole=whole,
        whole_scores=whole_scores,
        between=within,
        between_scores=within_scores,
    )


def _between(
    anchor: Sequence[Point], test: Sequence[Point], shared: Range, between: Range | None
) -> tuple[float | None, Range | None]:
    """BD-rate within a range of scores and the part of it that both curves reach; None where that is less than half of it."""
    if between is None:
        return None, None
    low, high = max(between[0], shared[0]), min(between[1], shared[1])
    if high - low < LEAST_OVERLAP * (between[1] - between[0]):
        return None, None
    return bd_rate_between(anchor, test, (low, high)), (low, high)


def _bd_score(anchor: Sequence[Point], test: Sequence[Point]) -> float | None:
    try:
        return bd_score(cut(anchor), cut(test))
    except ValueError:  # curves that share scores may share no rates
        return None


def _check_overlap(anchor: Sequence[Point], test: Sequence[Point], shared: Range) -> None:
    """Raises ValueError where two parts of curves share too small a range of scores for a meaningful mean."""
    narrower = min(curve[-1].score - curve[0].score for curve in (anchor, test))
    overlap = (shared[1] - shared[0]) / narrower
    if overlap < LEAST_OVERLAP:
        raise ValueError(f"the curves share {shared[0]:.2f} to {shared[1]:.2f}, {overlap:.0%} of the narrower one's scores")


def compare_all(anchors: Mapping[str, Anchor], test: Sequence[Point], between: Range | None = None) -> dict[str, Comparison]:
    """Compares `test` with each anchor, in the order of BD-rates from the largest saving on; anchors without figures come last."""
    compared = {label: compare(anchor.points, test, between) for label, anchor in anchors.items()}
    return dict(sorted(compared.items(), key=lambda item: math.inf if item[1].bd_rate is None else item[1].bd_rate))


def saved_by(point: Point, anchors: Mapping[str, Anchor]) -> dict[str, float | None]:
    """Share of each anchor's bits that `point` saves at equal score; None outside an anchor's curve."""
    return {label: _saved(anchor.points, point) for label, anchor in anchors.items()}


def _saved(curve: Sequence[Point], point: Point) -> float | None:
    try:
        return bits_saved(curve, point)
    except ValueError:
        return None


def _rates_at(curve: Sequence[Point], scores: Range) -> Range:
    """bpp of a curve at two of its scores."""
    log_rate = log_rate_of(frontier(curve))
    low, high = (math.exp(log_rate(score)) for score in scores)
    return low, high
