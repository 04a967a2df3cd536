"""Results of the runs of a sweep: rows, curves, a figure, tables, and TensorBoard's hparams.

results.csv, results.json    a row a run, of a network of several rates one a quality
results.md                   the tables that are printed
rate_distortion.png          every combination of the keys that are not λ as a curve over λ, beside JPEG
tensorboard/                 each row as one of the hparams table, and the figure
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlic.errors import CorruptFileError
from dlic.evaluation.comparison import compare
from dlic.evaluation.comparison_plot import figure_bytes
from dlic.evaluation.plots import figure_pixels
from dlic.evaluation.rate_distortion import Point, bits_saved
from dlic.evaluation.scores import as_score
from dlic.evaluation.tensorboard import log_settings
from dlic.storage.files import read_whole, written_whole
from dlic.studies.search_grid import LAMBDA, Settings, short_keys

CSV, JSON, TABLES, FIGURE, TENSORBOARD = "results.csv", "results.json", "results.md", "rate_distortion.png", "tensorboard"
SCORES = {"psnr": "PSNR (dB)", "ms_ssim": "MS-SSIM (dB)"}  # metric → axis of the figure
Curves = Mapping[str, Mapping[str, Sequence[Point]]]  # by metric and label

CURVE_RATES = 4  # a BD-rate needs so many
COSTS = ("kMAC/pixel, encoder", "decoder", "decode ms", "parameters")  # columns


@dataclass(frozen=True)
class Result:
    """A trained network and its files at one quality; fields without a measurement are None."""

    name: str
    settings: dict[str, str]
    model: str
    steps: int  # with those of the runs that it started from, as are pixels
    pixels: int
    seconds: float | None  # of this run alone, from its first step to its last, validation included
    parameters: int
    encoder_macs: float  # a pixel
    decoder_macs: float
    quality: float | None = None  # None where the network has one rate
    images: int = 0
    bpp: float | None = None
    psnr: float | None = None
    ms_ssim: float | None = None
    encode_ms: float | None = None  # median of the files
    decode_ms: float | None = None
    sparsity: float | None = None  # share of the symbols of y that are zero
    symbol_size: float | None = None  # mean |symbol| of y
    along: tuple[str, ...] = ()  # keys that change along its curve with λ, for example the DCT's step

    @property
    def curve(self) -> Settings:
        """The settings of its curve: all except λ and the keys that change with it."""
        return {key: value for key, value in self.settings.items() if key not in (LAMBDA, *self.along)}

    @property
    def title(self) -> str:
        return self.name if self.quality is None else f"{self.name} at {self.quality:g}"

    def __str__(self) -> str:
        """'stage=gdn+lmbda=0.0067: 10,000 steps, 0.412 bpp, 31.02 dB'."""
        measured = "" if self.bpp is None or self.psnr is None else f", {self.bpp:.3f} bpp, {self.psnr:.2f} dB"
        return f"{self.title}: {self.steps:,} steps{measured}"


def read_results(folder: Path) -> list[Result]:
    """Inverse of `write_results`; none where there is no file yet. CorruptFileError for a damaged one."""
    path = folder / JSON
    if not path.exists():
        return []
    try:
        return [Result(**{**row, "along": tuple(row["along"])}) for row in json.loads(read_whole(path, CorruptFileError))]
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptFileError(f"{path} is damaged: {error}") from error


def write_results(folder: Path, results: Sequence[Result]) -> None:
    """Both files, each whole."""
    keys = list(dict.fromkeys(key for result in results for key in result.settings))
    plain = [field.name for field in fields(Result) if field.name not in ("name", "settings", "along")]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["name", *keys, *plain])
    for result in results:
        values = [result.name, *(result.settings.get(key) for key in keys), *(getattr(result, name) for name in plain)]
        writer.writerow(["" if value is None else value for value in values])
    for name, text in ((JSON, json.dumps([asdict(result) for result in results], indent=1)), (CSV, buffer.getvalue())):
        with written_whole(folder / name, overwrite=True) as file:
            file.write(text.encode())


# --- curves -------------------------------------------------------------------------------------------------------------


def by_curve(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Label → the results of a curve by rising rate; those that were measured."""
    short = short_keys(list(dict.fromkeys(key for result in results for key in result.curve)))
    groups: dict[str, list[Result]] = {}
    for result in sorted((result for result in results if result.bpp is not None), key=lambda result: result.bpp or 0):
        groups.setdefault(_label(result, short), []).append(result)
    order = list(dict.fromkeys(_label(result, short) for result in results))
    return {label: groups[label] for label in order if label in groups}


