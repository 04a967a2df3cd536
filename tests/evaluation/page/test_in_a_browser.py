"""The page in a real browser: headless Chromium, where the machine has one, driven by mouse, keyboard and finger."""

import io
import shutil
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.evaluation.page import html_of, page_of
from dlic.evaluation.page.gallery import gallery_of
from dlic.evaluation.pictures import FOLDER, read_pictures
from dlic.evaluation.run import read_run
from tests.evaluation.sample_run import HOSTILE, write_run

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; pip install 'dlic[dev]' brings it")
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
        page.set_default_timeout(60_000)
        page.goto(addresses[name])
        return page

    yield open_with
    for context in contexts:
        context.close()
    assert not said


def _is_held(url: str, address: str) -> bool:
    return url == address or url.startswith(("data:", "blob:"))


def column(table, place: int) -> list[str]:
    return table.locator(f"tbody tr td:nth-child({place})").all_inner_texts()


DRAWN = """async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL();
}"""


def divider(page) -> float:
    """Where it stands, from 0 to 1 of the stage."""
    return page.evaluate(
        "() => { const at = (q) => document.querySelector(q).getBoundingClientRect();"
        " return (at('.divider').left - at('.stage').left) / at('.stage').width }"
    )


def scale(page) -> float:
    """CSS pixels for each of the picture's."""
    return page.evaluate("() => new DOMMatrix(getComputedStyle(document.querySelector('.pane img')).transform).a")


def test_curves(opened):
    page = opened(DESKTOP)
    titles = page.locator(".plot .ytitle")
    assert titles.text_content() == "PSNR (dB)" and page.locator(".plot .scatterlayer .trace").count() > 30
    page.get_by_label("published curves").uncheck()
    assert page.locator(".plot .scatterlayer .trace").count() == 3
    page.get_by_label("Metric", exact=True).select_option("ms_ssim")
    assert "log₁₀" in titles.text_content() and page.get_by_label("published curves").is_hidden()
    before = page.locator(".plot .xtick").all_text_contents()
    page.get_by_label("logarithmic rate").focus()
    page.keyboard.press("Space")
    assert page.locator(".plot .xtick").all_text_contents() != before and "0" in page.locator(".plot .xtick").all_text_contents()
    page.locator(".legend input").nth(1).uncheck()
    assert page.locator(".plot .scatterlayer .trace").count() == 2


def test_another_anchor(opened):
    page = opened(DESKTOP)
    table = page.locator("#compared table")
    against_jpeg = column(table, 2)
    assert page.get_by_label("Against", exact=True).input_value() == "jpeg" and len(against_jpeg) == 2
    page.get_by_label("Against", exact=True).select_option(label="VTM (H.266)")
    assert len(column(table, 2)) == 3 and not set(against_jpeg) & set(column(table, 2)) - {"none"}
    page.get_by_label("By", exact=True).select_option("ms_ssim")
    assert page.get_by_label("Against", exact=True).input_value() == "jpeg"


def test_tables_are_sorted_by_click_and_by_key(opened):
    page = opened(DESKTOP)
    table = page.locator("#rows table")
    head = table.locator("th").nth(3)

    def sizes() -> list[int]:
        return [int(text.replace(",", "")) for text in column(table, 4)]

    assert head.get_attribute("aria-sort") == "none"
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending" and sizes() == sorted(sizes())
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending" and sizes() == sorted(sizes(), reverse=True)
    assert table.locator("th").nth(2).get_attribute("aria-sort") == "none"
    page.locator("#rows").get_by_label("Codec", exact=True).select_option("")
    assert len(sizes()) == 30 and page.locator("#rows .count").inner_text() == "30 files"
    page.locator("#rows").get_by_label("Codec", exact=True).select_option("jpeg")
    page.locator("#rows").get_by_label("Quality", exact=True).select_option("50")
    assert column(table, 3) == ["50", "50"] and HOSTILE in column(table, 1)


def test_the_divider_is_dragged_and_moved_by_keys(opened):
    page = opened(DESKTOP, "compare")
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert divider(page) == pytest.approx(0.5, abs=0.01)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60, steps=3)
    page.mouse.up()
    assert divider(page) == pytest.approx(0.25, abs=0.01)
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60)
    assert divider(page) == pytest.approx(0.25, abs=0.01)
    control = page.get_by_role("slider")
    control.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert divider(page) == pytest.approx(0.30, abs=0.011) and "JPEG 4:2:0" in control.get_attribute("aria-valuetext")
    page.keyboard.press("End")
    assert divider(page) == pytest.approx(1, abs=0.01)


def test_zoom_and_pan(opened):
    page = opened(DESKTOP, "compare")
    stage = page.locator(".stage")
    stage.focus()
    whole, image = scale(page), page.locator(".pane img").first
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.25 * whole)
    page.keyboard.press("1")
    page.keyboard.press("0")
    assert scale(page) == pytest.approx(whole)
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.keyboard.down("Control")
    for _ in range(3):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function(f"() => new DOMMatrix(getComputedStyle(document.querySelector('.pane img')).transform).a > {2 * whole}")
    assert image.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    before, place = image.bounding_box(), divider(page)
    page.mouse.down()
    page.mouse.move(box["x"] - 30, box["y"] + 10, steps=3)
    page.mouse.up()
    assert image.bounding_box()["x"] == pytest.approx(before["x"] - 40, abs=1) and divider(page) == place
    page.get_by_role("button", name="fit").click()
    assert scale(page) == pytest.approx(whole)


def test_other_codecs_sizes_and_pictures(opened):
    page = opened(DESKTOP, "compare")
    image, caption = page.locator(".pane img").nth(1), page.locator("figcaption p")
    image.evaluate("image => image.decode()")
    assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [192, 168]
    first = caption.first.inner_text()
    page.get_by_label("Size", exact=True).select_option("1")
    assert caption.first.inner_text() != first and "bytes" in first
    page.get_by_label("Left", exact=True).select_option("jpeg2000")
    page.get_by_label("Right", exact=True).select_option("")
    assert caption.nth(1).inner_text().endswith("192 × 168 pixels")
    before = image.get_attribute("src")
    page.get_by_role("button", name="next").click()
    assert (
        image.get_attribute("src") != before
        and page.get_by_label("Picture", exact=True).locator(":checked").inner_text() == HOSTILE
    )
    assert page.locator(".thumbnail[aria-current]").get_attribute("title") == HOSTILE
    page.locator(".stage").focus()
    page.keyboard.press("PageUp")
    assert image.get_attribute("src") == before
    assert page.locator("#files tbody tr").count() == 12 and page.locator("#curves").is_hidden()


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
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + 40)
    assert divider(page) == pytest.approx(0.2, abs=0.02)
    before = scale(page)
    _pinch(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert scale(page) > 1.5 * before and page.evaluate("document.documentElement.scrollWidth") <= 360


def _pinch(page, x: float, y: float) -> None:
    """Two fingers that move apart."""
    session = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 60), ("touchEnd", None)):
        points = [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_light_and_dark(opened):
    page = opened(DESKTOP)
    seen = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        first_line = page.locator(".plot .scatterlayer .trace").last.locator(".js-line")
        seen.append((page.evaluate("getComputedStyle(document.body).backgroundColor"), first_line.evaluate("l => l.style.stroke")))
    assert seen == [("rgb(255, 255, 255)", "rgb(27, 31, 36)"), ("rgb(20, 23, 27)", "rgb(232, 234, 237)")]
