"""The decoder in a real browser: golden files, the element, images that are upgraded, and the pages of the commands."""

import base64
import shutil
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import dlic
from dlic.web import server as view_server
from dlic.web.content import content_of
from dlic.web.server import ViewServer
from dlic.web.share import page as shared_page
from dlic.web.site import view_files
from tests.golden.rewrite import GOLDEN, TINY_LIGHT
from tests.web.golden_files import FILES, LIGHT, largest_difference

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; pip install 'dlic[dev]' brings it")
PATIENCE = 60  # seconds
SLOW = 700  # bytes of a piece
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
if BROWSER is None:
    pytest.skip("no Chromium or Chrome on this machine", allow_module_level=True)

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
EMPTY = '<!doctype html><title>test</title><link rel="icon" href="data:,">'
DECODE = """async (names) => {
  const { decode } = await import("/dlic.js");
  const shown = {};
  for (const name of names) {
    const bitmap = await decode(await (await fetch(name)).arrayBuffer());
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let text = "";
    for (let i = 0; i < data.length; i += 30000) text += String.fromCharCode(...data.subarray(i, i + 30000));
    shown[name] = { width, height, data: btoa(text) };
  }
  return shown;
}"""


class Site(SimpleHTTPRequestHandler):
    extensions_map: ClassVar = {".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".css": "text/css"}

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """Files below /slow/ come in pieces."""
        if not self.path.startswith("/slow/"):
            super().do_GET()
            return
        data = Path(self.translate_path(self.path.removeprefix("/slow"))).read_bytes()
        self.send_response(200)
        self.end_headers()
        for at in range(0, len(data), SLOW):
            self.wfile.write(data[at : at + SLOW])
            self.wfile.flush()
            time.sleep(0.04)


@pytest.fixture(scope="module")
def address(site):
    (site / "empty.html").write_text(EMPTY)
    (site / "image.html").write_text(
        EMPTY + '<script type="module">import { upgradeImages } from "./upgrade.js"; upgradeImages();</script>'
        '<body><img id="one" src="rgba.dlic" alt="one"><img id="png" src="data:," alt="">'
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
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
    shown = opened(address + "empty.html").evaluate(DECODE, [path.name for path in FILES])
    for path in FILES:
        answer = shown[path.name]
        pixels = np.frombuffer(base64.b64decode(answer["data"]), np.uint8).reshape(answer["height"], answer["width"], 4)
        opaque = pixels[..., 3:] == 255  # a canvas multiplies colours with alpha, and loses some of them
        assert largest_difference(np.where(opaque | (path in LIGHT), pixels, _wanted(path, pixels)), path) <= 1, path.name


def _wanted(path: Path, pixels: np.ndarray) -> np.ndarray:
    from tests.web.golden_files import expected

    wanted = expected(path)
    assert np.array_equal(pixels[..., 3], wanted[..., 3])
    return wanted


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
    page = opened(address + "empty.html")
    told = page.evaluate("""async () => {
      await import("/element.js");
      const image = document.createElement("dlic-img"), told = [];
      const tell = (event) => told.push(event.detail?.code ?? event.type);
      for (const name of ["preview", "load", "error"]) image.addEventListener(name, tell);
      const done = new Promise((resolve) => ["load", "error"].forEach((name) => image.addEventListener(name, resolve)));
      Object.assign(image, { alt: "A cat", src: "rgba.dlic" });
      image.setAttribute("width", 128);
      document.body.append(image);
      await done;
      const { width, height } = image.getBoundingClientRect();
      const size = [image.naturalWidth, image.naturalHeight, width, height];
      const blob = await image.toBlob();
      await image.show(new Uint8Array(5)).catch((error) => told.push(error.name));
      return { told, size, type: blob.type, role: image.getAttribute("role"), label: image.getAttribute("aria-label") };
    }""")
    assert told["told"] == ["preview", "load", "corrupt", "DlicError"]
    assert told["size"] == [64, 48, 128, 96] and told["type"] == "image/png"
    assert (told["role"], told["label"]) == ("img", "A cat")


PLAY = """async ({ name, attributes }) => {
  await import("/element.js");
  const image = document.createElement("dlic-img"), told = [], times = new Set();
  for (const type of ["load", "play", "pause", "ended", "error"]) image.addEventListener(type, () => told.push(type));
  image.addEventListener("timeupdate", () => times.add(image.currentTime));
  const until = (type) => new Promise((resolve) => image.addEventListener(type, resolve, { once: true }));
  for (const each of attributes) image.setAttribute(each, "");
  document.body.append(image);
  const [loaded, ended] = [until("load"), until("ended")];
  image.src = name;
  await loaded;
  const button = image.shadowRoot.querySelector("button");
  const begin = { paused: image.paused, label: button.getAttribute("aria-label"), role: image.getAttribute("role") };
  if (image.paused) button.click();
  await ended;
  image.currentTime = 0.09;
  await until("timeupdate");
  const sought = image.currentTime, { width, height } = image.shadowRoot.querySelector("canvas");
  const { duration, ended: hasEnded, paused } = image;
  return { begin, told, times: times.size, duration, ended: hasEnded, paused, sought, size: [width, height] };
}"""


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


@pytest.mark.parametrize(("name", "remark"), [("rgba.dlic", "bpp"), ("lossless_predictive.dlic", "bpp"), ("chain.dlic", "kbit/s")])
def test_a_shared_page_opens_from_a_disk(opened, tmp_path, name, remark):
    path = next(GOLDEN.rglob(name))
    (tmp_path / "page.html").write_bytes(shared_page(content_of(name, path.read_bytes(), TINY_LIGHT)))
    page = opened((tmp_path / "page.html").as_uri(), offline=True)
    wait_for(page, "!document.querySelector('#save').disabled")
    assert remark in page.inner_text("#facts")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == f"{Path(name).stem}.png"
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
