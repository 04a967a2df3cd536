"""The run of a command on many files, and its report."""

import json
import signal
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from dlic.batch.folders import Pair, Result, Work, check_targets, existing, make_folder
from dlic.cli import streams
from dlic.cli.plan import Engine, Plan, Task, Wanted, plan_of_folder, plan_of_names
from dlic.cli.tally import Tally, json_line, watched
from dlic.errors import DlicError, SomeFailedError, StorageError
from dlic.storage.files import discard_abandoned

TERMINATED = 143  # 128 + SIGTERM, as shells have it


def run(sources: Sequence[str], output: str | None, task: Task, wanted: Wanted) -> None:
    """Runs a task on every file. Raises DlicError before the work, and SomeFailedError after it if files failed."""
    if wanted.cluster is not None and wanted.engine != Engine.dask:
        raise DlicError("--cluster goes with --engine dask")
    plan = plan_of_folder(sources[0], output, task, wanted) if len(sources) == 1 else plan_of_names(sources, output, task, wanted)
    missing = _missing(plan, task, wanted.skip_existing)
    tally = Tally(task.verb, plan.folder, plan.listing, len(plan.pairs), skipped=len(plan.pairs) - len(missing))
    everything = [path for pair in plan.pairs for path in task.work.outputs(pair.target)]
    if wanted.as_json:
        for pair in sorted(set(plan.pairs) - set(missing), key=lambda pair: pair.source):
            streams.say(json.dumps(json_line(Result(pair))))
    with _told(tally, wanted), _tidied(everything), closing(_results(task.work, missing, plan, wanted)) as results:
        lines = wanted.verbose or plan.folder is None  # which take the place of a bar
        for result in results if lines else watched(results, missing, task.verb):
            _say(result, wanted, lines)
            error = result.error
            if error is not None and isinstance(error, (StorageError, *task.hopeless)):
                raise error
            tally.add(result)
    if tally.failures:
        failed = SomeFailedError(f"{len(tally.failures):,} of {len(plan.pairs) + len(plan.listing.closed):,} failed")
        failed.exit_code = tally.worst
        raise failed


def _say(result: Result, wanted: Wanted, lines: bool) -> None:
    if wanted.as_json:
        streams.say(json.dumps(json_line(result)))
    elif result.done and lines:
        streams.say(streams.shown(result.done.line))
        if wanted.verbose and result.done.detail:
            streams.say(f"  {streams.shown(result.done.detail)}")


def _missing(plan: Plan, task: Task, skip_existing: bool) -> list[Pair]:
    """The pairs to work on. Raises DlicError for outputs that exist, without --skip-existing and --force."""
    if plan.out is not None:
        make_folder(plan.out)
    check_targets(plan.pairs, task.work, plan.out or plan.pairs[0].target.parent)
    outputs = existing(plan.pairs, task.work)
    if outputs and not skip_existing and not task.force:
        first = streams.shown(next(iter(outputs.values())))
        raise DlicError(
            f"{len(outputs)} of {len(plan.pairs)} outputs exist, such as {first}; "
            "--skip-existing leaves them, --force overwrites them"
        )
    return [pair for pair in plan.pairs if pair not in outputs] if skip_existing else list(plan.pairs)


def _results(work: Work, pairs: Sequence[Pair], plan: Plan, options: Wanted) -> Generator[Result, None, None]:
    if options.engine == Engine.dask and pairs:
        from dlic.batch import cluster

        folders = {str(folder) for pair in pairs for folder in (pair.source.parent, plan.out or pair.target.parent)}
        shared = [plan.folder, plan.out] if plan.folder and plan.out else list(map(Path, sorted(folders)))
        yield from cluster.results(work, pairs, shared, options.cluster, options.jobs)
        return
    from dlic.batch import workers

    yield from workers.results(work, pairs, options.jobs)


# --- the run ------------------------------------------------------------------------------------------------------------


@contextmanager
def _told(tally: Tally, wanted: Wanted) -> Iterator[None]:
    """Prints the summary at the end of the block, also after an error."""
    with terminated_as_exception():
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            streams.note("interrupted; the same command with --skip-existing goes on where it stopped")
            raise
        finally:
            tally.tell(wanted.as_json)


@contextmanager
def _tidied(outputs: Sequence[Path]) -> Iterator[None]:
    """Removes temporary files of killed runs before the block, and of killed workers after it. A run that was killed just after
    an output got its name has left one beside it.
    """
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
