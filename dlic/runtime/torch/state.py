"""The state of torch in which networks run here, whatever the caller has set: no autocast, float32, on the CPU."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from dlic.runtime import threads

CPU = torch.device("cpu")


@contextmanager
def own_state() -> Iterator[None]:
    """Sets aside the caller's autocast, default device and default type for the length of the block.

    Autocast and the default device belong to the calling thread. The default type belongs to the process: if it is not float32,
    other threads of the process see float32 during the block.
    """
    with ExitStack() as stack:
        if torch.is_autocast_enabled("cpu"):
            stack.enter_context(torch.autocast("cpu", enabled=False))
        if torch.get_default_device() != CPU:
            stack.enter_context(CPU)
        if _float32.needed():
            stack.enter_context(_float32.default())
        yield


class _Float32:
    """The default type float32. Of blocks in several threads the first sets it, and the last one restores the caller's."""

    def __init__(self) -> None:
        self._lock, self._blocks, self._callers = threading.Lock(), 0, torch.float32

    def needed(self) -> bool:
        return self._blocks > 0 or torch.get_default_dtype() != torch.float32

    @contextmanager
    def default(self) -> Iterator[None]:
        with self._lock:
            if self._blocks == 0:
                self._callers = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self._blocks += 1
        try:
            yield
        finally:
            with self._lock:
                self._blocks -= 1
                if self._blocks == 0:
                    torch.set_default_dtype(self._callers)


_float32 = _Float32()


@threads.after_fork
def _new_lock() -> None:
    """A forked child has only the forking thread; a lock that another thread held would stay locked."""
    global _float32
    _float32 = _Float32()
