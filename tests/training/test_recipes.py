"""Recipes by name."""

import pytest

from dlic.cli.main import run
from dlic.errors import DlicError
from dlic.training.recipes import recipe_file, recipes_folder, with_files
from dlic.training.resume import run_name
from tests.conftest import ROOT


def test_a_name_is_a_shipped_recipe_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    light = str(ROOT / "configs" / "light.yaml")
    assert recipe_file("light") == light
    assert with_files(["--config", "light", "--model.l1", "light"]) == ["--config", light, "--model.l1", "light"]
    assert with_files(["-c=light", "--config=study"]) == [f"-c={light}", f"--config={recipes_folder() / 'study.yaml'}"]


@pytest.mark.parametrize("word", ["configs/light.yaml", "mine.yaml", "./light", ""])
def test_paths_stay_as_they_are(word):
    assert with_files(["--config", word]) == ["--config", word]


def test_a_file_without_an_ending_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "light").write_text("trainer:\n  max_steps: 1\n")
    assert recipe_file("light") == "light"


def test_an_unknown_name_lists_the_recipes(capsys, tmp_path):
    with pytest.raises(DlicError, match=r"no recipe .lihgt.; dlic has factorized, inter, inter-unrolled, inter-visual, light"):
        recipe_file("lihgt")
    assert run(["train", "--config", "lihgt", "--data.train_dir", str(tmp_path)]) == 1
    assert "no recipe 'lihgt'" in capsys.readouterr().err


def test_a_run_is_named_by_its_call_its_recipe_or_the_file_of_that(tmp_path):
    named, plain = tmp_path / "mine.yaml", tmp_path / "plain.yaml"
    named.write_text("name: scans\n")
    plain.write_text("trainer:\n  max_steps: 1\n")
    assert run_name(["--config", str(named), "--name", "pages"]) == "pages"
    assert run_name(["--config", str(named)]) == run_name(["--config", str(named), "--config", str(plain)]) == "scans"
    assert run_name(["--config", str(plain)]) == "plain" and run_name([]) == "train"


@pytest.mark.parametrize("name", ["..", "a/b", "/tmp/a", "."])
def test_the_name_of_a_run_leads_nowhere_else(name, tmp_path, capsys):
    assert run(["train", "--config", "study", "--data.train_dir", str(tmp_path), "--name", name]) == 1
    assert "the name of a run is that of a folder" in capsys.readouterr().err
