"""Recipes by name."""

import pytest

from dlic.cli.main import run
from dlic.errors import DlicError
from dlic.training.recipes import recipe_file, recipes_folder, with_files
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
    with pytest.raises(DlicError, match=r"no recipe 'lihgt'; dlic has factorized, inter, light, light-finetune"):
        recipe_file("lihgt")
    assert run(["train", "--config", "lihgt", "--data.train_dir", str(tmp_path)]) == 1
    assert "no recipe 'lihgt'" in capsys.readouterr().err
