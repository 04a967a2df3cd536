"""Pages and scripts that the tests of all browsers run, and the server that they come from."""

import base64
import io
import time
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from tests.web.golden_files import FILES, LIGHT, expected, largest_difference
from tests.web.profiles import SRGB, converted, squares

SLOW = 700  # bytes of a piece
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
ELEMENT = """async () => {
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
}"""
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

SHOW = """async (name) => {
  await import("/element.js");
  document.body.style.margin = 0;
  document.body.innerHTML = "<dlic-img></dlic-img>";
  const image = document.body.firstChild;
  const done = new Promise((resolve, reject) => {
    image.addEventListener("load", resolve);
    image.addEventListener("error", ({ detail }) => reject(detail));
  });
  image.src = name;
  await done;
  const bytes = new Uint8Array(await (await image.toBlob()).arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 30000) text += String.fromCharCode(...bytes.subarray(i, i + 30000));
  return btoa(text);
}"""
WASM = """async () => {
  const names = performance.getEntriesByType("resource").map(({ name }) => name.split("/").pop());
  const relaxed = WebAssembly.validate(await (await fetch("/decoder.relaxed.wasm")).arrayBuffer());
  return { relaxed, loaded: names.filter((name) => name.endsWith(".wasm")) };
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


def pixels_of(answer: dict[str, Any]) -> np.ndarray:
    """RGBA (H, W, 4) of an answer of DECODE."""
    return np.frombuffer(base64.b64decode(answer["data"]), np.uint8).reshape(answer["height"], answer["width"], 4)


def check_golden_files(shown: dict[str, Any]) -> None:
    """What DECODE gives of FILES is within a level of what they must show."""
    for path in FILES:
        pixels, wanted = pixels_of(shown[path.name]), expected(path)
        opaque = pixels[..., 3:] == 255  # a canvas multiplies colours with alpha, and loses some of them
        assert np.array_equal(pixels[..., 3], wanted[..., 3])
        assert largest_difference(np.where(opaque | (path in LIGHT), pixels, wanted), path) <= 1, path.name


def check_squares(png: bytes, profile: bytes, space: bytes) -> None:
    """An image whose corner shows the squares of a profile, in the space that it states, is as littleCMS has it, within a level."""
    image = Image.open(io.BytesIO(png))
    wanted = converted(squares(), profile, space)
    corner = np.asarray(image.convert("RGB"))[: wanted.shape[0], : wanted.shape[1]]
    shown = converted(corner, image.info.get("icc_profile", SRGB), space)
    assert np.abs(shown.astype(int) - wanted).max() <= 1


def check_wasm(answer: dict[str, Any]) -> None:
    """What WASM gives after decoding: relaxed SIMD where the engine has it."""
    assert answer["loaded"] == ["decoder.relaxed.wasm" if answer["relaxed"] else "decoder.wasm"]


def check_element(told: dict[str, Any]) -> None:
    """What ELEMENT gives."""
    assert told["told"] == ["preview", "load", "corrupt", "DlicError"]
    assert told["size"] == [64, 48, 128, 96] and told["type"] == "image/png"
    assert (told["role"], told["label"]) == ("img", "A cat")
