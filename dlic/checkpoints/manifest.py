"""model.json: everything in a checkpoint except its weights. A checkpoint is a folder <name>/ of weights.safetensors, model.json
and MODEL_CARD.md. Reading one never unpickles.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dlic.entropy.tables import FrequencyTables
from dlic.errors import UnknownCheckpointError

WEIGHTS, MANIFEST, CARD = "weights.safetensors", "model.json", "MODEL_CARD.md"
TUNES = {"visual": "visual", "psnr": "mse", "ms-ssim": "ms-ssim"}  # --tune → distortion of the training
HEAD = 8192  # bytes of model.json; the fingerprint stands in front of the tables, after a few hundred bytes
GRAPH_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
FINGERPRINT_LINE = re.compile(rb'^ "fingerprint": "([0-9a-f]{64})",$', re.MULTILINE)


@dataclass(frozen=True)
class Training:
    """The training of a checkpoint."""

    steps: int
    pixels: int
    lmbda: float | None  # None: a λ for each level, from the model's configuration
    distortion: str

    @property
    def tune(self) -> str:
        """The value of --tune for this distortion; the distortion itself if --tune has no value for it."""
        return next((tune for tune, distortion in TUNES.items() if distortion == self.distortion), self.distortion)


@dataclass(frozen=True)
class Manifest:
    """model.json: everything of a checkpoint but its weights."""

    name: str
    model: str  # a name in dlic.models
    config: dict[str, Any]
    weights_sha256: str
    tables: FrequencyTables
    training: Training
    graphs: dict[str, str] = field(default_factory=dict)  # name of each ONNX graph → sha256; no part of the fingerprint

    @cached_property
    def fingerprint(self) -> bytes:
        """sha256 over architecture, weights and tables; every file of the checkpoint holds its first 8 bytes."""
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
            **({"graphs": self.graphs} if self.graphs else {}),
            "tables": self.tables.to_json(),
        }
        return "{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in stored.items()) + "\n}\n"


def read_manifest(folder: str | Path) -> Manifest:
    """Reads model.json of a checkpoint folder, and checks its hashes. Raises UnknownCheckpointError."""
    path = Path(folder) / MANIFEST
    try:
        stored = json.loads(path.read_bytes())
        manifest = Manifest(
            name=stored["name"], model=stored["model"], config=stored["config"], weights_sha256=stored["weights_sha256"],
            tables=FrequencyTables.from_json(stored["tables"]), training=Training(**stored["training"]),
            graphs=_graphs(stored.get("graphs", {})),
        )  # fmt: skip
        intact = (stored["tables_sha256"], stored["fingerprint"]) == (manifest.tables.sha256, manifest.fingerprint.hex())
    except FileNotFoundError as error:
        raise UnknownCheckpointError(f"{folder} is no checkpoint: it has no {MANIFEST}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error}") from error
    if not intact:
        raise UnknownCheckpointError(f"{path} was changed: its tables do not match their hash")
    return manifest


def _graphs(stored: Any) -> dict[str, str]:
    """Checks the graphs' names, which are parts of paths. Raises ValueError."""
    for name, sha256 in stored.items():
        if not GRAPH_NAME.fullmatch(name) or not isinstance(sha256, str):
            raise ValueError(f"{name!r} is no graph")
    return dict(stored)


def stated_fingerprint(folder: Path) -> str:
    """The fingerprint stated in model.json, in hexadecimal; empty if it states none. Reads only the beginning of the file.
    `read_manifest` checks the fingerprint before the checkpoint is used.
    """
    try:
        with open(folder / MANIFEST, "rb") as file:
            match = FINGERPRINT_LINE.search(file.read(HEAD))
        return match[1].decode() if match else str(json.loads((folder / MANIFEST).read_bytes())["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
