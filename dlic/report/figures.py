"""A run → the figures of its report: every number of the page is computed here, so that its scripts only show them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dlic.evaluation.comparison import Anchor, compare
from dlic.evaluation.rate_distortion import RATES, Point
from dlic.evaluation.run import Run, as_score
from dlic.metrics.registry import METRICS

MEASURED, PUBLISHED = "measured here", "published"


DIGITS = {"psnr": 2, "psnr_y": 2, "ssimulacra2": 2}  # of a metric as tables have it; four for the others
AXES = {"ms_ssim": "MS-SSIM, as −10 log₁₀(1 − MS-SSIM) in dB"}  # what curves are drawn over, where that is not the metric itself
IN_DECIBELS = ("psnr", "psnr_y", "ms_ssim")  # whose BD-rates are told


def figures_of(run: Run) -> dict[str, Any]:
    """What the page's scripts read, of values that JSON has.

    metrics    name, label, digits, unit, axis, higher_is_better of each that was measured
    codecs     name, label, note, memory in MB
    curves     metric → codec → points of bpp, score and quality, of the means
    published  curves by PSNR that others published: label, note, points
    anchors    key, label, note, group: what codecs are held against
    compared   metric → anchor's key → codec → BD figures, or why there are none
    means      one for each codec and quality
    rows       one for each file
    """
    published = _published(run)
    metrics = [name for name in run.metrics if name in METRICS and any(run.curve(codec, name) for codec in run.codecs)]
    return {
        "metrics": [_metric(name) for name in metrics],
        "codecs": [
            {"name": name, "label": entry.label, "note": entry.note, "memory": entry.peak_memory_mb}
            for name, entry in run.codecs.items()
        ],
        "curves": {metric: {codec: _points(run, codec, metric) for codec in run.codecs} for metric in metrics},
        "published": [{"label": label, "note": a.note, "points": _plain(a.points)} for label, a in published.items()],
        "anchors": _anchors(run, published),
        "rates": RATES,
        "compared": {metric: _compared(run, metric, published) for metric in metrics if metric in IN_DECIBELS},
        "means": [_finite(asdict(mean)) for mean in run.means],
        "rows": [_finite({**asdict(row), "gap": _gap(row.bytes, row.estimated_bits)}) for row in run.rows],
    }


def _metric(name: str) -> dict[str, Any]:
    """How a metric is written."""
    known = METRICS[name]
    look = {"unit": known.unit, "digits": DIGITS.get(name, 4), "axis": AXES.get(name, "")}
    return {"name": name, "label": known.label, "higher_is_better": known.higher_is_better, **look}


def _published(run: Run) -> dict[str, Anchor]:
    """By label, but those that were measured here too; empty where the run is not compared with any."""
    if run.against is None:
        return {}
    from dlic.evaluation.anchors import kodak_anchors

    measured = {entry.label for entry in run.codecs.values()}
    return {label: anchor for label, anchor in kodak_anchors().items() if label not in measured}


def _points(run: Run, codec: str, metric: str) -> list[dict[str, Any]]:
    """Of a codec's means that have a value: MS-SSIM in dB, everything else as it is."""
    means = [mean for mean in run.means if mean.codec == codec and mean.metrics.get(metric) is not None]
    values = [(mean, mean.metrics[metric]) for mean in means]
    return [
        {"bpp": mean.bpp, "score": as_score(metric, value) if metric in IN_DECIBELS else value, "quality": mean.quality}
        for mean, value in values
    ]


def _plain(points: Sequence[Point]) -> list[dict[str, Any]]:
    return [{"bpp": p.bpp, "score": p.score, "quality": None} for p in sorted(points, key=lambda p: p.bpp)]


def _anchors(run: Run, published: Mapping[str, Anchor]) -> list[dict[str, Any]]:
    measured = [{"key": name, "label": e.label, "note": e.note, "group": MEASURED} for name, e in run.codecs.items()]
    others = [{"key": _key(label), "label": label, "note": a.note, "group": PUBLISHED} for label, a in published.items()]
    return [*measured, *others]


def _key(label: str) -> str:
    """Of a published curve, which no codec's name is like."""
    return f"published: {label}"


def _compared(run: Run, metric: str, published: Mapping[str, Anchor]) -> dict[str, dict[str, dict[str, Any]]]:
    """Each codec against each anchor but itself."""
    curves = {codec: run.curve(codec, metric) for codec in run.codecs}
    anchors = {**curves, **({_key(label): anchor.points for label, anchor in published.items()} if metric == "psnr" else {})}
    return {
        key: {codec: _finite(asdict(compare(points, curve))) for codec, curve in curves.items() if codec != key}
        for key, points in anchors.items()
    }


def _gap(size: int, estimated_bits: float | None) -> float | None:
    """Share by which a file exceeds what a learned codec's tables say."""
    return 8 * size / estimated_bits - 1 if estimated_bits else None


def _finite(values: Any) -> Any:
    """Without infinities and NaN, which JSON has no place for."""
    if isinstance(values, dict):
        return {name: _finite(value) for name, value in values.items()}
    return None if isinstance(values, float) and not math.isfinite(values) else values
