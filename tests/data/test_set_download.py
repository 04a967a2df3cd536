"""Public sets of photographs: the table of them, and downloads from a local server that are complete and checked or not there."""

import hashlib
import io
import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from dlic.cli.main import run
from dlic.data import public_sets
from dlic.data.public_sets import PUBLIC_SETS, PublicSet, Source, public_set
from dlic.data.set_download import ORIGIN, download
from dlic.errors import CorruptFileError, DownloadError, ExistsError, StorageError
from dlic.storage import archives
from dlic.storage.downloads import sha256_of
from tests.conftest import KODAK
from tests.storage.test_downloads import Server, serve, server  # noqa: F401 (fixtures)

LARGE = 3 << 20  # bytes of noise, so that a try brings more than what is worth another at once


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 24, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


PICTURES = {f"train/{i}.png": png(i) for i in range(3)}
NOISE = np.random.default_rng(0).bytes(LARGE)
ARCHIVE = zipped(PICTURES | {"noise.bin": NOISE})


def a_set(*sources: Source, files: tuple[Source, ...] = (), restricted: bool = False) -> PublicSet:
    return PublicSet(
        "tiny", "Tiny", "training", 3, "free", "Do what you like.", "https://example.org/", sources, files, restricted=restricted
    )


def source(server: Server, path: str = "/tiny.zip", data: bytes = ARCHIVE, **known) -> Source:  # noqa: F811
    server.files[path] = data
    return Source(server.url.replace("/weights.bin", path), **known)


def known_source(server: Server, **more) -> Source:  # noqa: F811
    return source(server, size=len(ARCHIVE), checksum=hashlib.sha256(ARCHIVE).hexdigest(), **more)


def pictures(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}


def refused(folder, kind, wanted, **options) -> str:
    with pytest.raises(kind) as refusal:
        download(wanted, folder, timeout=5.0, **options)
    assert not (folder / "tiny").exists()
    return str(refusal.value)


# --- the table ----------------------------------------------------------------------------------------------------------


def test_the_sets_are_complete_and_consistent():
    assert len({one.name for one in PUBLIC_SETS}) == len(PUBLIC_SETS)
    for one in PUBLIC_SETS:
        assert bool(one.archive) != bool(one.files) and one.images > 0 and one.space > 0 and one.terms.endswith(".")
        assert one.use in ("training", "evaluation") and one.page.startswith("http")
        for each in one.archive + one.files:
            assert each.url.startswith(("https://", "http://")) and each.file.endswith((".zip", ".tar", ".png"))
            assert each.checksum is None or len(bytes.fromhex(each.checksum)) in (16, 32)
    assert public_set("kodak").size == 15_394_305 and len(public_set("kodak").files) == 24


def test_the_bundled_kodak_image_is_the_published_one():
    listed = public_set("kodak").files[22]
    assert (listed.file, listed.size, listed.checksum) == (KODAK.name, KODAK.stat().st_size, sha256_of(KODAK))


# --- downloads ----------------------------------------------------------------------------------------------------------


def test_an_archive_is_checked_unpacked_and_alone_in_its_folder(server, tmp_path):  # noqa: F811
    seen = []
    done = download(a_set(known_source(server)), tmp_path / "new", progress=lambda *told: seen.append(told))
    assert done.folder == tmp_path / "new" / "tiny" and (done.images, done.checked) == (3, "sha256")
    assert pictures(done.folder) == PICTURES
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tiny"]
    origin = json.loads((done.folder / ORIGIN).read_text(encoding="utf-8"))
    assert origin["terms"] == "Do what you like." and origin["source"].endswith("/tiny.zip")
    assert (len(ARCHIVE), len(ARCHIVE)) in seen
    requests = len(server.ranges)
    assert download(a_set(known_source(server)), tmp_path / "new") == done and len(server.ranges) == requests


def test_single_files_are_one_set(server, tmp_path):  # noqa: F811
    files = tuple(source(server, f"/{i}.png", png(i), size=len(png(i)), checksum=hashlib.md5(png(i)).hexdigest()) for i in range(3))
    seen = []
    done = download(a_set(files=files), tmp_path, progress=lambda *told: seen.append(told))
    assert pictures(done.folder) == {f"{i}.png": png(i) for i in range(3)} and done.checked == "MD5"
    assert files[0].url == f"{done.source}/0.png"
    assert seen == sorted(seen) and seen[-1] == (sum(file.size for file in files),) * 2


@pytest.mark.parametrize("known", [True, False])
def test_an_interrupted_transfer_goes_on_where_it_was(known, server, tmp_path):  # noqa: F811
    wanted = a_set(known_source(server) if known else source(server))
    server.drop_at = 2000
    assert "broke off after 2,000" in refused(tmp_path, DownloadError, wanted)
    assert [path.name for path in tmp_path.iterdir()] == [".tiny.part"]
    server.drop_at, server.sent = None, 0
    assert pictures(download(wanted, tmp_path).folder) == PICTURES
    assert server.sent <= len(ARCHIVE) - 2000 + 1  # of an unknown size the last byte is asked for again
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


@pytest.mark.parametrize("known", [True, False])
def test_a_try_that_brought_much_is_followed_by_the_next(known, server, tmp_path, monkeypatch):  # noqa: F811
    wanted, send = a_set(known_source(server) if known else source(server)), server.RequestHandlerClass.send_file

    def breaks_off(handler, data: bytes) -> None:
        server.drop_at = handler.start() + LARGE // 2
        send(handler, data)

    monkeypatch.setattr(server.RequestHandlerClass, "send_file", breaks_off)
    assert pictures(download(wanted, tmp_path).folder) == PICTURES
    assert len(server.ranges) == 3


