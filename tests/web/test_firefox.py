"""The decoder in Firefox: golden files, the element, sequences, damage, and the pages of the commands."""

import base64
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.web import server as view_server
from dlic.web.content import content_of
from dlic.web.server import ViewServer
from dlic.web.share import page as shared_page
from dlic.web.site import view_files
from tests.golden.rewrite import GOLDEN, TINY_LIGHT
from tests.web.browser_pages import (
    DECODE,
    ELEMENT,
    PLAY,
    SHOW,
    WASM,
    check_element,
    check_golden_files,
    check_squares,
    check_wasm,
    pixels_of,
)
from tests.web.firefox import FIREFOX, PATIENCE, Firefox
from tests.web.golden_files import FILES, LIGHT, expected
from tests.web.profiles import PROFILES, SRGB, converted, squares, write_squares

if FIREFOX is None:
    pytest.skip("no Firefox on this machine", allow_module_level=True)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    firefox = Firefox(tmp_path_factory.mktemp("firefox"))
    yield firefox
    firefox.close()


@pytest.fixture
def firefox(window):
    """A window in which nothing must have gone wrong afterwards."""
    window.problems()
    yield window
    assert not window.problems()
    window.goto("about:blank")


def test_golden_files_decode(firefox, address):
    firefox.goto(address + "empty.html")
    check_golden_files(firefox.evaluate(DECODE, [path.name for path in FILES]))
    check_wasm(firefox.evaluate(WASM))


@pytest.mark.parametrize("name", ["display-p3", "adobe", "gamma"])
def test_colours_of_profiles(firefox, address, site, name):
    """They become sRGB, which is all that canvases of Firefox 153 have."""
    files = write_squares(site)
    firefox.goto(address + "empty.html")
    check_squares(base64.b64decode(firefox.evaluate(SHOW, files[name])), PROFILES[name], SRGB)
    pixels = pixels_of(firefox.evaluate(DECODE, [files[name]])[files[name]])[..., :3]
    assert np.abs(pixels.astype(int) - converted(squares(), PROFILES[name], SRGB)).max() <= 1


def test_the_element(firefox, address):
    firefox.goto(address + "empty.html")
    check_element(firefox.evaluate(ELEMENT))


def test_images_are_upgraded(firefox, address):
    firefox.goto(address + "image.html")
    firefox.wait_for("document.querySelector('#one').src.startsWith('blob:') && document.querySelector('#one').naturalWidth == 64")


@pytest.mark.parametrize("reduced", [False, True])
def test_the_element_plays(firefox, address, reduced):
    firefox.set_preference("ui.prefersReducedMotion", int(reduced))
    firefox.goto(address + "empty.html")
    shown = firefox.evaluate(PLAY, {"name": "/slow/chain.dlic", "attributes": []})
    assert shown["begin"]["paused"] == reduced and shown["told"] == ["load", "play", "ended"] and shown["times"] >= 2
    assert shown["duration"] == pytest.approx(0.2) and shown["size"] == [150, 130]


def test_the_viewer(firefox, address, tmp_path):
    firefox.goto(address + "pages/viewer.html")
    firefox.set_file("#file", LIGHT[3])
    firefox.wait_for("!document.querySelector('#save').disabled")
    assert firefox.read("document.querySelector('#facts').innerText").startswith("257 × 65, ")
    (tmp_path / "cut.dlic").write_bytes(LIGHT[3].read_bytes()[:-9])
    firefox.set_file("#file", tmp_path / "cut.dlic")
    firefox.wait_for("document.querySelector('#facts').classList.contains('error')")
    assert firefox.read("document.querySelector('#facts').innerText") == "the file is truncated"


@pytest.mark.parametrize("name", ["kinds/rgba", "progressive/photograph_rans", "classical/lossless_predictive", "sequences/chain"])
def test_a_shared_page_opens_from_a_disk(firefox, tmp_path, name):
    path = GOLDEN / f"{name}.dlic"
    (tmp_path / "page.html").write_bytes(shared_page(content_of(path.name, path.read_bytes(), TINY_LIGHT)))
    firefox.download_to(tmp_path)
    firefox.goto((tmp_path / "page.html").as_uri())
    firefox.wait_for("!document.querySelector('#save').disabled")
    firefox.read("document.querySelector('#save').click()")
    saved = np.array(Image.open(_arrived(tmp_path / f"{path.stem}.png")).convert("RGBA"))
    if name == "kinds/rgba":
        seen = expected(path)[..., 3:] == 255
        assert np.abs(np.where(seen, saved.astype(int) - expected(path), 0)).max() <= 1


def test_view(firefox, monkeypatch):
    monkeypatch.setattr(view_server, "GRACE", 0.3)
    data = (GOLDEN / "kinds" / "rgba.dlic").read_bytes()
    server = ViewServer(view_files(content_of("rgba.dlic", data, TINY_LIGHT)))
    thread = threading.Thread(target=server.run)
    thread.start()
    firefox.goto(server.address)
    firefox.wait_for("!document.querySelector('#save').disabled")
    assert firefox.read("document.querySelector('#facts').innerText").startswith("64 × 48")
    firefox.goto("about:blank")
    thread.join(PATIENCE)
    assert not thread.is_alive()


def _arrived(path: Path) -> Path:
    end = time.monotonic() + PATIENCE
    while not (path.exists() and path.read_bytes().endswith(b"IEND\xae\x42\x60\x82")):
        assert time.monotonic() < end, [each.name for each in path.parent.iterdir()]
        time.sleep(0.05)
    return path
