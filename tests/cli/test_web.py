"""`dlic view`, `dlic share`, `dlic web` and `dlic export --web`."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import dlic
from dlic.cli.main import run
from tests.golden.rewrite import GOLDEN, TINY, TINY_LIGHT

FILE = GOLDEN / "kinds" / "rgba.dlic"


def test_share_writes_one_page(tmp_path, capsys):
    page = tmp_path / "page.html"
    assert run(["share", str(FILE), "-o", str(page), "--weights", str(TINY_LIGHT)]) == 0
    assert page.read_bytes().startswith(b"<!doctype html>") and f"{page.stat().st_size:,} bytes" in capsys.readouterr().out
    assert run(["share", str(FILE), "-o", str(page), "--weights", str(TINY_LIGHT)]) == 1
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(("data", "code"), [(b"GIF89a", 2), (FILE.read_bytes()[:-1], 2), (FILE.read_bytes(), 3)])
def test_files_that_cannot_be_shown(tmp_path, monkeypatch, data, code):
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(tmp_path / "none"))
    (tmp_path / "a.dlic").write_bytes(data)
    assert run(["share", str(tmp_path / "a.dlic")]) == code
    assert not (tmp_path / "a.dlic.html").exists()


def test_web_writes_a_package(tmp_path, capsys):
    folder = tmp_path / "site"
    assert run(["web", str(folder), "--checkpoint", str(TINY_LIGHT)]) == 0
    assert (folder / "package.json").read_text().count(dlic.__version__) == 1
    assert len(list((folder / "weights").glob("*.weights"))) == 1
    assert run(["web", str(folder), "--checkpoint", str(TINY_LIGHT)]) == 1 and "--force" in capsys.readouterr().err
    assert run(["web", str(folder), "--checkpoint", str(TINY_LIGHT), "--force"]) == 0
    assert run(["web", str(tmp_path / "other"), "--checkpoint", str(TINY)]) == 1 and not (tmp_path / "other").exists()


def test_export_web_names_weights_by_fingerprint(tmp_path, capsys):
    assert run(["export", "--web", str(TINY_LIGHT), str(tmp_path / "weights")]) == 0
    (written,) = (tmp_path / "weights").iterdir()
    assert written.read_bytes()[8:16].hex() == written.stem and str(written) in capsys.readouterr().out


def test_view_prints_its_address(tmp_path):
    command = [sys.executable, "-m", "dlic", "view", str(FILE), "--no-open", "--weights", str(TINY_LIGHT)]
    root = Path(dlic.__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}) as process:
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            assert urllib.request.urlopen(address + "picture").read() == FILE.read_bytes()
        finally:
            process.terminate()
