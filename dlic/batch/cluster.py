"""Processes many files on a Dask cluster with shared folders. The files of a worker that dies go to others."""

import os
import threading
from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import dlic
from dlic.batch.folders import Pair, Result, Work, result_of
from dlic.batch.processes import THREADS, share_of_cores
from dlic.batch.workers import killed
from dlic.errors import DlicError

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 1000  # tasks in the scheduler at a time: enough for many workers, and little memory for a million files
PATIENCE = 20  # seconds to find the scheduler
_alone = threading.Lock()


def results(
    work: Work, pairs: Sequence[Pair], folders: Sequence[Path], address: str | None = None, jobs: int = 2
) -> Iterator[Result]:
    """Yields the result of each pair as soon as it is done, in any order.

    The pairs of a worker that dies go to others, as often as the cluster's `allowed-failures` says.

    Args:
        work: the operation on each file; workers must be able to import it.
        pairs: by absolute paths.
        folders: must be visible to every worker.
        address: of the scheduler, as tcp://10.0.0.1:8786; None: a cluster of `jobs` workers on this machine.

    Raises DlicError where the cluster does not answer, its workers have another version of dlic, or they do not see the folders.
    """
    with _client(address, jobs) as client:
        _check(client, folders)
        yield from _results(client, work, pairs)


def _results(client: "Client", work: Work, pairs: Sequence[Pair]) -> Iterator[Result]:
    from distributed import as_completed

    run, waiting = uuid4().hex, enumerate(pairs)
    pairs_by_key: dict[Hashable, Pair] = {}  # by key of the future

    def submit(count: int) -> list["Future"]:
        futures = []
        for place, pair in islice(waiting, count):
            futures.append(client.submit(_task, work, pair, key=f"dlic-{run}-{place}"))
            pairs_by_key[futures[-1].key] = pair
        return futures

    under_way = as_completed(submit(AHEAD))
    for future in under_way:
        yield _result(future, pairs_by_key.pop(future.key))
        under_way.update(submit(1))


def _task(work: Work, pair: Pair) -> Result:
    with _alone:  # a worker of several threads has memory for one model
        return result_of(work, pair)


def _result(future: "Future", pair: Pair) -> Result:
    from distributed import KilledWorker

    try:
        return future.result()  # which waits once more where a worker has died with it, until another has done it again
    except CancelledError as error:
        raise DlicError("the cluster is gone; the same command with --skip-existing goes on once it is back") from error
    except KilledWorker as error:
        return killed(pair, error.allowed_failures + 1)
    except Exception as error:
        return Result(pair, error=DlicError(f"{pair.source}: the cluster failed with {type(error).__name__}: {error}"))


@contextmanager
def _client(address: str | None, jobs: int) -> Iterator["Client"]:
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise DlicError("the engine dask is not installed; pip install 'dlic[cluster]' brings it") from error
    if address is None:
        threads = {} if THREADS in os.environ else {THREADS: str(share_of_cores(jobs))}
        local = distributed.LocalCluster(
            n_workers=jobs, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL", env=threads
        )
        with local, distributed.Client(local, set_as_default=False) as client, client.as_current():
            yield client
        return
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DlicError(
            f"no Dask scheduler answers at {address}; --cluster takes an address such as tcp://10.0.0.1:8786"
        ) from error
    with client, client.as_current():
        yield client


def _check(client: "Client", folders: Sequence[Path]) -> None:
    """Checks that every worker can do the work."""
    try:
        answers = client.run(_about, [str(folder) for folder in folders])
    except ModuleNotFoundError as error:
        raise DlicError(f"a worker of the cluster cannot import {error.name}; dlic must be installed there too") from error
    for worker, (version, missing) in answers.items():
        if version != dlic.__version__:
            raise DlicError(f"worker {worker} has dlic {version} and this machine {dlic.__version__}; install the same everywhere")
        if missing:
            raise DlicError(f"worker {worker} does not see {missing[0]}; the folders must be on a file system all workers share")


def _about(folders: Sequence[str]) -> tuple[str, list[str]]:
    return dlic.__version__, [folder for folder in folders if not os.path.isdir(folder)]
