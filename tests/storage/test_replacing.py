"""A replaced file keeps its owner, rights, extended attributes and other names."""

import os
import stat
import sys
from pathlib import Path

import pytest

from dlic.errors import DlicError, StorageError
from dlic.storage.files import written_whole

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights and links")
AS_ROOT = hasattr(os, "getuid") and os.getuid() == 0


def write(path: Path, content: bytes) -> None:
    with written_whole(path, overwrite=True) as file:
        file.write(content)


@pytest.fixture
def old(tmp_path) -> Path:
    path = tmp_path / "old"
    path.write_bytes(b"old contents, longer")
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("rights", [0o600, 0o640, 0o755, 0o444, 0o4755])
def test_rights_stay(old, rights):
    old.chmod(rights)
    write(old, b"new")
    assert stat.S_IMODE(old.stat().st_mode) == rights and old.read_bytes() == b"new"


@pytest.mark.skipif(not AS_ROOT, reason="only root gives files away")
def test_the_owner_stays(old):
    os.chown(old, 1234, 2345)
    old.chmod(0o6755)
    write(old, b"new")
    state = old.stat()
    assert (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (1234, 2345, 0o6755) and old.read_bytes() == b"new"


def test_extended_attributes_stay(old):
    try:
        os.setxattr(old, "user.comment", b"on the beach")
    except (AttributeError, OSError):
        pytest.skip("the file system has no extended attributes")
    write(old, b"new")
    assert os.getxattr(old, "user.comment") == b"on the beach" and old.read_bytes() == b"new"


def test_hard_links_stay_links(old, tmp_path):
    os.link(old, tmp_path / "other name")
    write(old, b"new")
    assert (tmp_path / "other name").read_bytes() == b"new" and old.stat().st_nlink == 2
    assert names(tmp_path) == {"old", "other name"}


def test_where_the_owner_cannot_be_kept_the_contents_are_copied_into_the_file(old, tmp_path, monkeypatch):
    """A file of somebody else that a group may write."""
    if AS_ROOT:
        os.chown(old, 4321, 4321)

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    inode = old.stat().st_ino
    monkeypatch.setattr(os, "chown", refused)
    write(old, b"new")
    assert old.read_bytes() == b"new" and (old.stat().st_ino == inode or not AS_ROOT)


def test_a_full_disk_leaves_the_old_contents_of_a_file_with_two_names(old, tmp_path, monkeypatch):
    os.link(old, tmp_path / "other name")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(StorageError, match="No space left"):
        write(old, b"new")
    assert old.read_bytes() == b"old contents, longer" and names(tmp_path) == {"old", "other name"}


def test_a_symbolic_link_stays_and_the_file_behind_it_is_written(old, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to("../old")
    write(link, b"new")
    assert link.is_symlink() and old.read_bytes() == b"new" and names(tmp_path / "elsewhere") == {"link"}


def test_a_link_to_nothing_is_overwritten_only_by_force_and_then_leads_to_the_file(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("target")
    with pytest.raises(DlicError, match="exists"), written_whole(link):
        pass
    write(link, b"new")
    assert link.is_symlink() and (tmp_path / "target").read_bytes() == b"new"


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(DlicError, match="cannot write"):
        write(tmp_path / "a", b"new")
    assert names(tmp_path) == {"a", "b"}
