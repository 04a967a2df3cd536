"""Downloads of checkpoints: whole or absent, resumed, and never of what the index does not name."""

import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dlic.checkpoints import index as checkpoint_index
from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.download import download
from dlic.checkpoints.index import INDEX, write_index
from dlic.checkpoints.manifest import CARD, MANIFEST, WEIGHTS
from dlic.errors import DownloadError
from tests.checkpoints.sample import HASH, changed, make_checkpoint, refused


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
