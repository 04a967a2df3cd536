"""The decoder in a real browser: golden files, the element, images that are upgraded, and the pages of the commands."""

import base64
import shutil
import threading
import time
from pathlib import Path

import pytest

import dlic
from dlic.web import server as view_server
from dlic.web.content import content_of
from dlic.web.server import ViewServer
from dlic.web.share import page as shared_page
from dlic.web.site import view_files
from tests.golden.rewrite import GOLDEN, TINY_LIGHT
from tests.web.browser_pages import DECODE, ELEMENT, PLAY, SHOW, WASM, check_element, check_golden_files, check_squares, check_wasm
from tests.web.golden_files import FILES, LIGHT
from tests.web.profiles import PROFILES, SPACES, write_squares

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; pip install 'dlic[dev]' brings it")
PATIENCE = 60  # seconds
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
if BROWSER is None:
    pytest.skip("no Chromium or Chrome on this machine", allow_module_level=True)

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
]  # fmt: skip
# Chromium shows canvases of Display P3 right only where a GPU puts its pages together; SwiftShader is one of software.
GPU = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--enable-gpu-rasterization"]
WIDE = ["--no-sandbox", "--no-first-run", "--force-color-profile=display-p3-d65", *GPU]


@pytest.fixture(scope="module")
def driver():
    with playwright.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(driver):
    browser = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def opened(browser):
    """Opens pages; afterwards nothing must have gone wrong in one."""
    said, contexts = [], []

    def open_page(url: str, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not said


def wait_for(page, expression: str) -> None:
    """Playwright's own wait evaluates strings in the page, which the pages' policy forbids."""
    end = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"{expression} did not come true"
        time.sleep(0.05)


def test_golden_files_decode(opened, address):
    page = opened(address + "empty.html")
    check_golden_files(page.evaluate(DECODE, [path.name for path in FILES]))
    check_wasm(page.evaluate(WASM))


@pytest.mark.parametrize("space", SPACES)
def test_colours_of_profiles(driver, browser, site, address, space):
    """On a canvas and a screen of sRGB or Display P3."""
    files = write_squares(site)
    shown_by = browser if space == "srgb" else driver.chromium.launch(executable_path=BROWSER, args=WIDE)
    context = shown_by.new_context()
    page = context.new_page()
    page.goto(address + "empty.html")
    for name in ("display-p3", "adobe", "gamma"):
        check_squares(base64.b64decode(page.evaluate(SHOW, files[name])), PROFILES[name], SPACES[space])
        check_squares(page.screenshot(), PROFILES[name], SPACES[space])
    context.close()
    if space != "srgb":
        shown_by.close()


def test_an_upgraded_image_keeps_its_colours(opened, address, site):
    files = write_squares(site)
    page = opened(address + "image.html")
    page.evaluate("(name) => document.querySelector('#one').setAttribute('src', name)", files["display-p3"])
    wait_for(page, "document.querySelector('#one').src.startsWith('blob:') && document.querySelector('#one').naturalWidth == 256")
    png = page.evaluate("async () => [...new Uint8Array(await (await fetch(document.querySelector('#one').src)).arrayBuffer())]")
    check_squares(bytes(png), PROFILES["display-p3"], SPACES["display-p3"])


def test_weights_are_fetched_once(opened, address):
    page = opened(address + "empty.html")
    fetched = []
    page.on("request", lambda request: fetched.append(request.url) if request.url.endswith(".weights") else None)
    page.evaluate(DECODE, [LIGHT[0].name, LIGHT[1].name])
    page.goto(address + "empty.html#again")
    page.reload()
    page.evaluate(DECODE, [LIGHT[0].name])
    assert len(fetched) == 1


def test_the_element(opened, address):
    check_element(opened(address + "empty.html").evaluate(ELEMENT))


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_element_plays(opened, address, motion):
    page = opened(address + "empty.html", reduced_motion=motion)
    shown = page.evaluate(PLAY, {"name": "chain.dlic", "attributes": []})
    assert shown["begin"] == {
        "paused": motion == "reduce",
        "label": "Play" if motion == "reduce" else "Pause",
        "role": "group",
    }
    assert shown["told"] == ["load", "play", "ended"] and shown["times"] >= 2
    assert shown["duration"] == pytest.approx(0.2) and shown["paused"] and not shown["ended"]
    assert shown["sought"] == pytest.approx(0.09) and shown["size"] == [150, 130]


def test_the_element_waits_where_it_is_told_to(opened, address):
    page = opened(address + "empty.html")
    shown = page.evaluate(PLAY, {"name": "hierarchy_alpha.dlic", "attributes": ["paused"]})
    assert shown["begin"]["paused"] and shown["told"] == ["load", "play", "ended"]


def test_a_progressive_picture_is_painted_while_it_comes(opened, address, site, photograph):
    data = dlic.compress(photograph[100:292, 200:456], 70, weights=TINY_LIGHT, progressive=True, thumbnail=32)
    (site / "layers.dlic").write_bytes(data)
    page = opened(address + "empty.html")
    shown = page.evaluate("""async () => {
      await import("/element.js");
      const image = document.createElement("dlic-img"), told = [], sizes = [], pictures = new Set();
      const look = () => pictures.add(image.shadowRoot.querySelector("canvas").toDataURL());
      for (const type of ["preview", "partial", "load", "error"]) image.addEventListener(type, ({ type, detail }) => {
        told.push(type);
        if (type === "partial") sizes.push(detail.bytes);
        look();
      });
      const done = new Promise((resolve) => image.addEventListener("load", resolve));
      image.src = "/slow/layers.dlic";
      document.body.append(image);
      await done;
      return { told, sizes, pictures: pictures.size };
    }""")
    partial = shown["told"][1:-1]
    assert shown["told"][0] == "preview" and shown["told"][-1] == "load" and set(partial) == {"partial"}
    assert 1 <= len(partial) <= 4 and shown["pictures"] == len(shown["told"])
    assert sorted(shown["sizes"]) == shown["sizes"] and shown["sizes"][-1] < len(data)


def test_a_sequence_plays_while_it_comes(opened, address):
    page = opened(address + "empty.html")
    shown = page.evaluate(PLAY, {"name": "/slow/hierarchy_alpha.dlic", "attributes": []})
    assert shown["told"] == ["load", "play", "ended"] and shown["duration"] == pytest.approx(0.48)


def test_a_missing_file_is_an_event(opened, address):
    page = opened(address + "empty.html", service_workers="block")
    page.route("**/nothing.dlic", lambda route: route.fulfill(status=204))
    code = page.evaluate("""async () => {
      await import("/element.js");
      document.body.innerHTML = '<dlic-img src="nothing.dlic"></dlic-img>';
      const image = document.querySelector("dlic-img");
      return new Promise((resolve) => image.addEventListener("error", ({ detail }) => resolve(detail.code)));
    }""")
    assert code == "corrupt"


def test_images_are_upgraded(opened, address):
    page = opened(address + "image.html")
    wait_for(page, "document.querySelector('#one').src.startsWith('blob:') && document.querySelector('#one').naturalWidth == 64")
    assert page.get_attribute("#png", "src") == "data:,"
    page.evaluate("() => document.body.insertAdjacentHTML('beforeend', '<p><img id=two src=light_31_tiles.dlic></p>')")
    wait_for(page, "document.querySelector('#two').naturalWidth == 257")


SHARED = {
    "kinds/rgba": "bpp",
    "progressive/photograph_rans": "bpp",
    "classical/lossless_predictive": "bpp",
    "sequences/chain": "kbit/s",
}


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_page_opens_from_a_disk(opened, tmp_path, name):
    path, remark = GOLDEN / f"{name}.dlic", SHARED[name]
    (tmp_path / "page.html").write_bytes(shared_page(content_of(path.name, path.read_bytes(), TINY_LIGHT)))
    page = opened((tmp_path / "page.html").as_uri(), offline=True)
    wait_for(page, "!document.querySelector('#save').disabled")
    assert remark in page.inner_text("#facts")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == f"{path.stem}.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_shared_page_that_a_server_calls_utf_8(opened, site, address):
    data = (GOLDEN / "kinds" / "rgba.dlic").read_bytes()
    (site / "shared.html").write_bytes(shared_page(content_of("rgba.dlic", data, TINY_LIGHT)))
    page = opened(address + "empty.html")
    body = (site / "shared.html").read_bytes()
    page.route("**/shared.html", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    page.goto(address + "shared.html")
    wait_for(page, "!document.querySelector('#save').disabled")


def test_the_viewer_shows_what_is_dropped(opened, address):
    page = opened(address + "pages/viewer.html")
    page.set_input_files("#file", str(LIGHT[3]))
    wait_for(page, "!document.querySelector('#save').disabled")
    assert page.inner_text("#facts").startswith("257 × 65, ") and page.inner_text("#name") == LIGHT[3].name
    page.set_input_files("#file", {"name": "no.dlic", "mimeType": "", "buffer": b"GIF89a"})
    wait_for(page, "document.querySelector('#facts').classList.contains('error')")
    assert page.inner_text("#facts").startswith("not a .dlic file")


def test_view_ends_with_its_page(opened, monkeypatch):
    monkeypatch.setattr(view_server, "GRACE", 0.3)
    server = ViewServer(view_files(content_of("rgba.dlic", (GOLDEN / "kinds" / "rgba.dlic").read_bytes(), TINY_LIGHT)))
    thread = threading.Thread(target=server.run)
    thread.start()
    page = opened(server.address)
    wait_for(page, "!document.querySelector('#save').disabled")
    assert page.inner_text("#facts").startswith("64 × 48")
    assert thread.is_alive()
    page.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
