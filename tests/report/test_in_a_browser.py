"""The page in a real browser: headless Chromium, where the machine has one, driven by mouse, keyboard and finger.

A browser draws when it comes to it: what follows an action is waited for (`expect`, `reaches`), never read once.
"""

import io
import shutil
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from re import compile as pattern

import numpy as np
import pytest
from PIL import Image

from dlic.evaluation.run_folder import read_run
from dlic.report import html_of, page_of
from dlic.report.gallery import gallery_of
from dlic.report.pictures import FOLDER, read_pictures
from tests.evaluation.sample_run import HOSTILE, write_run

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; pip install 'dlic[dev]' brings it")
expect, PATIENCE = playwright.expect, 60_000  # ms
expect.set_options(timeout=PATIENCE)
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
if BROWSER is None:
    pytest.skip("no Chromium or Chrome on this machine", allow_module_level=True)

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photograph) -> Path:
    """Of a small run."""
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, photograph)
    return folder


@pytest.fixture(scope="module")
def addresses(folder) -> dict[str, str]:
    """Of its report, and of its pictures alone, which is what dlic compare makes."""
    run = read_run(folder)
    labels = {name: entry.label for name, entry in run.codecs.items()}
    whole = page_of(run, gallery_of(folder / FOLDER, read_pictures(folder), labels))
    pages = {"report": whole, "compare": replace(whole, figures={})}
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(html_of(page), encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in pages}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, addresses):
    """Opens a page; afterwards nothing must have gone wrong, nor anything been asked of a network."""
    said, contexts = [], []

    def open_with(options: dict, name: str = "report"):
        contexts.append(browser.new_context(offline=True, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: said.append(request.url) if not _is_held(request.url, addresses[name]) else None)
        page.set_default_timeout(PATIENCE)
        page.goto(addresses[name])
        return page

    yield open_with
    for context in contexts:
        context.close()
    assert not said


def _is_held(url: str, address: str) -> bool:
    return url == address or url.startswith(("data:", "blob:"))


def column(table, place: int):
    return table.locator(f"tbody tr td:nth-child({place})")


DRAWN = """async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL();
}"""


# where the divider stands, from 0 to 1 of the stage
DIVIDER = """() => {
  const [divider, stage] = [".divider", ".stage"].map((query) => document.querySelector(query).getBoundingClientRect());
  return (divider.left - stage.left) / stage.width;
}"""
# CSS pixels for each of the picture's
SCALE = """() => new DOMMatrix(getComputedStyle(document.querySelector(".pane img")).transform).a"""


def reaches(page, value: str, expected: float, within: float = 1e-4) -> None:
    """Waits until `DIVIDER` or `SCALE` is that."""
    page.wait_for_function(f"([expected, within]) => Math.abs(({value})() - expected) <= within", arg=[expected, within])


def exceeds(page, value: str, bound: float) -> None:
    """Waits until it is larger."""
    page.wait_for_function(f"(bound) => ({value})() > bound", arg=bound)


def test_curves(opened):
    page = opened(DESKTOP)
    title, traces, ticks = (page.locator(f".plot {query}") for query in (".ytitle", ".scatterlayer .trace", ".xtick"))
    expect(title).to_have_text("PSNR (dB)")
    page.wait_for_function("() => document.querySelectorAll('.plot .scatterlayer .trace').length > 30")
    page.get_by_label("published curves").uncheck()
    expect(traces).to_have_count(3)
    page.get_by_label("Metric", exact=True).select_option("ssimulacra2")
    expect(title).to_have_text("SSIMULACRA 2")
    expect(page.get_by_label("published curves")).to_be_visible()
    page.get_by_label("Metric", exact=True).select_option("ssim")
    expect(page.get_by_label("published curves")).to_be_hidden()
    page.get_by_label("Metric", exact=True).select_option("ms_ssim")
    expect(title).to_have_text(pattern("log₁₀"))
    expect(page.get_by_label("published curves")).to_be_visible()
    before = ticks.all_text_contents()
    page.get_by_label("logarithmic rate").focus()
    page.keyboard.press("Space")
    expect(ticks).not_to_have_text(before)
    expect(ticks.get_by_text("0", exact=True)).not_to_have_count(0)
    page.locator(".legend input").nth(1).uncheck()
    expect(traces).to_have_count(2)


def test_another_anchor(opened):
    page = opened(DESKTOP)
    together = page.locator("#compared table").first
    rates, against = column(together, 2), page.get_by_label("Against", exact=True)
    expect(rates).to_have_count(2)
    expect(against).to_have_value("jpeg")
    against_jpeg = rates.all_inner_texts()
    against.select_option(label="VTM (H.266)")
    expect(rates).to_have_count(3)
    assert not set(against_jpeg) & set(rates.all_inner_texts()) - {"none"}
    heads = ["codec", "PSNR", "all", pattern("MS.SSIM"), "all", pattern("SSIMULACRA.2"), "all", "70–85"]
    expect(together.locator("th")).to_have_text(heads)
    detail = page.locator("#compared table").nth(1)
    by_psnr = column(detail, 4).all_inner_texts()
    page.get_by_label("By", exact=True).select_option("ms_ssim")
    expect(column(detail, 4)).not_to_have_text(by_psnr)
    expect(against.locator(":checked")).to_have_text("VTM (H.266)")


def test_tables_are_sorted_by_click_and_by_key(opened):
    page = opened(DESKTOP)
    table = page.locator("#rows table")
    head, files = table.locator("th").nth(3), column(table, 4)

    def sizes() -> list[int]:
        return [int(text.replace(",", "")) for text in files.all_inner_texts()]

    expect(head).to_have_attribute("aria-sort", "none")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert sizes() == sorted(sizes())
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert sizes() == sorted(sizes(), reverse=True)
    expect(table.locator("th").nth(2)).to_have_attribute("aria-sort", "none")
    page.locator("#rows").get_by_label("Codec", exact=True).select_option("")
    expect(files).to_have_count(30)
    expect(page.locator("#rows .count")).to_have_text("30 files")
    page.locator("#rows").get_by_label("Codec", exact=True).select_option("jpeg")
    page.locator("#rows").get_by_label("Quality", exact=True).select_option("50")
    expect(column(table, 3)).to_have_text(["50", "50"])
    assert HOSTILE in column(table, 1).all_inner_texts()


def test_the_divider_is_dragged_and_moved_by_keys(opened):
    page = opened(DESKTOP, "compare")
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    reaches(page, DIVIDER, 0.5, within=0.01)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60, steps=3)
    page.mouse.up()
    reaches(page, DIVIDER, 0.25, within=0.01)
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60)
    page.wait_for_timeout(200)  # for what must not happen
    reaches(page, DIVIDER, 0.25, within=0.01)
    control = page.get_by_role("slider")
    control.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    reaches(page, DIVIDER, 0.30, within=0.011)
    expect(control).to_have_attribute("aria-valuetext", pattern("JPEG 4:2:0"))
    page.keyboard.press("End")
    reaches(page, DIVIDER, 1, within=0.01)


