"""`dlic evaluate` and `dlic curve` print what files and pixels give."""

import json

import numpy as np
import pytest
from PIL import Image

from dlic.cli.main import run
from dlic.codecs.learned import load_codec
from dlic.evaluation.metrics import psnr
from tests.golden.rewrite import TINY


@pytest.fixture
def folder(tmp_path, photograph):
    for i in range(2):
        Image.fromarray(photograph[100 * i : 100 * i + 96, 200:328]).save(tmp_path / f"{i}.png")
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_figures_are_those_of_files(folder, photograph, capsys):
    assert run(["evaluate", str(folder), "--weights", str(TINY), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    codec, image = load_codec(TINY), np.ascontiguousarray(photograph[:96, 200:328])
    data = codec.compress(image)
    assert len(figures["images"]) == 2 and figures["images"][0]["bytes"] == len(data)
    assert figures["images"][0]["psnr"] == pytest.approx(psnr(image, codec.decompress(data)))
    assert figures["mean"]["bpp"] == pytest.approx(np.mean([row["bpp"] for row in figures["images"]]))
    assert set(figures["saved"]) == set(figures["peers"]) and 0 < figures["gap"] < 0.2
    jpeg = figures["peers"]["JPEG 4:2:0"]
    assert [point["bpp"] for point in jpeg] == sorted(point["bpp"] for point in jpeg)


def test_a_broken_image_is_named_and_left_out(folder, capsys):
    (folder / "broken.png").write_bytes(b"rubbish")
    assert run(["evaluate", str(folder), "--weights", str(TINY)]) == 0
    said = capsys.readouterr()
    assert "broken.png" in said.err and "on 2 images" in said.out and "against JPEG 4:2:0" in said.out


def test_nothing_to_measure_is_an_error(tmp_path, capsys):
    assert run(["evaluate", str(tmp_path / "none")]) == 1
    assert run(["evaluate", str(tmp_path), "--weights", str(TINY)]) == 2


def test_curve_writes_tensorboard_and_a_table(folder, tmp_path, capsys):
    assert run(["curve", str(folder), str(TINY), "--tensorboard", str(tmp_path / "tb")]) == 0
    assert "tiny" in capsys.readouterr().out
    assert list((tmp_path / "tb").glob("events.out.tfevents.*"))