def _label(result: Result, short: Mapping[str, str]) -> str:
    """'gdn' where one key makes the curves, 'stage gdn, channels 64' where several do, and the model's name where none does."""
    if len(short) == 1 and len(result.curve) == 1:
        ((key, value),) = result.curve.items()
        return value if not value[:1].isdigit() else f"{short[key]} {value}"
    return ", ".join(f"{short[key]} {value}" for key, value in result.curve.items()) or result.model


def points(results: Sequence[Result], metric: str = "psnr") -> list[Point]:
    """Points of the results with this metric, in dB."""
    values = [(result.bpp, getattr(result, metric)) for result in results]
    return [Point(bpp, as_score(metric, value)) for bpp, value in values if bpp is not None and value is not None]


def against(reference: Sequence[Point], curve: Sequence[Point]) -> str:
    """'−12.3 %' of BD-rate, of fewer than four rates the mean share of bits at equal quality; a dash where there is neither."""
    if len(curve) >= CURVE_RATES:
        share = compare(reference, curve).bd_rate
        return "–" if share is None else _percent(share)
    shares = [share for share in (_saved(reference, point) for point in curve) if share is not None]
    if not shares:
        return "–"
    return _percent(-sum(shares) / len(shares)) + (f" (mean of {len(shares)} rates)" if len(shares) > 1 else "")


def _saved(reference: Sequence[Point], point: Point) -> float | None:
    try:
        return bits_saved(reference, point)
    except ValueError:
        return None


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %".replace("-", "−")


# --- shown --------------------------------------------------------------------------------------------------------------


