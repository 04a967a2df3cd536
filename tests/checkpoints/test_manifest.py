"""model.json: read as it was written; refused in one sentence where it is changed or something else."""

import json

import pytest

from dlic.checkpoints.manifest import MANIFEST, Training, read_manifest
from tests.checkpoints.sample import HASH, changed, make_checkpoint, refused


def test_manifest_reads_as_it_was_written(tmp_path):
    manifest = read_manifest(make_checkpoint(tmp_path))
    assert (manifest.name, manifest.model, manifest.config) == ("tiny", "factorized", {"channels": 8})
    assert manifest.training == Training(1000, 65_536_000, 0.01, "mse")
    assert manifest.tables.counts[0].sum() == 1 << 16
    assert manifest.to_json() == (tmp_path / "tiny" / MANIFEST).read_text(encoding="utf-8")


def test_folder_without_manifest_is_no_checkpoint(tmp_path):
    assert f"has no {MANIFEST}" in refused(read_manifest, tmp_path)


def test_tampered_tables_are_refused(tmp_path):
    path = make_checkpoint(tmp_path) / MANIFEST
    stored = json.loads(path.read_bytes())
    stored["tables"]["counts"][0][0] += 1
    stored["tables"]["counts"][0][1] -= 1
    changed(path, tables=stored["tables"])
    assert "its tables do not match their hash" in refused(read_manifest, path.parent)


@pytest.mark.parametrize(
    "fields",
    [
        {"tables": None},
        {"tables": {"minima": [0], "counts": [[1 << 40]]}},
        {"tables": {"minima": [0], "counts": [[1, 2]]}},
        {"tables": {"minima": [0], "counts": []}},
        {"tables": {"minima": [0], "counts": [["many"]]}},
        {"training": {"steps": 1}},
        {"training": {"steps": 1, "pixels": 1, "lmbda": 0.1, "distortion": "mse", "colour": "red"}},
        {"fingerprint": HASH},
        {"tables_sha256": HASH},
        {"weights_sha256": HASH},
        {"model": "light"},
    ],
    ids=str,
)
def test_changed_manifest_is_refused(tmp_path, fields):
    folder = make_checkpoint(tmp_path)
    changed(folder / MANIFEST, **fields)
    assert MANIFEST in refused(read_manifest, folder)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"1", b"null", b"{}", b"\xff\xfe", b"[" * 200_000], ids=repr)
def test_manifest_that_is_something_else_is_refused(tmp_path, text):
    folder = make_checkpoint(tmp_path)
    (folder / MANIFEST).write_bytes(text)
    assert "cannot be read" in refused(read_manifest, folder)
