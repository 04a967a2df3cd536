"""Seconds by stage, as commands print them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def timed(seconds: dict[str, float], stage: str, clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
    """Adds the time of the block to `seconds[stage]`, even if the block raises."""
    start = clock()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + clock() - start
