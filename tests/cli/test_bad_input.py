"""Every command that reads files ends with one sentence and a code where they are nothing that it reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dlic
from dlic.cli.main import run
from dlic.container.format import MAGIC, VERSION_ZERO, read, write
from tests.cli.test_main import sentence
from tests.golden.rewrite import TINY

BAD = {
    "empty": "the file is empty",
    "folder": "is a folder",
    "text": "not a .dlic file",
    "picture": "not a .dlic file",
    "absent": "does not exist",
    "version 1": "of version 1 of the format; this dlic reads version 2",
    "version 9": "of version 9 of the format",
    "transfer": "changed by a text-mode transfer",
    "magic": "truncated",
    "jpeg": "truncated",
    "kind": "of kind 77, which this dlic does not know",
    "coder": "entropy coder 99",
}
COMMANDS = {
    "info": ["info", "IN"],
    "decompress": ["decompress", "IN", "-o", "out.png"],
    "partly": ["decompress", "IN", "-o", "out.png", "--partial"],
    "thumbnail": ["thumbnail", "IN", "out.png"],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    pixels = np.full((1, 1, 3), 90, np.uint8)
    good = dlic.compress(pixels, weights=TINY)
    Image.fromarray(pixels).save(folder / "picture", format="PNG")
    (folder / "folder").mkdir()
    contents = {
        "empty": b"",
        "text": b"hello, this is text\n",
        "version 1": bytes([VERSION_ZERO + 1]) + good[1:],
        "version 9": bytes([VERSION_ZERO + 9]) + good[1:],
        "transfer": good.replace(b"\r\n", b"\n", 1),
        "magic": MAGIC,
        "jpeg": b"\xff\xd8\xff",
        "kind": write(replace(read(good), kind=77)),
        "coder": write(replace(read(good), coder=99)),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_read_is_one_sentence(kind, command, files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run([str(files / kind) if word == "IN" else word for word in COMMANDS[command]]) == 2
    assert BAD[kind] in sentence(capsys) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["compress", "IN"], ["compress", "IN", "--codec", "lossless"], ["compare", "IN", "--no-open"]])
@pytest.mark.parametrize(
    ("kind", "said"),
    [("empty", "is empty"), ("folder", "is a folder"), ("text", "not an image"), ("absent", "does not exist"), ("jpeg", "")],
)
def test_an_image_that_cannot_be_read_is_one_sentence(kind, said, command, files, capsys):
    before = sorted(files.iterdir())
    assert run([str(files / kind) if word == "IN" else word for word in command]) == 2
    assert said in sentence(capsys) and sorted(files.iterdir()) == before


@pytest.mark.parametrize("kind", ["version 1", "version 9", "transfer"])
def test_pillow_says_why_a_file_of_another_version_is_none(kind, files):
    dlic.register_pillow()
    with pytest.warns(UserWarning, match=BAD[kind].partition(";")[0]), pytest.raises(OSError, match="cannot identify"):
        Image.open(files / kind)


@pytest.mark.parametrize("options", [[], ["-e", "2"], ["--target-psnr", "30"], ["--codec", "wavelet"], ["--codec", "lossless"]])
def test_a_picture_of_one_pixel_goes_there_and_back(options, files, tmp_path):
    packed = tmp_path / "one.dlic"
    assert run(["compress", str(files / "picture"), "-o", str(packed), *options]) == 0
    assert run(["decompress", str(packed), "-o", str(tmp_path / "one.png")]) == 0
    assert np.abs(np.array(Image.open(tmp_path / "one.png")).astype(int) - 90).max() < 9