def test_zoom_and_pan(opened):
    page = opened(DESKTOP, "compare")
    stage = page.locator(".stage")
    stage.focus()
    exceeds(page, SCALE, 0)
    whole, image = page.evaluate(SCALE), page.locator(".pane img").first
    page.keyboard.press("+")
    reaches(page, SCALE, 1.25 * whole)
    page.keyboard.press("1")
    page.keyboard.press("0")
    reaches(page, SCALE, whole)
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.keyboard.down("Control")
    for _ in range(3):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    exceeds(page, SCALE, 2 * whole)
    expect(image).to_have_css("image-rendering", "pixelated")
    page.wait_for_timeout(200)  # until all three turns of the wheel are done
    before, place = image.bounding_box(), page.evaluate(DIVIDER)
    page.mouse.down()
    page.mouse.move(box["x"] - 30, box["y"] + 10, steps=3)
    page.mouse.up()
    page.wait_for_function(
        "(x) => Math.abs(document.querySelector('.pane img').getBoundingClientRect().left - x) <= 1", arg=before["x"] - 40
    )
    assert page.evaluate(DIVIDER) == place
    page.get_by_role("button", name="fit").click()
    reaches(page, SCALE, whole)


def test_other_codecs_sizes_and_pictures(opened):
    page = opened(DESKTOP, "compare")
    image, caption = page.locator(".pane img").nth(1), page.locator("figcaption p")
    expect(image).to_have_js_property("naturalWidth", 192)
    expect(image).to_have_js_property("naturalHeight", 168)
    first = caption.first.inner_text()
    assert "bytes" in first
    page.get_by_label("Size", exact=True).select_option("1")
    expect(caption.first).not_to_have_text(first)
    page.get_by_label("Left", exact=True).select_option("jpeg2000")
    page.get_by_label("Right", exact=True).select_option("")
    expect(caption.nth(1)).to_have_text(pattern("192 × 168 pixels$"))
    before = image.get_attribute("src")
    page.get_by_role("button", name="next").click()
    expect(image).not_to_have_attribute("src", before)
    expect(page.get_by_label("Picture", exact=True).locator(":checked")).to_have_text(HOSTILE)
    expect(page.locator(".thumbnail[aria-current]")).to_have_attribute("title", HOSTILE)
    page.locator(".stage").focus()
    page.keyboard.press("PageUp")
    expect(image).to_have_attribute("src", before)
    expect(page.locator("#files tbody tr")).to_have_count(12)
    expect(page.locator("#curves")).to_be_hidden()


def test_the_browser_shows_the_pixels_that_were_measured(opened, folder):
    page = opened(DESKTOP, "compare")
    own = {entry.codec: entry for entry in read_pictures(folder) if entry.image == "first.png"}
    for codec in ("jpeg", "webp"):
        page.get_by_label("Left", exact=True).select_option(codec)
        page.get_by_label("Size", exact=True).select_option("1")
        address = page.locator(".pane img").nth(1).evaluate(DRAWN)
        seen = np.array(Image.open(io.BytesIO(b64decode(address.partition(",")[2]))).convert("RGB")).astype(int)
        assert np.abs(seen - np.array(Image.open(folder / FOLDER / own[codec].pixels))).max() <= 1


def test_on_a_phone(opened):
    page = opened(PHONE)
    fits = "() => document.documentElement.scrollWidth <= 360"
    page.wait_for_function(fits)
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + 40)
    reaches(page, DIVIDER, 0.2, within=0.02)
    before = page.evaluate(SCALE)
    _pinch(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    exceeds(page, SCALE, 1.5 * before)
    page.wait_for_function(fits)


def _pinch(page, x: float, y: float) -> None:
    """Two fingers that move apart."""
    session = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 60), ("touchEnd", None)):
        points = [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_light_and_dark(opened):
    page = opened(DESKTOP)
    last_line = page.locator(".plot .scatterlayer .trace").last.locator(".js-line")
    colours = {"light": ("rgb(255, 255, 255)", "rgb(27, 31, 36)"), "dark": ("rgb(20, 23, 27)", "rgb(232, 234, 237)")}
    for scheme, (paper, ink) in colours.items():
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("body")).to_have_css("background-color", paper)
        expect(last_line).to_have_css("stroke", ink)
