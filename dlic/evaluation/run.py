"""An evaluation as it is kept: a folder with a row for each file that was written, and what all of them were made with.

run.json      the pictures, the codecs, versions, machine and command
rows.csv      one row a file, written as soon as it is measured: what a run is continued from
means.csv     one row a codec and quality
results.json  everything, with the BD-rates
pictures/     each picture as every codec shows it at matched sizes (`pictures.py`)
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from dlic.errors import CorruptFileError, DlicError
from dlic.evaluation.provenance import Provenance
from dlic.evaluation.rate_distortion import Point
from dlic.metrics.registry import METRICS, decibels
from dlic.storage.files import read_whole, written_whole

ABOUT = "run.json"
ROWS = "rows.csv"
MEANS = "means.csv"
RESULTS = "results.json"
KEPT = (ROWS, MEANS, RESULTS)  # beside ABOUT, whose presence makes a folder a run
FIXED = ("codec", "quality", "image", "bytes", "bpp", "encode_ms", "decode_ms", "estimated_bits")  # columns before the metrics


@dataclass(frozen=True)
class Picture:
    """One of the images that are measured on."""

    name: str  # of its file
    width: int
    height: int
    sha256: str  # of its pixels

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Entry:
    """A codec of a run."""

    name: str  # as --codecs takes it
    label: str  # as tables and figures call it
    identity: str  # what its files depend on: a fingerprint, or options and versions
    note: str = ""  # what to know before comparing
    ending: str = ""  # of its files
    effort: int = 0  # of a learned codec
    peak_memory_mb: float | None = None  # of a process that codes the largest picture once; None where it was not measured


@dataclass(frozen=True)
class Row:
    """One file: what it costs, and what comes back from it."""

    codec: str
    quality: float | None  # None where the codec has one rate
    image: str
    bytes: int
    bpp: float
    encode_ms: float  # pixels to bytes and back, without the disk
    decode_ms: float
    estimated_bits: float | None  # what the tables of a learned codec say of the same symbols
    metrics: dict[str, float | None]  # by name, as in `metrics.METRICS`; None where the picture is too small for one

    @property
    def key(self) -> tuple[str, float | None, str]:
        return self.codec, self.quality, self.image


@dataclass(frozen=True)
class Mean:
    """The rows of a codec at one quality: means over the images of the per-image values."""

    codec: str
    quality: float | None
    images: int
    bpp: float
    metrics: dict[str, float | None]
    psnr_of_mean_mse: float | None  # dB: the other common convention, which is lower where images differ
    encode_ms: float  # medians, which a busy machine moves less
    decode_ms: float
    gap: float | None  # share by which files exceed `estimated_bits`


@dataclass(frozen=True)
class Run:
    """Everything that was measured."""

    provenance: Provenance
    title: str  # name of the folder of images
    pictures: tuple[Picture, ...]
    codecs: dict[str, Entry]  # by name; the first is the one that is compared with the others
    rows: tuple[Row, ...] = ()
    against: str | None = None  # a set of published curves to compare with: "kodak"
    jobs: int = 1  # files that were coded at the same time
    notes: tuple[str, ...] = ()  # what a reader must know: images that were left out, metrics of fewer scales

    def qualities(self, codec: str) -> list[float | None]:
        """Those of a codec that all pictures were measured at, rising."""
        return [mean.quality for mean in self.means if mean.codec == codec]

    @cached_property
    def means(self) -> list[Mean]:
        """One for each codec and quality that has a row of every picture; codecs in their order, qualities rising."""
        grouped: dict[tuple[str, float | None], list[Row]] = {}
        for row in self.rows:
            grouped.setdefault((row.codec, row.quality), []).append(row)
        whole = {key: rows for key, rows in grouped.items() if len(rows) == len(self.pictures)}
        order = {name: place for place, name in enumerate(self.codecs)}
        return [_mean(whole[key]) for key in sorted(whole, key=lambda key: (order[key[0]], key[1] or 0))]

    def curve(self, codec: str, metric: str = "psnr", image: str | None = None) -> list[Point]:
        """bpp and a metric (made so that higher is better, in dB for MS-SSIM) by rising quality: of the means, or of one image."""
        rows: Iterable[Mean | Row]
        if image is None:
            rows = [mean for mean in self.means if mean.codec == codec]
        else:
            rows = sorted((r for r in self.rows if (r.codec, r.image) == (codec, image)), key=lambda row: row.quality or 0)
        values = [(row.bpp, row.metrics.get(metric)) for row in rows]
        return [Point(bpp, as_score(metric, value)) for bpp, value in values if value is not None]

    @property
    def metrics(self) -> list[str]:
        """Names of those that were measured, in the order of the columns."""
        return list(self.rows[0].metrics) if self.rows else []


def as_score(metric: str, value: float) -> float:
    """A metric made so that higher is better and equal steps matter alike: MS-SSIM in dB, those of distance negated."""
    if metric == "ms_ssim":
        return decibels(value)
    return value if metric not in METRICS or METRICS[metric].higher_is_better else -value


def _mean(rows: Sequence[Row]) -> Mean:
    estimated = [row.estimated_bits for row in rows]
    first = rows[0]
    return Mean(
        first.codec,
        first.quality,
        len(rows),
        float(np.mean([row.bpp for row in rows])),
        {name: _mean_of(row.metrics.get(name) for row in rows) for name in first.metrics},
        _psnr_of_mean_mse([row.metrics.get("psnr") for row in rows]),
        float(np.median([row.encode_ms for row in rows])),
        float(np.median([row.decode_ms for row in rows])),
        None if None in estimated else sum(8 * row.bytes for row in rows) / sum(estimated) - 1,
    )


def _mean_of(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _psnr_of_mean_mse(psnr: Sequence[float | None]) -> float | None:
    if not psnr or None in psnr:
        return None
    return float(-10 * math.log10(np.mean([10 ** (-value / 10) for value in psnr])))


# --- the folder ---------------------------------------------------------------------------------------------------------


def write_about(folder: Path, run: Run) -> None:
    """Everything of a run but its rows."""
    about = {name: value for name, value in asdict(run).items() if name != "rows"}
    with written_whole(folder / ABOUT, overwrite=True) as file:
        file.write(json.dumps(about, indent=1).encode())


def read_run(folder: Path) -> Run:
    """Inverse of `write_about` and of `RowWriter`. DlicError where there is no run, CorruptFileError for a damaged one."""
    if not (folder / ABOUT).is_file():
        raise DlicError(f"{folder} holds no evaluation; dlic evaluate DIR --out {folder} makes one")
    try:
        about = json.loads(read_whole(folder / ABOUT, CorruptFileError))
        about["provenance"] = Provenance(**about["provenance"])
        about["pictures"] = tuple(Picture(**picture) for picture in about["pictures"])
        about["codecs"] = {name: Entry(**entry) for name, entry in about["codecs"].items()}
        about["notes"] = tuple(about["notes"])
        run = Run(**about)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptFileError(f"{folder / ABOUT} is damaged: {error}") from error
    return replace(run, rows=read_rows(folder))


def _row_cells(row: Row, metrics: Sequence[str]) -> list[str]:
    """A row as rows.csv has it; empty where there is no value."""
    values = [row.codec, row.quality, row.image, row.bytes, row.bpp, row.encode_ms, row.decode_ms, row.estimated_bits]
    return _cells([*values, *(row.metrics[name] for name in metrics)])


def _cells(values: Iterable[object]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def read_rows(folder: Path) -> tuple[Row, ...]:
    """The rows of a run, the last of each file where one was measured again; a last line that was cut off is left out."""
    path = folder / ROWS
    if not path.is_file():
        return ()
    text = path.read_text(encoding="utf-8")
    header, *lines = csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
    if tuple(header[: len(FIXED)]) != FIXED:
        raise CorruptFileError(f"{path} does not begin with the columns of an evaluation")
    rows = (_row(header, line, path) for line in lines)
    return tuple({row.key: row for row in rows}.values())


def _row(header: list[str], line: list[str], path: Path) -> Row:
    try:
        if len(line) != len(header):
            raise ValueError(f"{len(line)} cells")
        codec, quality, image, size, *numbers = line
        bpp, encode_ms, decode_ms, estimated, *metrics = (float(text) if text else None for text in numbers)
        values = dict(zip(header[len(FIXED) :], metrics, strict=True))
        return Row(codec, float(quality) if quality else None, image, int(size), bpp, encode_ms, decode_ms, estimated, values)
    except ValueError as error:
        raise CorruptFileError(f"{path} holds a line that is no row of an evaluation: {','.join(line)[:80]}") from error


def write_means(folder: Path, run: Run) -> None:
    """One row a codec and quality, for spreadsheets and plots of other programs."""
    header = ["codec", "label", "quality", "images", "bpp", *run.metrics, "psnr_of_mean_mse", "encode_ms", "decode_ms", "gap"]
    lines = [header]
    for mean in run.means:
        values = [mean.codec, run.codecs[mean.codec].label, mean.quality, mean.images, mean.bpp, *mean.metrics.values()]
        lines.append(_cells([*values, mean.psnr_of_mean_mse, mean.encode_ms, mean.decode_ms, mean.gap]))
    with written_whole(folder / MEANS, overwrite=True) as file:
        file.write("".join(map(_line, lines)).encode())


class RowWriter:
    """Appends rows to a run's rows.csv, each on the disk before the next is measured."""

    def __init__(self, folder: Path, metrics: Sequence[str]):
        self._metrics, path = metrics, folder / ROWS
        kept = read_rows(folder)
        if kept and set(kept[0].metrics) != set(metrics):
            raise DlicError(f"{folder} holds the metrics {', '.join(kept[0].metrics)}; name another folder to measure others")
        with written_whole(path, overwrite=True) as file:  # without what was cut off, and each file once
            lines = [[*FIXED, *metrics], *(_row_cells(row, metrics) for row in kept)]
            file.write("".join(map(_line, lines)).encode())
        self._file = path.open("a", encoding="utf-8", newline="")

    def write(self, row: Row) -> None:
        self._file.write(_line(_row_cells(row, self._metrics)))
        self._file.flush()

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *error) -> None:
        self._file.close()


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()
