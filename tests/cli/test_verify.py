"""`dlic verify`: what is intact, what is damaged, and what is another picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.cli.main import run
from dlic.container.chunks import SOURCE, THUMBNAIL
from dlic.container.format import append, read
from dlic.formats import source_hash
from tests.cli.test_main import sentence
from tests.golden.rewrite import TINY

LOSSLESS = ["--codec", "lossless"]


@pytest.fixture
def folder(tmp_path, photograph, monkeypatch) -> Path:
    (tmp_path / "originals").mkdir()
    for place, name in enumerate(("a.png", "b.png")):
        Image.fromarray(photograph[40 * place : 40 * place + 30, 200:250]).save(tmp_path / "originals" / name)
    monkeypatch.chdir(tmp_path)
    assert run(["compress", *LOSSLESS, "originals/a.png", "originals/b.png", "-o", "packed", "--source-hash"]) == 0
    return tmp_path


def test_intact_files_are_a_line_each(folder, capsys):
    capsys.readouterr()
    assert run(["verify", "packed/a.dlic"]) == 0
    assert capsys.readouterr().out == "packed/a.dlic: intact, of the source whose hash it stores\n"
    assert run(["verify", "packed", "-r"]) == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and summary == "2 intact"
    assert run(["verify", "packed", "-r", "-j", "2", "--json"]) == 0
    figures = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(entry["status"] == "intact" and entry["is_source"] for entry in figures)


def test_every_damage_is_found_and_the_others_are_still_checked(folder, capsys):
    whole = Path("packed/a.dlic").read_bytes()
    for place in range(0, len(whole), 97):
        Path("packed/a.dlic").write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        assert run(["verify", "packed/a.dlic", "packed/b.dlic"]) == 2
    said = capsys.readouterr()
    assert "packed/b.dlic: intact" in said.out and "packed/a.dlic: " in said.err and "1 of 2 failed" in said.err
    assert run(["verify", "packed/a.dlic"]) == 2
    assert sentence(capsys).startswith("dlic: packed/a.dlic: ")
    assert run(["verify", "packed"]) == 2 and "-r goes through it" in sentence(capsys)
    assert run(["verify", "originals", "-r"]) == 2 and "holds no file" in sentence(capsys)


def test_chunks_are_checked_too(folder, capsys):
    plain = Path("packed/a.dlic").read_bytes()
    Path("x.dlic").write_bytes(append(plain, ((THUMBNAIL, b"RIFF\0\0\0\0WEBPVP8 "),)))
    assert run(["verify", "x.dlic"]) == 2 and "thumbnail" in sentence(capsys)
    assert run(["compress", *LOSSLESS, "originals/a.png", "-o", "y.dlic"]) == 0
    bare = Path("y.dlic").read_bytes()
    Path("y.dlic").write_bytes(append(bare, ((SOURCE, b"\x02" + bytes(32)),)))
    capsys.readouterr()
    assert run(["verify", "y.dlic"]) == 2 and "no SHA-256" in sentence(capsys)
    Path("y.dlic").write_bytes(append(bare, ((SOURCE, b"\x01" + bytes(32)),)))
    assert run(["verify", "y.dlic"]) == 4 and "not those of the source" in sentence(capsys)
    assert run(["decompress", "y.dlic"]) == 0  # a reader may skip the chunk


def test_against_the_original(folder, capsys):
    assert run(["compress", "originals/a.png", "-q", "90", "-o", "a.jpg"]) == 0
    capsys.readouterr()
    assert run(["verify", "packed/a.dlic", "--against", "originals/a.png"]) == 0
    assert "intact, equal to the original, of the source" in capsys.readouterr().out
    assert run(["verify", "packed/a.dlic", "packed/b.dlic", "a.jpg", "--against", "originals"]) == 0
    out = capsys.readouterr().out
    assert out.count("equal to the original") == 2 and "PSNR" in out and "SSIMULACRA 2" in out
    assert run(["verify", "packed/a.dlic", "--against", "originals/b.png"]) == 4
    assert "its pixels are not those of originals/b.png" in sentence(capsys)
    Image.open("originals/a.png").crop((0, 0, 20, 20)).save("small.png")
    assert run(["verify", "packed/a.dlic", "--against", "small.png"]) == 4
    assert "50 × 30 pixels, not 20 × 20" in sentence(capsys)
    Image.open("originals/a.png").convert("L").save("gray.png")
    assert run(["verify", "packed/a.dlic", "--against", "gray.png"]) == 4
    assert "of 1 instead of 3 channels" in sentence(capsys)
    Path("c.dlic").write_bytes(Path("packed/a.dlic").read_bytes())
    assert run(["verify", "c.dlic", "--against", "originals"]) == 4
    assert "originals has no images of the name c" in sentence(capsys)


def test_a_lossy_file_knows_its_source(folder, capsys):
    weights = ["--weights", str(TINY)]
    assert run(["compress", "originals/a.png", *weights, "--source-hash", "-o", "lossy.dlic"]) == 0
    capsys.readouterr()
    assert run(["verify", "lossy.dlic", *weights, "--against", "originals/a.png", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    pixels = np.array(Image.open("originals/a.png"))
    assert figures["is_source"] is True and figures["source_sha256"] == source_hash.digest(pixels).hex()
    assert figures["equal"] is False and figures["psnr"] > 15
    assert run(["verify", "lossy.dlic"]) == 3
    assert "lossy.dlic: made with checkpoint" in sentence(capsys)


def test_the_hash_is_of_size_depth_and_samples():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    others = [pixels[..., 0], pixels.astype(np.uint16), pixels.reshape(4, 2, 3), pixels ^ 1]
    assert len({source_hash.digest(array) for array in [pixels, *others]}) == 5
    assert source_hash.digest(pixels[:, ::-1][:, ::-1]) == source_hash.digest(pixels)
    assert source_hash.digest(pixels.astype(">u2")) == source_hash.digest(pixels.astype("<u2"))


def test_only_files_that_ask_for_it_have_the_hash(folder):
    assert run(["compress", *LOSSLESS, "originals/a.png", "-o", "plain.dlic"]) == 0
    assert read(Path("plain.dlic").read_bytes()).chunks == ()
    assert [name for name, _ in read(Path("packed/a.dlic").read_bytes()).chunks] == [SOURCE]
