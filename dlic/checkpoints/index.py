"""index.json: the checkpoints of a folder with size and sha256 of every file, the default, and the choices of --tune."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from dlic.checkpoints.graphs import ENDING
from dlic.checkpoints.manifest import CARD, MANIFEST, TUNES, WEIGHTS, Manifest
from dlic.checkpoints.weights import verify
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.storage.files import written_whole

INDEX = "index.json"
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
    """The files of a checkpoint."""

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
    tunes: dict[str, str] = field(default_factory=dict)  # value of --tune → name of a checkpoint

    def __post_init__(self) -> None:
        for name in (self.default, *self.checkpoints, *self.tunes.values()):
            _check(NAME, name, "checkpoint name")
        if not all(isinstance(mirror, str) for mirror in self.mirrors):
            raise ValueError("mirrors must be addresses")

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Index":
        entries = {}
        for name, entry in stored.get("checkpoints", {}).items():
            files = {file: IndexedFile(values["size"], values["sha256"]) for file, values in entry["files"].items()}
            entries[name] = IndexedCheckpoint(entry["fingerprint"], files)
        return cls(stored["default"], tuple(stored.get("mirrors", ())), entries, dict(stored.get("tunes", {})))


def read_index(folder: str | Path) -> Index:
    """The index of a folder of checkpoints. Raises UnknownCheckpointError."""
    path = Path(folder) / INDEX
    try:
        return parse_index(path.read_bytes(), str(path))
    except OSError as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error.strerror}") from error


def write_index(folder: str | Path, default: str, mirrors: Sequence[str] = (), tunes: Mapping[str, str] | None = None) -> Index:
    """Verifies the checkpoints in `folder` and writes their index; the same folders give the same bytes. Raises DlicError where
    `default` or one of `tunes` is missing or has another tune, UnknownCheckpointError where a checkpoint is damaged.
    """
    folders = sorted(path.parent for path in Path(folder).glob(f"[!.]*/{MANIFEST}"))
    manifests = {checkpoint.name: verify(checkpoint) for checkpoint in folders}
    if default not in manifests:
        raise DlicError(f"{folder} has no checkpoint {default!r} to be the default")
    for tune, name in (tunes or {}).items():
        _check_tune(tune, name, manifests)
    try:
        entries = {checkpoint.name: _entry(checkpoint, manifests[checkpoint.name]) for checkpoint in folders}
        index = Index(default, tuple(mirrors), entries, dict(tunes or {}))
    except ValueError as error:
        raise DlicError(f"{folder} cannot be indexed: {error}") from error
    with written_whole(Path(folder) / INDEX, overwrite=True) as file:
        file.write(index.to_json().encode())
    return index


def _check_tune(tune: str, name: str, manifests: Mapping[str, Manifest]) -> None:
    if tune not in TUNES:
        raise DlicError(f"a checkpoint is tuned for {', '.join(TUNES)}; not for {tune!r}")
    if name not in manifests:
        raise DlicError(f"there is no checkpoint {name!r} to be the one that is tuned for {tune}")
    if (own := manifests[name].training.tune) != tune:
        raise DlicError(f"{name} is tuned for {own}, not for {tune}")


def _entry(folder: Path, manifest: Manifest) -> IndexedCheckpoint:
    names = (CARD, MANIFEST, WEIGHTS, *(name + ENDING for name in manifest.graphs))
    files = {name: folder / name for name in names if (folder / name).is_file()}
    indexed = {name: IndexedFile(path.stat().st_size, sha256(path.read_bytes()).hexdigest()) for name, path in files.items()}
    return IndexedCheckpoint(manifest.fingerprint.hex(), indexed)


def parse_index(data: bytes, source: str) -> Index:
    """Parses an index. Raises UnknownCheckpointError, which names the `source`."""
    try:
        return Index.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnknownCheckpointError(f"{source} is no index of checkpoints: {error or type(error).__name__}") from error


def _check(pattern: re.Pattern[str], value: str, name: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{value!r} is no {name}")
