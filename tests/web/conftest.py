"""What the tests of the browsers' decoder run: built here from its source where clang is, else the files that the package has."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlic.web.site import site_files
from tests.golden.rewrite import GOLDEN, TINY_LIGHT
from tests.web.native import build

ROOT = Path(__file__).parent.parent.parent
HAS_CLANG = shutil.which("clang") is not None and shutil.which("wasm-ld") is not None


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A folder of decoder.wasm and decoder.relaxed.wasm."""
    if not HAS_CLANG:
        return ROOT / "dlic" / "web"
    folder = tmp_path_factory.mktemp("wasm")
    subprocess.run([sys.executable, str(ROOT / "scripts" / "build_web.py"), str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    """The decoder as a library of this machine; needs clang."""
    return build(tmp_path_factory.mktemp("native") / "decoder.so")


@pytest.fixture(scope="session")
def site(tmp_path_factory, built) -> Path:
    """What `dlic web` writes for the tiny checkpoint, with golden files."""
    folder = tmp_path_factory.mktemp("site")
    for name, data in site_files([TINY_LIGHT]).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    for wasm in built.glob("*.wasm"):
        shutil.copy(wasm, folder / wasm.name)
    shown = ("light*.dlic", "kinds/*.dlic", "exact/*.dlic", "hostile/*.dlic", "sequences/*.dlic")
    for path in (path for pattern in shown for path in GOLDEN.glob(pattern)):
        shutil.copy(path, folder / path.name)
    return folder