def sweep_figure(results: Sequence[Result], others: Curves) -> Figure:
    """A panel for PSNR, and one for MS-SSIM where it was measured; `others` are curves by metric and label."""
    metrics = [metric for metric in SCORES if any(getattr(result, metric) is not None for result in results)] or ["psnr"]
    figure = Figure(figsize=(7.5 * len(metrics), 5.5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        curves = {label: points(group, metric) for label, group in by_curve(results).items()}
        for label, curve in curves.items():
            axes.plot([p.bpp for p in curve], [p.score for p in curve], "o-", label=label, markersize=5, zorder=3)
        reach = 1.6 * max((p.bpp for curve in curves.values() for p in curve), default=1.0)
        for label, reference in others.get(metric, {}).items():
            near = sorted((p for p in reference if p.bpp <= reach), key=lambda p: p.bpp)
            axes.plot([p.bpp for p in near], [p.score for p in near], "k--" if "JPEG" in label else "--", label=label, linewidth=1)
        axes.set(xlabel="rate (bits per pixel)", ylabel=SCORES[metric])
        axes.grid(color="0.9")
        axes.legend(loc="lower right", fontsize=9)
    return figure


def markdown(results: Sequence[Result], others: Curves) -> str:
    """Tables for a README: a row a curve where there are curves, and a row a result."""
    groups = by_curve(results)
    tables = [_results_table(results, others)]
    if any(len(group) > 1 for group in groups.values()):
        tables.insert(0, _curves_table(groups, others))
    return "\n\n".join(tables)


def _curves_table(groups: Mapping[str, Sequence[Result]], reference_curves: Curves) -> str:
    """Bits of each curve against each reference curve and the first of the sweep, and the costs of its network."""
    first, *rest = groups
    references = [
        (metric, label, curve)
        for metric in reference_curves
        for label, curve in reference_curves[metric].items()
        if _asked(metric, label)
    ]
    heads = ["", "rates", *(f"{_metric(metric)} against {label}" for metric, label, _ in references)]
    heads += [f"PSNR against {first}"] * bool(rest) + [
        "kMAC/pixel, encoder",
        "decoder",
        "decode ms",
        "parameters",
        "training, hours",
    ]
    rows = []
    for label, group in groups.items():
        cells = [label, str(len(group)), *(against(curve, points(group, metric)) for metric, _, curve in references)]
        cells += [against(points(groups[first]), points(group)) if label != first else ""] * bool(rest)
        rows.append(
            [*cells, *_costs(group[len(group) // 2]), f"{sum({r.name: r.seconds or 0 for r in group}.values()) / 3600:.2f}"]
        )
    return _table(heads, rows, words=1)


def _results_table(results: Sequence[Result], reference_curves: Curves) -> str:
    keys = list(dict.fromkeys(key for result in results for key in result.settings))
    short = short_keys(keys)
    jpeg = next((curve for label, curve in reference_curves.get("psnr", {}).items() if "JPEG" in label), [])
    with_quality = any(result.quality is not None for result in results)
    heads = [*(short[key] for key in keys), *["quality"] * with_quality, "bpp", "PSNR dB", "MS-SSIM", "bits against JPEG"]
    heads += ["zeros", "mean symbol", *COSTS, "steps", "seconds"]
    rows = []
    for result in results:
        cells = [result.settings.get(key, "–") for key in keys] + [_number(result.quality, "g")] * with_quality
        cells += [
            _number(result.bpp, ".3f"),
            _number(result.psnr, ".2f"),
            _number(result.ms_ssim, ".4f"),
            against(jpeg, points([result])),
        ]
        cells += [_number(result.sparsity, ".1%"), _number(result.symbol_size, ".3f")]
        rows.append([*cells, *_costs(result), f"{result.steps:,}", _number(result.seconds, ",.0f")])
    return _table(heads, rows, words=len(keys))


def _costs(result: Result) -> list[str]:
    return [
        f"{result.encoder_macs / 1000:.1f}",
        f"{result.decoder_macs / 1000:.1f}",
        _number(result.decode_ms, ".0f"),
        f"{result.parameters:,}",
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """Markdown; the first `words` columns to the left, numbers to the right."""
    rule = ["---"] * words + ["---:"] * (len(heads) - words)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rule, *rows))


def _asked(metric: str, label: str) -> bool:
    """JPEG by both metrics, the published curves by PSNR alone: all of them would make the table too wide."""
    return metric == "psnr" or "JPEG" in label


def _metric(metric: str) -> str:
    return SCORES[metric].partition(" (")[0]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


# --- TensorBoard --------------------------------------------------------------------------------------------------------


def show(folder: Path, results: Sequence[Result], others: Curves) -> str:
    """Write the tables and draw the figure, as files and in TensorBoard; returns the tables."""
    from torch.utils.tensorboard import SummaryWriter

    if not results:
        return ""
    tables, figure = markdown(results, others), sweep_figure(results, others)
    for name, content in ((TABLES, tables.encode()), (FIGURE, figure_bytes(figure, ".png"))):
        with written_whole(folder / name, overwrite=True) as file:
            file.write(content)
    with SummaryWriter(str(folder / TENSORBOARD / "sweep"), purge_step=0) as writer:
        writer.add_image("rate_distortion/sweep", figure_pixels(figure), 0, dataformats="HWC")
        writer.add_text("rate_distortion/tables", tables, 0)
    return tables


def log_result(folder: Path, result: Result) -> None:
    """A row of TensorBoard's hparams table: the settings, and every figure as a scalar `sweep/…`."""
    from torch.utils.tensorboard import SummaryWriter

    settings = {"model": result.model, **{key: _as_number(value) for key, value in result.settings.items()}}
    if result.quality is not None:
        settings["quality"] = result.quality
    with SummaryWriter(str(folder / TENSORBOARD / result.title), purge_step=0) as writer:
        log_settings(writer, settings)
        for name, value in vars(result).items():
            if isinstance(value, int | float) and name != "quality":
                writer.add_scalar(f"sweep/{name}", value, 0)


def _as_number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
