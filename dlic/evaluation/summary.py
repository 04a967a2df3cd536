"""A run as text: a line a quality of its first codec, then comparisons of that codec with every other by every metric."""

import math
from collections.abc import Iterator, Mapping, Sequence

from dlic.evaluation.anchors import ABOUT
from dlic.evaluation.comparison import Comparison, Range, saved_by
from dlic.evaluation.rate_distortion import RATES
from dlic.evaluation.results import anchors_of, compared
from dlic.evaluation.run import Entry, Mean, Run
from dlic.evaluation.scores import RANGE_OF, digits, head, score_digits, told
from dlic.metrics.registry import METRICS

Table = Sequence[Sequence[str]]  # the first row has the heads, the first column the labels


def lines(run: Run) -> Iterator[str]:
    """The whole summary."""
    first = next(iter(run.codecs.values()))
    yield f"{first.label} on {len(run.pictures)} images of {run.title}, {run.provenance.threads} threads{_shared(run)}"
    yield from run.notes
    yield ""
    yield from _mean_lines(run, [mean for mean in run.means if mean.codec == first.name])
    yield from _other_lines(run, first)
    yield from _comparison_lines(run, first)
    if run.against is not None:
        yield ABOUT


# --- one codec ----------------------------------------------------------------------------------------------------------


def _mean_lines(run: Run, means: list[Mean]) -> Iterator[str]:
    metrics = told(run.metrics)
    with_gap = any(mean.gap is not None for mean in means)
    heads = ["quality", "bpp", *(_value_head(name) for name in metrics), "PSNR of mean MSE", "encode ms", "decode ms"]
    rows = [[*heads, *["files over tables"] * with_gap]]
    for mean in means:
        values = [_number(mean.metrics[name], f".{digits(name)}f") for name in metrics]
        cells = [_quality(mean.quality), f"{mean.bpp:.4f}", *values, _number(mean.psnr_of_mean_mse, ".2f")]
        rows.append([*cells, f"{mean.encode_ms:.1f}", f"{mean.decode_ms:.1f}", *[_number(mean.gap, "+.2%")] * with_gap])
    yield from _table(rows, left=0)


def _value_head(metric: str) -> str:
    return f"{METRICS[metric].label} {METRICS[metric].unit}".strip()


def _other_lines(run: Run, first: Entry) -> Iterator[str]:
    """Speed and memory of every codec, where there is more than one."""
    if len(run.codecs) == 1 and first.peak_memory_mb is None:
        return
    rows = [["median of all files", "encode ms", "decode ms", "peak memory MB"]]
    for name, entry in run.codecs.items():
        means = [mean for mean in run.means if mean.codec == name]
        if means:
            encode, decode = (_middle([getattr(mean, stage) for mean in means]) for stage in ("encode_ms", "decode_ms"))
            rows.append([entry.label, f"{encode:.1f}", f"{decode:.1f}", _number(entry.peak_memory_mb, ",.0f")])
    yield ""
    yield from _table(rows)


# --- against others -----------------------------------------------------------------------------------------------------


def _comparison_lines(run: Run, first: Entry) -> Iterator[str]:
    """For each metric its figures with their ranges, then the BD-rates of all metrics next to each other."""
    anchors = {metric: anchors_of(run, first.name, metric) for metric in told(run.metrics)}
    notes = {
        label: anchor.note for by_label in anchors.values() for label, anchor in by_label.items() if anchor.note and anchor.points
    }
    if not any(anchors.values()):
        return
    if len(run.means) and len(run.curve(first.name)) == 1:
        yield from _point_lines(run, first)
    else:
        figures = {metric: compared(run, first.name, metric) for metric in anchors}
        for metric, of_metric in figures.items():
            if of_metric:
                yield from _metric_lines(metric, of_metric, run.between)
        yield from _side_by_side(figures, first, run.between)
    yield from (f"{label}: {note}" for label, note in notes.items())


