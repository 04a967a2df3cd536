"""A run from its beginning, or from where it was interrupted, to its results."""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from dlic.errors import DlicError
from dlic.evaluation.peak_memory import peak_memory
from dlic.evaluation.provenance import Provenance
from dlic.evaluation.results import results
from dlic.evaluation.run import Entry, Row, Run
from dlic.evaluation.run_folder import ABOUT, KEPT, RESULTS, RowWriter, read_run, write_about, write_means
from dlic.evaluation.scores import HIGH_QUALITY
from dlic.evaluation.sweep import Plan, Task, rows_of
from dlic.metrics.registry import MS_SSIM_SMALLEST
from dlic.storage.files import written_whole
from dlic.storage.locks import LOCK

Watched = Callable[[Iterable[Row], str, int], Iterable[Row]]  # (rows, label, count) → the same rows, as they come


def begin(
    plan: Plan,
    provenance: Provenance,
    notes: Sequence[str] = (),
    against: str | None = None,
    jobs: int = 1,
    between: tuple[float, float] = HIGH_QUALITY,
) -> Run:
    """A run without rows.

    Args:
        plan: the codecs, qualities and images.
        provenance: versions, machine and command.
        notes: notes for readers, for example on images that were left out.
        against: a set of published curves to compare with.
        jobs: files that are coded at the same time.
        between: range of SSIMULACRA 2 for a further BD-rate.
    """
    small = sum(min(picture.width, picture.height) < MS_SSIM_SMALLEST for picture in plan.pictures)
    scales = [f"MS-SSIM of fewer than five scales: {small} images are smaller than {MS_SSIM_SMALLEST} pixels"] * bool(small)
    entries = {name: _entry(plan, name) for name in plan.codecs}
    return Run(
        provenance=provenance,
        title=plan.folder.resolve().name,
        pictures=plan.pictures,
        codecs=entries,
        against=against,
        jobs=jobs,
        notes=(*notes, *scales),
        between=between,
    )


def join(run: Run, folder: Path) -> Run:
    """A run that continues the one in a folder, if there is one: with its codecs and its rows.

    Raises DlicError where the folder holds other files than a run's, or a run of other pictures or of codecs that have changed.
    """
    if not (folder / ABOUT).exists():
        strange = [path.name for path in folder.iterdir() if path.name not in (*KEPT, LOCK)] if folder.exists() else []
        if strange:
            raise DlicError(f"{folder} holds {strange[0]} but no evaluation; --out names a folder for one")
        return run
    before = read_run(folder)
    if before.pictures != run.pictures:
        raise DlicError(f"{folder} holds an evaluation on other images, those of {before.title}; --force begins it anew")
    for name in run.codecs.keys() & before.codecs.keys():
        if run.codecs[name].identity != before.codecs[name].identity:
            raise DlicError(f"{folder} holds files of another {name} ({before.codecs[name].identity}); --force begins it anew")
    codecs = {name: before.codecs.get(name, entry) for name, entry in run.codecs.items()}
    return replace(run, codecs={**codecs, **before.codecs}, rows=before.rows)


def discard(folder: Path) -> None:
    """Removes the files of a run from a folder; others stay."""
    for name in (*KEPT, ABOUT):
        if (folder / name).is_file():
            (folder / name).unlink()


def conduct(run: Run, plan: Plan, folder: Path | None, watched: Watched, memory: bool = True) -> Run:
    """Measures the files of a plan that are missing from a run; with a folder, each row is stored as soon as it is measured.
    `watched` shows the rows of each codec as they come. With `memory`, each codec's peak memory is measured too.
    """
    if folder is not None:
        folder.mkdir(exist_ok=True)
        write_about(folder, run)
    with RowWriter(folder, plan.metrics) if folder is not None else nullcontext() as writer:
        for name in plan.codecs:
            rows = []
            missing = _missing(run, plan, name)
            for row in watched(rows_of(plan, missing, run.jobs), run.codecs[name].label, len(missing)):
                rows.append(row)
                if writer is not None:
                    writer.write(row)
            run = replace(run, rows=(*run.rows, *rows))
            if memory and run.codecs[name].peak_memory_mb is None:
                run = _with_memory(run, plan, name)
    if folder is not None:
        write_about(folder, run)
        write_results(folder, run)
    return run


def write_results(folder: Path, run: Run) -> None:
    """means.csv and results.json."""
    write_means(folder, run)
    with written_whole(folder / RESULTS, overwrite=True) as file:
        file.write(json.dumps(results(run), indent=1).encode())


def _entry(plan: Plan, name: str) -> Entry:
    series = plan.open(name)
    return Entry(name, series.label, series.identity, series.note, series.ending, series.effort)


def _missing(run: Run, plan: Plan, codec: str) -> list[Task]:
    measured = {row.key for row in run.rows}
    return [task for task in plan.tasks(codec) if task.key not in measured]


def _with_memory(run: Run, plan: Plan, name: str) -> Run:
    """Adds the codec's peak memory for the largest picture, at the middle of its qualities."""
    largest = max(plan.pictures, key=lambda picture: picture.pixels)
    quality = plan.qualities[name][len(plan.qualities[name]) // 2]
    megabytes = peak_memory(plan.codecs[name], quality, plan.effort, plan.folder / largest.name, plan.external)
    return replace(run, codecs={**run.codecs, name: replace(run.codecs[name], peak_memory_mb=megabytes)})
