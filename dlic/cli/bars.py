"""Progress bars on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dlic.cli.streams import shown
from dlic.progress import Progress, no_progress


@contextmanager
def busy(what: str) -> Iterator[Progress]:
    """A progress bar on standard error, on a terminal only.

    It has no length until the work reports its share; from then on it shows the time left.
    """
    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(shown(what)), total=None)
        yield lambda share: bar.update(task, completed=share, total=1.0)


@contextmanager
def transfer_bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on standard error, on a terminal only; it appears with the first byte."""
    from rich import progress as bars
    from rich.console import Console

    console = Console(stderr=True)
    columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.DownloadColumn(), bars.TransferSpeedColumn())
    with bars.Progress(*columns, bars.TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None, visible=False)
        yield lambda there, total: bar.update(task, completed=there, total=total, visible=True)
