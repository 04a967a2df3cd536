"""weights.safetensors: the arrays of a checkpoint, checked against the hash in its manifest."""

import hashlib
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dlic.checkpoints.graphs import read_graphs
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
        return load(weights_file(folder, manifest))
    except SafetensorError as error:
        raise UnknownCheckpointError(f"{Path(folder) / WEIGHTS} is no safetensors file: {error}") from error


def verify(folder: str | Path) -> Manifest:
    """Check every hash of a checkpoint folder. Raises UnknownCheckpointError where it is damaged."""
    manifest = verify_weights(folder)
    read_graphs(folder, manifest)
    return manifest


def verify_weights(folder: str | Path) -> Manifest:
    """The same without the graphs."""
    manifest = read_manifest(folder)
    weights_file(folder, manifest)
    return manifest


def versions(folder: str | Path) -> tuple[Version, Version]:
    """Versions of the folder's files: they change with every export into it."""
    return version_of(Path(folder) / MANIFEST), version_of(Path(folder) / WEIGHTS)


def weights_file(folder: str | Path, manifest: Manifest | None = None) -> bytes:
    """The bytes of weights.safetensors, checked like `read_weights`."""
    path = Path(folder) / WEIGHTS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != (manifest or read_manifest(folder)).weights_sha256:
        raise UnknownCheckpointError(f"{path} is damaged: its sha256 is not the one in {MANIFEST}")
    return data
