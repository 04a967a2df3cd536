"""Seconds by stage, for the figures a command prints."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def timed(seconds: dict[str, float], stage: str, clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
    """Add the time of the block to `seconds[stage]`, also where it raises."""
    start = clock()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + clock() - start
