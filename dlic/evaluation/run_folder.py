"""The folder of an evaluation: a row for each coded file, and the settings and versions of all of them.

run.json      the pictures, the codecs, versions, machine and command
rows.csv      one row a file, written as soon as it is measured: what a run is continued from
means.csv     one row a codec and quality
results.json  everything, with the BD-rates
pictures/     each picture as every codec shows it at matched sizes (`report/pictures.py`)
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from dlic.errors import CorruptFileError, DlicError
from dlic.evaluation.provenance import Provenance
from dlic.evaluation.run import Entry, Picture, Row, Run
from dlic.storage.files import read_whole, written_whole

ABOUT = "run.json"
ROWS = "rows.csv"
MEANS = "means.csv"
RESULTS = "results.json"
KEPT = (ROWS, MEANS, RESULTS)  # next to ABOUT, whose presence makes a folder a run
FIXED = ("codec", "quality", "image", "bytes", "bpp", "encode_ms", "decode_ms", "estimated_bits")  # columns before the metrics


def write_about(folder: Path, run: Run) -> None:
    """Writes everything of a run except its rows."""
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
        about["between"] = tuple(about["between"])
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
        bpp, encode_ms, decode_ms, estimated, *metrics = numbers
        return Row(
            codec=codec,
            quality=_number(quality),
            image=image,
            bytes=int(size),
            bpp=float(bpp),
            encode_ms=float(encode_ms),
            decode_ms=float(decode_ms),
            estimated_bits=_number(estimated),
            metrics=dict(zip(header[len(FIXED) :], map(_number, metrics), strict=True)),
        )
    except ValueError as error:
        raise CorruptFileError(f"{path} holds a line that is no row of an evaluation: {','.join(line)[:80]}") from error


def _number(cell: str) -> float | None:
    """Inverse of `_cells` for one number."""
    return float(cell) if cell else None


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
        rows = read_rows(folder)
        if rows and set(rows[0].metrics) != set(metrics):
            raise DlicError(f"{folder} holds the metrics {', '.join(rows[0].metrics)}; name another folder to measure others")
        with written_whole(path, overwrite=True) as file:  # without what was cut off, and each file once
            lines = [[*FIXED, *metrics], *(_row_cells(row, metrics) for row in rows)]
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
