"""Files that are either whole or absent, and the folder for what can be made again."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dlic.errors import DlicError


def read_whole(path: str | Path, refusal: type[DlicError]) -> bytes:
    """The bytes of a file; raises `refusal` with one sentence where it is missing, a folder, or cannot be read."""
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

    Raises DlicError where `path` exists and `overwrite` is false, is a folder, or cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        raise DlicError(f"{path} is a folder, not a file to write")
    if path.exists() and not overwrite:
        raise DlicError(f"{path} exists; --force overwrites it")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise DlicError(f"cannot write {path}: {error.strerror}") from error
    temporary = Path(name)
    try:
        os.close(handle)
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        _place(temporary, path, overwrite)
    except OSError as error:
        raise DlicError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _place(temporary: Path, path: Path, overwrite: bool) -> None:
    """Rename; without `overwrite` through a link, which fails if the target has appeared in the meantime."""
    if overwrite:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise DlicError(f"{path} exists; --force overwrites it") from error
    except OSError:  # a file system without hard links
        os.replace(temporary, path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def cache_folder() -> Path:
    """The platform's cache folder for dlic; `DLIC_CACHE` overrides it."""
    if override := os.environ.get("DLIC_CACHE"):
        return Path(override)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dlic"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "dlic" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "dlic"
