"""Unpacks untrusted zip and tar archives: only plain files, inside one folder, each once, within the free space of the disk."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from dlic.errors import CorruptFileError, StorageError
from dlic.progress import Progress, no_progress
from dlic.storage.files import cannot_write

CHUNK = 1 << 20  # bytes copied at a time
RESERVE = 100_000_000  # bytes that are left free on the disk
LITTER = {"__MACOSX", ".DS_Store", "Thumbs.db"}  # files that file managers add to archives


def unpack(archive: Path, folder: Path, only: str | None = None, progress: Progress = no_progress) -> int:
    """Put every file of a zip or tar archive (.gz, .bz2 and .xz too) into `folder`, which must not exist; returns how many.

    `only` names a folder of the archive: its files go directly into `folder`; all others are skipped.
    Raises CorruptFileError for an archive that is broken, no archive, or names files elsewhere, links, devices or one file twice;
    StorageError where it does not fit on the disk. After an error, `folder` keeps the files unpacked so far.
    """
    try:
        folder.mkdir()
        written = _Written(folder, only)
        with _one_sentence(archive):
            (_unpack_zip if zipfile.is_zipfile(archive) else _unpack_tar)(archive, written, progress)
    except OSError as error:
        raise cannot_write(folder, error) from error
    if not written.seen:
        raise CorruptFileError(f"{archive.name} holds no file" + (f" in a folder {only}" if only else ""))
    progress(1.0)
    return len(written.seen)


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of a folder, minus RESERVE."""
    return max(0, shutil.disk_usage(folder).free - RESERVE)


class _Written:
    """Writes the files of an archive into a folder."""

    def __init__(self, folder: Path, only: str | None):
        self.folder, self.only = folder, only
        self.seen: set[str] = set()

    def place(self, name: str) -> Path | None:
        """The target path of a file of the archive; None for a file to skip. Raises CorruptFileError outside the folder."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or any(c in name for c in "\\:\0"):
            raise CorruptFileError(f"names a file outside its folder ({name!r})")
        below = self._below(path)
        if below is None or LITTER & set(path.parts):
            return None
        folded = str(below).casefold()  # one name on some file systems
        if folded in self.seen:
            raise CorruptFileError(f"holds {name!r} twice")
        self.seen.add(folded)
        return self.folder / below

    def _below(self, path: PurePosixPath) -> PurePosixPath | None:
        if self.only is None:
            return path
        if self.only not in path.parts[:-1]:
            return None
        return PurePosixPath(*path.parts[path.parts.index(self.only) + 1 :])

    def copy(self, source: IO[bytes], target: Path, size: int, told: Callable[[int], None]) -> None:
        """Writes a file of `size` bytes; reports the bytes as they are written."""
        if size > free_bytes(self.folder):
            raise StorageError(f"{target.name} has {size:,} bytes, and only {free_bytes(self.folder):,} are free")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            while chunk := source.read(CHUNK):
                file.write(chunk)
                told(len(chunk))


def _unpack_zip(archive: Path, written: _Written, progress: Progress) -> None:
    with zipfile.ZipFile(archive) as opened:
        members = list(_zip_files(opened, written))
        share = _Share(sum(info.file_size for info, _ in members), progress)
        if share.total > free_bytes(written.folder):
            raise StorageError(f"unpacked it takes {share.total:,} bytes, and only {free_bytes(written.folder):,} are free")
        for info, target in members:
            with opened.open(info) as source:  # checks the CRC-32 at the end
                written.copy(source, target, info.file_size, share)


def _zip_files(opened: zipfile.ZipFile, written: _Written) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir():
            continue
        if kind not in (0, stat.S_IFREG) or info.flag_bits & 1:  # bit 0: encrypted
            raise CorruptFileError(f"holds {info.filename!r}, which is no plain file")
        if target := written.place(info.filename):
            yield info, target


def _unpack_tar(archive: Path, written: _Written, progress: Progress) -> None:
    share = _Share(archive.stat().st_size, progress)
    with archive.open("rb") as file, tarfile.open(fileobj=file) as opened:
        for member in opened:
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise CorruptFileError(f"holds {member.name!r}, which is no plain file")
            if target := written.place(member.name):
                member = tarfile.data_filter(member, str(written.folder))  # refuses members that tarfile considers dangerous
                source = opened.extractfile(member)
                assert source is not None, "a plain file has a content"
                written.copy(source, target, member.size, lambda _: share.reached(file.tell()))


@dataclass
class _Share:
    """Converts bytes done to progress."""

    total: int
    progress: Progress
    done: int = 0

    def __call__(self, more: int) -> None:
        self.reached(self.done + more)

    def reached(self, done: int) -> None:
        self.done = done
        self.progress(min(1.0, done / max(1, self.total)))


@contextmanager
def _one_sentence(archive: Path) -> Iterator[None]:
    """Turns the errors of broken archives into one CorruptFileError."""
    try:
        yield
    except (CorruptFileError, StorageError) as error:
        raise type(error)(f"{archive.name}: {error}") from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].rstrip(":") or type(error).__name__  # tarfile lists every kind that it is not
        raise CorruptFileError(f"{archive.name} is no whole zip or tar archive: {reason}") from error
