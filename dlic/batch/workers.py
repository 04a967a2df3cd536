"""Work on many files by several processes of this machine; one that dies costs no file."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from PIL import Image

from dlic.batch.folders import Pair, Result, Work, result_of
from dlic.errors import DlicError

ATTEMPTS = 3  # to work on a file before it is blamed for what happens to the processes that do
PATIENCE = 5.0  # seconds for a process to remove what it has half written


def results(work: Work, pairs: Sequence[Pair], jobs: int = 1) -> Iterator[Result]:
    """A result for each pair as soon as there is one; with several jobs in any order, each a process with its share of the cores.

    When the iterator is closed or fails, the processes end without leaving anything half written.
    """
    jobs = min(jobs, len(pairs))
    if jobs <= 1:
        yield from (result_of(work, pair) for pair in pairs)
        return
    waiting, deaths = deque(pairs), Counter[Pair]()
    crew = [_hire(work, jobs) for _ in range(jobs)]
    try:
        for worker in crew:
            worker.take(waiting)
        while busy := {worker.pipe: worker for worker in crew if worker.pair}:
            for pipe in wait(list(busy)):
                worker = busy[pipe]
                pair, result = worker.pair, worker.result()
                if result is None:
                    worker.process.join()
                    crew[crew.index(worker)] = worker = _hire(work, jobs)
                    deaths[pair] += 1
                    if deaths[pair] < ATTEMPTS:
                        waiting.appendleft(pair)
                    else:
                        result = Result(pair, error=killed(pair, ATTEMPTS))
                worker.take(waiting)
                if result is not None:
                    yield result
    finally:
        _dismiss(crew)


def killed(pair: Pair, times: int) -> DlicError:
    return DlicError(
        f"{pair.source}: the process at work on it was killed {times} times; perhaps it needs more memory than there is"
    )


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    pair: Pair | None = None  # what it works on

    def take(self, waiting: deque[Pair]) -> None:
        """Give it the next pair, if there is one."""
        self.pair = waiting.popleft() if waiting else None
        if self.pair:
            with suppress(OSError):  # it has died, which `result` will find out
                self.pipe.send(self.pair)

    def result(self) -> Result | None:
        """What it has sent; None where it has died."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            return None


def _hire(work: Work, jobs: int) -> _Worker:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, work), daemon=True)  # fork hangs with torch
    with _for_workers(jobs):
        process.start()
    theirs.close()  # so that the pipe ends with the process
    return _Worker(process, ours)


@contextmanager
def _for_workers(jobs: int) -> Iterator[None]:
    """What processes started here inherit: their share of the cores, and no ear for Ctrl-C, which is for us to answer."""
    variable, given = "OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS")
    main = threading.current_thread() is threading.main_thread()
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    os.environ.setdefault(variable, str(share_of_cores(jobs)))
    try:
        yield
    finally:
        if given is None:
            del os.environ[variable]
        if main:
            signal.signal(signal.SIGINT, previous)


def share_of_cores(jobs: int) -> int:
    """Threads for each of as many processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // jobs)


def _dismiss(crew: Sequence[_Worker]) -> None:
    for worker in crew:
        worker.pipe.close()  # at which one without work ends
        if worker.pair:
            worker.process.terminate()
    for worker in crew:
        worker.process.join(PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _serve(pipe: Connection, work: Work) -> None:
    """What a worker does until nobody sends it pairs any more, even if that is because the sender was killed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an exception: what is half written is removed on its way
    Image.MAX_IMAGE_PIXELS = None  # the process is ours: the work has a limit of its own
    try:
        while True:
            pipe.send(result_of(work, pipe.recv()))
    except (EOFError, OSError):
        pass