def test_a_complete_transfer_is_not_made_again(server, tmp_path):  # noqa: F811
    (tmp_path / ".tiny.part").mkdir()
    (tmp_path / ".tiny.part" / "tiny.zip.part").write_bytes(ARCHIVE)
    assert pictures(download(a_set(source(server)), tmp_path).folder) == PICTURES
    assert server.sent == 1


def test_what_was_left_of_a_longer_file_is_forgotten(server, tmp_path):  # noqa: F811
    (tmp_path / ".tiny.part").mkdir()
    (tmp_path / ".tiny.part" / "tiny.zip.part").write_bytes(ARCHIVE + b"?" * 10)
    address = (tmp_path / "elsewhere").as_uri()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "tiny.zip").write_bytes(ARCHIVE)
    assert pictures(download(a_set(source(server)), tmp_path, address).folder) == PICTURES


def test_a_server_without_ranges_starts_over_and_is_not_asked_for_ever(server, tmp_path):  # noqa: F811
    server.knows_ranges, server.drop_at = False, LARGE
    refused(tmp_path, DownloadError, a_set(source(server)))
    assert len(server.ranges) == 2
    server.drop_at = None
    assert pictures(download(a_set(source(server)), tmp_path).folder) == PICTURES


def test_wrong_content_and_wrong_size_are_refused(server, tmp_path):  # noqa: F811
    wanted = a_set(known_source(server))
    server.files["/tiny.zip"] = ARCHIVE[:-1] + b"?"
    assert "its sha256 is not the one expected" in refused(tmp_path, DownloadError, wanted)
    server.files["/tiny.zip"] = ARCHIVE[:-1]
    assert f"instead of {len(ARCHIVE):,}" in refused(tmp_path, DownloadError, wanted)
    server.files.clear()
    assert "HTTP 404" in refused(tmp_path, DownloadError, wanted)


def test_the_next_address_is_tried(server, tmp_path):  # noqa: F811
    gone = Source(server.url.replace("weights.bin", "gone.zip"), 10, "0" * 64)
    done = download(a_set(gone, source(server)), tmp_path)
    assert done.checked == "unpacking" and done.source.endswith("/tiny.zip")
    sentence = refused(tmp_path / "other", DownloadError, a_set(gone, gone))
    assert sentence.count("HTTP 404") == 2


@pytest.mark.parametrize("data", [b"<html>choose a mirror</html>", ARCHIVE[:-30], zipped({"../up.png": png(0)})])
def test_what_is_no_archive_or_a_dangerous_one_is_removed(data, server, tmp_path):  # noqa: F811
    refused(tmp_path, CorruptFileError, a_set(source(server, data=data)))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert pictures(download(a_set(source(server)), tmp_path).folder) == PICTURES


def test_no_room_is_said_before_anything_is_transferred(server, tmp_path, monkeypatch):  # noqa: F811
    free = archives.RESERVE + 2 * len(ARCHIVE) - 1
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, free))
    assert "takes" in refused(tmp_path, StorageError, a_set(known_source(server)))
    assert server.ranges == [] and list(tmp_path.iterdir()) == []
    refused(tmp_path, StorageError, a_set(source(server)))  # the server says how large it is
    assert server.sent <= len(ARCHIVE) and not list(tmp_path.rglob("*.png"))


def test_another_folder_is_left_alone(server, tmp_path):  # noqa: F811
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "mine.txt").write_text("mine")
    with pytest.raises(ExistsError, match="no tiny that dlic downloaded"):
        download(a_set(known_source(server)), tmp_path)
    assert (tmp_path / "tiny" / "mine.txt").read_text() == "mine" and server.ranges == []


# --- the command --------------------------------------------------------------------------------------------------------


def test_list(capsys):
    assert run(["data", "list"]) == 0
    printed = capsys.readouterr().out
    assert all(one.name in printed and one.licence in printed for one in PUBLIC_SETS)
    assert run(["data", "list", "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed["div2k-train"]["archive"][0]["checksum"].startswith("9d0b9c46") and len(listed["kodak"]["files"]) == 24


@pytest.fixture
def tiny(monkeypatch, server):  # noqa: F811
    monkeypatch.setattr(public_sets, "PUBLIC_SETS", (a_set(source(server), restricted=True),))


def test_download_shows_the_licence_and_asks_for_it(tiny, server, tmp_path, capsys):  # noqa: F811
    assert run(["data", "download", "tiny", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "Do what you like." in said.err and "--accept-licence" in said.err and said.out == ""
    assert server.ranges == [] and list(tmp_path.iterdir()) == []
    assert run(["data", "download", "tiny", str(tmp_path), "--accept-licence"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(tmp_path / "tiny") and "only its completeness was checked" in said.err


def test_download_from_elsewhere_and_unknown_names(tiny, tmp_path, capsys):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "tiny.zip").write_bytes(zipped(dict(list(PICTURES.items())[:2])))
    base = ["--from", (tmp_path / "mirror").as_uri(), "--accept-licence"]
    assert run(["data", "download", "tiny", str(tmp_path), *base]) == 0
    assert "2 pictures, where 3 are said" in capsys.readouterr().err
    assert run(["data", "download", "huge", str(tmp_path)]) == 1
    assert "there are tiny" in capsys.readouterr().err
