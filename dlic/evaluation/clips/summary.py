"""An evaluation on clips as text and as JSON: rates and qualities of each codec, then BD-rates within each setting."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np

from dlic.evaluation.clips.run import ClipRun

LABELS = {
    "psnr": "RGB PSNR", "psnr_yuv": "YUV 6:1:1", "ms_ssim": "MS-SSIM", "ssimulacra2": "SSIMULACRA 2", "vmaf": "VMAF",
}  # fmt: skip
DIGITS = {"ms_ssim": 4}
PROTOCOL = (
    "A key frame every 32 frames. PSNR is the mean over the frames; YUV is 6:1:1 against the source's planes of 4:2:0; MS-SSIM and "
    "SSIMULACRA 2 are of every fifth frame; BD-rates are the mean of each clip's, over all that both curves reach. Times are of "
    "processor time, one thread for peers."
)


def settings_of(run: ClipRun) -> dict[str, list[str]]:
    """The names of the codecs of each setting, in their order."""
    settings: dict[str, list[str]] = {}
    for name, codec in run.codecs.items():
        settings.setdefault(codec.setting, []).append(name)
    return settings


def lines(run: ClipRun) -> Iterator[str]:
    """The whole summary."""
    yield f"{len(run.clips)} clips of {run.title}, {len(run.rows)} files"
    yield from (f"{clip.name}: {clip.width} × {clip.height}, {clip.frames} frames at {clip.rate} a second" for clip in run.clips)
    yield from run.notes
    yield PROTOCOL
    for setting, names in settings_of(run).items():
        yield ""
        yield f"{setting}: means over the clips"
        yield from _table(means_table(run, names))
        if len(names) > 1:
            yield ""
            yield f"BD-rate of {run.codecs[names[0]].label} ({setting}); negative where it needs fewer bits"
            yield from _table(rates_table(run, names))
    yield ""
    yield from (f"{codec.label}: {codec.command}" for codec in run.codecs.values() if codec.command)


def means_table(run: ClipRun, names: Sequence[str]) -> list[list[str]]:
    """A row a codec and quality; the first row has the heads."""
    metrics = run.metrics
    rows = [["codec", "quality", "bpp", *(LABELS[name] for name in metrics), "encode ms", "decode ms"]]
    for name in names:
        for quality in sorted({row.quality for row in run.rows if row.codec == name}):
            of_quality = [row for row in run.rows if (row.codec, row.quality) == (name, quality)]
            if len(of_quality) < len(run.clips):
                continue
            values = [[row.metrics.get(metric) for row in of_quality] for metric in metrics]
            cells = [_mean(value, DIGITS.get(metric, 2)) for metric, value in zip(metrics, values, strict=True)]
            bpp = float(np.mean([row.bpp for row in of_quality]))
            times = [float(np.mean([getattr(row, stage) for row in of_quality])) for stage in ("encode_ms", "decode_ms")]
            rows.append([run.codecs[name].label, str(quality), f"{bpp:.4f}", *cells, *(f"{time:.1f}" for time in times)])
    return rows


def rates_table(run: ClipRun, names: Sequence[str]) -> list[list[str]]:
    """A row an anchor of the first codec: the means by every metric, then each clip's by RGB PSNR."""
    metrics = run.metrics
    rows = [["against", *(LABELS[name] for name in metrics), *(f"{clip.name}, RGB" for clip in run.clips)]]
    for anchor in names[1:]:
        compared = {metric: run.compared(names[0], anchor, metric) for metric in metrics}
        of_clips = compared["psnr"].of_clips if "psnr" in compared else {}
        cells = [_share(compared[metric].mean) for metric in metrics]
        rows.append([run.codecs[anchor].label, *cells, *(_share(of_clips.get(clip.name)) for clip in run.clips)])
    return rows


def results(run: ClipRun) -> dict[str, object]:
    """Everything as JSON values."""
    compared = {
        setting: {
            codec: {
                anchor: {metric: asdict(run.compared(codec, anchor, metric)) for metric in run.metrics}
                for anchor in names
                if anchor != codec
            }
            for codec in names
        }
        for setting, names in settings_of(run).items()
    }
    return {**asdict(run), "compared": compared}


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells]).rstrip()


def _mean(values: Sequence[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{float(np.mean(known)):.{digits}f}" if known else "–"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1%}"
