"""`dlic checkpoints` as a person runs it."""

import hashlib
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
import pytest
from safetensors.numpy import save

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.index import write_index
from dlic.checkpoints.manifest import MANIFEST, WEIGHTS, Manifest, Training, read_manifest
from dlic.cli.checkpoints import NONE_HERE, app
from dlic.entropy.tables import FrequencyTables, integer_counts
from dlic.errors import DlicError, DownloadError, UnknownCheckpointError


def make_checkpoint(parent, name):
    """A folder that is a checkpoint in everything but having a network."""
    folder = parent / name
    folder.mkdir(parents=True)
    weights = save({"scale": np.ones(4, np.float32)})
    tables = FrequencyTables(np.array([0], np.int32), (integer_counts(np.array([0.9, 0.1])),))
    training = Training(steps=8700, pixels=1, lmbda=0.013, distortion="mse")
    manifest = Manifest(name, "factorized", {}, hashlib.sha256(weights).hexdigest(), tables, training)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """One shipped checkpoint, nothing downloaded."""
    make_checkpoint(tmp_path / "shipped", "tiny")
    write_index(tmp_path / "shipped", "tiny")
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(tmp_path / "downloads"))
    monkeypatch.delenv("DLIC_MIRRORS", raising=False)
    monkeypatch.setattr(checkpoints, "shipped_folder", lambda: tmp_path / "shipped")


@pytest.fixture
def base(tmp_path) -> str:
    """A file:// address with the checkpoint `small`."""
    make_checkpoint(tmp_path / "remote", "small")
    write_index(tmp_path / "remote", "small")
    return (tmp_path / "remote").as_uri()


@dataclass(frozen=True)
class Called:
    """A command that has run."""

    stdout: str
    exception: DlicError | None


def dlic_checkpoints(*args) -> Called:
    with redirect_stdout(io.StringIO()) as stdout:
        try:
            app.call("dlic checkpoints", args)
        except DlicError as error:
            return Called(stdout.getvalue(), error)
    return Called(stdout.getvalue(), None)


def output(*args) -> str:
    """Standard output of a command that must succeed."""
    called = dlic_checkpoints(*args)
    assert called.exception is None
    return called.stdout


def refused(*args) -> str:
    """The sentence of a command that must end with exit code 3."""
    error = dlic_checkpoints(*args).exception
    assert isinstance(error, UnknownCheckpointError | DownloadError)
    assert error.exit_code == 3
    return str(error)


def test_list_as_a_table(base):
    output("download", "small", "--from", base)
    header, small, tiny = output("list").splitlines()
    assert header.split() == ["name", "model", "where", "size", "tuned", "for", "λ", "steps"]
    assert small.split()[:3] == ["small", "factorized", "downloaded"]
    assert tiny.split()[:4] == ["tiny", "(default)", "factorized", "shipped"]
    assert tiny.split()[-3:] == ["psnr", "0.013", "8700"]


def test_list_as_json(tmp_path):
    (tiny,) = json.loads(output("list", "--json"))
    folder = tmp_path / "shipped" / "tiny"
    assert tiny == {
        "name": "tiny",
        "default": True,
        "where": "shipped",
        "path": str(folder),
        "bytes": sum(path.stat().st_size for path in folder.iterdir()),
        "model": "factorized",
        "fingerprint": read_manifest(folder).fingerprint.hex(),
        "tune": "psnr",
        "distortion": "mse",
        "lmbda": 0.013,
        "steps": 8700,
        "damage": None,
    }


def test_list_shows_what_is_damaged(tmp_path):
    (tmp_path / "shipped" / "tiny" / MANIFEST).write_text("{")
    assert "damaged" in output("list")
    (tiny,) = json.loads(output("list", "--json"))
    assert "cannot be read" in tiny["damage"] and tiny["model"] is None


def test_list_of_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "shipped_folder", lambda: tmp_path / "empty")
    assert output("list").strip() == NONE_HERE
    assert json.loads(output("list", "--json")) == []


def test_download_prints_the_folder_alone(base, tmp_path):
    folder = tmp_path / "downloads" / "small"
    assert output("download", "small", "--from", base) == f"{folder}\n"
    assert output("path", "small") == f"{folder}\n"
    (folder / WEIGHTS).unlink()
    assert output("download", "small", "--from", base, "--force") == f"{folder}\n"
    assert output("verify", "small") == "small: intact\n"


def test_download_refusals(base):
    assert "has small" in refused("download", "light-9", "--from", base)
    assert "small" in refused("download", "small")  # not in the shipped index
    assert "not an https://, http:// or file:// address" in refused("download", "small", "--from", "/tmp")
    assert "No such file" in refused("download", "small", "--from", base + "/absent")


def test_verify_everything_or_by_name(base, tmp_path):
    small = output("download", "small", "--from", base).strip()
    assert output("verify") == f"{small}: intact\n{tmp_path / 'shipped' / 'tiny'}: intact\n"
    assert output("verify", "tiny", "small") == "tiny: intact\nsmall: intact\n"


def test_verify_goes_on_after_a_damaged_one(base, tmp_path):
    output("download", "small", "--from", base)
    (tmp_path / "downloads" / "small" / WEIGHTS).write_bytes(b"?")
    result = dlic_checkpoints("verify")
    assert result.stdout == f"{tmp_path / 'shipped' / 'tiny'}: intact\n"
    assert "is damaged" in str(result.exception)
    assert "is damaged" in refused("verify", "small")
    assert "no checkpoint 'absent'" in refused("verify", "absent", "tiny")


def test_path_of_what_is_not_here():
    assert "dlic checkpoints download light-9" in refused("path", "light-9")


def test_an_indexed_folder_can_be_downloaded_from(tmp_path):
    folder = tmp_path / "mine"
    make_checkpoint(folder, "mine-1")
    assert "mine-1" in output("index", str(folder), "--default", "mine-1", "--mirror", "https://example.org/dlic")
    assert json.loads((folder / "index.json").read_text())["mirrors"] == ["https://example.org/dlic"]
    assert output("download", "mine-1", "--from", folder.as_uri()).strip() == str(tmp_path / "downloads" / "mine-1")


def test_an_index_says_what_checkpoints_are_tuned_for(tmp_path):
    folder = tmp_path / "mine"
    make_checkpoint(folder, "mine-1")
    output("index", str(folder), "--default", "mine-1", "--tune", "psnr=mine-1")
    assert json.loads((folder / "index.json").read_text())["tunes"] == {"psnr": "mine-1"}
    for tune, said in (
        ("visual=mine-1", "mine-1 is tuned for psnr, not for visual"),
        ("psnr=mine-2", "no checkpoint 'mine-2'"),
        ("speed=mine-1", "a checkpoint is tuned for visual, psnr, ms-ssim; not for 'speed'"),
        ("psnr", "--tune takes TUNE=NAME"),
    ):
        error = dlic_checkpoints("index", str(folder), "--default", "mine-1", "--tune", tune).exception
        assert isinstance(error, DlicError) and said in str(error)


def test_nothing_here_imports_torch(base, tmp_path):
    code = (
        "import sys; from dlic.cli.main import run\n"
        f"for args in (['download', 'small', '--from', {base!r}], ['list'], ['path', 'small'], ['verify', 'small']):\n"
        "    assert run(['checkpoints', *args]) == 0, args\n"
        "assert 'torch' not in sys.modules"
    )
    environment = os.environ | {"DLIC_CHECKPOINTS": str(tmp_path / "elsewhere")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
