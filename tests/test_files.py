"""Files are whole or absent."""

import pytest

from dlic.errors import DlicError
from dlic.files import cache_folder, written_whole


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
