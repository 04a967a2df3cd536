"""Downloading a checkpoint that an index names."""

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
    """The folder of a checkpoint, downloaded whole or not at all where it is not already present and intact.

    Args:
        name: as the index calls it.
        base: address that has index.json and <name>/<file>; without it, the shipped index and its mirrors,
            after those of `DLIC_MIRRORS` (separated by commas).
        force: download even where it is present.
        progress: told (bytes there, bytes in all).
        timeout: seconds a server may stay silent.

    Raises:
        UnknownCheckpointError: the index does not have it, no mirror is known, or what came does not match the index.
        DownloadError: no mirror gave every file, or the folder cannot be written. The next call continues.
    """
    index, bases = _sources(base, timeout)
    if name not in index.checkpoints:
        known = ", ".join(sorted(index.checkpoints)) or "none"
        other = "" if base else "; --from BASE downloads from elsewhere"
        raise UnknownCheckpointError(f"no checkpoint {name!r} in the index of {base or 'this dlic'} (it has {known}){other}")
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
    """The index to trust and the addresses to try."""
    if base:
        address = f"{base.rstrip('/')}/{INDEX}"
        return parse_index(fetch_bytes(address, MAX_INDEX, timeout), address), [base]
    index = read_index(checkpoints.shipped_folder())
    own = [mirror.strip() for mirror in os.environ.get("DLIC_MIRRORS", "").split(",")]
    return index, [*filter(None, own), *index.mirrors]


def _present(name: str, entry: IndexedCheckpoint) -> Path | None:
    """The folder `checkpoints.find` would give, if every file in it is the one in the index."""
    folder = next((folder for folder in checkpoints.local_checkpoints() if folder.name == name), None)
    if folder and all(is_file(folder / file, known.size, known.sha256) for file, known in entry.files.items()):
        return folder
    return None


def _download(entry: IndexedCheckpoint, bases: list[str], target: Path, progress: Progress | None, timeout: float) -> None:
    """Collect the files in a hidden folder beside `target`, which is kept after an interruption, and rename it at the end."""
    partial = target.with_name(f".{target.name}.part")
    partial.mkdir(parents=True, exist_ok=True)
    total, done = sum(known.size for known in entry.files.values()), 0
    for file, known in entry.files.items():
        urls = [f"{base}/{file}" for base in bases]
        fetch(urls, partial / file, known.size, known.sha256, progress and _shifted(progress, done, total), timeout)
        done += known.size
    for path in partial.iterdir():  # an interrupted download of an earlier version may have left others
        if path.name not in entry.files:
            path.unlink()
    _refuse_mismatch(partial, target.name, entry)
    put_in_place(partial, target)


def _shifted(progress: Progress, done: int, total: int) -> Progress:
    """One file's progress as the whole checkpoint's."""
    return lambda there, _: progress(done + there, total)


def _refuse_mismatch(partial: Path, name: str, entry: IndexedCheckpoint) -> None:
    """Every file is the one in the index; are they also a checkpoint, and the one the index means?"""
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
