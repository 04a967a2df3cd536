"""Downloads a checkpoint of an index."""

import os
import shutil
from pathlib import Path

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.index import INDEX, MAX_INDEX, Index, IndexedCheckpoint, parse_index, read_index
from dlic.checkpoints.weights import verify
from dlic.errors import DownloadError, UnknownCheckpointError
from dlic.storage.downloads import TIMEOUT, Progress, fetch, fetch_bytes, is_file
from dlic.storage.locks import making


def download(
    name: str, base: str | None = None, force: bool = False, progress: Progress | None = None, timeout: float = TIMEOUT
) -> Path:
    """The folder of a checkpoint. Unless it is present and intact, it is downloaded whole or not at all.

    Args:
        name: its name in the index.
        base: address of index.json and <name>/<file>. Default: the shipped index, with the mirrors of `DLIC_MIRRORS` (separated by
            commas) before its own.
        force: download even if it is present.
        progress: gets (bytes present, bytes in all).
        timeout: seconds a server may stay silent.

    Raises:
        UnknownCheckpointError: the index does not have it, no mirror is known, or the files do not match the index.
        DownloadError: no mirror has every file, or the folder cannot be written. The next call continues.
    """
    index, bases = _sources(base, timeout)
    if name not in index.checkpoints:
        names = ", ".join(sorted(index.checkpoints)) or "none"
        hint = "" if base else "; --from BASE downloads from elsewhere"
        raise UnknownCheckpointError(f"no checkpoint {name!r} in the index of {base or 'this dlic'} (it has {names}){hint}")
    entry = index.checkpoints[name]
    if not force and (present := _present(name, entry)):
        return present
    if not bases:
        raise UnknownCheckpointError(f"no mirror is known for {name}; pass --from BASE, an https:// or file:// address that has it")
    target = checkpoints.download_folder() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with making(target):
            if not force and (present := _present(name, entry)):  # another process has just downloaded it
                return present
            _download(entry, [f"{mirror.rstrip('/')}/{name}" for mirror in bases], target, progress, timeout)
    except OSError as error:
        raise DownloadError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def _sources(base: str | None, timeout: float) -> tuple[Index, list[str]]:
    """The trusted index and the addresses of the files."""
    if base:
        address = f"{base.rstrip('/')}/{INDEX}"
        return parse_index(fetch_bytes(address, MAX_INDEX, timeout), address), [base]
    index = read_index(checkpoints.shipped_folder())
    own = [mirror.strip() for mirror in os.environ.get("DLIC_MIRRORS", "").split(",")]
    return index, [*filter(None, own), *index.mirrors]


def _present(name: str, entry: IndexedCheckpoint) -> Path | None:
    """The folder that `checkpoints.find` gives, if every file in it matches the index."""
    folder = next((folder for folder in checkpoints.local_checkpoints() if folder.name == name), None)
    if folder and all(is_file(folder / file, indexed.size, indexed.sha256) for file, indexed in entry.files.items()):
        return folder
    return None


def _download(entry: IndexedCheckpoint, bases: list[str], target: Path, progress: Progress | None, timeout: float) -> None:
    """Downloads into a hidden folder next to `target`, and renames it at the end. The hidden folder stays after an interruption."""
    partial = target.with_name(f".{target.name}.part")
    partial.mkdir(parents=True, exist_ok=True)
    total, done = sum(indexed.size for indexed in entry.files.values()), 0
    for file, indexed in entry.files.items():
        urls = [f"{base}/{file}" for base in bases]
        fetch(urls, partial / file, indexed.size, indexed.sha256, progress and _shifted(progress, done, total), timeout)
        done += indexed.size
    for path in partial.iterdir():  # an interrupted download of an earlier version may have left others
        if path.name not in entry.files:
            path.unlink()
    _refuse_mismatch(partial, target.name, entry)
    put_in_place(partial, target)


def _shifted(progress: Progress, done: int, total: int) -> Progress:
    """Progress of one file → progress of the whole checkpoint."""
    return lambda present, _: progress(done + present, total)


def _refuse_mismatch(partial: Path, name: str, entry: IndexedCheckpoint) -> None:
    """Raises UnknownCheckpointError where the files match the index but are not the checkpoint that it names."""
    try:
        if verify(partial).fingerprint.hex() != entry.fingerprint:
            raise UnknownCheckpointError("its fingerprint is another one")
    except UnknownCheckpointError as error:
        shutil.rmtree(partial)
        raise UnknownCheckpointError(f"{name} is not the checkpoint its index promises: {error}") from error


def put_in_place(partial: Path, target: Path) -> None:
    """Rename; an earlier version steps aside first, because a folder with files in it cannot be replaced."""
    previous = target.with_name(f".{target.name}.old")
    shutil.rmtree(previous, ignore_errors=True)
    if target.exists():
        target.rename(previous)
    partial.rename(target)
    shutil.rmtree(previous, ignore_errors=True)
