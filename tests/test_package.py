"""The wheel: it is small, has checkpoints and recipes, and states what it is; builds take no git."""

import os
import shutil
import subprocess
import sys
from email import message_from_string
from zipfile import ZipFile

import pytest

from tests.conftest import ROOT

pytest.importorskip("hatchling")
BACKEND = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"
MOST = 40_000_000  # bytes
SOURCES = ("dlic", "checkpoints", "configs")
FILES = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy that git knows nothing of."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    environment = {**os.environ, "DLIC_REPOSITORY": "https://example.org/somebody/dlic"}
    subprocess.run([sys.executable, "-c", BACKEND, str(out)], cwd=copy, env=environment, check=True, capture_output=True)
    return next(out.glob("dlic-*.whl"))


def test_it_is_small(wheel):
    assert wheel.stat().st_size <= MOST


def test_it_states_what_it_is(wheel):
    with ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("METADATA"))
        stated = message_from_string(archive.read(name).decode())
    assert "Changelog, https://example.org/somebody/dlic/blob/main/CHANGELOG.md" in stated.get_all("Project-URL")
    text = stated.get_payload()
    assert "](https://example.org/somebody/dlic/raw/main/checkpoints/light-2-visual/side_by_side.png)" in text
    assert "](https://example.org/somebody/dlic/blob/main/docs/install.md)" in text and "](docs/" not in text


def test_what_it_ships_is_found_from_any_folder(wheel, tmp_path):
    with ZipFile(wheel) as archive:
        archive.extractall(
            tmp_path / "installed", [name for name in archive.namelist() if name.endswith((".py", ".yaml", ".json"))]
        )
    script = (
        "import dlic; from dlic.training.recipes import recipe_file; from dlic.checkpoints.local import local_checkpoints\n"
        "print(recipe_file('light-finetune')); print(*sorted(folder.name for folder in local_checkpoints()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed"), "DLIC_CHECKPOINTS": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-B", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    recipe, names = done.stdout.splitlines()
    assert recipe == str(tmp_path / "installed" / "dlic" / "_recipes" / "light-finetune.yaml")
    assert names == "light-1 light-1-inter light-1-inter-visual light-2-visual"
