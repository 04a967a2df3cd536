"""Locks between processes, by `filelock`: for a folder, and for a file that is being made."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from dlic.errors import DlicError
from dlic.storage.files import cannot_write

LOCK = ".lock"  # in a folder that is worked in
NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}  # what file systems without locks say


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
        """Let others work there."""
        self._lock.release()


def lock_folder(folder: Path, refusal: str) -> FolderLock:
    """A folder, made if it is missing, for this process alone.

    Raises DlicError: `refusal` where another process has it, or that it cannot be written.
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
    """A block that makes `path`, in one thread of one process at a time; the others wait.

    They wait for a lock on `.<name>.lock` in the same folder, which must exist. Raises OSError where it cannot be written.
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
    """On file systems without locks nobody waits."""
    try:
        yield
    except NotImplementedError:
        pass
    except OSError as error:
        if isinstance(error, Timeout) or error.errno not in NO_LOCKS:
            raise
