"""What the tests of the browsers' decoder run: built here from its source where clang is, else the files that the package has."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from dlic.web.site import site_files
from tests.golden.rewrite import GOLDEN, TINY_LIGHT
from tests.web.browser_pages import EMPTY, Site
from tests.web.native import build
from tests.web.node import answers

ROOT = Path(__file__).parent.parent.parent
HAS_CLANG = shutil.which("clang") is not None and shutil.which("wasm-ld") is not None


def made_once(tmp_path_factory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` fills, for all processes of this run of the tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            draft = tmp_path_factory.mktemp(name)
            make(draft)
            draft.rename(folder)
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A folder of decoder.wasm, decoder.relaxed.wasm and motion.wasm."""
    if not HAS_CLANG:
        return ROOT / "dlic" / "web"
    command = [sys.executable, str(ROOT / "scripts" / "build_web.py")]
    return made_once(tmp_path_factory, "wasm", lambda folder: subprocess.run([*command, str(folder)], check=True))


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    """The decoder as a library of this machine; needs clang."""
    return made_once(tmp_path_factory, "native", lambda folder: build(folder / "decoder.so")) / "decoder.so"


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


@pytest.fixture(scope="module")
def decode(site, tmp_path_factory):
    """Requests to decode pictures in Node → answers, whose pixels are arrays."""
    return partial(answers, "decode_files.mjs", site, tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="session")
def address(site):
    """The address of a server of the site, with an empty page and one of images."""
    (site / "empty.html").write_text(EMPTY)
    (site / "image.html").write_text(
        EMPTY + '<script type="module">import { upgradeImages } from "./upgrade.js"; upgradeImages();</script>'
        '<body><img id="one" src="rgba.dlic" alt="one"><img id="png" src="data:," alt="">'
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
