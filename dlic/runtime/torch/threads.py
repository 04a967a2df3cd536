"""PyTorch's threads: the number of cores that it computes on follows `runtime.threads`.

`torch.set_num_threads` sets the number of the calling thread and of all threads that have not computed yet. So a lock guards every
limit: before it is released, another thread restores the number of later threads.
"""

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

from dlic.runtime import threads
from dlic.runtime.torch.state import own_state

Given = ParamSpec("Given")
Result = TypeVar("Result")


class _Here(threading.local):
    """The calling thread."""

    limited_to: int | None = None  # number of cores last set in torch, if any
    unlimited: int = 0  # its number before
    known: bool = False  # torch has read the process-wide number


_here = _Here()
_lock = threading.Lock()


def inference(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Decorator of a function that computes with torch: without gradients, on the cores of its thread, in torch's state of
    `own_state`.
    """

    @wraps(function)
    def computed(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        follow_limit()
        with torch.inference_mode(), own_state():
            return function(*args, **kwargs)

    return computed


def follow_limit() -> None:
    """Makes torch compute on the cores that the calling thread may use."""
    limit = threads.limit_here()
    if _here.known and _here.limited_to == limit:
        return
    with _lock:
        now = torch.get_num_threads()  # takes the process-wide number now, while no other thread is changing it
        if _here.limited_to is None:
            _here.unlimited = now
        if limit is not None or _here.limited_to is not None:
            process_wide = _in_a_new_thread(torch.get_num_threads)
            torch.set_num_threads(_here.unlimited if limit is None else limit)
            _in_a_new_thread(lambda: torch.set_num_threads(process_wide))
        _here.known, _here.limited_to = True, limit


def _in_a_new_thread(function: Callable[[], Result]) -> Result:
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def flushes_denormals() -> bool:
    """Whether the calling thread flushes denormal floats to zero; torch sets this, but has no function to read it."""
    return float(torch.tensor(5e-324, dtype=torch.float64) * 1.0) == 0.0


def _cores() -> int:
    follow_limit()
    return torch.get_num_threads()


@threads.after_fork
def _limit_children() -> None:
    """Limits a forked child to one core if the parent computed: it does not inherit OpenMP's threads, and would wait for them for
    ever.
    """
    global _lock
    _lock = threading.Lock()
    if _here.known:
        threads.limit_to_one_core()


threads.count_cores_by(_cores)
