"""The process pool of this package: the task of a process that dies is done again."""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from PIL import Image

from dlic.errors import DlicError

ATTEMPTS = 3  # killed processes at one task before the task is taken for the cause
PATIENCE_S = 5.0  # seconds for a process to remove its partial files
THREADS = "OMP_NUM_THREADS"

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


def results(
    work: Callable[[Task], Outcome], tasks: Sequence[Task], jobs: int, killed: Callable[[Task, int], Outcome]
) -> Iterator[Outcome]:
    """Yields `work(task)` for each task as soon as it is done; with several jobs in any order, each a process with its share of the
    cores. When the iterator is closed or fails, the processes end without partial files.

    Args:
        work: must be picklable.
        tasks: to be done, each hashable.
        jobs: most processes; 1: this process.
        killed: called with a task and the number of processes that were killed at it; returns its outcome, or raises.

    Raises the first exception of `work`.
    """
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        yield from map(work, tasks)
        return
    waiting, deaths = deque(tasks), Counter[Task]()
    crew = [_hire(work, jobs) for _ in range(jobs)]
    try:
        for worker in crew:
            worker.take(waiting)
        while busy := [worker for worker in crew if worker.busy]:
            ready = wait([worker.pipe for worker in busy])
            for worker in (worker for worker in busy if worker.pipe in ready):
                task, answer = worker.task, worker.answer()
                if answer is None:
                    worker.process.join()
                    crew[crew.index(worker)] = worker = _hire(work, jobs)
                    deaths[task] += 1
                    if deaths[task] < ATTEMPTS:
                        waiting.appendleft(task)
                worker.take(waiting)
                if answer is not None:
                    yield answer.outcome()
                elif deaths[task] == ATTEMPTS:
                    yield killed(task, ATTEMPTS)
    finally:
        _dismiss(crew)


def killed_error(what: object, times: int) -> DlicError:
    """The error of a task whose processes were killed."""
    return DlicError(f"{what}: the process at work on it was killed {times} times; perhaps it needs more memory than there is")


def cores() -> int:
    """The number of cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_of_cores(jobs: int) -> int:
    """Threads for each of `jobs` processes."""
    return max(1, cores() // jobs)


class RemoteError(Exception):
    """The traceback of an exception in another process, as the cause of that exception here."""


@dataclass(frozen=True)
class _Answer:
    """The message of a worker: an outcome, or an exception."""

    value: Any
    traceback: str | None = None  # of the exception

    def outcome(self) -> Any:
        if self.traceback is None:
            return self.value
        raise self.value from RemoteError(self.traceback)


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Any = None  # its current task, if it is busy
    busy: bool = False

    def take(self, waiting: deque[Any]) -> None:
        """Give it the next task, if there is one."""
        self.busy = bool(waiting)
        if self.busy:
            self.task = waiting.popleft()
            with suppress(OSError):  # it has died; `answer` notices
                self.pipe.send(self.task)

    def answer(self) -> _Answer | None:
        """The message from the process; None if it has died."""
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return answer if isinstance(answer, _Answer) else None


def _hire(work: Callable[[Any], Any], jobs: int) -> _Worker:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, work), daemon=True)  # fork hangs with torch
    with _for_workers(jobs):
        process.start()
    theirs.close()  # so that the pipe ends with the process
    return _Worker(process, ours)


@contextmanager
def _for_workers(jobs: int) -> Iterator[None]:
    """Processes that start in this block inherit their share of the cores, and ignore Ctrl-C: this process answers it."""
    before = os.environ.get(THREADS)
    main = threading.current_thread() is threading.main_thread()
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    os.environ.setdefault(THREADS, str(share_of_cores(jobs)))
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS]
        if main:
            signal.signal(signal.SIGINT, previous)


def _dismiss(crew: Sequence[_Worker]) -> None:
    for worker in crew:
        worker.pipe.close()  # at which one without work ends
        if worker.busy:
            worker.process.terminate()
    for worker in crew:
        worker.process.join(PATIENCE_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """The loop of a worker. It ends with the pipe, also where the other process was killed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an exception, so that partial files are removed
    Image.MAX_IMAGE_PIXELS = None  # the process is ours: the work has a limit of its own
    try:
        while True:
            pipe.send(_answer(work, pipe.recv()))
    except (EOFError, OSError):
        pass


def _answer(work: Callable[[Any], Any], task: Any) -> _Answer:
    try:
        return _Answer(work(task))
    except Exception as error:
        return _Answer(_sendable(error), traceback.format_exc())


def _sendable(error: Exception) -> Exception:
    """An exception that another process can be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # exceptions may hold anything
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
