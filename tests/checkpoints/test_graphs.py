"""Graphs of checkpoints: their hashes, their place in the index, and the fingerprint that they leave alone."""

import json
import shutil
from dataclasses import replace

import pytest

from dlic.checkpoints.graphs import read_graphs
from dlic.checkpoints.index import write_index
from dlic.checkpoints.manifest import MANIFEST, read_manifest
from dlic.checkpoints.weights import verify
from dlic.cli.main import run
from dlic.learned.codec import read_codec
from dlic.training.export import write_graphs
from tests.checkpoints.sample import changed, make_checkpoint, refused
from tests.golden.rewrite import TINY_LIGHT


@pytest.fixture
def light(tmp_path):
    return shutil.copytree(TINY_LIGHT, tmp_path / "models" / "tiny_light")


def test_a_graph_that_was_changed_is_refused(light):
    path = light / "synthesis.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert "synthesis.onnx is damaged" in refused(verify, light)


def test_a_graph_that_is_missing_is_refused(light):
    (light / "hyper.onnx").unlink()
    assert "hyper.onnx cannot be read" in refused(verify, light)


@pytest.mark.parametrize("name", ["../weights", "A", "", "a/b", "é"])
def test_names_that_would_leave_the_folder_are_refused(name, light):
    changed(light / MANIFEST, graphs={name: "0" * 64})
    assert "is no graph" in refused(read_manifest, light)


def test_a_checkpoint_without_graphs_has_none(tmp_path):
    folder = make_checkpoint(tmp_path)
    assert read_graphs(folder, read_manifest(folder)) == {}
    assert "graphs" not in json.loads((folder / MANIFEST).read_bytes())


def test_graphs_made_anew_do_the_same_and_leave_the_fingerprint(light):
    before = read_manifest(light)
    for path in light.glob("*.onnx"):
        path.unlink()
    (light / MANIFEST).write_text(replace(before, graphs={}).to_json(), encoding="utf-8")
    assert set(write_graphs(light).graphs) >= set(before.graphs)  # older checkpoints lack some
    assert verify(light).fingerprint == before.fingerprint
    file = (TINY_LIGHT.parent / "light_31_odd.dlic").read_bytes()
    assert (read_codec(light, "onnx").decompress(file) == read_codec(TINY_LIGHT, "onnx").decompress(file)).all()


def test_the_index_lists_them(light):
    files = write_index(light.parent, "tiny_light").checkpoints["tiny_light"].files
    assert {f"{name}.onnx" for name in read_manifest(light).graphs} <= set(files)


def test_dlic_export_makes_the_graphs_of_a_folder(light, capsys):
    for path in light.glob("*.onnx"):
        path.unlink()
    assert run(["export", str(light)]) == 0
    assert f"{len(verify(light).graphs)} graphs" in capsys.readouterr().out
    assert run(["export", str(light / MANIFEST)]) == 1
    assert "give a folder" in capsys.readouterr().err
