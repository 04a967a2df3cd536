"""The commands and code of README and documentation run as written, and their links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dlic.cli.evaluate import evaluate
from dlic.cli.main import run
from dlic.cli.parser import parser_of
from tests.conftest import KODAK, ROOT

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
OTHERS = [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
MOST_LINES = 150  # of the README: longer ones are not read
SHORT = {
    "--trainer.max_steps": 2, "--trainer.val_check_interval": 2, "--trainer.accelerator": "cpu",
    "--trainer.enable_progress_bar": "false", "--data.batch_size": 1, "--data.crop": 64, "--data.validation_crop": 64,
}  # fmt: skip
OPTIONS = {name for action in parser_of("dlic evaluate", evaluate)._actions for name in action.option_strings}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands(page: Path, number: int, language: str = "bash") -> list[list[str]]:
    """The words of each line of a page's block."""
    return [shlex.split(line, comments=True) for line in blocks(page, language)[number].splitlines()]


@pytest.fixture
def folder_with_photo(tmp_path, monkeypatch):
    Image.open(KODAK).crop((96, 96, 608, 480)).save(tmp_path / "photo.png")  # less than half of it: some examples are slow
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def folder_with_jpeg_and_clip(tmp_path, monkeypatch, photograph):
    Image.fromarray(photograph).save(tmp_path / "photo.jpg", quality=95)
    (tmp_path / "frames").mkdir()
    for i in range(4):
        Image.fromarray(photograph[100:164, 200 + 2 * i : 296 + 2 * i]).save(tmp_path / "frames" / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    assert run(["compress", "frames", "--fps", "25", "-o", "made.dlic"]) == 0
    assert run(["decompress", "made.dlic", "-o", "clip.mp4"]) == 0
    return tmp_path


# --- README ---------------------------------------------------------------------------------------------------------------


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_installing_names_what_there_is():
    """Nothing is installed here: extras and targets of make exist."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = {
        extra
        for page in PAGES
        for names in re.findall(r"pip install '\.\[([^]]*)\]'", page.read_text("utf-8"))
        for extra in names.split(",")
    }
    assert {"effort", "eval", "train", "cluster"} <= extras
    for extra in extras:
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE)
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [words[:2] for words in commands(README, 1, "sh")] == [["make", "demo"], ["make", "test"]] and {"demo", "test"} <= set(
        targets
    )


def test_the_commands_of_the_readme_run(folder_with_jpeg_and_clip):
    for line in commands(README, 0):
        assert line[0] == "dlic"
        if line[1] == "view":
            opens_in_a_browser(line)
            continue
        short = ["--codecs", "light-1,jpeg"] if "compare" in line else []  # all there are take half a minute
        assert run([*line[1:], *short]) == 0
    assert {"photo.dlic", "photo.png", "photo.html", "photo.compare.html", "clip.dlic", "again.mp4"} <= set(os.listdir())


def opens_in_a_browser(line: list[str]) -> None:
    """Until the page is closed: a browser that prints the address stands in for the person's."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BROWSER": "echo %s", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", *line]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout.readline().startswith("http://127.0.0.1:")
        finally:
            process.terminate()


def test_the_python_of_the_readme_runs(folder_with_jpeg_and_clip):
    (code,) = blocks(README, "python")
    assert len([line for line in code.splitlines() if line]) <= 5
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert Image.open("again.png").size == (768, 512)


@pytest.mark.parametrize(("page", "number"), [(README, 1), (ROOT / "docs" / "training.md", 0)], ids=["README", "training"])
def test_the_training_commands_run(page, number, folder_with_photo, photographs, photograph, monkeypatch):
    """As written, made short: two steps on six small photographs."""
    Image.fromarray(photograph).save(folder_with_photo / "photo.jpg", quality=95)
    for name in ("my_photos", "my_other_photos"):
        (folder_with_photo / name).symlink_to(photographs)
    monkeypatch.setenv("DLIC_CACHE", str(folder_with_photo / "cache"))
    for line in commands(page, number):
        if line[0] == "tensorboard":
            continue
        short = {"train": [str(word) for pair in SHORT.items() for word in pair], "evaluate": ["--metrics", "psnr"]}
        assert line[0] == "dlic" and run([*line[1:], *short.get(line[1], [])]) == 0
    assert (folder_with_photo / "mine.dlic").stat().st_size > 0


def test_the_command_of_the_results_is_one():
    """Kodak's 24 images are not here: its options exist."""
    ((program, command, *words),) = commands(README, 2, "sh")
    assert (program, command) == ("dlic", "evaluate") and {word for word in words if word.startswith("--")} <= OPTIONS


# --- documentation --------------------------------------------------------------------------------------------------------


def test_the_examples_of_the_command_line_run(folder_with_photo):
    lines = commands(ROOT / "docs" / "command-line.md", 0)
    assert len(lines) == 14
    for line in lines:
        short = ["--codecs", "light-1,jpeg"] if "compare" in line else []
        assert line[0] == "dlic" and run([*line[1:], *short]) == 0
    assert {path.name for path in folder_with_photo.iterdir()} == {
        "photo.png", "photo.dlic", "small.dlic", "best.dlic", "seen.dlic", "photo.dlic.png", "photo.jpg", "exact.dlic",
        "wavelet.dlic", "photo.compare.html", "preview.dlic", "preview.jpg", "quarter.png",
    }  # fmt: skip
    assert (folder_with_photo / "small.dlic").stat().st_size <= 20_000


@pytest.mark.parametrize("page", ["python", "programs"])
def test_the_python_of_a_page_runs(page, folder_with_photo):
    (code,) = blocks(ROOT / "docs" / f"{page}.md", "python")
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_the_tutorial_runs_as_written(folder_with_photo, capsys):
    """And prints what the page says."""
    page = ROOT / "docs" / "tutorial.md"
    (folder_with_photo / "parrots.png").write_bytes(KODAK.read_bytes())
    for number in range(len(blocks(page, "bash"))):
        for line in commands(page, number):
            if line[1] != "view":  # as the README's
                assert run([*line[1:], *(["--codecs", "light-2-visual,jpeg"] if "compare" in line else [])]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    said = re.findall(r"^    (parrots\.\w+.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(said) == 4 and [line for line in said if line not in printed] == []
    assert {"parrots.dlic.png", "parrots.jpg", "parrots.html", "parrots.compare.html"} <= set(os.listdir())


def test_the_commands_of_measuring_run(folder_with_photo, photograph):
    """On a small picture, as far as neither other programs nor a network are needed."""
    (folder_with_photo / "photos").mkdir()
    Image.fromarray(photograph[:96, 200:328]).save(folder_with_photo / "photos" / "small.png")
    first, report, *others = commands(ROOT / "docs" / "measuring.md", 0)
    assert run(first[1:]) == 0 and run(report[1:]) == 0 and (folder_with_photo / "run" / "report.html").exists()
    for line in others:
        assert line[:2] == ["dlic", "evaluate"]
        assert {option for option in line if option.startswith("--")} <= OPTIONS


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, part = target.partition("#")
        if "://" in name:
            continue
        place = page.parent / name if name else page
        assert place.exists(), f"{page.name}: {target}"
        assert not part or part in headings(place), f"{page.name}: {target}"


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_the_readme_links_every_page():
    text = README.read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in text] == []
