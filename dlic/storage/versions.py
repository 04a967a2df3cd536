"""The version of a file, for caches of its contents."""

from pathlib import Path

Version = tuple[int, int, int] | None


def version_of(path: Path) -> Version:
    """Time of change in nanoseconds, size and inode; None where the file is missing. One differs when it is written again."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
