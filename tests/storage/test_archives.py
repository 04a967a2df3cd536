"""Archives of strangers: what is unpacked is what was packed, below its folder, and everything dangerous is refused."""

import io
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.errors import CorruptFileError, StorageError
from dlic.storage import archives
from dlic.storage.archives import unpack

FILES = {"a/1.png": b"one" * 1000, "a/b/2.png": b"two", "readme.txt": b""}
KINDS = ["zip", "tar", "tar.gz", "tar.bz2"]


def packed(path: Path, files: dict[str, bytes] | list[tuple[str, bytes]], kind: str = "zip") -> Path:
    members = files if isinstance(files, list) else list(files.items())
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive: Path, out: Path, only: str | None = None, kind: type = CorruptFileError) -> str:
    with pytest.raises(kind) as refusal:
        unpack(archive, out, only)
    assert str(refusal.value).startswith(archive.name) and "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_packed_is_there(kind, tmp_path):
    shares = []
    assert unpack(packed(tmp_path / "a", FILES, kind), tmp_path / "out", progress=shares.append) == 3
    assert contents(tmp_path / "out") == FILES
    assert shares == sorted(shares) and shares[-1] == 1.0


@settings(max_examples=12)
@given(
    files=st.dictionaries(st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3}){0,2}\.png", fullmatch=True), st.binary(max_size=50), min_size=1),
    kind=st.sampled_from(KINDS),
)
def test_any_files_survive(files, kind):
    with tempfile.TemporaryDirectory() as folder:
        archive = packed(Path(folder) / "a", files, kind)
        assert unpack(archive, Path(folder) / "out") == len(files)
        assert contents(Path(folder) / "out") == files


def test_only_one_folder_and_no_litter(tmp_path):
    files = {"Set/HR/1.png": b"1", "Set/HR/deeper/2.png": b"2", "Set/LR/1.png": b"3", "Set/HR/.DS_Store": b"", "__MACOSX/HR/x": b""}
    assert unpack(packed(tmp_path / "a", files), tmp_path / "out", "HR") == 2
    assert contents(tmp_path / "out") == {"1.png": b"1", "deeper/2.png": b"2"}
    assert "no file in a folder XR" in refused(tmp_path / "a", tmp_path / "other", "XR")


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", ["../up", "a/../../up", "/absolute", "C:/drive", "a\\b", "..\\up"])
def test_names_that_lead_elsewhere_are_refused(name, kind, tmp_path):
    archive = packed(tmp_path / "a", [("fine.png", b"1"), (name, b"2")], kind)
    (tmp_path / "deep").mkdir()
    assert "outside its folder" in refused(archive, tmp_path / "deep" / "out")
    assert {path.name for path in tmp_path.rglob("*")} <= {"a", "deep", "out", "fine.png"}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_one_file_twice_is_refused(kind, tmp_path):
    archive = packed(tmp_path / "a", [("x/1.png", b"first"), ("x/1.png", b"second")], kind)
    assert "twice" in refused(archive, tmp_path / "out")
    archive = packed(tmp_path / "b", [("x/1.png", b"first"), ("X/1.PNG", b"second")], kind)  # one name on macOS and Windows
    assert "twice" in refused(archive, tmp_path / "other")


@pytest.mark.parametrize("type_", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_tar_are_refused(type_, tmp_path):
    with tarfile.open(tmp_path / "a", "w") as archive:
        info = tarfile.TarInfo("link.png")
        info.type, info.linkname = type_, "/etc/passwd"
        archive.addfile(info)
    assert "no plain file" in refused(tmp_path / "a", tmp_path / "out")


def test_links_and_encrypted_files_in_zip_are_refused(tmp_path):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "no plain file" in refused(tmp_path / "a", tmp_path / "out")
    data = bytearray(packed(tmp_path / "b", {"secret.png": b"x"}).read_bytes())
    data[6] |= 1  # flags of the local header, and below of the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b").write_bytes(data)
    assert "no plain file" in refused(tmp_path / "b", tmp_path / "other")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_no_room_is_said(kind, tmp_path, monkeypatch):
    archive = packed(tmp_path / "a", {"1.png": bytes(5000)}, kind)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, archives.RESERVE + 4999))
    assert "4,999 are free" in refused(archive, tmp_path / "out", kind=StorageError)
    assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize("kind", KINDS)
def test_cut_and_flipped_archives_are_refused(kind, tmp_path):
    whole = packed(tmp_path / "whole", {f"{i}.png": bytes(range(256)) * 40 for i in range(4)}, kind).read_bytes()
    for index, data in enumerate([whole[: len(whole) // 2], b"", b"<html>not found</html>"]):
        archive = tmp_path / f"cut{index}"
        archive.write_bytes(data)
        refused(archive, tmp_path / f"out{index}")
    if kind != "tar":  # which has no checksum of its contents
        middle = len(whole) // 3
        (tmp_path / "flipped").write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
        refused(tmp_path / "flipped", tmp_path / "flipped_out")


def test_a_zip_that_lies_about_sizes_writes_no_more_than_it_said(tmp_path):
    data = bytearray(packed(tmp_path / "a", {"bomb.png": bytes(1_000_000)}).read_bytes())
    directory = data.index(b"PK\x01\x02")
    for field in (22, directory + 24):  # uncompressed size in both headers
        data[field : field + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a").write_bytes(data)
    refused(tmp_path / "a", tmp_path / "out")
    assert sum(map(len, contents(tmp_path / "out").values())) <= 10
