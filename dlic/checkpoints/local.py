"""Checkpoint names → verified local folders.

A checkpoint is a folder <name>/ of weights.safetensors, model.json and MODEL_CARD.md; an index.json beside the folders names
them with the size and sha256 of every file. Loading never unpickles and never imports torch.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dlic.entropy.tables import FrequencyTables
from dlic.errors import UnknownCheckpointError
from dlic.storage.files import cache_folder

WEIGHTS, MANIFEST, CARD, INDEX = "weights.safetensors", "model.json", "MODEL_CARD.md", "index.json"


@dataclass(frozen=True)
class Training:
    """What a checkpoint was trained with."""

    steps: int
    pixels: int
    lmbda: float | None  # None: a λ for each level, which the model's configuration tells
    distortion: str


@dataclass(frozen=True)
class Manifest:
    """model.json: everything of a checkpoint but its weights."""

    name: str
    model: str  # a name in dlic.models
    config: dict
    weights_sha256: str
    tables: FrequencyTables
    training: Training

    @cached_property
    def fingerprint(self) -> bytes:
        """sha256 over architecture, weights and tables; its first 8 bytes stand in every file made with the checkpoint."""
        identity = [self.model, self.config, self.weights_sha256, self.tables.sha256]
        return hashlib.sha256(json.dumps(identity, sort_keys=True, separators=(",", ":")).encode()).digest()

    def to_json(self) -> str:
        stored = {
            "name": self.name,
            "model": self.model,
            "config": self.config,
            "fingerprint": self.fingerprint.hex(),
            "weights_sha256": self.weights_sha256,
            "tables_sha256": self.tables.sha256,
            "training": asdict(self.training),
            "tables": self.tables.to_json(),
        }
        return "{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in stored.items()) + "\n}\n"


def read_manifest(folder: str | Path) -> Manifest:
    """model.json of a checkpoint folder, its hashes checked. Raises UnknownCheckpointError."""
    path = Path(folder) / MANIFEST
    try:
        stored = json.loads(path.read_bytes())
        manifest = Manifest(
            name=stored["name"], model=stored["model"], config=stored["config"], weights_sha256=stored["weights_sha256"],
            tables=FrequencyTables.from_json(stored["tables"]), training=Training(**stored["training"]),
        )  # fmt: skip
        intact = (stored["tables_sha256"], stored["fingerprint"]) == (manifest.tables.sha256, manifest.fingerprint.hex())
    except FileNotFoundError as error:
        raise UnknownCheckpointError(f"{folder} is no checkpoint: it has no {MANIFEST}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error}") from error
    if not intact:
        raise UnknownCheckpointError(f"{path} was changed: its tables do not match their hash")
    return manifest


def read_weights(folder: str | Path) -> dict[str, np.ndarray]:
    """Arrays of a checkpoint folder, checked against the sha256 in its model.json. Raises UnknownCheckpointError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(_weights_bytes(folder))
    except SafetensorError as error:
        raise UnknownCheckpointError(f"{Path(folder) / WEIGHTS} is no safetensors file: {error}") from error


def verify(folder: str | Path) -> None:
    """Check every hash of a checkpoint folder. Raises UnknownCheckpointError where it is damaged."""
    _weights_bytes(folder)


def _weights_bytes(folder: str | Path) -> bytes:
    """The weights file, after its sha256 was checked against model.json, and the hashes in that."""
    path = Path(folder) / WEIGHTS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != read_manifest(folder).weights_sha256:
        raise UnknownCheckpointError(f"{path} is damaged: its sha256 is not the one in {MANIFEST}")
    return data


# --- where checkpoints are ----------------------------------------------------------------------------------------------


def shipped_folder() -> Path:
    """The checkpoints inside the package; in a source checkout, the folder beside it."""
    inside = Path(__file__).parents[1] / "_checkpoints"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "checkpoints"


def download_folder() -> Path:
    """Where downloads go: `DLIC_CHECKPOINTS`, or the platform's cache folder."""
    override = os.environ.get("DLIC_CHECKPOINTS")
    return Path(override) if override else cache_folder() / "checkpoints"


def search_folders() -> list[Path]:
    """Folders of checkpoints, first match wins."""
    return [download_folder(), shipped_folder()]


def local_checkpoints() -> Iterator[Path]:
    """Every checkpoint folder on this machine; hidden ones are downloads that are not finished."""
    for folder in search_folders():
        yield from sorted(path.parent for path in folder.glob(f"[!.]*/{MANIFEST}"))


def default_name() -> str:
    """The checkpoint used when none is named. Raises UnknownCheckpointError where none is shipped."""
    path = shipped_folder() / INDEX
    try:
        return json.loads(path.read_bytes())["default"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnknownCheckpointError(f"there is no default checkpoint, as {path} cannot be read; name one") from error


def find(name: str) -> Path:
    """The folder of a checkpoint by name. Raises UnknownCheckpointError."""
    for folder in local_checkpoints():
        if folder.name == name:
            return folder
    known = ", ".join(sorted({folder.name for folder in local_checkpoints()})) or "none"
    raise UnknownCheckpointError(f"no checkpoint {name!r} on this machine (there is {known}); dlic checkpoints download {name}")


def find_by_fingerprint(prefix: bytes) -> Path:
    """The folder of the checkpoint a file was made with. Raises UnknownCheckpointError."""
    for folder in local_checkpoints():
        if _quick_fingerprint(folder).startswith(prefix.hex()):
            return folder
    raise UnknownCheckpointError(
        f"made with checkpoint {prefix.hex()[:8]}…, which is not on this machine; dlic checkpoints list shows those that are, "
        "--weights PATH names another"
    )


def _quick_fingerprint(folder: Path) -> str:
    """As model.json states it; `read_manifest` checks it before the checkpoint is used."""
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def folder_of(source: str) -> Path:
    """The folder of a checkpoint given by path or by name. Raises UnknownCheckpointError."""
    return as_folder(source) if Path(source).exists() else find(source)


def as_folder(path: str | Path) -> Path:
    """A checkpoint given by path: its folder, or any file in it."""
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise UnknownCheckpointError(f"{path} does not exist")
    return folder


def choose(model: str | None, weights: str | Path | None) -> Path:
    """The checkpoint folder that a name or a path stands for; that of the default where neither is given."""
    if weights is not None:
        return as_folder(weights)
    return find(model or default_name())
