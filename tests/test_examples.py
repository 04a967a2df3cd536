"""The cells of the notebooks in examples/ run one after the other, without Jupyter."""

import json

import pytest
from PIL import Image

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook, tmp_path, monkeypatch, photograph, capsys):
    Image.fromarray(photograph[100:260, 90:330]).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, "a notebook is committed without its outputs"
            exec(compile("".join(cell["source"]), f"{notebook.name}, cell {number}", "exec"), names)
    assert "dB PSNR" in capsys.readouterr().out


def test_there_is_one():
    assert NOTEBOOKS
