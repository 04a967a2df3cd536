"""The README's commands and code run as written."""

import re
import shlex
import subprocess
import sys

import pytest
from PIL import Image

from dlic.cli.evaluate import evaluate
from dlic.cli.main import run
from dlic.cli.parser import parser_of
from tests.conftest import KODAK, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")

OPTIONS = {name for action in parser_of("dlic evaluate", evaluate)._actions for name in action.option_strings}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder_with_photo(tmp_path, monkeypatch):
    (tmp_path / "photo.png").write_bytes(KODAK.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_of_use_run(folder_with_photo):
    lines = [shlex.split(line, comments=True) for line in blocks("bash")[0].splitlines()]
    assert len(lines) == 13
    for line in lines:
        short = ["--codecs", "light-1,jpeg"] if "compare" in line else []  # all there are take half a minute
        assert line[0] == "dlic" and run([*line[1:], *short]) == 0
    assert {path.name for path in folder_with_photo.iterdir()} == {
        "photo.png", "photo.dlic", "small.dlic", "best.dlic", "seen.dlic", "photo.dlic.png", "photo.jpg", "exact.dlic",
        "wavelet.dlic", "photo.compare.html", "preview.dlic", "preview.jpg",
    }  # fmt: skip
    assert (folder_with_photo / "small.dlic").stat().st_size <= 20_000


def test_the_python_example_runs(folder_with_photo):
    (code,) = blocks("python")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder_with_photo)


def test_the_commands_of_measuring_run(folder_with_photo, photograph):
    """On a small picture, as far as neither other programs nor a network are needed."""
    (folder_with_photo / "photos").mkdir()
    Image.fromarray(photograph[:96, 200:328]).save(folder_with_photo / "photos" / "small.png")
    evaluate, report, *others = [shlex.split(line, comments=True) for line in blocks("bash")[1].splitlines()]
    assert run(evaluate[1:]) == 0 and run(report[1:]) == 0 and (folder_with_photo / "run" / "report.html").exists()
    for line in others:
        assert line[:2] == ["dlic", "evaluate"]
        assert {option for option in line if option.startswith("--")} <= OPTIONS


def test_the_training_commands_run(folder_with_photo, photographs, monkeypatch):
    """As written, made short: two steps on six small photographs."""
    (folder_with_photo / "my_photos").symlink_to(photographs)
    (folder_with_photo / "my_other_photos").symlink_to(photographs)
    monkeypatch.setenv("DLIC_CACHE", str(folder_with_photo / "cache"))
    check, train, _tensorboard, *rest = [shlex.split(line, comments=True) for line in blocks("bash")[3].splitlines()]
    assert train[:2] == ["python", "scripts/train.py"]
    recipe = [str(ROOT / word) if word.startswith("configs/") else word for word in train[2:]]
    short = "--trainer.max_steps 2 --trainer.val_check_interval 2 --data.batch_size 1 --data.crop 64 --data.validation_crop 64"
    assert run(["train", *recipe, *short.split(), "--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]) == 0
    for line in (check, *rest):
        assert line[0] == "dlic" and run(line[1:]) == 0
    assert (folder_with_photo / "mine.dlic").stat().st_size > 0
