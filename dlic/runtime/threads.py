"""The one owner of threads: number of cores, thread pools, and pools after a fork.

A runtime manages its own threads (OpenMP's, ONNX Runtime's), but asks this module for the number of cores of the calling thread.
Threads of this module's pools have one core each: with more, parallel pieces would compete for cores.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from dlic.errors import DlicError
from dlic.runtime.memory import CGROUP


class _Here(threading.local):
    """The calling thread."""

    cores: int | None = None  # limit of its cores, if lower than the process's number


_here = _Here()
_lock = threading.Lock()
_side: ThreadPoolExecutor | None = None


def limit_here() -> int | None:
    """Cores that the calling thread is limited to; None: it may use all that the process has."""
    return _here.cores


def cores() -> int:
    """Cores that the calling thread may compute on."""
    return _here.cores or _source()


@contextmanager
def limited(count: int | None) -> Iterator[None]:
    """Limits the calling thread to `count` cores for the length of the block; None: no further limit. Raises DlicError for a number
    below 1.
    """
    if count is not None and count < 1:
        raise DlicError(f"work takes 1 thread or more, not {count}")
    before = _here.cores
    try:
        _here.cores = min((limit for limit in (before, count) if limit is not None), default=None)
        yield
    finally:
        _here.cores = before


def cores_of_process() -> int:
    """OMP_NUM_THREADS, or the cores that the process may run on."""
    setting = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(setting) if setting.isdecimal() and int(setting) > 0 else _available()


_source: Callable[[], int] = cores_of_process


def count_cores_by(source: Callable[[], int]) -> None:
    """Registers a runtime's own count of cores, for runtimes with a setting for threads."""
    global _source
    _source = source


def _available() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(count, _of_container(count)))


def _of_container(count: int) -> int:
    """Cores whose time the control group of a container may use, rounded up; `count` without a limit."""
    try:
        quota, period = (CGROUP / "cpu.max").read_text().split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):  # there is none, or it says "max"
        return count


def side() -> Executor:
    """The process's one side thread, for work in parallel with a waiting caller."""
    global _side
    with _lock:
        if _side is None:
            _side = ThreadPoolExecutor(1, "dlic-side", initializer=limit_to_one_core)
        return _side


@contextmanager
def pool(count: int) -> Iterator[Executor]:
    """A pool of `count` threads for the length of the block. After an error or an interruption in the block, pieces that have not
    started are cancelled.
    """
    with ThreadPoolExecutor(count, "dlic-pool", initializer=limit_to_one_core) as executor:
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)
            _give_memory_back()


def _give_memory_back() -> None:
    """Returns freed memory to the system: glibc keeps two hundred megabytes for each thread after transforms."""
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
    """Limits the calling thread to one core from now on."""
    _here.cores = 1


@after_fork
def _forget_threads() -> None:
    """Drops the pools in a forked child, which has no thread but the forking one."""
    global _lock, _side
    _lock, _side = threading.Lock(), None
