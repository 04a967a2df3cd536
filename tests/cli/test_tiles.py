"""Big pictures on the command line: crops, damage, memory."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.cli.main import run
from dlic.container.format import read
from dlic.container.tiles import split
from dlic.metrics.registry import psnr
from tests.golden.rewrite import TINY

WEIGHTS = ["--weights", str(TINY)]
WIDTH, HEIGHT = 2112, 1030  # just above two megapixels: 2 × 1 tiles


@pytest.fixture(scope="module")
def pixels(photograph) -> np.ndarray:
    return np.ascontiguousarray(np.tile(photograph, (3, 3, 1))[:HEIGHT, :WIDTH])


@pytest.fixture(scope="module")
def picture(tmp_path_factory, pixels) -> Path:
    path = tmp_path_factory.mktemp("big") / "big.png"
    Image.fromarray(pixels).save(path, compress_level=1)
    return path


@pytest.fixture(scope="module")
def packed(picture) -> Path:
    assert run(["compress", str(picture), "-q", "60", *WEIGHTS]) == 0
    return picture.with_suffix(".dlic")


def shown(packed: Path, folder: Path, *options: str) -> np.ndarray:
    assert run(["decompress", str(packed), "-o", str(folder / "out.bmp"), "--force", *WEIGHTS, *options]) == 0
    return np.array(Image.open(folder / "out.bmp"))


def test_there_and_back_and_info(packed, pixels, tmp_path, capsys):
    assert psnr(pixels, shown(packed, tmp_path)) > 25
    capsys.readouterr()
    assert run(["info", str(packed), "-v"]) == 0
    assert "2 × 1 tiles of about 1024 pixels" in capsys.readouterr().out
    assert run(["info", str(packed), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tiles"] == {"columns": 2, "rows": 1, "side": 1024}


def test_a_crop_across_a_seam(packed, tmp_path):
    whole = shown(packed, tmp_path)
    assert (shown(packed, tmp_path, "--crop", "1000,500,128,40") == whole[500:540, 1000:1128]).all()
    limited = shown(packed, tmp_path, "--crop", "1000,500,128,40", "--max-pixels", "5120")  # the limit is of what is decoded
    assert limited.shape == (40, 128, 3)


@pytest.mark.parametrize("crop", ["", "1,2,3", "a,b,c,d", "0,0,9999,1", "0,0,-1,5", "1.5,0,1,1"])
def test_what_is_no_crop_is_one_sentence(crop, packed, tmp_path, capsys):
    assert run(["decompress", str(packed), "-o", str(tmp_path / "x.png"), "--crop", crop, *WEIGHTS]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("dlic: ") and "crop" in error and "\n" not in error


def test_partial_recovers_the_other_tile_and_says_which_is_lost(packed, tmp_path, capsys):
    whole, data = shown(packed, tmp_path), packed.read_bytes()
    grid, tiles = split(read(data))
    damaged, position = tmp_path / "damaged.dlic", data.index(tiles[1].stream) + 50
    damaged.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
    for file in (damaged.read_bytes(), data[:position]):
        damaged.write_bytes(file)
        assert run(["decompress", str(damaged), "-o", str(tmp_path / "x.bmp"), *WEIGHTS]) == 2
        assert not (tmp_path / "x.bmp").exists()
        capsys.readouterr()
        found = shown(damaged, tmp_path, "--partial", "--json")
        said = capsys.readouterr()
        lost = grid.tiles[1]
        assert f"1 tile is lost, and gray, at x,y,width,height: {lost}" in said.err
        assert json.loads(said.out)["lost"] == [[lost.x, lost.y, lost.width, lost.height]]
        assert (found[:, : lost.x - 48] == whole[:, : lost.x - 48]).all()
        assert psnr(found[:, : lost.x], whole[:, : lost.x]) > 40 and (found[:, lost.x :] == 128).all()
    damaged.write_bytes(data[:40])
    assert run(["decompress", str(damaged), "-o", str(tmp_path / "x.bmp"), "--partial", *WEIGHTS]) == 2


def test_partial_of_a_whole_file_says_nothing(packed, tmp_path, capsys):
    capsys.readouterr()
    shown(packed, tmp_path, "--partial")
    assert capsys.readouterr().err == ""


def test_memory_that_is_not_enough_is_refused_before_the_work(picture, packed, tmp_path, capsys):
    for command in ["compress", str(picture)], ["decompress", str(packed)]:
        target = str(tmp_path / ("a.dlic" if command[0] == "compress" else "a.png"))
        for limit in ("10M", "790M"):
            assert run([*command, "-o", target, "--max-memory", limit, *WEIGHTS]) == 1
            assert "--max-memory" in capsys.readouterr().err
        assert run([*command, "-o", target, "--max-memory", "2G", *WEIGHTS]) == 0


def test_a_big_file_that_reads_back_differently_is_not_put_in_place(picture, tmp_path, monkeypatch, capsys):
    honest = Path.read_bytes

    def lying(path: Path) -> bytes:
        data = honest(path)
        return data[:-40] + bytes([data[-40] ^ 0x10]) + data[-39:] if path.suffix == ".part" else data

    monkeypatch.setattr(Path, "read_bytes", lying)
    assert run(["compress", str(picture), "-o", str(tmp_path / "x.dlic"), *WEIGHTS]) == 4
    assert "was not written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
