"""The command line as a person uses it: real files, exit codes, one sentence for everything bad."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.cli import values
from dlic.cli.main import run
from dlic.metrics.registry import psnr
from tests.conftest import KODAK, ROOT
from tests.golden.rewrite import TINY

WEIGHTS = ["--weights", str(TINY)]


@pytest.fixture
def picture(tmp_path, photograph) -> Path:
    path = tmp_path / "my photo ü.png"
    Image.fromarray(photograph[:60, :90]).save(path)
    return path


@pytest.fixture
def compressed(picture) -> Path:
    assert run(["compress", str(picture), *WEIGHTS]) == 0
    return picture.with_suffix(".dlic")


def sentence(capsys) -> str:
    """What was said on standard error, which must be a single line and no traceback."""
    said = capsys.readouterr().err.strip()
    assert said.startswith("dlic: ") and "\n" not in said and "Traceback" not in said, said
    return said


def test_there_and_back_beside_the_input(picture, compressed, photograph, capsys):
    assert run(["decompress", str(compressed), *WEIGHTS]) == 0
    decoded = np.array(Image.open(picture.with_name("my photo ü.dlic.png")))
    assert psnr(photograph[:60, :90], decoded) > 20
    size = compressed.stat().st_size
    shown, png = values.shown_size(size), picture.with_name("my photo ü.dlic.png")
    assert f"my photo ü.dlic {shown} → {png} {values.shown_size(png.stat().st_size)}, 90 × 60\n" in capsys.readouterr().out
    assert run(["compress", str(picture), "--force", *WEIGHTS]) == 0
    line, before = capsys.readouterr().out, values.shown_size(picture.stat().st_size)
    assert line.startswith(f"{picture} {before} → {compressed} {shown} (−") and "bpp" not in line and "level" not in line
    assert run(["compress", str(picture), "--force", "-v", *WEIGHTS]) == 0
    detail = capsys.readouterr().out.splitlines()[1]
    assert all(
        part in detail for part in (f"{size:,} bytes", f"{8 * size / 5400:.3f} bpp", f"{3 * 5400 / size:.1f} : 1", "transform")
    )


def test_other_formats_in_and_out(tmp_path, picture, photograph):
    Image.fromarray(photograph[:33, :47]).save(tmp_path / "in.webp")
    assert run(["compress", str(tmp_path / "in.webp"), "-o", str(tmp_path / "x.dlic"), *WEIGHTS]) == 0
    for kind in ("jpg", "tif", "bmp", "webp"):
        assert run(["decompress", str(tmp_path / "x.dlic"), "-o", str(tmp_path / f"out.{kind}"), *WEIGHTS]) == 0
        assert Image.open(tmp_path / f"out.{kind}").size == (47, 33)


def test_json_states_what_was_written(picture, capsys):
    assert run(["compress", str(picture), "--json", *WEIGHTS]) == 0
    figures = json.loads(capsys.readouterr().out)
    size = picture.with_suffix(".dlic").stat().st_size
    assert figures["bytes"] == size and figures["bpp"] == pytest.approx(8 * size / (60 * 90))
    assert {"transform", "entropy", "image", "write and verify"} <= set(figures["seconds"])
    assert run(["info", str(picture.with_suffix(".dlic")), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["width"], info["height"], info["bytes"], info["checkpoint"]) == (90, 60, size, None)


def test_nothing_is_overwritten_without_force(picture, compressed, capsys):
    before = compressed.read_bytes()
    capsys.readouterr()
    assert run(["compress", str(picture), *WEIGHTS]) == 1
    assert "--force" in sentence(capsys) and compressed.read_bytes() == before
    assert run(["compress", str(picture), "--force", *WEIGHTS]) == 0


def test_the_input_is_never_overwritten(picture, compressed, capsys):
    before, bare = picture.read_bytes(), picture.with_suffix("")
    bare.write_bytes(before)
    capsys.readouterr()
    for path, said in ((picture, "not .png"), (bare, "input itself")):
        assert run(["compress", str(path), "-o", str(path), "--force", *WEIGHTS]) == 1
        assert said in sentence(capsys) and path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"hello", "not an image"), (KODAK.read_bytes()[:5000], "broken"), (None, "does not exist")],
)
def test_bad_images_end_with_two_and_leave_nothing(content, said, tmp_path, capsys):
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    assert run(["compress", str(path), *WEIGHTS]) == 2
    assert said in sentence(capsys)
    assert not (tmp_path / "bad.dlic").exists()


def test_a_folder_is_no_image_and_no_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in ("compress", "decompress", "info"):
        assert run([command, "."]) == 2
        assert "folder" in sentence(capsys)


def test_huge_images_need_a_flag(picture, capsys):
    assert run(["compress", str(picture), "--max-pixels", "5399", *WEIGHTS]) == 2
    assert "--max-pixels" in sentence(capsys)
    assert run(["compress", str(picture), "--max-pixels", "5400", *WEIGHTS]) == 0


def test_every_truncation_of_a_real_file_ends_with_two_and_leaves_nothing(compressed, tmp_path, capsys):
    whole = compressed.read_bytes()
    path, target = tmp_path / "cut.dlic", tmp_path / "cut.dlic.png"
    capsys.readouterr()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert run(["decompress", str(path), *WEIGHTS]) == 2
        sentence(capsys)
        assert not target.exists()


def test_every_flipped_byte_of_a_real_file_ends_with_two_and_leaves_nothing(compressed, tmp_path, capsys):
    whole = compressed.read_bytes()
    path, target = tmp_path / "cut.dlic", tmp_path / "cut.dlic.png"
    capsys.readouterr()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        assert run(["decompress", str(path), *WEIGHTS]) == 2
        sentence(capsys)
        assert not target.exists()


def test_unknown_checkpoints_end_with_three(picture, compressed, tmp_path, capsys):
    capsys.readouterr()
    for command in (
        ["compress", str(picture), "--model", "nobody-7", "-o", str(tmp_path / "a.dlic")],
        ["compress", str(picture), "--weights", str(tmp_path), "-o", str(tmp_path / "a.dlic")],
        ["decompress", str(compressed)],  # made with tiny, which is not among this machine's checkpoints
    ):
        assert run(command) == 3
        sentence(capsys)
    assert not (tmp_path / "a.dlic").exists()


def test_a_file_that_reads_back_differently_ends_with_four_and_is_not_put_in_place(picture, monkeypatch, capsys):
    """A disk that gives back other bytes than it was given."""
    honest = Path.read_bytes

    def lying(path: Path) -> bytes:
        data = honest(path)
        return data[:-6] + b"\0" + data[-5:] if path.suffix == ".part" else data

    monkeypatch.setattr(Path, "read_bytes", lying)
    assert run(["compress", str(picture), *WEIGHTS]) == 4
    assert "was not written" in sentence(capsys)
    assert [path.name for path in picture.parent.iterdir()] == [picture.name]
    assert run(["compress", str(picture), "--no-verify", *WEIGHTS]) == 0


@pytest.mark.parametrize("args", [["nonsense"], ["compress"], ["compress", "a.png", "--quality"], ["--nonsense"], []])
def test_wrong_usage_ends_with_one(args, capsys):
    assert run(args) == 1


def test_usage_of_what_cannot_be_written(picture, tmp_path, compressed, capsys):
    capsys.readouterr()
    assert run(["compress", str(picture), "-o", str(tmp_path / "none" / "a.dlic"), *WEIGHTS]) == 1
    assert "cannot write" in sentence(capsys)
    assert run(["decompress", str(compressed), "-o", str(tmp_path / "a.docx"), *WEIGHTS]) == 1
    assert ".docx" in sentence(capsys)


def test_what_is_lost_is_said(tmp_path, capsys):
    Image.new("RGBA", (20, 20)).save(tmp_path / "a.png")
    assert run(["compress", str(tmp_path / "a.png"), "--codec", "jpeg"]) == 0
    assert "note: transparency is dropped" in capsys.readouterr().err


def dlic(*args: str, data: bytes = b"") -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "dlic", *args], input=data, capture_output=True, cwd=ROOT, check=False)


def test_standard_input_and_output(picture):
    packed = dlic("compress", "-", *WEIGHTS, data=picture.read_bytes())
    assert packed.returncode == 0 and packed.stdout[:3] == b"\xd2ic" and b"standard output" in packed.stderr
    unpacked = dlic("decompress", "-", *WEIGHTS, data=packed.stdout)
    assert Image.open(io.BytesIO(unpacked.stdout)).size == (90, 60)
    empty = dlic("decompress", "-")
    assert (empty.returncode, empty.stdout) == (2, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_standard_output_is_one_sentence(picture):
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "dlic", "compress", str(picture), "-o", "-", *WEIGHTS]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1 and done.stderr.startswith("dlic: cannot write standard output") and done.stderr.count("\n") == 1


def test_scripts_do_what_the_readme_says(picture):
    for script, source in (("compress.py", picture), ("decompress.py", picture.with_suffix(".dlic"))):
        command = [sys.executable, str(ROOT / "scripts" / script), str(source), *WEIGHTS]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert picture.with_name("my photo ü.dlic.png").exists()


@pytest.mark.parametrize("args", [["--help"], ["info", "tests/golden/odd.dlic"], ["checkpoints", "list"]])
def test_light_commands_load_no_torch(args):
    script = f"import sys; from dlic.cli.main import run; code = run({args!r}); sys.exit(code or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_decoding_needs_neither_compressai_nor_lightning():
    script = (
        "import sys, dlic; dlic.decompress(open('tests/golden/odd.dlic', 'rb').read(), weights='tests/golden/tiny'); "
        "sys.exit(any(name in sys.modules for name in ('compressai', 'pytorch_lightning', 'torchvision')))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
