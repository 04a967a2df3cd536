"""Weights are those that the manifest names, or refused."""

import hashlib

import numpy as np
import pytest

from dlic.checkpoints.manifest import MANIFEST, WEIGHTS, Manifest, read_manifest
from dlic.checkpoints.weights import read_weights, verify
from tests.checkpoints.sample import SCALE, changed, make_checkpoint, refused


def test_fingerprint_covers_weights_config_and_tables_but_not_the_name(tmp_path):
    one, same, other = (
        read_manifest(make_checkpoint(tmp_path, name, seed)).fingerprint for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert one == same != other
    changed(tmp_path / "a" / MANIFEST, config={"channels": 9})
    assert "was changed" in refused(read_manifest, tmp_path / "a")


def test_weights_read_as_they_were_written(tmp_path):
    weights = read_weights(make_checkpoint(tmp_path))
    assert weights.keys() == {"scale"}
    assert np.array_equal(weights["scale"], SCALE)


@pytest.mark.parametrize("action", [read_weights, verify])
def test_damaged_weights_are_refused(tmp_path, action):
    path = make_checkpoint(tmp_path) / WEIGHTS
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert "is damaged" in refused(action, path.parent)
    path.write_bytes(data[:100])
    assert "is damaged" in refused(action, path.parent)
    path.unlink()
    assert "cannot be read: No such file" in refused(action, path.parent)


def test_weights_in_another_format_are_refused(tmp_path):
    folder = make_checkpoint(tmp_path)
    (folder / WEIGHTS).write_bytes(b"PK pickled")
    manifest = read_manifest(folder)
    wrong = Manifest("tiny", "factorized", {}, hashlib.sha256(b"PK pickled").hexdigest(), manifest.tables, manifest.training)
    (folder / MANIFEST).write_text(wrong.to_json(), encoding="utf-8")
    assert "no safetensors file" in refused(read_weights, folder)


def test_verify_accepts_what_is_intact(tmp_path):
    verify(make_checkpoint(tmp_path))
