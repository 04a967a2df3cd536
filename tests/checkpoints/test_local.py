"""Checkpoints on this machine by name, path, fingerprint and tune."""

import json
import shutil

import pytest

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.index import INDEX, write_index
from dlic.checkpoints.manifest import MANIFEST, WEIGHTS, read_manifest
from dlic.errors import DlicError
from tests.checkpoints.sample import make_checkpoint, refused


def test_find_by_name_prefers_downloads(shipped, downloads):
    folder = make_checkpoint(shipped)
    assert checkpoints.find("tiny") == folder
    folder = make_checkpoint(downloads)
    assert checkpoints.find("tiny") == folder


def test_find_names_what_there_is(shipped):
    assert "(there is none); dlic checkpoints download light-1" in refused(checkpoints.find, "light-1")
    make_checkpoint(shipped, "tiny")
    make_checkpoint(shipped, "small")
    assert "there is small, tiny" in refused(checkpoints.find, "light-1")


def test_find_by_fingerprint(shipped):
    folder = make_checkpoint(shipped)
    make_checkpoint(shipped, "other", seed=1)
    (shipped / "broken").mkdir()
    (shipped / "broken" / MANIFEST).write_text("{")
    assert checkpoints.find_by_fingerprint(read_manifest(folder).fingerprint[:8]) == folder
    assert "made with checkpoint 01020304…" in refused(checkpoints.find_by_fingerprint, bytes(range(1, 9)))


def test_a_fingerprint_is_found_without_parsing_manifests(shipped, monkeypatch):
    """Every file names its checkpoint, and a machine may have many."""
    folders = [make_checkpoint(shipped, f"of-{seed}", seed) for seed in range(3)]
    prefixes = [read_manifest(folder).fingerprint[:8] for folder in folders]
    with monkeypatch.context() as forbidden:
        forbidden.setattr(json, "loads", None)
        assert [checkpoints.find_by_fingerprint(prefix) for prefix in prefixes] == folders
    (folders[0] / MANIFEST).write_text(json.dumps(json.loads((folders[0] / MANIFEST).read_bytes())))  # on one line
    assert checkpoints.find_by_fingerprint(prefixes[0]) == folders[0]
    (folders[0] / MANIFEST).write_bytes((folders[1] / MANIFEST).read_bytes())  # exported again
    assert checkpoints.find_by_fingerprint(prefixes[1]) == folders[0]
    assert "not on this machine" in refused(checkpoints.find_by_fingerprint, prefixes[0])


def test_a_tune_chooses_the_checkpoint_of_the_index(shipped, downloads):
    make_checkpoint(shipped)
    make_checkpoint(shipped, "other", seed=1)
    write_index(shipped, "other", tunes={"psnr": "tiny"})
    assert checkpoints.choose(None, None).name == "other"
    assert checkpoints.choose(None, None, "psnr").name == checkpoints.choose("tiny", None, "psnr").name == "tiny"
    with pytest.raises(DlicError, match="no checkpoint that is tuned for visual; it has some for psnr"):
        checkpoints.choose(None, None, "visual")
    with pytest.raises(DlicError, match="tuned for visual, psnr, ms-ssim; not for 'speed'"):
        checkpoints.choose(None, None, "speed")
    with pytest.raises(DlicError, match="tiny is tuned for psnr, not for ms-ssim"):
        checkpoints.choose("tiny", None, "ms-ssim")
    shutil.rmtree(shipped / "tiny")
    assert "dlic checkpoints download tiny" in refused(checkpoints.choose, None, None, "psnr")


def test_unfinished_downloads_are_not_found(downloads):
    folder = make_checkpoint(downloads, ".tiny.part")
    assert list(checkpoints.local_checkpoints()) == []
    refused(checkpoints.find_by_fingerprint, read_manifest(folder).fingerprint[:8])


def test_default_is_the_one_in_the_shipped_index(shipped):
    assert "no default checkpoint" in refused(checkpoints.default_name)
    make_checkpoint(shipped)
    write_index(shipped, "tiny")
    assert checkpoints.default_name() == "tiny"
    (shipped / INDEX).write_text("[]")
    assert "no default checkpoint" in refused(checkpoints.default_name)


def test_checkpoint_by_path(tmp_path):
    folder = make_checkpoint(tmp_path)
    assert checkpoints.as_folder(folder) == checkpoints.as_folder(folder / WEIGHTS) == folder
    assert "does not exist" in refused(checkpoints.as_folder, tmp_path / "absent")


def test_downloads_go_to_the_cache_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.delenv("DLIC_CHECKPOINTS")
    monkeypatch.setenv("DLIC_CACHE", str(tmp_path / "cache"))
    assert checkpoints.download_folder() == tmp_path / "cache" / "checkpoints"
