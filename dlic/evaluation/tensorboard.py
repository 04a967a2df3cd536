"""An evaluation in TensorBoard, next to others in the same folder.

evaluations/NAME         tables of BD-rates, figures of the curves, pictures, and a row of the hparams table with the BD-rates
curves/NAME/CODEC        rate–distortion curves as scalars whose steps are thousandths of a bit per pixel, which makes the scalar
                         dashboard draw them: all codecs of all evaluations in one chart a metric, over "step" = 1000 · bpp;
                         set its smoothing to 0
curves/published on SET  the same of published curves

NAME is "CODEC on IMAGES"; an evaluation of that name replaces the one before it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from dlic.checkpoints.manifest import read_manifest
from dlic.evaluation.anchors import kodak_anchors
from dlic.evaluation.comparison import Anchor, compare_all, saved_by
from dlic.evaluation.comparison_plot import run_figure
from dlic.evaluation.plots import figure_pixels
from dlic.evaluation.rate_distortion import RATES, Point
from dlic.evaluation.results import anchors_of
from dlic.evaluation.run import Entry, Run
from dlic.evaluation.scores import in_units, told

STEPS_PER_BIT = 1000  # TensorBoard's steps are whole numbers
TAGS = {"ms_ssim": "ms_ssim_db"}  # of curves, where they do not have the metric's own name
BEYOND = "its curve does not reach this quality"

Anchors = Mapping[str, Anchor]  # by label
Setting = str | int | float


def log_run(
    log_dir: Path,
    run: Run,
    settings: Mapping[str, Setting] | None = None,
    shown: Mapping[str, Sequence[tuple[str, np.ndarray]]] | None = None,
) -> None:
    """Writes the curves, figures and comparisons of the first codec of `run` with the others, as listed at the top of this module.

    Args:
        log_dir: where TensorBoard looks; may hold other evaluations.
        run: with means; a codec without any is left out.
        settings: columns of the hparams table in addition to the codec and the images: `checkpoint_settings` and the effort.
        shown: pictures by the name of their original: captions and uint8 (H, W, 3) pixels, in the order to be shown in.
    """
    entry = next(iter(run.codecs.values()))
    name = f"{entry.name} on {run.title}"
    for codec in run.codecs:
        _log_curves(log_dir / "curves" / _folder(name) / _folder(codec), dict(_curves(run, codec)))
    for label, curves in _published(run).items():
        _log_curves(log_dir / "curves" / _folder(f"published on {run.against}") / _folder(label), curves)
    place = log_dir / "evaluations" / _folder(name)
    for earlier in place.glob("events.out.tfevents.*"):
        earlier.unlink()  # TensorBoard would show the first columns of a row
    with _writer(place) as writer:
        columns = _log_comparison(writer, run, entry)
        log_settings(writer, {"codec": entry.name, "images": run.title, **(settings or {}), **columns})
        writer.add_text("about", "\n".join(_about(run, entry)), 0)
        _log_figures(writer, run)
        _log_pictures(writer, shown or {})


def checkpoint_settings(folder: Path) -> dict[str, Setting]:
    """Settings of a checkpoint as columns of the hparams table. Raises UnknownCheckpointError."""
    manifest = read_manifest(folder)
    training = {name: value for name, value in vars(manifest.training).items() if value is not None}  # no λ where there are many
    network = {f"network.{name}": value for name, value in manifest.config.items()}
    return {"fingerprint": manifest.fingerprint.hex()[:8], "network": manifest.model, **training, **network}


def _writer(folder: Path) -> SummaryWriter:
    """TensorBoard forgets what it knows of `folder` from step 0 on, as otherwise it would draw both evaluations of one name."""
    return SummaryWriter(str(folder), purge_step=0)


def _folder(name: str) -> str:
    """A name that is valid for a folder on every system and for a run in TensorBoard."""
    return re.sub(r"[^\w .,()=+-]", "-", name).strip(" .") or "-"


# --- curves -------------------------------------------------------------------------------------------------------------


def _curves(run: Run, codec: str) -> Iterator[tuple[str, list[Point]]]:
    """Tag and points of each metric of a codec, and of its speed."""
    means = [mean for mean in run.means if mean.codec == codec]
    for metric in run.metrics:
        if metric in TAGS:
            yield _tag(metric), run.curve(codec, metric)
        else:
            values = [(mean.bpp, mean.metrics[metric]) for mean in means]
            yield _tag(metric), [Point(bpp, value) for bpp, value in values if value is not None]
    for stage in ("encode_ms", "decode_ms"):
        yield f"speed/{stage}", [Point(mean.bpp, getattr(mean, stage)) for mean in means]


def _published(run: Run) -> dict[str, dict[str, list[Point]]]:
    """Published curves that the run is compared with, by label and tag."""
    curves: dict[str, dict[str, list[Point]]] = {}
    for metric in run.metrics if run.against else ():
        for label, anchor in kodak_anchors(metric).items():
            values = [Point(point.bpp, in_units(metric, (point.score, point.score))[0]) for point in anchor.points]
            curves.setdefault(label, {})[_tag(metric)] = values
    return curves


def _tag(metric: str) -> str:
    return f"rate_distortion/{TAGS.get(metric, metric)}"


def _log_curves(folder: Path, curves: Mapping[str, Sequence[Point]]) -> None:
    if not any(curves.values()):
        return
    with _writer(folder) as writer:
        for tag, points in curves.items():
            for point in sorted(points, key=lambda point: point.bpp):  # steps may not go back
                writer.add_scalar(tag, point.score, round(STEPS_PER_BIT * point.bpp))


def _log_figures(writer: SummaryWriter, run: Run) -> None:
    """The curves by every metric that tables show, in one picture."""
    if told(run.metrics):
        writer.add_image("rate_distortion", figure_pixels(run_figure(run)), 0, dataformats="HWC")


# --- comparison ---------------------------------------------------------------------------------------------------------


def _log_comparison(writer: SummaryWriter, run: Run, entry: Entry) -> dict[str, Setting]:
    """Writes a table for each metric, as text: a scalar would be a card of one dot. Returns columns for the hparams table, in
    percent: `bd_rate/LABEL`, negative where the codec needs fewer bits; of a single point `bits_saved/LABEL` at equal PSNR. The
    same by other metrics under `bd_rate_METRIC` and `bits_saved_METRIC`.
    """
    columns: dict[str, Setting] = {}
    for metric in told(run.metrics):
        ours = run.curve(entry.name, metric)
        anchors = {label: anchor for label, anchor in anchors_of(run, entry.name, metric).items() if anchor.points}
        tag = ("bd_rate" if len(ours) > 1 else "bits_saved") + ("" if metric == "psnr" else f"_{metric}")
        shares = _shares(ours, anchors) if ours else {}
        columns |= {f"{tag}/{label}": 100 * share for label, (share, _) in shares.items() if share is not None}
        if shares:
            writer.add_text(tag, "\n".join(_table(shares)), 0)
    return columns


def _shares(ours: Sequence[Point], anchors: Anchors) -> dict[str, tuple[float | None, str]]:
    """By label: BD-rate of a curve, or share of bits that a single point saves; and a note on it, or the reason why there is
    none.
    """
    if len(ours) == 1:
        saved = saved_by(ours[0], anchors)
        return {label: (share, BEYOND if share is None else anchors[label].note) for label, share in saved.items()}
    compared = compare_all(anchors, ours)
    return {label: (comparison.bd_rate, comparison.problem or anchors[label].note) for label, comparison in compared.items()}


def _table(shares: Mapping[str, tuple[float | None, str]]) -> Iterator[str]:
    """Markdown."""
    yield f"| against | between {RATES[0]} and {RATES[1]} bpp | |\n|---|---:|---|"
    for label, (share, remark) in shares.items():
        yield f"| {label} | {'–' if share is None else f'{share:+.1%}'} | {remark} |"


def _about(run: Run, entry: Entry) -> Iterator[str]:
    """Markdown: the information for reproducing the figures."""
    origin = run.provenance
    yield f"- `{origin.command}`"
    yield f"- {entry.label}: `{entry.identity}`"
    yield f"- {origin.cpu}, {origin.cores} cores, {origin.threads} threads, {origin.system}"
    yield "- " + ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    yield from (f"- {note}" for note in run.notes)


# --- settings and pictures ----------------------------------------------------------------------------------------------


def log_settings(writer: SummaryWriter, settings: Mapping[str, Setting]) -> None:
    """Writes a row of the hparams table, whose metrics are the scalars of the same folder.

    Unlike SummaryWriter.add_hparams without a list of columns: TensorBoard would use the list of one evaluation for all of them,
    and hide the columns of the others. Without a list, it finds the columns of all of them.
    """
    _, start, end = hparams(dict(settings), {})
    assert writer.file_writer is not None, "a writer is open until it is closed"
    for summary in (start, end):
        writer.file_writer.add_summary(summary, 0)


def _log_pictures(writer: SummaryWriter, by_name: Mapping[str, Sequence[tuple[str, np.ndarray]]]) -> None:
    for original, pictures in by_name.items():
        for place, (caption, pixels) in enumerate(pictures):  # TensorBoard sorts by name
            writer.add_image(f"{original}/{place} {caption}", pixels, 0, dataformats="HWC")
