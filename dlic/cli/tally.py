"""The report of a command on many files: counts, notes, failures, and a bar while it works."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dlic.batch.folders import Listing, Pair, Result
from dlic.cli import streams, values
from dlic.errors import SomeFailedError

SHOWN_FAILURES = 100  # rows of the table; --json has all


class Tally:
    """Counts of the files so far. `folder` is that of all files; None where they were named one by one."""

    def __init__(self, verb: str, folder: Path | None, listing: Listing, files: int, skipped: int) -> None:
        self.verb, self.folder, self.listing, self.files, self.skipped = verb, folder, listing, files, skipped
        self.written = self.bytes_read = self.bytes_written = 0
        self.notes = Counter[str]()
        self.failures = [(path, f"folder cannot be listed: {reason}") for path, reason in listing.closed]
        self.worst = SomeFailedError.exit_code
        self.begun = time.monotonic()

    def add(self, result: Result) -> None:
        if result.error:
            self.failures.append((self.name(result.pair.source), _reason(result)))
            self.worst = max(self.worst, result.error.exit_code)
        elif result.done:
            self.written += 1
            self.bytes_read += result.pair.size
            self.bytes_written += os.path.getsize(result.done.output) if os.path.exists(result.done.output) else 0
            self.notes.update(result.done.notes)
        else:
            self.skipped += 1

    def name(self, source: Path) -> str:
        """A file as the table shows it."""
        return str(source.relative_to(self.folder)) if self.folder else str(source)

    @property
    def summary(self) -> str:
        """'23 compressed, 2 there already, 1 failed: 12.3 MB → 1.2 MB (−90 %) in 12 s'"""
        counts = {self.verb: self.written, "there already": self.skipped, "failed": len(self.failures)}
        missing = self.files - self.written - self.skipped - (len(self.failures) - len(self.listing.closed))
        counts["not done"] = missing
        parts = [f"{count:,} {outcome}" for outcome, count in counts.items() if count or outcome == self.verb]
        sizes = f"{values.shown_size(self.bytes_read)} → {values.shown_size(self.bytes_written)}"
        moved = f": {sizes} in {time.monotonic() - self.begun:.1f} s" if self.written else ""
        return ", ".join(parts) + moved

    @property
    def left_out(self) -> list[str]:
        """Counts of the other entries of the folder."""
        counts = {
            "other files, left out": self.listing.others,
            "outputs of dlic decompress, left out": self.listing.earlier,
            "links to folders, not followed": self.listing.links,
        }
        return [f"{reason}: {count:,}" for reason, count in counts.items() if count]

    def tell(self, as_json: bool) -> None:
        """Prints everything; on standard error, except for the summary where standard output is free."""
        for sentence, count in self.notes.items():
            streams.note(f"{sentence} ({count:,} file{'s' * (count > 1)})")
        for sentence in self.left_out:
            streams.note(sentence)
        _table(self.folder, self.failures)
        streams.say(self.summary, error=as_json)


def _table(folder: Path | None, failures: Sequence[tuple[str, str]]) -> None:
    """The files that failed and why, on standard error."""
    if not failures:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(f"failed in {streams.shown(folder)}" if folder else "failed", "why")
    for path, reason in failures[:SHOWN_FAILURES]:
        table.add_row(Text(streams.shown(path), overflow="fold"), Text(streams.shown(reason), overflow="fold"))
    width = None if sys.stderr.isatty() else 10_000  # a row stays a line where a program reads it
    Console(stderr=True, width=width).print(table)
    if len(failures) > SHOWN_FAILURES:
        streams.note(f"{len(failures) - SHOWN_FAILURES:,} more failed; --json tells of each")


def _reason(result: Result) -> str:
    """The error without the file's name, which has a column of its own."""
    return str(result.error).removeprefix(f"{result.pair.source}").lstrip(": ")


def json_line(result: Result) -> dict[str, Any]:
    """A line of --json."""
    line = {"input": str(result.pair.source), "status": result.status, "output": str(result.pair.target)}
    if result.done:
        return {**line, **result.done.figures}
    return {**line, "error": str(result.error)} if result.error else line


def watched(results: Iterator[Result], pairs: Sequence[Pair], verb: str) -> Iterator[Result]:
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
