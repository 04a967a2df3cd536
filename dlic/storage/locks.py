"""Locks between processes, by `filelock`: for a folder, and for a file during its creation."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from dlic.errors import DlicError
from dlic.storage.files import cannot_write

LOCK = ".lock"  # lock file in a locked folder
NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}  # errors of file systems without locks


class FolderLock:
    """A folder that belongs to this process until `release`, or until this process ends."""

    def __init__(self, lock: FileLock):
        self._lock = lock

    @property
    def handles(self) -> tuple[int, ...]:
        """File descriptors for `pass_fds`: a child process that has them keeps the folder even if this process is killed.

        Empty on Windows, where children cannot have them, and on file systems without locks.
        """
        handle = self._lock._context.lock_file_fd  # filelock has no public name for it
        return () if handle is None or sys.platform == "win32" else (handle,)

    def release(self) -> None:
        """Releases the folder to other processes."""
        self._lock.release()


def lock_folder(folder: Path, refusal: str) -> FolderLock:
    """Locks a folder for this process; creates it if it is missing. Raises DlicError: `refusal` if another process holds it, or
    that it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, thread_local=False)
        with _locks_or_none():
            lock.acquire(timeout=0)
    except Timeout as error:
        raise DlicError(refusal) from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    return FolderLock(lock)


@contextmanager
def making(path: Path) -> Iterator[None]:
    """A block that creates `path`, in one thread of one process at a time. Others wait for a lock on `.<name>.lock` in the same
    folder, which must exist. Raises OSError where it cannot be written.
    """
    if not path.parent.is_dir():  # which filelock would make
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    lock = FileLock(path.with_name(f".{path.name}{LOCK}"), thread_local=False)
    with _locks_or_none():
        lock.acquire()
    try:
        yield
    finally:
        if sys.platform == "win32":  # where an open file cannot be removed
            lock.release()
        with suppress(OSError):  # somebody waits for it
            Path(lock.lock_file).unlink()
        lock.release()


@contextmanager
def _locks_or_none() -> Iterator[None]:
    """Ignores locks on file systems without them."""
    try:
        yield
    except NotImplementedError:
        pass
    except OSError as error:
        if isinstance(error, Timeout) or error.errno not in NO_LOCKS:
            raise
