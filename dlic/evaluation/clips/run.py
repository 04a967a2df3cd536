"""An evaluation on clips: a row for each file, kept in a folder, and comparisons within each setting."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from dlic.errors import CorruptFileError, DlicError, UnreadableImageError
from dlic.evaluation.clips.codecs import ClipCodec, open_codec
from dlic.evaluation.clips.measure import METRICS, ClipRow, measure
from dlic.evaluation.clips.source import clips_in, read_source
from dlic.evaluation.provenance import Provenance
from dlic.evaluation.rate_distortion import Point, bd_rate
from dlic.metrics.registry import decibels
from dlic.storage.files import read_whole, written_whole

ABOUT, ROWS = "clips.json", "clip_rows.jsonl"
FEW = 4  # points that a BD-rate needs

Watched = Callable[[Iterator[ClipRow], str, int], Iterator[ClipRow]]


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """One of the clips that are measured on."""

    name: str
    width: int
    height: int
    frames: int
    rate: str  # frames a second
    sha256: str  # of its pixels
    is_video: bool  # whether its planes are the file's own


@dataclass(frozen=True, kw_only=True)
class CodecFacts:
    """A codec of a run."""

    name: str
    label: str
    setting: str
    identity: str
    command: str


@dataclass(frozen=True, kw_only=True)
class ClipRun:
    """Everything that was measured."""

    provenance: Provenance
    title: str
    clips: tuple[ClipFacts, ...]
    codecs: dict[str, CodecFacts]
    rows: tuple[ClipRow, ...] = ()
    notes: tuple[str, ...] = ()

    def curve(self, codec: str, metric: str, clip: str) -> list[Point]:
        """bpp and score of one codec on one clip, by rising rate; MS-SSIM in dB."""
        rows = sorted((row for row in self.rows if (row.codec, row.clip) == (codec, clip)), key=lambda row: row.bpp)
        values = [(row.bpp, row.metrics.get(metric)) for row in rows]
        return [Point(bpp, decibels(value) if metric == "ms_ssim" else value) for bpp, value in values if value is not None]

    @property
    def metrics(self) -> list[str]:
        """Those that have values."""
        return [name for name in METRICS if any(row.metrics.get(name) is not None for row in self.rows)]

    def compared(self, codec: str, anchor: str, metric: str) -> "Compared":
        """BD-rate of a codec against another: the mean of each clip's. Raises DlicError for two settings."""
        if self.codecs[codec].setting != self.codecs[anchor].setting:
            raise DlicError(f"{codec} and {anchor} are of different settings, which are never compared")
        found: dict[str, float] = {}
        for clip in self.clips:
            try:
                found[clip.name] = bd_rate(self.curve(anchor, metric, clip.name), self.curve(codec, metric, clip.name))
            except ValueError:  # too few points, or no score that both reach
                continue
        mean = float(np.mean(list(found.values()))) if len(found) == len(self.clips) else None
        return Compared(mean=mean, of_clips=found)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """BD-rates; −0.1 is 10 % fewer bits."""

    mean: float | None  # over the clips; None where one of them has none
    of_clips: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class ClipPlan:
    """The clips, codecs and qualities of an evaluation."""

    folder: Path
    codecs: dict[str, ClipCodec]
    qualities: dict[str, tuple[int, ...]]
    frames: int
    with_vmaf: bool = False
    paths: dict[str, Path] = field(default_factory=dict)


def make_plan(
    folder: Path, names: Sequence[str], frames: int, qualities: Sequence[int] | None, model: str | None, with_vmaf: bool
) -> ClipPlan:
    """Raises DlicError for unknown and missing codecs."""
    codecs = {name: open_codec(name, model) for name in names}
    ours = {name: codec.qualities if qualities is None else tuple(qualities) for name, codec in codecs.items()}
    of_each = {name: ours[name] if name.startswith("dlic") else codecs[name].qualities for name in codecs}
    paths = {path.name: path for path in clips_in(folder)}
    return ClipPlan(folder=folder, codecs=codecs, qualities=of_each, frames=frames, with_vmaf=with_vmaf, paths=paths)


