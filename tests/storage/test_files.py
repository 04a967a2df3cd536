"""Files are whole or absent."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlic.errors import DlicError, StorageError
from dlic.storage.files import cache_folder, discard_abandoned, written_whole
from tests.conftest import ROOT


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), written_whole(tmp_path / "a") as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_what_was_there(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(RuntimeError), written_whole(tmp_path / "a", overwrite=True) as file:
        file.write(b"half")
        raise RuntimeError
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    with pytest.raises(DlicError, match="exists"), written_whole(tmp_path / "a") as file:
        file.write(b"new")
        (tmp_path / "a").write_bytes(b"somebody else's")
    assert (tmp_path / "a").read_bytes() == b"somebody else's"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_overwriting_and_long_names(tmp_path):
    target = tmp_path / ("n" * 250)
    for content in (b"one", b"two"):
        with written_whole(target, overwrite=True) as file:
            file.write(content)
    assert target.read_bytes() == b"two"


def test_folders_and_missing_folders_are_refused(tmp_path):
    with pytest.raises(DlicError, match="folder"), written_whole(tmp_path, overwrite=True):
        pass
    with pytest.raises(DlicError, match="cannot write"), written_whole(tmp_path / "none" / "a"):
        pass


def test_the_cache_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("DLIC_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="the platform's own elsewhere")
def test_the_cache_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv("DLIC_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "dlic"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "dlic"


def abandoned(target: Path) -> Path:
    """What a process leaves that is killed while it writes `target`."""
    code = (
        "import os, signal, sys; from pathlib import Path; from dlic.storage.files import written_whole\n"
        "with written_whole(Path(sys.argv[1])) as file: file.write(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(target)], cwd=ROOT, check=False)
    (left,) = target.parent.glob(".*.part")
    return left


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_what_the_killed_leave_is_discarded_and_nothing_else(tmp_path):
    target = tmp_path / ("photo\n" * 8)  # longer than what is kept of it
    left = abandoned(target)
    others = [".photo.12345678.part", ".other.abcdefgh.part", "photo.abcdefgh.part", f"{left.name}.txt"]
    for name in others:
        (tmp_path / name).touch()
    with written_whole(target) as file:  # somebody writes it just now
        assert discard_abandoned([target, tmp_path / "none" / "a"]) == 1
        assert not left.exists() and Path(file.name).exists()
        file.write(b"whole")
    assert target.read_bytes() == b"whole"
    assert {path.name for path in tmp_path.iterdir()} == {*others, target.name}


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_a_temporary_file_that_is_discarded_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    import fcntl

    locked = []

    def lock(file, kind):
        if not locked:
            Path(file.name).unlink()
        locked.append(file.name)
        return flock(file, kind)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lock)
    with written_whole(tmp_path / "a") as file:
        file.write(b"whole")
    assert len(set(locked)) == 2 and (tmp_path / "a").read_bytes() == b"whole"


@pytest.mark.skipif(sys.platform == "win32", reason="has no umask")
@pytest.mark.parametrize(("mask", "rights"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0, 0o666)])
def test_a_file_has_the_rights_of_any_new_file_and_the_umask_is_not_touched(mask, rights, tmp_path, monkeypatch):
    """It is the whole process's: files that other threads make meanwhile would be writable by everybody."""
    previous = os.umask(mask)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "umask", lambda _: pytest.fail("the umask was changed"))
            with written_whole(tmp_path / "a") as file:
                file.write(b"whole")
    finally:
        os.umask(previous)
    assert (tmp_path / "a").stat().st_mode & 0o777 == rights


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_no_room_is_an_error_of_its_own_and_leaves_nothing(number, tmp_path):
    with pytest.raises(StorageError, match="cannot write"), written_whole(tmp_path / "a"):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []
