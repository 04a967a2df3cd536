"""Checkpoint folders: reading, finding, indexing, downloading; what is damaged or hostile is refused in one sentence."""

import hashlib
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from safetensors.numpy import save

from dlic.checkpoints import index as checkpoint_index
from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.download import download
from dlic.checkpoints.index import INDEX, Index, IndexedCheckpoint, IndexedFile, read_index, write_index
from dlic.checkpoints.manifest import CARD, MANIFEST, WEIGHTS, Manifest, Training, read_manifest
from dlic.checkpoints.weights import read_weights, verify
from dlic.entropy.tables import FrequencyTables, integer_counts
from dlic.errors import DlicError, DownloadError, UnknownCheckpointError

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


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine of its own: nothing shipped, nothing downloaded, no mirrors."""
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(tmp_path / "downloads"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("DLIC_MIRRORS", raising=False)
    monkeypatch.setattr(checkpoints, "shipped_folder", lambda: tmp_path / "shipped")


@pytest.fixture
def shipped(tmp_path):
    return tmp_path / "shipped"


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


@pytest.fixture
def remote(tmp_path):
    """A folder that is served: two checkpoints and their index."""
    folder = tmp_path / "remote"
    make_checkpoint(folder, "tiny")
    make_checkpoint(folder, "small", seed=1)
    write_index(folder, "tiny")
    return folder


def refused(action, *args, **options) -> str:
    """The sentence with which a checkpoint is refused."""
    with pytest.raises(UnknownCheckpointError) as caught:
        action(*args, **options)
    return str(caught.value)


def changed(path, **fields):
    """Overwrite fields of a JSON file, keeping the others."""
    path.write_text(json.dumps(json.loads(path.read_bytes()) | fields), encoding="utf-8")


# --- reading ------------------------------------------------------------------------------------------------------------


def test_manifest_reads_as_it_was_written(tmp_path):
    manifest = read_manifest(make_checkpoint(tmp_path))
    assert (manifest.name, manifest.model, manifest.config) == ("tiny", "factorized", {"channels": 8})
    assert manifest.training == Training(1000, 65_536_000, 0.01, "mse")
    assert manifest.tables.counts[0].sum() == 1 << 16
    assert manifest.to_json() == (tmp_path / "tiny" / MANIFEST).read_text(encoding="utf-8")


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


# --- finding ------------------------------------------------------------------------------------------------------------


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


# --- the index ----------------------------------------------------------------------------------------------------------


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


# --- downloading --------------------------------------------------------------------------------------------------------


class Logged(SimpleHTTPRequestHandler):
    """Python's own file server, keeping what was asked of it."""

    def log_message(self, *_) -> None:
        self.server.asked.append(self.path)


