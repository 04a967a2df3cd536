"""A run's comparisons by every metric, in the units of tables, and everything of it as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from dlic.evaluation.anchors import kodak_anchors
from dlic.evaluation.comparison import Anchor, Comparison, Range, compare, saved_by
from dlic.evaluation.rate_distortion import RATES
from dlic.evaluation.run import Run
from dlic.evaluation.scores import RANGE_OF, head, in_units
from dlic.metrics.registry import METRICS


def anchors_of(run: Run, codec: str, metric: str = "psnr", published: Mapping[str, Anchor] | None = None) -> dict[str, Anchor]:
    """The anchors of a codec of a run, by label: the run's other codecs with a curve, then published curves. `published` replaces
    the run's published curves.
    """
    peers = {name: entry for name, entry in run.codecs.items() if name != codec and run.curve(name, metric)}
    measured = {entry.label: Anchor(run.curve(name, metric), entry.note) for name, entry in peers.items()}
    if published is None:
        published = kodak_anchors(metric) if run.against else {}
    return {**measured, **{label: anchor for label, anchor in published.items() if label not in measured}}


def compared(run: Run, codec: str, metric: str) -> dict[str, Comparison]:
    """Compares the curve of a codec with all anchors, by label; ranges of scores are in the metric's units."""
    curve, between = run.curve(codec, metric), run.between if metric == RANGE_OF else None
    anchors = anchors_of(run, codec, metric)
    return {label: told(metric, compare(anchor.points, curve, between)) for label, anchor in anchors.items() if anchor.points}


def told(metric: str, comparison: Comparison) -> Comparison:
    """Converts the ranges of a comparison from scores to the metric's units."""

    def units(scores: Range | None) -> Range | None:
        return None if scores is None else in_units(metric, scores)

    return replace(
        comparison,
        scores=units(comparison.scores),
        whole_scores=units(comparison.whole_scores),
        between_scores=units(comparison.between_scores),
    )


def results(run: Run) -> dict[str, object]:
    """A run as JSON: every printed figure, those of each image, and their provenance.

    Comparisons have ranges in the units that `score_units` names: MS-SSIM in dB, distances as they are.
    """
    metrics = [name for name in run.metrics if name in METRICS]
    return {
        **{name: value for name, value in asdict(run).items() if name != "rows"},
        "means": [asdict(mean) for mean in run.means],
        "bd_rate_between_bpp": RATES,
        "bd_rate_between_scores": {RANGE_OF: run.between},
        "score_units": {name: head(name) for name in metrics},
        "compared": {name: {metric: _figures(run, name, metric) for metric in metrics} for name in run.codecs},
        "images": [asdict(row) for row in run.rows],
    }


def _figures(run: Run, codec: str, metric: str) -> dict[str, dict[str, object]]:
    """By label: BD figures of a curve, bits saved by a single point."""
    curve = run.curve(codec, metric)
    if len(curve) == 1:
        saved = saved_by(curve[0], anchors_of(run, codec, metric))
        return {label: {"saved": share} for label, share in saved.items()}
    return {label: asdict(comparison) for label, comparison in compared(run, codec, metric).items()}
