"""One process works in a folder, and one makes a file."""

import os
import subprocess
import sys
import threading

import pytest

from dlic.errors import DlicError
from dlic.storage.locks import LOCK, lock_folder, making
from tests.conftest import ROOT


def test_a_folder_belongs_to_one_until_it_lets_go(tmp_path):
    folder = tmp_path / "deep" / "er"
    for _ in range(2):
        lock = lock_folder(folder, "")
        with pytest.raises(DlicError, match="somebody works here"):
            lock_folder(folder, "somebody works here")
        lock.release()
    assert [path.name for path in folder.iterdir()] in ([], [LOCK])


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DlicError, match="cannot write"):
        lock_folder(tmp_path / "file" / "folder", "")


@pytest.mark.skipif(sys.platform == "win32", reason="children cannot have the handle there")
def test_a_child_keeps_the_folder_of_a_parent_that_was_killed(tmp_path):
    code = (
        "import os, signal, subprocess, sys; from pathlib import Path; from dlic.storage.locks import lock_folder\n"
        "lock = lock_folder(Path(sys.argv[1]), 'refused')\n"
        "subprocess.Popen([sys.executable, '-c', 'input()'], pass_fds=lock.handles)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ours, childs = os.pipe()
    with open(ours, "rb") as end, open(childs, "wb") as waits:  # the child ends when its input does
        read, write = os.pipe()
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdin=read, stdout=waits, check=False)
        os.close(read)
        waits.close()
        with pytest.raises(DlicError, match="still at work"):
            lock_folder(tmp_path, "still at work")
        os.close(write)
        assert end.read() == b""  # until the child has closed its output by ending
    lock_folder(tmp_path, "still at work").release()


@pytest.mark.parametrize("fails", [False, True])
def test_a_file_is_made_by_one_thread_at_a_time(fails, tmp_path):
    target, inside, most = tmp_path / "a", [], []

    def make() -> None:
        try:
            with making(target):
                inside.append(1)
                most.append(len(inside))
                pause.wait(0.01)
                inside.pop()
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass

    pause = threading.Event()
    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6 and list(tmp_path.iterdir()) == []


def test_nothing_is_made_where_there_is_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError), making(tmp_path / "none" / "a"):
        pass
    assert list(tmp_path.iterdir()) == []
