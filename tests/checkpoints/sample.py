"""A checkpoint without a network, and the sentence with which one is refused."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import save

from dlic.checkpoints.manifest import CARD, MANIFEST, WEIGHTS, Manifest, Training
from dlic.entropy.tables import FrequencyTables, integer_counts
from dlic.errors import UnknownCheckpointError

HASH = "0" * 64
SCALE = np.arange(30_000, dtype=np.float32)  # 120 kB: two chunks of a download


def make_checkpoint(parent, name="tiny", seed=0):
    """A folder that is a checkpoint in everything but having a network."""
    folder = parent / name
    folder.mkdir(parents=True)
    weights = save({"scale": SCALE + seed})
    tables = FrequencyTables(np.array([-1], np.int32), (integer_counts(np.array([1.0, 2.0, 1.0, 0.1])),))
    training = Training(steps=1000, pixels=65_536_000, lmbda=0.01, distortion="mse")
    manifest = Manifest(name, "factorized", {"channels": 8}, hashlib.sha256(weights).hexdigest(), tables, training)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    (folder / CARD).write_text(f"# {name}\n", encoding="utf-8")
    return folder


def refused(action, *args, **options) -> str:
    """The sentence with which a checkpoint is refused."""
    with pytest.raises(UnknownCheckpointError) as caught:
        action(*args, **options)
    return str(caught.value)


def changed(path, **fields):
    """Overwrite fields of a JSON file, keeping the others."""
    path.write_text(json.dumps(json.loads(path.read_bytes()) | fields), encoding="utf-8")
