"""index.json: read as it was written, never hostile, and of intact checkpoints only."""

import hashlib
import shutil

import pytest

from dlic.checkpoints.index import INDEX, Index, IndexedCheckpoint, IndexedFile, read_index, write_index
from dlic.checkpoints.manifest import CARD, MANIFEST, WEIGHTS, read_manifest
from dlic.errors import DlicError
from tests.checkpoints.sample import HASH, make_checkpoint, refused


def test_index_reads_as_it_was_written(remote):
    index = write_index(remote, "small", ["https://example.org/dlic"])
    assert read_index(remote) == index
    assert (index.default, index.mirrors, list(index.checkpoints)) == ("small", ("https://example.org/dlic",), ["small", "tiny"])
    tiny = index.checkpoints["tiny"]
    assert bytes.fromhex(tiny.fingerprint) == read_manifest(remote / "tiny").fingerprint
    assert list(tiny.files) == [CARD, MANIFEST, WEIGHTS]
    weights = (remote / "tiny" / WEIGHTS).read_bytes()
    assert tiny.files[WEIGHTS] == IndexedFile(len(weights), hashlib.sha256(weights).hexdigest())


def test_index_is_the_same_for_the_same_folders(remote):
    before = (remote / INDEX).read_bytes()
    (remote / "tiny" / "notes~").write_text("not part of a checkpoint")
    (remote / ".tiny.part").mkdir()
    write_index(remote, "tiny")
    assert (remote / INDEX).read_bytes() == before


def test_index_of_what_is_not_fit_for_release_is_not_written(remote):
    before = (remote / INDEX).read_bytes()
    with pytest.raises(DlicError, match="no checkpoint 'absent' to be the default"):
        write_index(remote, "absent")
    strange = make_checkpoint(remote, "name with spaces")
    with pytest.raises(DlicError, match="is no checkpoint name"):
        write_index(remote, "tiny")
    shutil.rmtree(strange)
    (remote / "small" / WEIGHTS).write_bytes(b"?")
    assert "is damaged" in refused(write_index, remote, "tiny")
    assert (remote / INDEX).read_bytes() == before


def test_default_alone_is_an_index(tmp_path):
    (tmp_path / INDEX).write_text('{"default": "tiny"}')
    assert read_index(tmp_path) == Index("tiny")


ESCAPES = ["../tiny", "a/b", "a\\b", "/etc", "..", ".", ".hidden", "", "C:x", "a\nb", "a\x00b", "é" * 3, "x" * 101, 7]


@pytest.mark.parametrize("name", ESCAPES, ids=repr)
def test_names_that_would_leave_their_folder_are_refused(name):
    with pytest.raises(ValueError, match="is no file name"):
        IndexedCheckpoint(HASH, {name: IndexedFile(1, HASH)})
    with pytest.raises(ValueError, match="is no checkpoint name"):
        Index("tiny", checkpoints={name: IndexedCheckpoint(HASH, {})})
    with pytest.raises(ValueError, match="is no checkpoint name"):
        Index(name)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", '{"default": 1}', '{"default": "a", "mirrors": [1]}', '{"default": "a", "mirrors": 1}',
        '{"default": "a", "checkpoints": []}', '{"default": "a", "checkpoints": {"a": {}}}', "[" * 200_000,
    ],
    ids=lambda text: text[:60],
)  # fmt: skip
def test_index_that_is_something_else_is_refused(tmp_path, text):
    (tmp_path / INDEX).write_text(text)
    assert "is no index of checkpoints" in refused(read_index, tmp_path)


@pytest.mark.parametrize(("size", "sha256"), [(-1, HASH), (True, HASH), (1.5, HASH), ("1", HASH), (1, HASH[1:]), (1, None)])
def test_impossible_sizes_and_hashes_are_refused(size, sha256):
    with pytest.raises(ValueError):
        IndexedFile(size, sha256)


def test_missing_index_is_refused(tmp_path):
    assert "cannot be read: No such file" in refused(read_index, tmp_path)
