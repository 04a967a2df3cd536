"""`dlic report` makes one page and figures of a run, or says in one sentence why not."""

import shutil
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from dlic.cli.main import run
from tests.evaluation.sample_run import write_run


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, photograph):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, photograph)
    return folder


def sentence(capsys) -> str:
    """What was said on standard error, which must be a single line."""
    said = capsys.readouterr().err.strip()
    assert said.startswith("dlic: ") and "\n" not in said, said
    return said


def test_page_and_figures(evaluated, tmp_path, capsys):
    page, png, svg = (tmp_path / name for name in ("page.html", "rd.png", "rd.svg"))
    assert run(["report", str(evaluated), "-o", str(page), "--figure", str(png), "--figure", str(svg)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{path}: {path.stat().st_size:,} bytes" for path in (page, png, svg)]
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert Image.open(png).width > 1000 and "svg" in ElementTree.parse(svg).getroot().tag


def test_lossless_pages_are_larger_and_nothing_is_overwritten_unasked(evaluated, capsys):
    page = evaluated / "report.html"
    assert run(["report", str(evaluated)]) == 0
    size = page.stat().st_size
    assert run(["report", str(evaluated), "--lossless"]) == 1 and "--force overwrites it" in sentence(capsys)
    assert run(["report", str(evaluated), "--lossless", "--force"]) == 0 and page.stat().st_size > size
    assert b"image/webp" in page.read_bytes()


def test_what_cannot_be_written(evaluated, tmp_path, capsys):
    assert run(["report", str(evaluated), "-o", str(tmp_path / "no" / "page.html")]) == 1
    assert "is no folder" in sentence(capsys)
    assert run(["report", str(evaluated), "-o", str(tmp_path)]) == 1
    assert "is a folder" in sentence(capsys)
    assert run(["report", str(evaluated), "-o", str(tmp_path / "x.html"), "--figure", "x.pdf"]) == 1
    assert "--figure draws .png or .svg, not x.pdf" in sentence(capsys) and not (tmp_path / "x.html").exists()


def test_what_is_no_run(tmp_path, capsys):
    assert run(["report", str(tmp_path)]) == 1
    assert "holds no evaluation" in sentence(capsys)
    (tmp_path / "run.json").write_text("{}")
    assert run(["report", str(tmp_path)]) == 2
    assert "is damaged" in sentence(capsys)


def test_a_run_without_rows_or_pictures(evaluated, tmp_path, capsys):
    for name in ("run.json", "rows.csv"):
        shutil.copy(evaluated / name, tmp_path / name)
    assert run(["report", str(tmp_path)]) == 0
    assert "no pictures at matched sizes" in (tmp_path / "report.html").read_text(encoding="utf-8")
    (tmp_path / "rows.csv").unlink()
    capsys.readouterr()
    assert run(["report", str(tmp_path), "--force"]) == 1
    assert "no codec that all images were measured with" in sentence(capsys)


def test_a_missing_picture(evaluated, tmp_path, capsys):
    folder = shutil.copytree(evaluated, tmp_path / "run", ignore=lambda *_: {"report.html"})
    next((folder / "pictures").glob("*/jpeg@*.jpg")).unlink()
    assert run(["report", str(folder)]) == 2
    assert "does not exist" in sentence(capsys) and not (folder / "report.html").exists()
