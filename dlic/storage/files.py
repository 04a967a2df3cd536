"""Atomic writing of files, and the cache folder."""

import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dlic.errors import DlicError, ExistsError, StorageError
from dlic.storage.replacing import replace
from dlic.storage.special import is_special, written_into

if sys.platform != "win32":
    import fcntl

NO_STORAGE = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
NAME_KEPT = 40  # characters of a file's name in its temporary file's name, whose length is limited


def read_whole(path: str | Path, refusal: type[DlicError]) -> bytes:
    """The bytes of a file. Raises `refusal` with one sentence where it is missing, a folder, or unreadable."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise refusal(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise refusal(f"{path} is a folder, not a file to read") from error
    except OSError as error:
        raise refusal(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def written_whole(path: Path, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` only when the block ends without an error.

    A device, a pipe or an open file such as /dev/stdout is written into, and needs no `overwrite`. A symbolic link stays, and the
    file behind it is written. A replaced file keeps its owner, rights and extended attributes, and its other names (hard links).
    Raises ExistsError where `path` exists and `overwrite` is false, StorageError where the disk is full, and DlicError where it is
    a folder or cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        raise DlicError(f"{path} is a folder, not a file to write")
    if is_special(path):
        with _one_sentence(path), written_into(path) as whole:
            yield whole
        return
    if os.path.lexists(path) and not overwrite:
        raise ExistsError(f"{path} exists; --force overwrites it")
    with _one_sentence(path), _renamed_at_the_end(_behind_links(path), overwrite) as temporary:
        yield temporary


def _behind_links(path: Path) -> Path:
    """The path that a symbolic link leads to; it may not exist yet. Raises OSError for links in a circle."""
    if not path.is_symlink():
        return path
    try:
        return path.resolve()
    except RuntimeError as error:  # Python 3.10 to 3.12
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


@contextmanager
def _renamed_at_the_end(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    temporary = None
    try:
        temporary = _temporary(path)
        with temporary:
            yield temporary
            temporary.flush()
            os.fsync(temporary.fileno())
            if sys.platform == "win32":
                temporary.close()  # an open file cannot be renamed there
            _place(Path(temporary.name), path, overwrite)
    finally:
        if temporary is not None:
            Path(temporary.name).unlink(missing_ok=True)


@contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> DlicError:
    """The error for a file or folder that the system refuses to write."""
    kind = StorageError if error.errno in NO_STORAGE else DlicError
    return kind(f"cannot write {path}: {error.strerror or error}")


def _temporary(path: Path) -> BinaryIO:
    """A new file in the folder of `path`, locked so that `discard_abandoned` leaves it alone."""
    while True:
        file = _created(path)
        if sys.platform == "win32":
            return file  # an open file cannot be removed there
        _locked(file, wait=True)
        if os.path.exists(file.name):
            return file
        file.close()  # `discard_abandoned` removed it before the lock


def _created(path: Path) -> BinaryIO:
    """A new file with the permissions of any new file. `tempfile` gives 0600, and to read the umask is to change it."""
    while True:
        with suppress(FileExistsError):
            return open(path.with_name(f".{path.name[:NAME_KEPT]}.{os.urandom(4).hex()}.part"), "xb")


def _locked(file: BinaryIO, wait: bool = False) -> bool | None:
    """Lock a file for as long as it is open; False where another process has, None where the file system has no locks."""
    assert sys.platform != "win32", "nothing is locked there"
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def discard_abandoned(paths: Iterable[Path]) -> int:
    """Removes temporary files of `paths` that killed processes left; returns their number. Files that a process is still writing
    stay; without locks in the file system, all stay.
    """
    names: dict[Path, set[str]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add(path.name[:NAME_KEPT])
    return sum(_discard_abandoned(folder, targets) for folder, targets in names.items())


def _discard_abandoned(folder: Path, names: set[str]) -> int:
    discarded = 0
    for name in os.listdir(folder) if folder.is_dir() else ():
        match = re.fullmatch(r"\.(.*)\.[a-z0-9_]{8}\.part", name, re.DOTALL)  # as `_created` names them
        if match and match[1] in names and _is_abandoned(folder / name):
            with suppress(OSError):
                (folder / name).unlink()
                discarded += 1
    return discarded


def _is_abandoned(path: Path) -> bool:
    if sys.platform == "win32":
        return True  # the system will not let a file that is open be removed
    try:
        with open(path, "r+b") as file:  # NFS locks only writable files
            return _locked(file) is True
    except OSError:
        return False


def _place(temporary: Path, path: Path, overwrite: bool) -> None:
    """Rename; without `overwrite` through a link, which fails if the target has appeared in the meantime."""
    if overwrite:
        (replace if path.exists() else os.replace)(temporary, path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise ExistsError(f"{path} exists; --force overwrites it") from error
    except OSError:  # a file system without hard links
        os.replace(temporary, path)


def cache_folder() -> Path:
    """The platform's cache folder for dlic, such as ~/.cache/dlic; `DLIC_CACHE` overrides it."""
    if override := os.environ.get("DLIC_CACHE"):
        return Path(override)
    from platformdirs import user_cache_path

    return user_cache_path("dlic", appauthor=False)