def begin(plan: ClipPlan, provenance: Provenance) -> ClipRun:
    """A run without rows. Raises UnreadableImageError where no clip can be measured on."""
    clips, notes = list[ClipFacts](), list[str]()
    for path in plan.paths.values():
        try:
            source = read_source(path, plan.frames)
        except UnreadableImageError as error:
            notes.append(f"left out: {error}")
            continue
        picture = source.picture
        facts = ClipFacts(
            name=source.name,
            width=picture.width,
            height=picture.height,
            frames=len(source.pixels),
            rate=str(source.rate),
            sha256=picture.sha256,
            is_video=source.is_video,
        )
        clips.append(facts)
    if not clips:
        raise UnreadableImageError(f"no clip in {plan.folder} can be measured on: {'; '.join(notes)}")
    codecs = {
        name: CodecFacts(name=name, label=codec.label, setting=codec.setting, identity=codec.identity, command=codec.command)
        for name, codec in plan.codecs.items()
    }
    title = plan.folder.resolve().name
    return ClipRun(provenance=provenance, title=title, clips=tuple(clips), codecs=codecs, notes=tuple(notes))


def conduct(run: ClipRun, plan: ClipPlan, out: Path | None, watched: Watched) -> ClipRun:
    """Measures the files that are missing; with a folder, each row is stored as soon as it is measured."""
    if out is not None:
        out.mkdir(exist_ok=True)
        write_about(out, run)
    for clip in run.clips:
        source = None
        for name, codec in plan.codecs.items():
            there = {row.key for row in run.rows}
            missing = [quality for quality in plan.qualities[name] if (name, quality, clip.name) not in there]
            if not missing:
                continue
            source = source or read_source(plan.paths[clip.name], plan.frames)
            rows = (measure(codec, quality, source, plan.with_vmaf) for quality in missing)
            for row in watched(rows, f"{clip.name}: {codec.label}", len(missing)):
                run = replace(run, rows=(*run.rows, row))
                if out is not None:
                    with open(out / ROWS, "a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(row)) + "\n")
    return run


def join(run: ClipRun, out: Path) -> ClipRun:
    """A run with the rows of the one in a folder. Raises DlicError for a folder of other clips, frames or codecs."""
    if not (out / ABOUT).exists():
        if out.exists() and any(path.name not in (ROWS, ".lock") for path in out.iterdir()):
            raise DlicError(f"{out} holds no evaluation on clips; --out names a folder for one")
        return run
    before = read_run(out)
    if before.clips != run.clips:
        raise DlicError(f"{out} holds an evaluation on other clips or frames; --force begins it anew")
    for name in run.codecs.keys() & before.codecs.keys():
        if run.codecs[name].identity != before.codecs[name].identity:
            raise DlicError(f"{out} holds files of another {name}; --force begins it anew")
    return replace(run, codecs={**run.codecs, **before.codecs}, rows=before.rows)


def write_about(out: Path, run: ClipRun) -> None:
    """Everything of a run except its rows."""
    about = {name: value for name, value in asdict(run).items() if name != "rows"}
    with written_whole(out / ABOUT, overwrite=True) as file:
        file.write(json.dumps(about, indent=1).encode())


def read_run(out: Path) -> ClipRun:
    """Inverse of `write_about`, with the rows. Raises CorruptFileError; a last line that was cut off is left out."""
    try:
        about = json.loads(read_whole(out / ABOUT, CorruptFileError))
        about["provenance"] = Provenance(**about["provenance"])
        about["clips"] = tuple(ClipFacts(**clip) for clip in about["clips"])
        about["codecs"] = {name: CodecFacts(**codec) for name, codec in about["codecs"].items()}
        about["notes"] = tuple(about["notes"])
        text = (out / ROWS).read_text(encoding="utf-8") if (out / ROWS).is_file() else ""
        rows = [ClipRow(**json.loads(line)) for line in text[: text.rfind("\n") + 1].splitlines()]
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptFileError(f"{out} holds a damaged evaluation: {error}") from error
    return ClipRun(**about, rows=tuple({row.key: row for row in rows}.values()))
