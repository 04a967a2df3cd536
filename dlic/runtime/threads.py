"""The one owner of threads: how many cores there are, pools, and what a fork leaves of them.

A runtime's own threads (OpenMP's, ONNX Runtime's) are the runtime's business, but it asks here how many cores the calling thread
may compute on. Threads of this module's pools have one core each: work that is cut into pieces, or that is done next to other
work, would only get in its own way with more.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager


class _Here(threading.local):
    """The calling thread."""

    cores: int | None = None  # that it may compute on, if they are fewer than the process has


_here = _Here()
_lock = threading.Lock()
_side: ThreadPoolExecutor | None = None


def limit_here() -> int | None:
    """Cores that the calling thread is limited to; None: it may use all that the process has."""
    return _here.cores


def cores() -> int:
    """Cores that the calling thread may compute on."""
    return _here.cores or _source()


def cores_of_process() -> int:
    """OMP_NUM_THREADS, or the cores that the process may run on."""
    setting = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(setting) if setting.isdecimal() and int(setting) > 0 else _available()


_source: Callable[[], int] = cores_of_process


def count_cores_by(source: Callable[[], int]) -> None:
    """Lets a runtime whose number of threads people set themselves say how many cores the process has."""
    global _source
    _source = source


def _available() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def side() -> Executor:
    """One thread of the process for what can be computed while Python waits for something else."""
    global _side
    with _lock:
        if _side is None:
            _side = ThreadPoolExecutor(1, "dlic-side", initializer=limit_to_one_core)
        return _side


@contextmanager
def pool(count: int) -> Iterator[Executor]:
    """So many threads for work that is cut into pieces, for as long as the block lasts.

    After an error or an interruption in the block nobody waits for the pieces that have not begun.
    """
    with ThreadPoolExecutor(count, "dlic-pool", initializer=limit_to_one_core) as executor:
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)
            _give_memory_back()


def _give_memory_back() -> None:
    """glibc keeps what threads have freed for them: two hundred megabytes each after transforms."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have no such function
        if trim is not None:
            trim(0)


def after_fork(function: Callable[[], None]) -> Callable[[], None]:
    """Calls a function in every child process that is forked from this one."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
        os.register_at_fork(after_in_child=function)
    return function


def limit_to_one_core() -> None:
    """From here on the calling thread computes on one core."""
    _here.cores = 1


@after_fork
def _forget_threads() -> None:
    """A child inherits no thread but the one that forked."""
    global _lock, _side
    _lock, _side = threading.Lock(), None
