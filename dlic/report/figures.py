"""A run → the figures of its report. Every number of the page is computed here; its scripts only show them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dlic.evaluation.comparison import Anchor, compare
from dlic.evaluation.known_codecs import AS_SHIPPED
from dlic.evaluation.rate_distortion import RATES, Point
from dlic.evaluation.results import told as in_metric_units
from dlic.evaluation.run import Run
from dlic.evaluation.scores import RANGE_OF, as_score, digits, in_units, score_digits, told
from dlic.metrics.registry import METRICS

MEASURED, PUBLISHED = "measured here", "published"
AXES = {"ms_ssim": "MS-SSIM, as −10 log₁₀(1 − MS-SSIM) in dB"}  # of curves, where they do not have the metric itself


def figures_of(run: Run) -> dict[str, Any]:
    """The data of the page's scripts, as JSON values.

    metrics    name, label, digits, unit, score_digits, axis, higher_is_better of each that was measured
    told       names of those that the comparison of all codecs has side by side
    codecs     name, label, note, memory in MB
    curves     metric → codec → points of bpp, score and quality, of the means
    published  metric → curves that others published: label, note, points
    anchors    key, label, note, group of what codecs are compared with
    first_anchor  the key of the anchor that is chosen at first: AVIF as shipped
    rates      bpp between which BD-rates are taken
    between    values of SSIMULACRA 2 between which a BD-rate is taken as well
    compared   metric → anchor's key → codec → BD figures with ranges in the metric's unit, or why there are none
    means      one for each codec and quality
    rows       one for each file
    """
    metrics = [name for name in run.metrics if name in METRICS and any(run.curve(codec, name) for codec in run.codecs)]
    published = {metric: _published(run, metric) for metric in metrics}
    return {
        "metrics": [_metric(name) for name in metrics],
        "told": told(metrics),
        "codecs": [
            {"name": name, "label": entry.label, "note": entry.note, "memory": entry.peak_memory_mb}
            for name, entry in run.codecs.items()
        ],
        "curves": {metric: {codec: _points(run, codec, metric) for codec in run.codecs} for metric in metrics},
        "published": {
            metric: [{"label": label, "note": a.note, "points": _plain(metric, a.points)} for label, a in anchors.items()]
            for metric, anchors in published.items()
        },
        "anchors": _anchors(run, published),
        "first_anchor": next((name for name in (AS_SHIPPED, "jpeg") if name in run.codecs), [*run.codecs][-1]),
        "rates": RATES,
        "between": {"metric": RANGE_OF, "values": run.between},
        "compared": {metric: _compared(run, metric, published[metric]) for metric in metrics},
        "means": [_finite(asdict(mean)) for mean in run.means],
        "rows": [_finite({**asdict(row), "gap": _gap(row.bytes, row.estimated_bits)}) for row in run.rows],
    }


def _metric(name: str) -> dict[str, Any]:
    """Name, unit and digits of a metric."""
    metric = METRICS[name]
    return {
        "name": name,
        "label": metric.label,
        "unit": metric.unit,
        "digits": digits(name),
        "score_digits": score_digits(name),
        "axis": AXES.get(name, ""),
        "higher_is_better": metric.higher_is_better,
    }


def _published(run: Run, metric: str) -> dict[str, Anchor]:
    """Published curves by label, without codecs measured in this run; empty if the run is not compared with any."""
    if run.against is None:
        return {}
    from dlic.evaluation.anchors import kodak_anchors

    measured = {entry.label for entry in run.codecs.values()}
    return {label: anchor for label, anchor in kodak_anchors(metric).items() if label not in measured}


def _points(run: Run, codec: str, metric: str) -> list[dict[str, Any]]:
    """A codec's means that have a value: MS-SSIM in dB, everything else as it is."""
    points = []
    for mean in run.means:
        value = mean.metrics.get(metric)
        if mean.codec == codec and value is not None:
            points.append({"bpp": mean.bpp, "score": _shown(metric, as_score(metric, value)), "quality": mean.quality})
    return points


def _plain(metric: str, points: Sequence[Point]) -> list[dict[str, Any]]:
    return [{"bpp": p.bpp, "score": _shown(metric, p.score), "quality": None} for p in sorted(points, key=lambda p: p.bpp)]


def _shown(metric: str, score: float) -> float:
    """A score in the unit that curves are drawn in."""
    return in_units(metric, (score, score))[0]


def _anchors(run: Run, published: Mapping[str, Mapping[str, Anchor]]) -> list[dict[str, Any]]:
    measured = [{"key": name, "label": e.label, "note": e.note, "group": MEASURED} for name, e in run.codecs.items()]
    notes = {label: anchor.note for anchors in published.values() for label, anchor in anchors.items()}
    published_anchors = [{"key": _key(label), "label": label, "note": note, "group": PUBLISHED} for label, note in notes.items()]
    return [*measured, *published_anchors]


def _key(label: str) -> str:
    """Of a published curve, which no codec's name is like."""
    return f"published: {label}"


def _compared(run: Run, metric: str, published: Mapping[str, Anchor]) -> dict[str, dict[str, dict[str, Any]]]:
    """Each codec against each anchor but itself."""
    curves = {codec: run.curve(codec, metric) for codec in run.codecs}
    anchors = {**curves, **{_key(label): anchor.points for label, anchor in published.items()}}
    between = run.between if metric == RANGE_OF else None
    figures = {
        key: {codec: in_metric_units(metric, compare(points, curve, between)) for codec, curve in curves.items() if codec != key}
        for key, points in anchors.items()
    }
    return {
        key: {codec: _finite(asdict(comparison)) for codec, comparison in of_anchor.items()} for key, of_anchor in figures.items()
    }


def _gap(size: int, estimated_bits: float | None) -> float | None:
    """Share by which a file exceeds the estimate of a learned codec's tables."""
    return 8 * size / estimated_bits - 1 if estimated_bits else None


def _finite(values: Any) -> Any:
    """Without infinities and NaN, which JSON has no place for."""
    if isinstance(values, dict):
        return {name: _finite(value) for name, value in values.items()}
    return None if isinstance(values, float) and not math.isfinite(values) else values
