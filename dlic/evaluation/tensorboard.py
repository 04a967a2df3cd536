"""An evaluation in TensorBoard, beside others in the same folder.

evaluations/NAME         what was found: BD-rates as scalars, figures of the curves, pictures, and a row of the hparams table
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
from dlic.evaluation.comparison import Anchor, compare_all, saved_by
from dlic.evaluation.comparison_plot import comparison_figure
from dlic.evaluation.plots import Curve, figure_pixels
from dlic.evaluation.rate_distortion import RATES, Point
from dlic.evaluation.run import Entry, Run
from dlic.evaluation.summary import anchors_of

STEPS_PER_BIT = 1000  # TensorBoard's steps are whole numbers
IN_DECIBELS = {"psnr": ("PSNR", "psnr"), "ms_ssim": ("MS-SSIM", "ms_ssim_db")}  # metric → its name in figures, its tag

BEYOND = "its curve does not reach this quality"

Anchors = Mapping[str, Anchor]  # by label
Setting = str | int | float


def log_run(
    log_dir: Path,
    run: Run,
    published: Mapping[str, Anchors] | None = None,
    settings: Mapping[str, Setting] | None = None,
    shown: Mapping[str, Sequence[tuple[str, np.ndarray]]] | None = None,
) -> None:
    """Write what this module's first lines say of the first codec of `run` beside the others.

    Args:
        log_dir: where TensorBoard looks; may hold other evaluations.
        run: with means; a codec without any is left out.
        published: curves to compare with by metric ("psnr", "ms_ssim") and label, where the images are those they hold of.
        settings: columns of the hparams table beside the codec and the images, such as `checkpoint_settings` and the effort.
        shown: pictures by the name of their original: captions and uint8 (H, W, 3) pixels, in the order to be shown in.
    """
    published = published or {}
    entry = next(iter(run.codecs.values()))
    name = f"{entry.name} on {run.title}"
    for codec in run.codecs:
        _log_curves(log_dir / "curves" / _folder(name) / _folder(codec), dict(_curves(run, codec)))
    for label, curves in _by_label(published).items():
        _log_curves(log_dir / "curves" / _folder(f"published on {run.against}") / _folder(label), curves)
    with _writer(log_dir / "evaluations" / _folder(name)) as writer:
        log_settings(writer, {"codec": entry.name, "images": run.title, **(settings or {})})
        _log_comparison(writer, run, entry, published)
        writer.add_text("about", "\n".join(_about(run, entry)), 0)
        _log_figures(writer, run, entry, published)
        _log_pictures(writer, shown or {})


def checkpoint_settings(folder: Path) -> dict[str, Setting]:
    """What a checkpoint is, as columns of the hparams table. Raises UnknownCheckpointError."""
    manifest = read_manifest(folder)
    training = {name: value for name, value in vars(manifest.training).items() if value is not None}  # no λ where there are many
    network = {f"network.{name}": value for name, value in manifest.config.items()}
    return {"fingerprint": manifest.fingerprint.hex()[:8], "network": manifest.model, **training, **network}


def _writer(folder: Path) -> SummaryWriter:
    """TensorBoard forgets what it knows of `folder` from step 0 on, as otherwise it would draw both evaluations of one name."""
    return SummaryWriter(str(folder), purge_step=0)


def _folder(name: str) -> str:
    """A name as that of a folder on every system, and of a run in TensorBoard."""
    return re.sub(r"[^\w .,()=+-]", "-", name).strip(" .") or "-"


# --- curves -------------------------------------------------------------------------------------------------------------


def _curves(run: Run, codec: str) -> Iterator[tuple[str, list[Point]]]:
    """Tag and points of each metric of a codec, and of its speed."""
    means = [mean for mean in run.means if mean.codec == codec]
    for metric in run.metrics:
        if metric in IN_DECIBELS:
            yield f"rate_distortion/{IN_DECIBELS[metric][1]}", run.curve(codec, metric)
        else:
            values = [(mean.bpp, mean.metrics[metric]) for mean in means]
            yield f"rate_distortion/{metric}", [Point(bpp, value) for bpp, value in values if value is not None]
    for stage in ("encode_ms", "decode_ms"):
        yield f"speed/{stage}", [Point(mean.bpp, getattr(mean, stage)) for mean in means]


def _by_label(published: Mapping[str, Anchors]) -> dict[str, dict[str, list[Point]]]:
    """Curves by metric and label → by label and tag."""
    curves: dict[str, dict[str, list[Point]]] = {}
    for metric, anchors in published.items():
        for label, anchor in anchors.items():
            curves.setdefault(label, {})[f"rate_distortion/{IN_DECIBELS[metric][1]}"] = anchor.points
    return curves


def _log_curves(folder: Path, curves: Mapping[str, Sequence[Point]]) -> None:
    if not any(curves.values()):
        return
    with _writer(folder) as writer:
        for tag, points in curves.items():
            for point in sorted(points, key=lambda point: point.bpp):  # steps may not go back
                writer.add_scalar(tag, point.score, round(STEPS_PER_BIT * point.bpp))


def _log_figures(writer: SummaryWriter, run: Run, entry: Entry, published: Mapping[str, Anchors]) -> None:
    """All curves in one picture, by PSNR and by MS-SSIM in dB."""
    for metric, (score, tag) in IN_DECIBELS.items():
        ours = run.curve(entry.name, metric)
        if ours:
            others = _against(run, entry, metric, published.get(metric, {}))
            curves = [Curve.through(label, anchor.points) for label, anchor in others.items()]
            title = f"{entry.label} on the {len(run.pictures)} images of {run.title}"
            figure = comparison_figure(Curve.through(entry.label, ours), curves, title, score)
            writer.add_image(f"rate_distortion/{tag}", figure_pixels(figure), 0, dataformats="HWC")


def _against(run: Run, entry: Entry, metric: str, published: Anchors) -> dict[str, Anchor]:
    """The other codecs of a run, and the published curves of which the run has none itself, by label."""
    known = anchors_of(run, entry.name, metric, published)
    return {label: anchor for label, anchor in known.items() if anchor.points and label != entry.label}


# --- comparison ---------------------------------------------------------------------------------------------------------


def _log_comparison(writer: SummaryWriter, run: Run, entry: Entry, published: Mapping[str, Anchors]) -> None:
    """In percent, where it can be said: `bd_rate/LABEL`, negative where the codec needs fewer bits; of a single point
    `bits_saved/LABEL` at equal PSNR. The same by MS-SSIM under `bd_rate_ms_ssim` and `bits_saved_ms_ssim`."""
    for metric in IN_DECIBELS:
        ours, others = run.curve(entry.name, metric), _against(run, entry, metric, published.get(metric, {}))
        tag = ("bd_rate" if len(ours) > 1 else "bits_saved") + ("" if metric == "psnr" else f"_{metric}")
        shares = _shares(ours, others) if ours else {}
        for label, (share, _) in shares.items():
            if share is not None:
                writer.add_scalar(f"{tag}/{label}", 100 * share, 0)
        if shares:
            writer.add_text(tag, "\n".join(_table(shares)), 0)


def _shares(ours: Sequence[Point], others: Anchors) -> dict[str, tuple[float | None, str]]:
    """By label: BD-rate of a curve, or share of bits that a single point saves; and what to know of it, or why there is none."""
    if len(ours) == 1:
        saved = saved_by(ours[0], others)
        return {label: (share, BEYOND if share is None else others[label].note) for label, share in saved.items()}
    compared = compare_all(others, ours)
    return {label: (one.bd_rate, one.problem or others[label].note) for label, one in compared.items()}


def _table(shares: Mapping[str, tuple[float | None, str]]) -> Iterator[str]:
    """Markdown."""
    yield f"| against | between {RATES[0]} and {RATES[1]} bpp | |\n|---|---:|---|"
    for label, (share, remark) in shares.items():
        yield f"| {label} | {'–' if share is None else f'{share:+.1%}'} | {remark} |"


def _about(run: Run, entry: Entry) -> Iterator[str]:
    """Markdown: what it takes to make the same figures again."""
    origin = run.provenance
    yield f"- `{origin.command}`"
    yield f"- {entry.label}: `{entry.identity}`"
    yield f"- {origin.cpu}, {origin.cores} cores, {origin.threads} threads, {origin.system}"
    yield "- " + ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    yield from (f"- {note}" for note in run.notes)


# --- settings and pictures ----------------------------------------------------------------------------------------------


def log_settings(writer: SummaryWriter, settings: Mapping[str, Setting]) -> None:
    """A row of the hparams table, whose metrics are the scalars of the same folder.

    Unlike SummaryWriter.add_hparams without a list of columns: TensorBoard would take the list of one evaluation for that of all,
    and not show what only the others have; without any, it finds the columns of all of them.
    """
    _, start, end = hparams(dict(settings), {})
    for summary in (start, end):
        writer.file_writer.add_summary(summary, 0)


def _log_pictures(writer: SummaryWriter, shown: Mapping[str, Sequence[tuple[str, np.ndarray]]]) -> None:
    for original, pictures in shown.items():
        for place, (caption, pixels) in enumerate(pictures):  # TensorBoard sorts by name
            writer.add_image(f"{original}/{place} {caption}", pixels, 0, dataformats="HWC")