@pytest.fixture
def server(remote):
    """`remote` over HTTP."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Logged, directory=str(remote)))
    server.asked = []
    server.base = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def same_files(one, other) -> bool:
    return {path.name: path.read_bytes() for path in one.iterdir()} == {path.name: path.read_bytes() for path in other.iterdir()}


def ship_index(remote, shipped, *mirrors) -> None:
    """The index a release would carry, without the checkpoints."""
    shipped.mkdir(exist_ok=True)
    (shipped / INDEX).write_bytes(write_index(remote, "tiny", mirrors).to_json().encode())


def test_download_from_a_base(server, remote, downloads):
    seen = []
    folder = download("tiny", server.base + "/", progress=lambda there, total: seen.append((there, total)))
    assert folder == downloads / "tiny" == checkpoints.find("tiny")
    assert same_files(folder, remote / "tiny")
    assert [path.name for path in downloads.iterdir()] == ["tiny"]
    total = sum(path.stat().st_size for path in folder.iterdir())
    assert seen == sorted(seen) and seen[-1] == (total, total)


def test_download_from_a_file_address(remote, downloads):
    assert same_files(download("small", remote.as_uri()), remote / "small")


def test_what_is_present_and_intact_is_not_fetched(server, downloads):
    download("tiny", server.base)
    server.asked.clear()
    assert download("tiny", server.base) == downloads / "tiny"
    assert server.asked == [f"/{INDEX}"]
    download("tiny", server.base, force=True)
    assert f"/tiny/{WEIGHTS}" in server.asked


def test_shipped_checkpoint_needs_no_mirror(shipped):
    make_checkpoint(shipped)
    write_index(shipped, "tiny")
    assert download("tiny") == shipped / "tiny"


def test_damaged_checkpoint_is_replaced(remote, downloads):
    folder = download("tiny", remote.as_uri())
    (folder / WEIGHTS).write_bytes(b"?")
    (folder / "stray").write_bytes(b"?")
    assert same_files(download("tiny", remote.as_uri()), remote / "tiny")
    assert [path.name for path in downloads.iterdir()] == ["tiny"]


def test_interrupted_download_resumes_with_what_is_missing(remote, downloads):
    seen = []

    def interrupt(there: int, total: int) -> None:
        seen.append(there)
        if there > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download("tiny", remote.as_uri(), progress=interrupt)
    assert not (downloads / "tiny").exists() and list(checkpoints.local_checkpoints()) == []
    kept = (downloads / ".tiny.part" / f"{WEIGHTS}.part").stat().st_size
    assert kept > 0
    again = []
    folder = download("tiny", remote.as_uri(), progress=lambda there, total: again.append(there))
    assert same_files(folder, remote / "tiny")
    small = sum((folder / name).stat().st_size for name in (CARD, MANIFEST))
    assert again[:3] == [(folder / CARD).stat().st_size, small, small + kept]


def test_files_that_arrived_are_not_fetched_again(server, remote, downloads):
    weights = remote / "tiny" / WEIGHTS
    hidden = weights.rename(remote / "elsewhere")
    with pytest.raises(DownloadError, match="HTTP 404"):
        download("tiny", server.base)
    assert not (downloads / "tiny").exists()
    hidden.rename(weights)
    server.asked.clear()
    download("tiny", server.base)
    assert server.asked == [f"/{INDEX}", f"/tiny/{WEIGHTS}"]


def test_remains_of_an_earlier_version_do_not_get_in(remote, downloads):
    stale = downloads / ".tiny.part"
    stale.mkdir(parents=True)
    (stale / WEIGHTS).write_bytes(b"?" * 100)
    (stale / f"{MANIFEST}.part").write_bytes(b"?" * 100)
    (stale / "other.bin").write_bytes(b"?")
    assert same_files(download("tiny", remote.as_uri()), remote / "tiny")


def test_wrong_hash_is_refused_and_removed(server, remote, downloads):
    weights = remote / "tiny" / WEIGHTS
    weights.write_bytes(b"?" * weights.stat().st_size)
    with pytest.raises(DownloadError, match="wrong content"):
        download("tiny", server.base)
    assert not (downloads / "tiny").exists()
    assert sorted(path.name for path in (downloads / ".tiny.part").iterdir()) == [CARD, MANIFEST]


def test_shipped_index_is_trusted_over_mirrors(server, remote, shipped, downloads):
    ship_index(remote, shipped, server.base)
    shutil.rmtree(remote / "tiny")
    make_checkpoint(remote, "tiny", seed=2)
    write_index(remote, "tiny")
    with pytest.raises(DownloadError, match="wrong content"):
        download("tiny")
    assert not (downloads / "tiny").exists()


def test_own_mirrors_come_first(server, remote, shipped, tmp_path, monkeypatch):
    ship_index(remote, shipped, server.base)
    monkeypatch.setenv("DLIC_MIRRORS", f"{(tmp_path / 'empty').as_uri()}, {remote.as_uri()}/,")
    assert same_files(download("tiny"), remote / "tiny")
    assert server.asked == []


def test_shipped_mirrors_come_last(server, remote, shipped, tmp_path, monkeypatch):
    ship_index(remote, shipped, server.base)
    monkeypatch.setenv("DLIC_MIRRORS", (tmp_path / "empty").as_uri())
    assert same_files(download("tiny"), remote / "tiny")
    assert server.asked == [f"/tiny/{name}" for name in (CARD, MANIFEST, WEIGHTS)]


def test_without_a_mirror_the_way_out_is_named(remote, shipped):
    ship_index(remote, shipped)
    assert "no mirror is known for tiny; pass --from BASE" in refused(download, "tiny")


def test_checkpoint_that_is_not_in_the_index(remote, shipped):
    assert "has small, tiny" in refused(download, "absent", remote.as_uri())
    ship_index(remote, shipped)
    assert "--from BASE downloads from elsewhere" in refused(download, "../tiny")


def test_hostile_index_writes_nothing(remote, downloads, tmp_path):
    stored = json.loads((remote / INDEX).read_bytes())
    stored["checkpoints"]["tiny"]["files"]["../../escaped"] = stored["checkpoints"]["tiny"]["files"][CARD]
    (remote / INDEX).write_text(json.dumps(stored))
    assert "is no file name" in refused(download, "tiny", remote.as_uri())
    assert not downloads.exists() and not (tmp_path / "escaped").exists()


def test_index_without_end_is_cut_off(remote):
    with (remote / INDEX).open("ab") as file:
        file.write(b" " * checkpoint_index.MAX_INDEX)
    with pytest.raises(DownloadError, match="longer than 1,048,576 bytes"):
        download("tiny", remote.as_uri())


def test_index_that_contradicts_its_checkpoint_is_refused(remote, downloads):
    stored = json.loads((remote / INDEX).read_bytes())
    changed(remote / INDEX, checkpoints={"tiny": stored["checkpoints"]["tiny"] | {"fingerprint": HASH}})
    assert "tiny is not the checkpoint its index promises" in refused(download, "tiny", remote.as_uri())
    assert list(downloads.iterdir()) == []
    changed(remote / INDEX, checkpoints={"tiny": {"fingerprint": HASH, "files": {}}})
    assert "tiny is not the checkpoint its index promises" in refused(download, "tiny", remote.as_uri())


def test_silent_server_is_given_up():
    silent = ThreadingHTTPServer(("127.0.0.1", 0), Logged)  # listens, but nobody answers
    with silent, pytest.raises(DownloadError, match="does not answer in time"):
        download("tiny", f"http://127.0.0.1:{silent.server_port}", timeout=0.2)


def test_folder_that_cannot_be_written(remote, downloads):
    downloads.write_text("a file where a folder should be")
    with pytest.raises(DownloadError, match="cannot write"):
        download("tiny", remote.as_uri())
