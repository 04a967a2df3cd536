"""Free memory of this machine, and the share of it that coding takes by default."""

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dlic.errors import DlicError

PROCESS_WITH_TORCH = 780_000_000  # bytes of a process with torch, a checkpoint and oneDNN's buffers: peaks with light-1
PROCESS_WITH_ONNX = 115_000_000  # the same with ONNX Runtime
SHARE = 0.75  # of the free memory; the rest is for everything else on the machine
UNKNOWN = 4 << 30  # free bytes assumed where the system does not report them
CGROUP = Path("/sys/fs/cgroup")
LIMITS = (  # limit, usage and statistics of a control group, version 2 and version 1
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
CACHES = ("active_file", "inactive_file")  # keys of the page cache: it counts as used, but the system frees it when memory is short


def ceiling() -> int:
    """Default limit of the further bytes that this process may allocate."""
    return int(SHARE * available())


def available() -> int:
    """Free bytes of the machine and of the container around this process."""
    return max(0, min([_of_machine(), *_of_containers()]))


def check_memory(image: NDArray[Any], bytes_a_pixel: int) -> None:
    """Raises DlicError where the machine has no memory for copies of `image` (H, W, …).

    An array may promise more pixels than there is memory: NumPy repeats rows without storing them.
    """
    height, width = image.shape[:2]
    needed, free = height * width * bytes_a_pixel, available()
    if needed > free:
        raise DlicError(f"{width} × {height} pixels take about {needed / 1e6:,.0f} MB of memory; {free / 1e6:,.0f} MB are free")


def _of_machine() -> int:
    if sys.platform == "linux":
        return _of_linux()
    if sys.platform == "win32":
        return _of_windows()
    try:  # macOS and other Unix: a third of all memory, as the system does not report the used part
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 3
    except (ValueError, OSError):
        return UNKNOWN


def _of_linux() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return UNKNOWN
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), UNKNOWN)


def _of_containers() -> list[int]:
    """Free bytes below the limits of control groups, which containers set."""
    free = []
    for limit, usage, statistics in LIMITS:
        try:
            free.append(int((CGROUP / limit).read_text()) - int((CGROUP / usage).read_text()) + _cached(CGROUP / statistics))
        except (OSError, ValueError):  # there is none, or it says "max"
            continue
    return free


def _cached(statistics: Path) -> int:
    """Bytes of a control group's page cache."""
    lines = (line.split() for line in statistics.read_text().splitlines())
    return sum(int(value) for name, value in lines if name in CACHES)


class _Status(ctypes.Structure):
    """MEMORYSTATUSEX of Windows."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        *((name, ctypes.c_ulonglong) for name in ("total", "available", "_3", "_4", "_5", "_6", "_7")),
    )


def _of_windows() -> int:
    status = _Status()
    status.length = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  mypy knows it on Windows only
    return int(status.available) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else UNKNOWN
