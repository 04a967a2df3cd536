"""Downloads a public set of photographs: complete, checked and unpacked in its folder, or not at all."""

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dlic.batch.folders import make_folder
from dlic.data.photographs import is_photograph
from dlic.data.public_sets import PublicSet, Source
from dlic.errors import CorruptFileError, DownloadError, ExistsError, StorageError
from dlic.progress import no_progress
from dlic.storage.archives import free_bytes, unpack
from dlic.storage.downloads import TIMEOUT, Progress, fetch
from dlic.storage.files import cannot_write
from dlic.storage.locks import making

ORIGIN = "dlic-source.json"  # next to the pictures: title, terms and source
PERSEVERANCE = 1 << 20  # bytes that a broken transfer must have brought for the next to be tried at once


@dataclass(frozen=True)
class Downloaded:
    """A set on the disk."""

    folder: Path
    images: int
    source: str  # address, of single files that of their folder
    checked: str  # "sha256", "MD5", "size" or "unpacking"


def download(
    public_set: PublicSet, folder: Path, base: str | None = None, progress: Progress | None = None, timeout: float = TIMEOUT
) -> Downloaded:
    """Downloads a set to `folder`/<name>; an earlier download is returned unchanged.

    Args:
        public_set: the set.
        folder: created if missing. An interrupted download lies in it as `.<name>.part`, and the next call continues it.
        base: address of a folder with the files of the set by their own names, instead of the original addresses.
        progress: gets (bytes present, bytes in all), first of the download, then of unpacking.
        timeout: seconds a server may stay silent.

    Raises:
        ExistsError: <name> exists and is something else.
        StorageError: there is no room for archive and pictures.
        DownloadError: no address gave what was expected.
        CorruptFileError: an archive is broken or dangerous to unpack.
    """
    target = folder / public_set.name
    if target.exists():
        return _present(public_set, target)
    make_folder(folder)
    try:
        with making(target):  # several processes that want it wait for the first
            return _present(public_set, target) if target.exists() else _download(public_set, target, base, progress, timeout)
    except OSError as error:
        raise cannot_write(target, error) from error


def _download(public_set: PublicSet, target: Path, base: str | None, progress: Progress | None, timeout: float) -> Downloaded:
    part = target.with_name(f".{public_set.name}.part")
    make_folder(part)
    try:
        room = _Room(part, public_set, progress)
        if public_set.files:
            pictures, source = part / "pictures", public_set.files[0]
            make_folder(pictures)
            for file in public_set.files:
                _fetched([file], pictures, base, room, timeout)
                room.before += file.size or 0
        else:
            archive, source = _fetched(public_set.archive, part, base, room, timeout)
            pictures = _unpacked(archive, source, progress)
        address = _address(source, base)
        done = Downloaded(
            folder=target,
            images=sum(map(is_photograph, pictures.rglob("*"))),
            source=address.rpartition("/")[0] if public_set.files else address,
            checked=source.checked,
        )
        _note_origin(pictures, public_set, done)
        pictures.rename(target)  # `part` lies on the same file system
    finally:
        with suppress(OSError):
            part.rmdir()  # nothing came
    shutil.rmtree(part, ignore_errors=True)
    return done


def _present(public_set: PublicSet, target: Path) -> Downloaded:
    with suppress(OSError, ValueError, KeyError, TypeError):
        origin = json.loads((target / ORIGIN).read_bytes())
        if origin["name"] == public_set.name:
            return Downloaded(target, origin["images"], origin["source"], origin["checked"])
    raise ExistsError(f"{target} exists and is no {public_set.name} that dlic downloaded; choose another folder or remove it")


def _fetched(sources: Sequence[Source], folder: Path, base: str | None, room: "_Room", timeout: float) -> tuple[Path, Source]:
    """The file of the first of the sources that gives it."""
    failures = []
    for source in sources[:1] if base else sources:
        try:
            _persistently(source, folder / source.file, _address(source, base), room, timeout)
            return folder / source.file, source
        except DownloadError as error:
            failures.append(str(error))
    raise DownloadError("; ".join(failures))


def _persistently(source: Source, target: Path, url: str, room: "_Room", timeout: float) -> None:
    """Repeats a download as long as each attempt makes progress: large archives take more than one connection."""
    before, present = 0, _kept(target)
    while True:
        try:
            return fetch([url], target, source.size, source.checksum, room, timeout)
        except DownloadError:
            before, present = present, _kept(target)
            if present < before + PERSEVERANCE:
                raise


def _kept(target: Path) -> int:
    """Bytes that `fetch` continues from."""
    part = target.with_name(target.name + ".part")
    return part.stat().st_size if part.exists() else 0


def _address(source: Source, base: str | None) -> str:
    return f"{base.rstrip('/')}/{source.file}" if base else source.url


class _Room:
    """Progress callback that stops a download that would fill the disk, as soon as its size is known."""

    def __init__(self, part: Path, public_set: PublicSet, progress: Progress | None):
        self.part, self.progress = part, progress
        self.copies = 2 if public_set.archive else 1  # the archive and its unpacked files
        self.before, self.whole = 0, public_set.size if public_set.files else None  # bytes of earlier files, and of all of them
        self.checked: int | None = None
        self._check(public_set.space - sum(path.stat().st_size for path in part.rglob("*") if path.is_file()))

    def __call__(self, present: int, total: int | None) -> None:
        if total != self.checked:
            self._check(self.copies * (total or 0) - present)
            self.checked = total
        if self.progress:
            self.progress(self.before + present, self.whole or total)

    def _check(self, needed: int) -> None:
        """Raises StorageError where fewer bytes are free."""
        free = free_bytes(self.part)
        if needed > free:
            raise StorageError(f"{self.part.parent} has room for {free:,} bytes; downloading and unpacking takes {needed:,} more")


def _unpacked(archive: Path, source: Source, progress: Progress | None) -> Path:
    """The folder of its pictures. An archive that nothing vouched for is removed if it is broken, and will be downloaded again."""
    pictures = archive.parent / "pictures"
    shutil.rmtree(pictures, ignore_errors=True)  # half unpacked by a try that was interrupted
    size = archive.stat().st_size
    try:
        unpack(archive, pictures, source.only, (lambda share: progress(round(share * size), size)) if progress else no_progress)
    except CorruptFileError:
        shutil.rmtree(pictures, ignore_errors=True)
        if source.checksum is None:
            archive.unlink()
        raise
    return pictures


def _note_origin(pictures: Path, public_set: PublicSet, done: Downloaded) -> None:
    about = {key: getattr(public_set, key) for key in ("name", "title", "use", "licence", "terms", "page")}
    about |= {key: value for key, value in asdict(done).items() if key != "folder"}
    (pictures / ORIGIN).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
