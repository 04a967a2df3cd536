"""Models of CompressAI on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dlic
from dlic.cli import values
from dlic.cli.main import run
from dlic.peers.compressai.zoo import open_codec
from tests.cli.test_main import sentence
from tests.peers.compressai.tiny_zoo import tiny_weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module")
def model(folder) -> str:
    return f"compressai:mbt2018-mean:4@{tiny_weights('mbt2018-mean', folder)}"


@pytest.fixture
def picture(tmp_path, photograph) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(photograph[100:163, 200:297]).save(path)
    return path


@pytest.fixture
def compressed(picture, model, capsys) -> Path:
    assert run(["compress", str(picture), "--model", model]) == 0
    capsys.readouterr()
    return picture.with_suffix(".dlic")


def test_there_and_back(picture, model, capsys):
    assert run(["compress", str(picture), "--model", model]) == 0
    said = capsys.readouterr()
    packed = picture.with_suffix(".dlic")
    assert f"→ {packed} {values.shown_size(packed.stat().st_size)} (" in said.out
    assert said.err.startswith("note: decodes only with the same CompressAI weights; the parse depends on floating point")
    assert run(["decompress", str(packed), "--model", model]) == 0
    shown = np.array(Image.open(picture.with_name("photo.dlic.png")))
    assert (shown == dlic.decompress(packed.read_bytes(), model=model)).all()


def test_json_and_info_tell_the_weights(picture, model, capsys):
    assert run(["compress", str(picture), "--model", model, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    fingerprint = open_codec(model).fingerprint.hex()
    assert figures["fingerprint"] == fingerprint and len(figures["notes"]) == 1
    assert {"load model", "encode", "write and verify"} <= set(figures["seconds"])
    packed = str(picture.with_suffix(".dlic"))
    assert run(["info", packed]) == 0
    assert f"97 × 63, {values.shown_size(figures['bytes'])}, " in (line := capsys.readouterr().out)
    assert f"CompressAI weights {fingerprint[:16]}, quality 4, latents " in line
    assert run(["info", packed, "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["codec"], info["quality"], info["fingerprint"]) == ("compressai", 4, fingerprint[:16])
    assert figures["bytes"] - sum(info["latent_bytes"]) <= 40


@pytest.mark.parametrize(
    "options",
    [
        ["-q", "50"], ["--effort", "3"], ["--target-size", "4k"], ["--target-bpp", "1"], ["--target-psnr", "30"],
        ["--target-ms-ssim", "0.9"], ["--trellis"], ["--weights", "tests/golden/tiny"],
    ],
)  # fmt: skip
def test_other_options_are_one_sentence_and_leave_nothing(options, picture, model, capsys):
    assert run(["compress", str(picture), "--model", model, *options]) == 1
    said = sentence(capsys)
    assert f"does not go with --model {model}: the name of a CompressAI model says its rate and its weights" in said
    assert [path.name for path in picture.parent.iterdir()] == [picture.name]


def test_other_codecs_take_no_such_model(picture, model, capsys):
    assert run(["compress", str(picture), "--codec", "jpeg", "--model", model]) == 1
    assert "--model does not go with --codec jpeg" in sentence(capsys)


def test_the_weights_a_file_was_made_with_must_be_named(compressed, folder, model, capsys):
    fingerprint = open_codec(model).fingerprint.hex()[:8]
    other = f"compressai:mbt2018-mean@{tiny_weights('mbt2018-mean', folder, seed=1)}"
    for options in ([], ["--model", other], ["--model", "light-1"]):
        assert run(["decompress", str(compressed), *options]) == 3
        assert f"made with checkpoint {fingerprint}…" in sentence(capsys)
    assert run(["decompress", str(compressed), "--model", model, "--weights", str(folder)]) == 1
    assert "not both" in sentence(capsys)
    assert not compressed.with_name("photo.dlic.png").exists()


def test_models_there_are_not_end_with_three(picture, compressed, capsys):
    for command in (["compress", str(picture), "-o", str(picture.with_name("a.dlic"))], ["decompress", str(compressed)]):
        assert run([*command, "--model", "compressai:mbt2018:99"]) == 3
        assert "qualities 1 to 8" in sentence(capsys)


def test_damaged_files_end_with_two_and_leave_nothing(compressed, model, capsys):
    whole = compressed.read_bytes()
    for length in range(0, len(whole), 23):
        compressed.write_bytes(whole[:length])
        assert run(["decompress", str(compressed), "--model", model]) == 2
        sentence(capsys)
    assert not compressed.with_name("photo.dlic.png").exists()


def test_a_file_that_reads_back_differently_is_not_put_in_place(picture, model, monkeypatch, capsys):
    honest = Path.read_bytes

    def lying(path: Path) -> bytes:
        data = honest(path)
        return data[:-40] + bytes([data[-40] ^ 0x10]) + data[-39:] if path.suffix == ".part" else data

    monkeypatch.setattr(Path, "read_bytes", lying)
    assert run(["compress", str(picture), "--model", model]) == 4
    assert "was not written" in sentence(capsys)
    assert [path.name for path in picture.parent.iterdir()] == [picture.name]
