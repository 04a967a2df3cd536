"""NumPy's OpenBLAS on one thread, where this package has threads of its own.

OpenBLAS does not know of limits to threads, and its idle threads spin: with them, decoding a sequence on two threads took a third
more processor time.
"""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from dlic.runtime.threads import after_fork

SYMBOLS = ("openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads")  # of NumPy 1, 2; others
FOLDERS = (("numpy.libs",), ("numpy", ".dylibs"))  # of wheels for Linux and Windows, and for macOS


@contextmanager
def single_threaded() -> Iterator[None]:
    """For the length of the block, in the whole process; nested and from many threads. Does nothing with another BLAS."""
    blocks = _blocks
    blocks.enter()
    try:
        yield
    finally:
        blocks.leave()


class _Blocks:
    """How many blocks are entered, and the number of threads before the first."""

    def __init__(self) -> None:
        self._lock, self._count, self._before = threading.Lock(), 0, 1

    def enter(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1 and (found := _openblas()):
                get, put = found
                self._before = get()
                put(1)

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and (found := _openblas()):
                found[1](self._before)


_blocks = _Blocks()


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """What gets and sets the number of threads of the OpenBLAS in NumPy's wheel."""
    root = Path(np.__file__).parents[1]
    for path in (path for folder in FOLDERS for path in root.joinpath(*folder).glob("*openblas*")):
        library = ctypes.CDLL(str(path))  # is loaded already
        for symbol in SYMBOLS:
            if hasattr(library, symbol.format("set")):
                return getattr(library, symbol.format("get")), getattr(library, symbol.format("set"))
    return None


@after_fork
def _forget_blocks() -> None:
    """Another thread of the parent may have been in a block, and have held the lock. OpenBLAS stays as it was there."""
    global _blocks
    _blocks = _Blocks()
