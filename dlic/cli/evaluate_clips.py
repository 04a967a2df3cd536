"""`dlic evaluate` on a folder of clips."""

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dlic.cli import bars, streams, values
from dlic.errors import DlicError
from dlic.storage.locks import lock_folder

FRAMES = 32  # of each clip: one intra period
DEFAULT = ("dlic", "dlic-intra", "x264", "x265", "svt-av1", "vp9", "webp", "avif", "dlic-ld", "x264-ld", "x265-ld")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ClipEvaluation:
    """The options of `dlic evaluate` that are about clips."""

    folder: Path
    codecs: str | None
    qualities: str | None
    model: str | None
    frames: int | None
    metrics: str | None
    out: Path | None
    figure: Path | None
    with_player: bool  # whether frames are kept for dlic report
    force: bool
    as_json: bool


def is_of_clips(folder: Path) -> bool:
    """Whether a folder holds clips, and no pictures."""
    from dlic.evaluation.clips.source import clips_in
    from dlic.images.files import EXTENSIONS
    from dlic.images.video.opening import VIDEO_ENDINGS

    if not folder.is_dir():
        return False
    names = [path for path in folder.iterdir() if path.is_file()]
    if not any(path.suffix.lower() in VIDEO_ENDINGS for path in names):
        names = [path for path in names if path.suffix.lower() in EXTENSIONS | {".apng"}]
        return bool(names) and len(clips_in(folder)) == len(names)
    return bool(clips_in(folder))


def evaluate_clips(options: ClipEvaluation) -> None:
    """Measures codecs on clips and prints the tables. Raises DlicError."""
    from dlic.evaluation.clips.codecs import present
    from dlic.evaluation.clips.run import begin, conduct, join, make_plan
    from dlic.evaluation.clips.summary import lines, results
    from dlic.evaluation.provenance import provenance
    from dlic.evaluation.sweep import parse_qualities

    there = present()
    names = values.words(options.codecs) or [name for name in DEFAULT if name in there]
    qualities = None if options.qualities is None else parse_qualities(options.qualities)
    extra = set(values.words(options.metrics)) - {"psnr", "psnr_yuv", "ms_ssim", "ssimulacra2"}
    if extra - {"vmaf"}:
        raise DlicError(f"clips are measured by psnr, psnr_yuv, ms_ssim, ssimulacra2 and vmaf, not by {min(extra - {'vmaf'})}")
    plan = make_plan(options.folder, names, options.frames or FRAMES, qualities, options.model, "vmaf" in extra)
    words = ["dlic", "evaluate", options.folder.resolve().name, "--codecs", ",".join(names), "--frames", str(plan.frames)]
    run = begin(plan, provenance(shlex.join(words)))
    for note in run.notes:
        streams.note(note)
    out = options.out
    if out is not None:
        if options.force:
            _discard(out)
        run = join(run, out)
        out.mkdir(exist_ok=True)
    held = lock_folder(out, f"another dlic evaluate works in {out}") if out is not None else None
    try:
        run = conduct(run, plan, out, _watched)
        if out is not None and options.with_player:
            from dlic.report.clip_sprites import make_sprites

            with bars.busy("frames for the player") as progress:
                make_sprites(out, run, plan, progress)
    finally:
        if held is not None:
            held.release()
    if out is not None:
        streams.write_bytes(str(out / "results.json"), json.dumps(results(run), indent=1).encode(), force=True)
    if options.figure is not None:
        from dlic.evaluation.clips.plots import over_frames

        streams.write_bytes(str(options.figure), over_frames(run, options.figure.suffix), options.force)
    streams.say(json.dumps(results(run), indent=1) if options.as_json else "\n".join(lines(run)))


def _discard(out: Path) -> None:
    from dlic.evaluation.clips.run import ABOUT, ROWS

    for name in (ABOUT, ROWS):
        (out / name).unlink(missing_ok=True)


def _watched(rows: Iterable[T], label: str, count: int) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    yield from track(rows, description=label, total=count, console=Console(stderr=True), transient=True)
