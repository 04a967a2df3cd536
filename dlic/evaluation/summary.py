"""What an evaluation says: a line a quality of its first codec, and one for each curve that is held against it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from dlic.evaluation.anchors import ABOUT, kodak_anchors
from dlic.evaluation.comparison import Anchor, Comparison, compare_all, saved_by
from dlic.evaluation.rate_distortion import RATES
from dlic.evaluation.run import Entry, Mean, Run

SHOWN = {"psnr": ("PSNR dB", ".2f"), "ms_ssim": ("MS-SSIM", ".4f")}  # metrics of the printed table, where they were measured


def anchors_of(run: Run, codec: str, metric: str = "psnr", published: Mapping[str, Anchor] | None = None) -> dict[str, Anchor]:
    """Everything a codec of a run is held against: its other codecs, and by PSNR and MS-SSIM what was published. By label.

    `published` are other curves than those that the run says.
    """
    measured = {entry.label: Anchor(run.curve(name, metric), entry.note) for name, entry in run.codecs.items() if name != codec}
    if published is None:
        published = kodak_anchors(metric) if run.against and metric in ("psnr", "ms_ssim") else {}
    return {**{label: anchor for label, anchor in published.items() if label not in measured}, **measured}


def lines(run: Run) -> Iterator[str]:
    """A run as text."""
    first = next(iter(run.codecs.values()))
    yield f"{first.label} on {len(run.pictures)} images of {run.title}, {run.provenance.threads} threads{_shared(run)}"
    yield from run.notes
    yield ""
    yield from _mean_lines(run, [mean for mean in run.means if mean.codec == first.name])
    yield from _other_lines(run, first)
    yield ""
    yield from _comparison_lines(run, first)


def results(run: Run) -> dict:
    """A run as what JSON can hold: every figure of `lines`, those of each image, and where they come from."""
    metrics = [name for name in ("psnr", "ms_ssim") if name in run.metrics]
    return {
        **{name: value for name, value in asdict(run).items() if name != "rows"},
        "means": [asdict(mean) for mean in run.means],
        "bd_rate_between_bpp": RATES,
        "compared": {name: {metric: _compared(run, name, metric) for metric in metrics} for name in run.codecs},
        "images": [asdict(row) for row in run.rows],
    }


def _compared(run: Run, codec: str, metric: str) -> dict:
    """A codec against everything else, by label: BD figures of a curve, bits saved by a single point."""
    curve, anchors = run.curve(codec, metric), anchors_of(run, codec, metric)
    if len(curve) == 1:
        return {label: {"saved": share} for label, share in saved_by(curve[0], anchors).items()}
    return {label: asdict(comparison) for label, comparison in compare_all(anchors, curve).items()}


def _mean_lines(run: Run, means: list[Mean]) -> Iterator[str]:
    shown = {name: look for name, look in SHOWN.items() if name in run.metrics}
    with_gap = any(mean.gap is not None for mean in means)
    heads = ["quality", "    bpp", *(head for head, _ in shown.values()), "PSNR of mean MSE", "encode ms", "decode ms"]
    yield "  ".join(heads + ["files over tables"] * with_gap)
    for mean in means:
        values = [_number(mean.metrics[name], form) for name, (_, form) in shown.items()]
        cells = [_quality(mean.quality), f"{mean.bpp:.4f}", *values, _number(mean.psnr_of_mean_mse, ".2f")]
        cells += [f"{mean.encode_ms:.1f}", f"{mean.decode_ms:.1f}"] + [_number(mean.gap, "+.2%")] * with_gap
        yield "  ".join(cell.rjust(len(head)) for cell, head in zip(cells, [*heads, "files over tables"], strict=False))


def _other_lines(run: Run, first: Entry) -> Iterator[str]:
    """Speed and memory of every codec, where there is more than one."""
    if len(run.codecs) == 1 and first.peak_memory_mb is None:
        return
    width = max(len(entry.label) for entry in run.codecs.values())
    yield ""
    yield f"{'median of all files':{width}}  encode ms  decode ms  peak memory MB"
    for name, entry in run.codecs.items():
        means = [mean for mean in run.means if mean.codec == name]
        if means:
            encode, decode = (_middle([getattr(mean, stage) for mean in means]) for stage in ("encode_ms", "decode_ms"))
            yield f"{entry.label:{width}}  {encode:9.1f}  {decode:9.1f}  {_number(entry.peak_memory_mb, ',.0f'):>14}"


def _comparison_lines(run: Run, first: Entry) -> Iterator[str]:
    curve, anchors = run.curve(first.name), anchors_of(run, first.name)
    if len(curve) == 1:
        for label, share in saved_by(curve[0], anchors).items():
            comparison = "its curve does not reach this PSNR" if share is None else f"{share:+.1%} bits saved at equal PSNR"
            yield f"against {label}: {comparison}{_in_brackets(anchors[label])}"
    elif anchors:
        width = max(map(len, anchors))
        yield f"BD-rate by PSNR between {RATES[0]} and {RATES[1]} bpp; negative where {first.label} needs fewer bits"
        yield f"{'against':{width}}   BD-rate  BD-PSNR dB  over PSNR in dB     at our bpp  all rates"
        for label, compared in compare_all(anchors, curve).items():
            yield f"{label:{width}}  {_figures(compared)}{_in_brackets(anchors[label])}"
    if run.against is not None:
        yield ABOUT


def _figures(compared: Comparison) -> str:
    if compared.bd_rate is None or compared.psnr is None or compared.bpp is None:
        return f"no figure: {compared.problem}"
    psnr, bpp = ("{:.2f} to {:.2f}".format(*pair) for pair in (compared.psnr, compared.bpp))
    whole = _number(compared.whole, "+.1%")
    return f"{compared.bd_rate:+8.1%}  {_number(compared.bd_psnr, '+.2f'):>10}  {psnr:>15}  {bpp:>13}  {whole:>9}"


def _in_brackets(anchor: Anchor) -> str:
    return f"  ({anchor.note})" if anchor.note else ""


def _shared(run: Run) -> str:
    return f", {run.jobs} files at a time: times are those of shared cores" if run.jobs > 1 else ""


def _quality(quality: float | None) -> str:
    return "–" if quality is None else f"{quality:g}"


def _number(value: float | None, form: str) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else format(value, form)


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
