"""Seconds by stage, for the figures a command prints."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def timed(seconds: dict[str, float], stage: str, clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
    """Add what the block takes to `seconds[stage]`."""
    start = clock()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + clock() - start
