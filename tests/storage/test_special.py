"""Devices, pipes and open files are written into and stay what they are."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.errors import DlicError
from dlic.storage.files import written_whole
from dlic.storage.special import descriptor, is_special
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / "p.png"
    Image.fromarray(np.full((48, 64, 3), (9, 99, 199), np.uint8)).save(path)
    return path


@pytest.fixture
def null(tmp_path) -> Path:
    """A null device of our own: a fault would destroy it."""
    path = tmp_path / "null"
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        path.write_bytes(b"")
    except OSError:
        pytest.skip("no right to make or use a device")
    return path


def test_a_device_is_written_into(null):
    with written_whole(null) as file:
        file.write(b"contents")
    assert stat.S_ISCHR(null.stat().st_mode)


def test_a_pipe_gets_the_contents_when_they_are_whole(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    with written_whole(pipe, overwrite=True) as file:
        file.write(b"x" * 300_000)
        assert Path(file.name).exists()
    reader.join()
    assert received == [b"x" * 300_000] and stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_failure_writes_nothing_into_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RuntimeError), written_whole(tmp_path / "pipe") as file:  # opening it would wait for a reader
        file.write(b"half")
        raise RuntimeError


def test_an_open_file_is_written_where_it_stands(tmp_path):
    """`>> log` with -o /dev/stdout appends, as it does for every program."""
    path, link = tmp_path / "log", tmp_path / "link"
    path.write_bytes(b"before ")
    with path.open("ab") as log:
        link.symlink_to(f"/dev/fd/{log.fileno()}")
        for name in (f"/dev/fd/{log.fileno()}", f"/proc/self/fd/{log.fileno()}", link):
            with written_whole(Path(name)) as file:
                file.write(b"more ")
    assert path.read_bytes() == b"before more more more "


def test_names_of_open_files():
    assert descriptor(Path("/dev/stdout")) == 1 and descriptor(Path("/dev/fd/7")) == 7
    assert descriptor(Path("/proc/1/fd/1")) is None and descriptor(Path("/dev/fd/x")) is None
    assert is_special(Path("/dev/null")) and not is_special(Path("/nowhere")) and not is_special(ROOT)


def test_a_socket_and_a_pipe_without_a_reader_are_refused_in_a_sentence(tmp_path):
    import socket

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(tmp_path / "s"))
        with pytest.raises(DlicError, match="cannot write"), written_whole(tmp_path / "s") as file:
            file.write(b"contents")


def run(*args: object, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "dlic", *map(str, args)]
    return subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, check=False, **options)


def test_the_command_writes_into_what_is_no_file_and_needs_no_force(picture, null, tmp_path):
    lossless = "compress", picture, "--codec", "lossless", "-o"
    assert run(*lossless, null, "--force", stdout=subprocess.DEVNULL).returncode == 0 and stat.S_ISCHR(null.stat().st_mode)
    done = run(*lossless, "/dev/stdout", stdout=subprocess.PIPE)
    assert done.returncode == 0 and done.stdout.startswith(b"\xd2ic") and b"/dev/stdout" in done.stderr
    (tmp_path / "a.dlic").write_bytes(done.stdout)
    shown = run("decompress", tmp_path / "a.dlic", "-o", "/dev/stdout", stdout=subprocess.PIPE)
    assert shown.stdout.startswith(b"\x89PNG")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("args", [("info", "a.dlic"), ("checkpoints", "list"), ("--help",), ("compress", "p.png", "-o", "-")])
def test_a_full_standard_output_is_a_sentence(args, picture, tmp_path):
    run("compress", picture, "--codec", "lossless", "-o", tmp_path / "a.dlic", stdout=subprocess.DEVNULL)
    with open("/dev/full", "wb") as full:
        paths = [tmp_path / word if (tmp_path / word).exists() else word for word in args]
        done = run(*paths, *(("--codec", "lossless") if args[0] == "compress" else ()), stdout=full)
    assert done.returncode == 1 and b"standard output" in done.stderr and b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr
