"""`dlic compare` puts one photograph through every codec at one size."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from dlic.cli.main import run
from tests.golden.rewrite import TINY

CODECS = ["--codecs", f"{TINY},jpeg,webp,jpeg2000"]


@pytest.fixture
def photo(tmp_path, photograph):
    path = tmp_path / "<b>my photo ü.png"
    Image.fromarray(photograph[150:318, 250:442]).save(path)
    return path


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Addresses that a browser is asked to open."""
    addresses: list[str] = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    return addresses


def sentence(capsys) -> str:
    """What was said on standard error, which must be a single line."""
    said = capsys.readouterr().err.strip()
    assert said.startswith("dlic: ") and "\n" not in said, said
    return said


def report_of(page) -> dict:
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="report">(.*?)</script>', text, re.DOTALL)[1])


def test_every_codec_at_one_size(photo, tmp_path, opened, capsys):
    assert run(["compare", str(photo), "--size", "2500", *CODECS]) == 0
    page = photo.with_name("<b>my photo ü.compare.html")
    said, report = capsys.readouterr().out, report_of(page)
    (picture,) = report["pictures"]
    assert picture["name"] == photo.name and (picture["width"], picture["height"]) == (192, 168) and "curves" not in report
    assert [shown["codec"] for shown in picture["shown"]][1:] == ["jpeg", "webp", "jpeg2000"]
    for shown in picture["shown"]:
        assert shown["fits"] == (shown["bytes"] <= 2500) and shown["label"] in said and f"{shown['bytes']:,}" in said
        assert shown["fits"] or "its smallest, above 2,500 bytes" in said
    assert f"{page}: {page.stat().st_size:,} bytes" in said and not opened  # no terminal
    assert "<b>my" not in page.read_text(encoding="utf-8")


def test_the_page_is_opened_when_asked(photo, tmp_path, opened):
    target = tmp_path / "it.html"
    assert run(["compare", str(photo), "--bpp", "0.8", "--codecs", "jpeg", "-o", str(target), "--open"]) == 0
    assert opened == [target.resolve().as_uri()]
    (shown,) = report_of(target)["pictures"][0]["shown"]
    assert shown["target"] == int(0.8 * 192 * 168 / 8) >= shown["bytes"]


def test_without_a_size_it_is_that_of_the_checkpoint(photo, opened, monkeypatch):
    monkeypatch.setattr("dlic.evaluation.known_codecs.COMPARED", ("jpeg", "webp"))
    assert run(["compare", str(photo), "--weights", str(TINY)]) == 0
    (picture,) = report_of(photo.with_name(f"{photo.stem}.compare.html"))["pictures"]
    first, *others = picture["shown"]
    assert first["bytes"] == first["target"] and [shown["codec"] for shown in others] == ["jpeg", "webp"]


def test_photographs_are_upright(tmp_path, photograph, opened):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(photograph[:60, :90]).save(tmp_path / "turned.jpg", exif=exif)
    assert run(["compare", str(tmp_path / "turned.jpg"), "--size", "2k", "--codecs", "jpeg"]) == 0
    (picture,) = report_of(tmp_path / "turned.compare.html")["pictures"]
    assert (picture["width"], picture["height"]) == (60, 90)


def test_a_codec_that_cannot_is_left_out(tmp_path, opened, capsys):
    Image.fromarray(np.zeros((2, 16_500, 3), np.uint8)).save(tmp_path / "wide.png")  # beyond WebP
    assert run(["compare", str(tmp_path / "wide.png"), "--size", "2k", "--codecs", "jpeg,webp", "--lossless"]) == 0
    said = capsys.readouterr()
    assert "note: WebP, method 6 is left out" in said.err and "JPEG" in said.out


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        (["--size", "2k", "--bpp", "1"], "not both", 1),
        (["--size", "0"], "is no size", 1),
        (["--bpp", "-1"], "is no size", 1),
        (["--bpp", "nan"], "is no size", 1),
        (["--codecs", " ,"], "takes names", 1),
        (["--codecs", "gif89"], "no codec and no checkpoint 'gif89'", 1),
        (["--codecs", "jpeg", "--model", "light-1"], "leave out --tune, --model and --weights", 1),
        (["-o", "no/page.html"], "is no folder", 1),
    ],
)
def test_wishes_that_make_no_sense(photo, arguments, reason, code, capsys):
    assert run(["compare", str(photo), *arguments]) == code
    assert reason in sentence(capsys)
    assert [path.name for path in photo.parent.iterdir()] == [photo.name]


def test_no_picture_and_no_overwriting(photo, opened, capsys):
    assert run(["compare", str(photo.with_name("none.png")), "--codecs", "jpeg", "--size", "1k"]) == 2
    assert "does not exist" in sentence(capsys)
    arguments = ["compare", str(photo), "--codecs", "jpeg", "--size", "1k"]
    assert run(arguments) == 0 and run([*arguments, "--force"]) == 0
    capsys.readouterr()
    assert run(arguments) == 1 and "--force overwrites it" in sentence(capsys)
    assert run(["compare", str(photo), "-o", str(photo), "--force"]) == 1
    assert "is the input itself" in sentence(capsys)
