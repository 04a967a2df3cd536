"""Many files a call, names of outputs, kept times, endings that choose the codec, and packages that are not installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dlic
from dlic.cli import extras, values
from dlic.cli.main import run
from dlic.images.pillow import plugins
from tests.cli.test_main import sentence

JPEG, LOSSLESS = ["--codec", "jpeg"], ["--codec", "lossless"]  # milliseconds a file, and no network


@pytest.fixture
def folder(tmp_path, photograph, monkeypatch) -> Path:
    for place, name in enumerate(("a.png", "b c ü.webp", "-q.png")):
        Image.fromarray(photograph[40 * place : 40 * place + 30, 200:250]).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_several_files_become_one_each_next_to_them(folder, capsys):
    assert run(["compress", *LOSSLESS, "--", "a.png", "b c ü.webp", "-q.png", "./a.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert names(folder) == {"a.png", "b c ü.webp", "-q.png", "a.dlic", "b c ü.dlic", "-q.dlic"}
    sizes = [values.shown_size((folder / name).stat().st_size) for name in ("a.png", "a.dlic")]
    assert lines[0].startswith(f"a.png {sizes[0]} → a.dlic {sizes[1]} (") and lines[-1].startswith("3 compressed: ")
    assert run(["decompress", "a.dlic", "b c ü.dlic", "--json"]) == 0
    assert [json.loads(line)["output"] for line in capsys.readouterr().out.splitlines()] == ["a.dlic.png", "b c ü.dlic.png"]
    assert (np.array(Image.open("a.dlic.png")) == np.array(Image.open("a.png"))).all()


def test_one_file_and_many_have_outputs_of_one_name(folder):
    for sources, out in ((["a.png"], "one/"), (["a.png", "b c ü.webp"], "many")):
        (folder / out).mkdir()
        assert run(["compress", *LOSSLESS, *sources, "-o", out]) == 0
        assert (folder / out / "a.dlic").exists()
    assert run(["compress", *LOSSLESS, ".", "-r", "-o", "tree"]) == 0
    assert {"a.dlic", "b c ü.dlic"} <= names(folder / "tree")
    assert run(["decompress", "many/a.dlic", "-o", "many"]) == run(["decompress", "tree", "-r", "-o", "back"]) == 0
    assert (folder / "many" / "a.dlic.png").exists() and (folder / "back" / "a.dlic.png").exists()


def test_earlier_outputs_are_left_out(folder, capsys):
    assert run(["compress", *LOSSLESS, "a.png"]) == run(["decompress", "a.dlic"]) == 0
    assert run(["compress", *LOSSLESS, *sorted(names(folder) - {"-q.png"}), "--force"]) == 0
    said = capsys.readouterr()
    assert "2 compressed" in said.out and "a.dlic is an output" in said.err and "a.dlic.png is an output" in said.err
    assert not (folder / "a.dlic.dlic").exists()
    assert run(["compress", *LOSSLESS, ".", "-r", "-o", "out"]) == 0
    assert "outputs of dlic decompress, left out: 1" in capsys.readouterr().err


def test_partial_failures_cost_no_other_file_and_are_all_said(folder, capsys):
    (folder / "bad.png").write_text("no picture")
    (folder / "sub").mkdir()
    assert run(["compress", *LOSSLESS, "bad.png", "a.png", "gone.png", "sub", "b c ü.webp"]) == 2
    said = capsys.readouterr()
    assert "2 compressed, 2 failed" in said.out and said.err.endswith("dlic: 2 of 4 failed\n")
    assert all(word in said.err for word in ("bad.png", "not an image", "gone.png", "does not exist", "sub is a folder"))
    assert (folder / "a.dlic").exists() and (folder / "b c ü.dlic").exists()


def test_the_worst_exit_code_counts(folder, capsys):
    assert run(["compress", *LOSSLESS, "a.png"]) == 0
    packed = (folder / "a.dlic").read_bytes()
    (folder / "cut.dlic").write_bytes(packed[:-20])
    (folder / "learned.dlic").write_bytes((Path(__file__).parents[1] / "golden" / "odd.dlic").read_bytes())  # of no checkpoint here
    assert run(["decompress", "a.dlic", "cut.dlic"]) == 2
    assert run(["decompress", "a.dlic", "cut.dlic", "learned.dlic", "--force"]) == 3
    assert run(["info", "a.dlic", "cut.dlic"]) == 2
    said = capsys.readouterr()
    assert "a.dlic: .dlic version 2" in said.out and "cut.dlic: " in said.err


def test_outputs_that_would_meet_get_whole_names_or_are_refused(folder, capsys):
    (folder / "deep").mkdir()
    Image.open("a.png").save("a.bmp")
    Image.open("a.png").save("deep/a.png")
    assert run(["compress", *LOSSLESS, "a.png", "a.bmp"]) == 0
    assert {"a.png.dlic", "a.bmp.dlic"} <= names(folder)
    capsys.readouterr()
    assert run(["compress", *LOSSLESS, "a.png", "deep/a.png", "-o", "out"]) == 1
    assert "would both become" in sentence(capsys) and not list((folder / "out").glob("*"))


def test_existing_outputs_stop_a_call_before_any_work(folder, capsys):
    assert run(["compress", *LOSSLESS, "a.png"]) == 0
    capsys.readouterr()
    assert run(["compress", *LOSSLESS, "a.png", "b c ü.webp"]) == 1
    assert "1 of 2 outputs exist, such as a.dlic; --skip-existing" in sentence(capsys) and not (folder / "b c ü.dlic").exists()
    assert run(["compress", *LOSSLESS, "a.png", "b c ü.webp", "--skip-existing"]) == 0
    assert "1 compressed, 1 there already" in capsys.readouterr().out


def test_patterns_that_a_shell_left_alone_are_expanded(folder, capsys):
    assert run(["compress", *LOSSLESS, "*.webp", "a*"]) == 0
    assert {"a.dlic", "b c ü.dlic"} <= names(folder)
    assert run(["compress", "*.jpeg"]) == 2
    assert capsys.readouterr().err == "dlic: no file matches *.jpeg\n"
    (folder / "x[1].png").write_bytes((folder / "a.png").read_bytes())
    assert run(["compress", *LOSSLESS, "x[1].png"]) == 0 and (folder / "x[1].dlic").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.png", "-", "-o", "out"], "- takes the place of one file"),
        (["a.png", "b c ü.webp", "-o", "-"], "- takes the place of one file"),
        (["a.png", "b c ü.webp", "-o", "a.png"], "is a file"),
        (["a.png", "-o", "x.webp"], "not .webp; dlic decompress writes .webp"),
        (["a.png", "-o", "x.jpg", *LOSSLESS], "x.jpg would be a .dlic file by --codec lossless"),
        (["a.png", "-o", "x.dlic", *JPEG], "x.dlic would be a .jpg file by --codec jpeg"),
        (["a.png", "-o", "x.jpg", "--effort", "3"], "--effort does not go with --codec jpeg"),
    ],
)
def test_what_contradicts_is_refused_before_the_work(words, said, folder, capsys):
    before = names(folder)
    assert run(["compress", *words]) == 1
    assert said in sentence(capsys) and names(folder) == before


def test_the_ending_chooses_the_codec(folder):
    assert run(["compress", "a.png", "-o", "x.JPG"]) == 0
    assert Image.open(folder / "x.JPG").format == "JPEG"
    assert run(["compress", "a.png", "-o", "without_ending", *LOSSLESS]) == 0
    assert dlic.decompress((folder / "without_ending").read_bytes()).shape == (30, 50, 3)


def test_lines_are_for_people_and_figures_for_programs(folder, capsys):
    assert run(["compress", "b c ü.webp", *LOSSLESS]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("%, larger than b c ü.webp)") and "(+" in line and "bpp" not in line
    assert run(["compress", "a.png", *JPEG, "-v"]) == 0
    line, detail = capsys.readouterr().out.splitlines()
    assert "(−" in line and "bpp" in detail and "ms (" in detail
    assert run(["decompress", "a.jpg", "--crop", "1,2,30,20", "-o", "c.png"]) == 0
    assert capsys.readouterr().out.endswith(", 30 × 20 of 50 × 30\n")
    assert run(["decompress", "a.jpg", "--crop", "1,2,30,20", "-o", "c.png", "--json", "--force"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["width"], figures["height"]) == (30, 20) and figures["bpp"] == pytest.approx(8 * figures["bytes"] / 1500)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_960, "10 kB"),
        (236_400, "236 kB"),
        (3.44e6, "3.4 MB"),
    ],
)
def test_sizes_as_file_managers_show_them(size, shown):
    assert values.shown_size(int(size)) == shown


def test_times_are_kept_when_asked(folder):
    os.utime(folder / "a.png", (1_000_000_000, 1_000_000_000.5))
    assert run(["compress", *LOSSLESS, "a.png", "b c ü.webp", "--keep-time"]) == run(["decompress", "a.dlic", "--keep-time"]) == 0
    for name in ("a.dlic", "a.dlic.png"):
        assert (folder / name).stat().st_mtime == 1_000_000_000.5
    assert run(["decompress", "a.dlic", "--force"]) == 0
    assert (folder / "a.dlic.png").stat().st_mtime > 1_500_000_000


# --- packages that are not installed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", plugins.PLUGINS, ids=lambda plugin: plugin.name)
def test_pictures_of_plugins_come_in_and_go_out_or_are_named(plugin, folder, monkeypatch, capsys):
    if not plugin.load():
        pytest.skip(f"needs {plugin.package}")
    ending = plugin.endings[0]
    assert run(["compress", "a.png", *LOSSLESS]) == run(["decompress", "a.dlic", "-o", f"x{ending}"]) == 0
    assert run(["compress", f"x{ending}", *JPEG]) == 0 and Image.open("x.jpg").size == (50, 30)
    monkeypatch.setattr(plugins.Plugin, "load", lambda plugin: False)
    for kind in (Image.EXTENSION, Image.OPEN):
        monkeypatch.setattr(Image, "EXTENSION" if kind is Image.EXTENSION else "OPEN", dict(kind))
    Image.EXTENSION.pop(ending, None)
    capsys.readouterr()
    assert run(["compress", f"x{ending}", *LOSSLESS, "-o", "y.dlic"]) == 2
    assert f"pip install {plugin.package}" in sentence(capsys)
    assert run(["decompress", "gone.dlic", "-o", f"y{ending}"]) == 1  # before the file is looked at
    assert f"pip install {plugin.package}" in sentence(capsys)


@pytest.mark.parametrize(
    ("words", "extra", "module"),
    [
        (["evaluate", "."], "eval", "bjontegaard"),
        (["evaluate", ".", "--figure", "x.png"], "eval", "matplotlib"),
        (["report", "run"], "eval", "plotly"),
        (["train", "--config", "x.yaml"], "train", "pytorch_lightning"),
        (["export", "a.ckpt", "b"], "train", "torch"),
        (["curve", ".", "x"], "train", "tensorboard"),
    ],
)
def test_a_missing_extra_is_named_before_any_work(words, extra, module, folder, monkeypatch, capsys):
    find_spec = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == module else find_spec(name))
    assert run(words) == 1
    assert f"needs {module}, which is not installed: pip install 'dlic[{extra}]'" in sentence(capsys)


def test_completion_scripts_name_commands_and_options(tmp_path, capsys):
    for shell in ("bash", "zsh", "fish"):
        assert run(["completion", shell]) == 0
        text = capsys.readouterr().out
        assert all(word in text for word in ("compress", "target-size", "checkpoints", "download", "no-verify"))
        (tmp_path / shell).write_text(text)
    if sys.platform != "win32":
        asked = 'COMP_WORDS=(dlic compress a.png --target-s); COMP_CWORD=3; _shtab_dlic; echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", f". {tmp_path}/bash; {asked}"], capture_output=True, text=True, check=True)
        assert done.stdout == "--target-size\n"
