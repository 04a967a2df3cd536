"""The version of a file, for caches of its contents."""

from pathlib import Path

Version = tuple[int, int, int] | None


def version_of(path: Path) -> Version:
    """Time of change in nanoseconds, size and inode; None where the file is missing. One differs when it is written again."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