def _point_lines(run: Run, first: Entry) -> Iterator[str]:
    """Bits that a codec of one rate saves at equal quality, by each metric."""
    saved = {}
    for metric in told(run.metrics):
        curve = run.curve(first.name, metric)
        saved[metric] = saved_by(curve[0], anchors_of(run, first.name, metric)) if curve else {}
    labels = dict.fromkeys(label for of_metric in saved.values() for label in of_metric)
    rows = [["against", *(METRICS[metric].label for metric in saved)]]
    rows += [[label, *(_number(of_metric.get(label), "+.1%") for of_metric in saved.values())] for label in labels]
    yield ""
    yield f"bits that {first.label} saves at equal quality; – where a curve does not reach that quality"
    yield from _table(rows)


def _metric_lines(metric: str, figures: Mapping[str, Comparison], between: Range) -> Iterator[str]:
    """BD figures by one metric, each with the overlap that it holds over."""
    form, unit = f".{score_digits(metric)}f", head(metric)
    low, high = RATES
    heads = [f"by {unit}", f"{low:g}–{high:g} bpp", "BD gain", "over scores", "at our bpp", "all shared", "over scores"]
    with_range = metric == RANGE_OF
    rows = [[*heads, *[_range_head(between), "over scores"] * with_range]]
    for label, comparison in _ranked(figures):
        cells = [
            _number(comparison.bd_rate, "+.1%"),
            _number(comparison.bd_score, f"+{form}"),
            _range(comparison.scores, form),
            _range(comparison.bpp, ".2f"),
        ]
        cells += [_number(comparison.whole, "+.1%"), _range(comparison.whole_scores, form)]
        cells += [_number(comparison.between, "+.1%"), _range(comparison.between_scores, form)] * with_range
        rows.append([label, *cells, *[f"({comparison.problem})"] * bool(comparison.problem)])
    yield ""
    yield from _table(rows)


def _side_by_side(figures: Mapping[str, Mapping[str, Comparison]], first: Entry, between: Range) -> Iterator[str]:
    low, high = RATES
    heads, labels = ["BD-rate against"], [label for label, _ in _ranked(next(iter(figures.values())))]
    for metric in figures:
        heads += [METRICS[metric].label, "all"] + [_range_head(between)] * (metric == RANGE_OF)
    rows = [heads]
    for label in dict.fromkeys([*labels, *(label for of_metric in figures.values() for label in of_metric)]):
        cells = [label]
        for metric, of_metric in figures.items():
            comparison = of_metric.get(label, Comparison())
            cells += [_number(comparison.bd_rate, "+.1%"), _number(comparison.whole, "+.1%")]
            cells += [_number(comparison.between, "+.1%")] * (metric == RANGE_OF)
        rows.append(cells)
    yield ""
    yield (
        f"BD-rates between {low:g} and {high:g} bpp, over all that is shared, and between values of {METRICS[RANGE_OF].label}; "
        f"negative where {first.label} needs fewer bits"
    )
    yield from _table(rows)


def _range_head(between: Range) -> str:
    return f"at {between[0]:g}–{between[1]:g}"


def _ranked(figures: Mapping[str, Comparison]) -> list[tuple[str, Comparison]]:
    """In the order of BD-rates, from the largest saving on; codecs without figures come last."""
    return sorted(figures.items(), key=lambda item: math.inf if item[1].bd_rate is None else item[1].bd_rate)


# --- text ---------------------------------------------------------------------------------------------------------------


def _table(rows: Table, left: int = 1) -> Iterator[str]:
    """Columns two spaces apart, the first `left` of them to the left; a row's cells beyond the heads follow it as they are."""
    columns = len(rows[0])
    widths = [max(len(row[place]) for row in rows) for place in range(columns)]
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row[:left], widths, strict=False)]
        padded += [cell.rjust(width) for cell, width in zip(row[left:], widths[left:], strict=False)]
        yield "  ".join([*padded, *row[columns:]]).rstrip()


def _shared(run: Run) -> str:
    return f", {run.jobs} files at a time: times are those of shared cores" if run.jobs > 1 else ""


def _quality(quality: float | None) -> str:
    return "–" if quality is None else f"{quality:g}"


def _number(value: float | None, form: str) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else format(value, form)


def _range(pair: Range | None, form: str) -> str:
    return "–" if pair is None else f"{pair[0]:{form}} to {pair[1]:{form}}"


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
