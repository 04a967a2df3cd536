"""index.json: which checkpoints exist, with size and sha256 of every file; downloading the ones it names."""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.local import CARD, INDEX, MANIFEST, WEIGHTS
from dlic.errors import DlicError, DownloadError, UnknownCheckpointError
from dlic.storage.downloads import TIMEOUT, Progress, fetch, fetch_bytes, is_file, sha256_of
from dlic.storage.files import written_whole
from dlic.storage.locks import making

MAX_INDEX = 1 << 20  # bytes; a checkpoint takes about 500
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")  # no separators, no leading dot: it cannot leave its folder
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class IndexedFile:
    """One file of a checkpoint."""

    size: int
    sha256: str

    def __post_init__(self) -> None:
        if type(self.size) is not int or self.size < 0:
            raise ValueError(f"{self.size!r} is no size of a file")
        _check(SHA256, self.sha256, "sha256")


@dataclass(frozen=True)
class IndexedCheckpoint:
    """What a checkpoint consists of."""

    fingerprint: str
    files: dict[str, IndexedFile]  # by file name

    def __post_init__(self) -> None:
        _check(SHA256, self.fingerprint, "fingerprint")
        for name in self.files:
            _check(NAME, name, "file name")


@dataclass(frozen=True)
class Index:
    """index.json. Raises ValueError for names that would leave their folder."""

    default: str
    mirrors: tuple[str, ...] = ()  # a file is at <mirror>/<checkpoint>/<file>
    checkpoints: dict[str, IndexedCheckpoint] = field(default_factory=dict)  # by name

    def __post_init__(self) -> None:
        for name in (self.default, *self.checkpoints):
            _check(NAME, name, "checkpoint name")
        if not all(isinstance(mirror, str) for mirror in self.mirrors):
            raise ValueError("mirrors must be addresses")

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, stored: dict) -> "Index":
        entries = {}
        for name, entry in stored.get("checkpoints", {}).items():
            files = {file: IndexedFile(known["size"], known["sha256"]) for file, known in entry["files"].items()}
            entries[name] = IndexedCheckpoint(entry["fingerprint"], files)
        return cls(stored["default"], tuple(stored.get("mirrors", ())), entries)


def read_index(folder: str | Path) -> Index:
    """The index of a folder of checkpoints. Raises UnknownCheckpointError."""
    path = Path(folder) / INDEX
    try:
        return _parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error.strerror}") from error


def write_index(folder: str | Path, default: str, mirrors: Sequence[str] = ()) -> Index:
    """Make the index of the checkpoints in `folder`, all verified first; the same folders give the same bytes.

    Raises DlicError where `default` is not among them, UnknownCheckpointError where one is damaged.
    """
    folders = sorted(path.parent for path in Path(folder).glob(f"[!.]*/{MANIFEST}"))
    if default not in {checkpoint.name for checkpoint in folders}:
        raise DlicError(f"{folder} has no checkpoint {default!r} to be the default")
    try:
        index = Index(default, tuple(mirrors), {checkpoint.name: _entry(checkpoint) for checkpoint in folders})
    except ValueError as error:
        raise DlicError(f"{folder} cannot be indexed: {error}") from error
    with written_whole(Path(folder) / INDEX, overwrite=True) as file:
        file.write(index.to_json().encode())
    return index


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
        return _parsed(fetch_bytes(address, MAX_INDEX, timeout), address), [base]
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
    """Collect the files in a hidden folder beside `target`, which outlives an interruption, and rename it at the end."""
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
        checkpoints.verify(partial)
        if checkpoints.read_manifest(partial).fingerprint.hex() != entry.fingerprint:
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


def _entry(folder: Path) -> IndexedCheckpoint:
    checkpoints.verify(folder)
    files = {name: folder / name for name in (CARD, MANIFEST, WEIGHTS) if (folder / name).is_file()}
    indexed = {name: IndexedFile(path.stat().st_size, sha256_of(path)) for name, path in files.items()}
    return IndexedCheckpoint(checkpoints.read_manifest(folder).fingerprint.hex(), indexed)


def _parsed(data: bytes, source: str) -> Index:
    try:
        return Index.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnknownCheckpointError(f"{source} is no index of checkpoints: {error or type(error).__name__}") from error


def _check(pattern: re.Pattern, value: str, what: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{value!r} is no {what}")
