"""PyTorch's threads: the number of cores that it computes on follows `runtime.threads`.

`torch.set_num_threads` sets the number of the calling thread and that of all threads which have not computed yet. So a thread is
limited under a lock, and the number of later threads is put back by another thread before the lock is left.
"""

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

from dlic.runtime import threads

Given = ParamSpec("Given")
Result = TypeVar("Result")


class _Here(threading.local):
    """The calling thread."""

    limited_to: int | None = None  # cores that torch was told, if it was told
    known: bool = False  # torch has taken its number


_here = _Here()
_lock = threading.Lock()


def inference(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """A function that computes with torch, without gradients, on the cores that its thread may use."""

    @wraps(function)
    def computed(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        follow_limit()
        with torch.inference_mode():
            return function(*args, **kwargs)

    return computed


def follow_limit() -> None:
    """Makes torch compute on the cores that the calling thread may use."""
    limit = threads.limit_here()
    if _here.known and _here.limited_to == limit:
        return
    with _lock:
        if limit is None:
            torch.get_num_threads()  # takes the process-wide number now, while no other thread is changing it
        else:
            process_wide = _in_a_new_thread(torch.get_num_threads)
            torch.get_num_threads()  # or it would take the process-wide number later
            torch.set_num_threads(limit)
            _in_a_new_thread(lambda: torch.set_num_threads(process_wide))
        _here.known, _here.limited_to = True, limit


def _in_a_new_thread(function: Callable[[], Result]) -> Result:
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def flushes_denormals() -> bool:
    """Whether the calling thread takes numbers below the normal float range for zero; torch sets this and cannot be asked."""
    return float(torch.tensor(5e-324, dtype=torch.float64) * 1.0) == 0.0


def _cores() -> int:
    follow_limit()
    return torch.get_num_threads()


@threads.after_fork
def _limit_children() -> None:
    """OpenMP's threads are not inherited: where the parent computed, the child would wait for them for ever."""
    global _lock
    _lock = threading.Lock()
    if _here.known:
        threads.limit_to_one_core()


threads.count_cores_by(_cores)
