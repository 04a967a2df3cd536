"""`--progressive`, `dlic trim`, `dlic decompress --partial` and what `dlic info` says of layers."""

import json

import numpy as np
import pytest
from PIL import Image

from dlic.cli.main import run
from dlic.container.format import read
from tests.golden.rewrite import TINY_LIGHT

WEIGHTS = ["--weights", str(TINY_LIGHT)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photograph):
    """A picture and its progressive file, with a thumbnail."""
    folder = tmp_path_factory.mktemp("progressive")
    Image.fromarray(photograph[200:300, 300:460]).save(folder / "a.png", dpi=(300, 300))
    options = ["--progressive", "--thumbnail", "24", "-q", "70", *WEIGHTS]
    assert run(["compress", str(folder / "a.png"), *options]) == 0
    return folder


@pytest.fixture(scope="module")
def file(folder):
    return folder / "a.dlic"


@pytest.fixture
def layers(file, capsys):
    capsys.readouterr()
    assert run(["info", str(file), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["layers"]


def shown(source, target, *options) -> np.ndarray:
    assert run(["decompress", str(source), "-o", str(target), "--force", *WEIGHTS, *options]) == 0
    return np.array(Image.open(target))


def test_info_lists_the_layers_with_their_bytes(file, layers, capsys):
    names = ["thumbnail", "part 1 of 1 of the first layer", "part 1 of 1 of the second layer"]
    assert [layer["name"] for layer in layers] == names
    assert [layer["level"] for layer in layers] == [None, 24, 44]
    ends = [layer["end"] for layer in layers]
    assert ends == sorted(ends) and ends[-1] < file.stat().st_size
    assert run(["info", str(file)]) == 0
    assert (
        f"part 1 of 1 of the first layer, level 24: {layers[1]['bytes']:,} bytes, there after {ends[1]:,}"
        in capsys.readouterr().out
    )


def test_every_beginning_is_shown(file, layers, tmp_path, capsys):
    cut, whole = tmp_path / "cut.dlic", shown(file, tmp_path / "whole.png")
    pictures, said = [], []
    for layer in layers:
        cut.write_bytes(file.read_bytes()[: layer["end"]])
        capsys.readouterr()
        pictures.append(shown(cut, tmp_path / "cut.png", "--partial"))
        said.append(capsys.readouterr())
    assert np.array_equal(pictures[-1], whole) and not np.array_equal(pictures[1], whole)
    assert all(picture.shape == whole.shape for picture in pictures)
    assert "only the thumbnail is there" in said[0].err + said[0].out
    assert "only the first layer is there" in said[1].err + said[1].out
    cut.write_bytes(file.read_bytes()[: layers[0]["end"] - 1])
    assert run(["decompress", str(cut), "-o", str(tmp_path / "none.png"), "--partial", *WEIGHTS]) == 2
    assert "nothing of it can be shown" in capsys.readouterr().err and not (tmp_path / "none.png").exists()


def test_trim_leaves_a_valid_file_with_its_metadata(file, layers, tmp_path, capsys):
    size = file.stat().st_size - 1
    assert run(["trim", str(file), "--target-size", str(size), "-o", str(tmp_path / "small.dlic")]) == 0
    small = tmp_path / "small.dlic"
    assert small.stat().st_size <= size
    assert run(["verify", str(small), *WEIGHTS]) == 0
    assert {name for name, _ in read(small.read_bytes()).chunks} == {name for name, _ in read(file.read_bytes()).chunks} - {b"Fine"}
    assert np.array_equal(
        shown(small, tmp_path / "small.png"),
        shown_beginning(file, layers[1]["end"], tmp_path),
    )


def shown_beginning(file, length, tmp_path) -> np.ndarray:
    (tmp_path / "beginning.dlic").write_bytes(file.read_bytes()[:length])
    return shown(tmp_path / "beginning.dlic", tmp_path / "beginning.png", "--partial")


def test_trim_replaces_the_file_without_another_name(file, tmp_path):
    copy = tmp_path / "copy.dlic"
    copy.write_bytes(file.read_bytes())
    assert run(["trim", str(copy), "--target-size", "1G"]) == 0 and copy.read_bytes() == file.read_bytes()
    assert run(["trim", str(copy), "--target-size", str(file.stat().st_size - 1), "--json"]) == 0
    assert copy.stat().st_size < file.stat().st_size


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--target-size", "100"], "the first part and the metadata take"),
        ([], "--target-size 20k"),
        (["--target-size", "large"], "'large' is no size"),
    ],
)
def test_trim_refuses_in_one_sentence(options, said, file, capsys):
    before = file.read_bytes()
    assert run(["trim", str(file), *options]) == 1
    assert said in capsys.readouterr().err and file.read_bytes() == before


def test_trim_takes_progressive_files_only(folder, capsys):
    plain = folder / "plain.dlic"
    assert run(["compress", str(folder / "a.png"), "-o", str(plain), *WEIGHTS]) == 0
    assert run(["trim", str(plain), "--target-size", "100"]) == 1
    assert "only progressive files can be cut" in capsys.readouterr().err


def test_targets_hold_for_progressive_files(folder, tmp_path):
    target = tmp_path / "b.dlic"
    size = (folder / "a.dlic").stat().st_size + 200
    assert run(["compress", str(folder / "a.png"), "-o", str(target), "--progressive", "--target-size", str(size), *WEIGHTS]) == 0
    assert target.stat().st_size <= size and read(target.read_bytes()).kind == 7
