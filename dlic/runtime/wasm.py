"""Modules of WebAssembly, run by Wasmtime where it is installed: compiled code that is the same file on every machine, and that
cannot reach beyond its own memory.

Every thread has an instance of its own. Calls let other threads of Python run.
"""

import atexit
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dlic.errors import DlicError

KEPT = 64 << 20  # bytes of memory up to which an instance is kept for the thread's next call
ALIGNED = 16
RESERVED = 64 << 20  # addresses of each memory, which moves where it grows beyond


_open, _modules = WeakSet["Instance"](), list["_Compiled"]()


class Instance:
    """A module's functions and memory. The module exports what `dlic/web/c/calls.h` has."""

    def __init__(self, path: Path):
        import wasmtime

        module = _compiled(path)
        self._store: Any = wasmtime.Store(module.engine)
        self._exports: Any = wasmtime.Instance(self._store, module.module, []).exports(self._store)
        self._memory: Any = self._exports["memory"]
        self.is_busy = False
        _open.add(self)

    def close(self) -> None:
        """Gives its memory back. Nothing can be called then."""
        self._store.close()

    @property
    def size(self) -> int:
        """Bytes of its memory."""
        return int(self._memory.data_len(self._store))

    def call(self, name: str, *numbers: int) -> int:
        """What an exported function returns, as an unsigned number of 32 bits; 0 for one that returns nothing.

        Raises DlicError where the module is stopped: it reached beyond its memory.
        """
        import wasmtime

        try:
            return int(self._exports[name](self._store, *numbers) or 0) & 0xFFFFFFFF
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            raise DlicError(f"{name} of compiled code was stopped: {str(error).splitlines()[-1].strip()}") from error

    def run(self, name: str, *numbers: int) -> int:
        """`call` of a function that returns an address, and 0 where it fails. Raises DlicError with the sentence that it left."""
        address = self.call(name, *numbers)
        if not address:
            text = self.bytes_at(self.call("dlic_problem"), 256)
            raise DlicError(text.tobytes().partition(b"\0")[0].decode())
        return address

    def put(self, *arrays: NDArray[Any]) -> list[int]:
        """Copies arrays behind each other into memory of the module; their addresses. Raises DlicError where it has too little."""
        places, end = list[int](), 0
        for array in arrays:
            places.append(end)
            end += -(-array.nbytes // ALIGNED) * ALIGNED
        start = self.call("dlic_take", max(end, ALIGNED))
        if not start:
            raise DlicError("there is too little memory for the frames of the sequence")
        for array, place in zip(arrays, places, strict=True):
            self.array_at(start + place, array.dtype, array.shape)[...] = array
        return [start + place for place in places]

    def array_at(self, address: int, dtype: DTypeLike, shape: Sequence[int]) -> NDArray[Any]:
        """Memory of the module as an array, until the next call of a function."""
        kind = np.dtype(dtype)
        return self.bytes_at(address, kind.itemsize * int(np.prod(shape))).view(kind).reshape(shape)

    def bytes_at(self, address: int, most: int) -> NDArray[np.uint8]:
        """Likewise bytes: so many, or as many as there are."""
        memory = self._memory.get_buffer_ptr(self._store, min(most, self.size - address), address)
        return np.frombuffer(memory, np.uint8)

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Memory that is taken within the block is given back at its end."""
        mark = self.call("dlic_mark")
        try:
            yield
        finally:
            self.call("dlic_release", mark)


class _Here(threading.local):
    """The calling thread."""

    def __init__(self) -> None:
        self.instances = dict[Path, Instance]()


_here = _Here()


@cache
def available(path: Path) -> bool:
    """Whether Wasmtime is installed and runs a module here: some processes may not have the addresses that its memory reserves, or
    may not make code.
    """
    try:
        with instance(path):
            return True
    except Exception:  # of many kinds; NumPy serves then
        return False


@contextmanager
def instance(path: Path) -> Iterator[Instance]:
    """The calling thread's instance of a module. What it takes in the block is given back; much memory is, to the system, too."""
    found = _here.instances.get(path) or _here.instances.setdefault(path, Instance(path))
    found.is_busy = True
    try:
        with found.scratch():
            yield found
    finally:
        found.is_busy = False
    if found.size > KEPT:
        del _here.instances[path]


@dataclass(frozen=True, eq=False)
class _Compiled:
    """A module, which its engine compiled."""

    engine: Any
    module: Any


@cache
def _compiled(path: Path) -> _Compiled:
    import wasmtime

    config = wasmtime.Config()
    config.signals_based_traps = False  # a process has one handler of faults, which Python's faulthandler and others set, too
    config.memory_guard_size = 0
    config.memory_reservation = RESERVED
    engine = wasmtime.Engine(config)
    found = _Compiled(engine, wasmtime.Module.from_file(engine, str(path)))
    _modules.append(found)
    return found


@atexit.register
def _close() -> None:
    """Wasmtime's objects write to standard error where they are collected after its functions."""
    for found in [*_open]:
        if not found.is_busy:  # on a thread that goes on while Python ends
            found.close()
    for compiled in _modules:
        compiled.module.close()
        compiled.engine.close()
