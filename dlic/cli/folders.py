"""`dlic compress -r` and `dlic decompress -r`: a tree of files → another tree, and a report of every file."""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

from dlic.batch.folders import Listing, Pair, Result, Work, check_targets, existing, find, make_folder, mirror
from dlic.cli import streams
from dlic.cli.parameters import Option
from dlic.errors import DlicError, SomeFailedError, StorageError, UnreadableImageError
from dlic.storage.files import discard_abandoned

SHOWN_FAILURES = 100  # rows of the table; --json has all
TERMINATED = 143  # 128 + SIGTERM, as shells have it


class Engine(str, Enum):
    """The processes that do the work."""

    local = "local"
    dask = "dask"


RECURSIVE = Annotated[bool, Option("-r", "--recursive", help="Go through a folder.")]
SKIP_EXISTING = Annotated[bool, Option("--skip-existing", help="-r: leave outputs that exist; continues an interrupted run.")]
JOBS = Annotated[int, Option("-j", "--jobs", least=1, help="-r: files at a time, each in a process of its own.")]
ENGINE = Annotated[Engine, Option(help="-r: processes of this machine, or the workers of a Dask cluster.")]
CLUSTER = Annotated[
    str | None,
    Option(metavar="ADDRESS", help="-r: scheduler of --engine dask; default: a cluster of --jobs workers on this machine."),
]


@dataclass(frozen=True)
class Wanted:
    """The folder options of both commands."""

    recursive: bool
    skip_existing: bool
    jobs: int
    engine: Engine
    cluster: str | None

    def everywhere(self, path: Path) -> Path:
        """A path that every worker of a cluster can resolve."""
        return Path(os.path.abspath(path)) if self.engine == Engine.dask else path

    @property
    def given(self) -> list[str]:
        """The given options that need -r."""
        options = {
            "--skip-existing": self.skip_existing,
            "--jobs": self.jobs != 1,
            "--engine": self.engine != Engine.local,
            "--cluster": self.cluster is not None,
        }
        return [option for option, is_given in options.items() if is_given]


@dataclass(frozen=True)
class Task:
    """The work of a command on the files of a folder."""

    verb: str  # "compressed"
    endings: Collection[str]  # of the files it takes
    ending: str  # of those it makes
    work: Work
    force: bool
    hopeless: tuple[type[DlicError], ...] = ()  # errors that every other file would have too


def is_folder(source: str, wanted: Wanted, refusal: type[DlicError]) -> bool:
    """Whether `source` is a folder to walk through. Raises for a folder without -r, and for -r without a folder."""
    if source != streams.STANDARD and os.path.isdir(source):
        if not wanted.recursive:
            raise refusal(f"{streams.shown(source)} is a folder; -r goes through it, and -o names the folder to write into")
        return True
    if wanted.recursive:
        missing = source != streams.STANDARD and not os.path.lexists(source)
        raise DlicError(
            f"{streams.shown(source)} does not exist" if missing else f"-r is for folders, and {streams.shown(source)} is none"
        )
    if wanted.given:
        raise DlicError(f"{wanted.given[0]} is for folders, with -r")
    return False


def run(source: str, output: str | None, task: Task, wanted: Wanted, as_json: bool) -> None:
    """Runs a task on every file of a folder. Raises DlicError before the work, and SomeFailedError after it if files failed."""
    folder, out = map(wanted.everywhere, _folders(source, output))
    if wanted.cluster is not None and wanted.engine != Engine.dask:
        raise DlicError("--cluster goes with --engine dask")
    listing = find(folder, task.endings, out)
    if not listing.files and not listing.closed:
        raise UnreadableImageError(
            f"{streams.shown(folder)} holds no file to be {task.verb} (looked for {', '.join(sorted(task.endings))})"
        )
    pairs = mirror(listing, folder, out, task.ending)
    missing = _missing(pairs, out, task, wanted.skip_existing)
    tally = Tally(task.verb, folder, listing, len(pairs), skipped=len(pairs) - len(missing))
    everything = [path for pair in missing for path in task.work.outputs(pair.target)]
    if as_json:
        for pair in sorted(set(pairs) - set(missing), key=lambda pair: pair.source):
            streams.say(json.dumps(_line(Result(pair))))
    with _told(tally, as_json), _tidied(everything), closing(_results(task.work, missing, (folder, out), wanted)) as results:
        for result in _watched(results, missing, task.verb):
            if as_json:
                streams.say(json.dumps(_line(result)))
            error = result.error
            if error is not None and isinstance(error, (StorageError, *task.hopeless)):
                raise error
            tally.add(result)
    if tally.failures:
        raise SomeFailedError(f"{len(tally.failures):,} of {len(pairs) + len(listing.closed):,} failed")


def _folders(source: str, output: str | None) -> tuple[Path, Path]:
    if output is None or output == streams.STANDARD:
        raise DlicError("a folder needs -o, the folder to write into")
    folder, out = Path(source), Path(output)
    if out.exists() and os.path.samefile(folder, out):
        raise DlicError(f"{streams.shown(output)} is the input folder itself; -o names another one")
    if os.path.lexists(out) and not out.is_dir():
        raise DlicError(f"{streams.shown(output)} is a file; with -r, -o names a folder")
    return folder, out


