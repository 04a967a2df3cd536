"""weights.safetensors: the arrays of a checkpoint, checked against the hash in its manifest."""

import hashlib
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dlic.checkpoints.manifest import MANIFEST, WEIGHTS, Manifest, read_manifest
from dlic.errors import UnknownCheckpointError
from dlic.storage.versions import Version, version_of


def read_weights(folder: str | Path, manifest: Manifest | None = None) -> dict[str, NDArray[Any]]:
    """Reads the arrays of a checkpoint folder, and checks them against the sha256 in its model.json. Raises UnknownCheckpointError.
    `manifest`: the folder's, if already read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(_weights_bytes(folder, manifest))
    except SafetensorError as error:
        raise UnknownCheckpointError(f"{Path(folder) / WEIGHTS} is no safetensors file: {error}") from error


def verify(folder: str | Path) -> Manifest:
    """Check every hash of a checkpoint folder. Raises UnknownCheckpointError where it is damaged."""
    manifest = read_manifest(folder)
    _weights_bytes(folder, manifest)
    return manifest


def versions(folder: str | Path) -> tuple[Version, Version]:
    """Versions of the folder's files: they change with every export into it."""
    return version_of(Path(folder) / MANIFEST), version_of(Path(folder) / WEIGHTS)


def _weights_bytes(folder: str | Path, manifest: Manifest | None) -> bytes:
    """The weights file, after its sha256 was checked."""
    path = Path(folder) / WEIGHTS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != (manifest or read_manifest(folder)).weights_sha256:
        raise UnknownCheckpointError(f"{path} is damaged: its sha256 is not the one in {MANIFEST}")
    return data
