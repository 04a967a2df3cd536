"""A machine of its own for each test of checkpoints."""

import pytest

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.index import write_index
from tests.checkpoints.sample import make_checkpoint


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine of its own: nothing shipped, nothing downloaded, no mirrors."""
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(tmp_path / "downloads"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("DLIC_MIRRORS", raising=False)
    monkeypatch.setattr(checkpoints, "shipped_folder", lambda: tmp_path / "shipped")


@pytest.fixture
def shipped(tmp_path):
    return tmp_path / "shipped"


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


@pytest.fixture
def remote(tmp_path):
    """A folder that is served: two checkpoints and their index."""
    folder = tmp_path / "remote"
    make_checkpoint(folder, "tiny")
    make_checkpoint(folder, "small", seed=1)
    write_index(folder, "tiny")
    return folder
