"""The ONNX graphs of a checkpoint, checked against the hashes in its manifest. Their weights are those of weights.safetensors."""

import hashlib
from pathlib import Path

from dlic.checkpoints.manifest import MANIFEST, Manifest
from dlic.errors import UnknownCheckpointError

ENDING = ".onnx"


def read_graphs(folder: str | Path, manifest: Manifest) -> dict[str, bytes]:
    """Every graph of a checkpoint folder by name; none where it has none. Raises UnknownCheckpointError."""
    return {name: _graph(Path(folder) / (name + ENDING), sha256) for name, sha256 in manifest.graphs.items()}


def _graph(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UnknownCheckpointError(f"{path} is damaged: its sha256 is not the one in {MANIFEST}")
    return data