def _missing(pairs: Sequence[Pair], out: Path, task: Task, skip_existing: bool) -> list[Pair]:
    """The pairs to work on. Raises DlicError for outputs that exist, without --skip-existing and --force."""
    make_folder(out)
    check_targets(pairs, task.work, out)
    outputs = existing(pairs, task.work)
    if outputs and not skip_existing and not task.force:
        first = streams.shown(next(iter(outputs.values())))
        raise DlicError(
            f"{len(outputs)} of {len(pairs)} outputs exist, such as {first}; --skip-existing leaves them, --force overwrites them"
        )
    return [pair for pair in pairs if pair not in outputs] if skip_existing else list(pairs)


def _results(work: Work, pairs: Sequence[Pair], folders: Sequence[Path], options: Wanted) -> Generator[Result, None, None]:
    if options.engine == Engine.dask and pairs:
        from dlic.batch import cluster

        yield from cluster.results(work, pairs, folders, options.cluster, options.jobs)
        return
    from dlic.batch import workers

    yield from workers.results(work, pairs, options.jobs)


# --- report -------------------------------------------------------------------------------------------------------------


class Tally:
    """Counts of the files so far."""

    def __init__(self, verb: str, folder: Path, listing: Listing, files: int, skipped: int):
        self.verb, self.folder, self.listing, self.files, self.skipped = verb, folder, listing, files, skipped
        self.written = self.bytes_read = self.bytes_written = 0
        self.notes = Counter[str]()
        self.failures = [(path, f"folder cannot be listed: {reason}") for path, reason in listing.closed]
        self.begun = time.monotonic()

    def add(self, result: Result) -> None:
        if result.error:
            self.failures.append((str(result.pair.source.relative_to(self.folder)), _reason(result)))
        elif result.done:
            self.written += 1
            self.bytes_read += result.pair.size
            self.bytes_written += os.path.getsize(result.done.output) if os.path.exists(result.done.output) else 0
            self.notes.update(result.done.notes)
        else:
            self.skipped += 1

    @property
    def summary(self) -> str:
        """'23 compressed, 2 there already, 1 failed: 12,345,678 → 1,234,567 bytes in 12 s'"""
        counts = {self.verb: self.written, "there already": self.skipped, "failed": len(self.failures)}
        missing = self.files - self.written - self.skipped - (len(self.failures) - len(self.listing.closed))
        counts["not done"] = missing
        parts = [f"{count:,} {outcome}" for outcome, count in counts.items() if count or outcome == self.verb]
        moved = (
            f": {self.bytes_read:,} → {self.bytes_written:,} bytes in {time.monotonic() - self.begun:.1f} s" if self.written else ""
        )
        return ", ".join(parts) + moved

    @property
    def left_out(self) -> list[str]:
        """Counts of the other entries of the folder."""
        counts = {"other files, left out": self.listing.others, "links to folders, not followed": self.listing.links}
        return [f"{reason}: {count:,}" for reason, count in counts.items() if count]


@contextmanager
def _told(tally: Tally, as_json: bool) -> Iterator[None]:
    """Prints the summary at the end of the block, also after an error."""
    with terminated_as_exception():
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            streams.note("interrupted; the same command with --skip-existing goes on where it stopped")
            raise
        finally:
            for sentence, count in tally.notes.items():
                streams.note(f"{sentence} ({count:,} file{'s' * (count > 1)})")
            for sentence in tally.left_out:
                streams.note(sentence)
            _table(tally.folder, tally.failures)
            streams.say(tally.summary, error=as_json)


@contextmanager
def _tidied(outputs: Sequence[Path]) -> Iterator[None]:
    """Removes temporary files of killed runs before the block, and of killed workers after it."""
    discard_abandoned(outputs)
    try:
        yield
    finally:
        discard_abandoned(outputs)


@contextmanager
def terminated_as_exception() -> Iterator[None]:
    """Turns SIGTERM into SystemExit, so that partial files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _table(folder: Path, failures: Sequence[tuple[str, str]]) -> None:
    """The files that failed and why, on standard error."""
    if not failures:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(f"failed in {streams.shown(folder)}", "why")
    for path, reason in failures[:SHOWN_FAILURES]:
        table.add_row(Text(streams.shown(path), overflow="fold"), Text(streams.shown(reason), overflow="fold"))
    width = None if sys.stderr.isatty() else 10_000  # a row stays a line where a program reads it
    Console(stderr=True, width=width).print(table)
    if len(failures) > SHOWN_FAILURES:
        streams.note(f"{len(failures) - SHOWN_FAILURES:,} more failed; --json tells of each")


def _reason(result: Result) -> str:
    """The error without the file's name, which has a column of its own."""
    return str(result.error).removeprefix(f"{result.pair.source}").lstrip(": ")


def _line(result: Result) -> dict:
    """A line of --json."""
    line = {"input": str(result.pair.source), "status": result.status, "output": str(result.pair.target)}
    if result.done:
        return {**line, **result.done.figures}
    return {**line, "error": str(result.error)} if result.error else line


def _watched(results: Iterator[Result], pairs: Sequence[Pair], verb: str) -> Iterator[Result]:
    """The same results, with a progress bar and the remaining time on a terminal."""
    if not sys.stderr.isatty():
        yield from results
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    count, total = 0, sum(pair.size for pair in pairs)  # bytes predict the time better than the number of files
    # 600 s: with the highest effort a small file takes a minute
    with Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=600) as bar:
        task = bar.add_task(f"0/{len(pairs)} {verb}", total=total)
        for result in results:
            count += 1
            bar.update(task, advance=result.pair.size, description=f"{count}/{len(pairs)} {verb}")
            yield result
