"""Checkpoint names, fingerprints and tunes → folders on this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

from dlic.checkpoints.manifest import MANIFEST, TUNES, read_manifest, stated_fingerprint
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.storage.files import cache_folder


def shipped_folder() -> Path:
    """The folder of checkpoints inside the package, or next to it in a source checkout."""
    inside = Path(__file__).parents[1] / "_checkpoints"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "checkpoints"


def download_folder() -> Path:
    """The folder for downloads: `DLIC_CHECKPOINTS`, or the platform's cache folder."""
    override = os.environ.get("DLIC_CHECKPOINTS")
    return Path(override) if override else cache_folder() / "checkpoints"


def search_folders() -> list[Path]:
    """Folders of checkpoints, first match wins."""
    return [download_folder(), shipped_folder()]


def local_checkpoints() -> Iterator[Path]:
    """Every checkpoint folder on this machine, without hidden ones, which are unfinished downloads."""
    for folder in search_folders():
        yield from sorted(path.parent for path in folder.glob(f"[!.]*/{MANIFEST}"))


def default_name() -> str:
    """The default checkpoint. Raises UnknownCheckpointError where none is shipped."""
    from dlic.checkpoints.index import read_index  # a file names its checkpoint itself: readers need no index

    try:
        return read_index(shipped_folder()).default
    except UnknownCheckpointError as error:
        raise UnknownCheckpointError(f"there is no default checkpoint; name one: {error}") from error


def tuned_name(tune: str) -> str:
    """The checkpoint of a tune in the shipped index. Raises DlicError where it has none."""
    if tune not in TUNES:
        raise DlicError(f"a checkpoint is tuned for {', '.join(TUNES)}; not for {tune!r}")
    from dlic.checkpoints.index import read_index

    tunes = read_index(shipped_folder()).tunes
    if tune not in tunes:
        raise DlicError(f"this dlic has no checkpoint that is tuned for {tune}; it has some for {', '.join(tunes) or 'nothing'}")
    return tunes[tune]


def find(name: str) -> Path:
    """The folder of a checkpoint by name. Raises UnknownCheckpointError."""
    for folder in local_checkpoints():
        if folder.name == name:
            return folder
    names = ", ".join(sorted({folder.name for folder in local_checkpoints()})) or "none"
    raise UnknownCheckpointError(f"no checkpoint {name!r} on this machine (there is {names}); dlic checkpoints download {name}")


def find_by_fingerprint(prefix: bytes) -> Path:
    """The folder of the checkpoint a file was made with. Raises UnknownCheckpointError."""
    for folder in local_checkpoints():
        if stated_fingerprint(folder).startswith(prefix.hex()):
            return folder
    raise UnknownCheckpointError(
        f"made with checkpoint {prefix.hex()[:8]}…, which is not on this machine; dlic checkpoints list shows those that are, "
        "--weights PATH names another"
    )


def folder_of(source: str) -> Path:
    """The folder of a checkpoint, from a path or a name. Raises UnknownCheckpointError."""
    return as_folder(source) if Path(source).exists() else find(source)


def as_folder(path: str | Path) -> Path:
    """The folder of a checkpoint, from its path or the path of any file in it."""
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise UnknownCheckpointError(f"{path} does not exist")
    return folder


def choose(model: str | None, weights: str | Path | None, tune: str | None = None) -> Path:
    """The checkpoint folder for a name, a path or a tune; without any of them, the default's. Raises UnknownCheckpointError where
    it is not on this machine, DlicError where it has another tune.
    """
    if model is None and weights is None:
        return find(default_name() if tune is None else tuned_name(tune))
    folder = as_folder(weights) if weights is not None else find(str(model))
    if tune is not None and (own := read_manifest(folder).training.tune) != tune:
        raise DlicError(f"{folder.name} is tuned for {own}, not for {tune}; leave out the model or the tune")
    return folder
