"""What a folder of photographs is said to hold: broken files by name, duplicates, JPEG damage in the order of the qualities."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlic.cli.main import run
from dlic.data.check import BLOCKY, blockiness, check, is_gray, jpeg_quality, softness
from dlic.data.evaluation_sets import shipped_sets
from dlic.errors import DlicError


def luma(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


@pytest.fixture(scope="module")
def original(photograph) -> Image.Image:
    return Image.fromarray(photograph[:384, :512])


def test_blockiness_rises_as_the_quality_falls(original):
    measured = [blockiness(luma(jpeg(original, quality))) for quality in (95, 90, 85, 80, 70, 50, 30, 15, 5)]
    assert measured == sorted(measured)
    assert blockiness(luma(original)) < 0.3 < measured[1] and measured[3] > BLOCKY


@settings(max_examples=15)
@given(left=st.integers(0, 7), top=st.integers(0, 7), quality=st.integers(20, 60))
def test_the_grid_is_found_wherever_it_lies(original, left, top, quality):
    damaged = jpeg(original, quality).crop((left, top, 500, 380))
    assert blockiness(luma(damaged)) > BLOCKY > blockiness(luma(original.crop((left, top, 500, 380))))


def test_what_is_made_smaller_shows_no_blocks(original):
    assert blockiness(luma(jpeg(original, 50).resize((200, 150), Image.Resampling.LANCZOS))) < BLOCKY


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (23, 500), (24, 24)])
def test_measures_take_every_size(size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert np.isfinite(blockiness(pixels[..., 0])) and np.isfinite(softness(pixels[..., 0])) and not is_gray(pixels)


@pytest.mark.parametrize("quality", [1, 20, 50, 75, 90, 100])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_quality_of_a_jpeg_file_is_read(quality, mode, original, tmp_path):
    original.convert(mode).save(tmp_path / "a.jpg", quality=quality)
    assert abs(jpeg_quality(tmp_path / "a.jpg") - quality) <= (1 if quality > 1 else 2)
    original.save(tmp_path / "a.png")
    assert jpeg_quality(tmp_path / "a.png") is None


@pytest.fixture
def folder(original, tmp_path):
    """One of each kind."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    original.save(folder / "original.png")
    original.save(folder / "deeper" / "again.bmp")
    original.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((256, 192)).save(folder / "version.jpg", quality=95)
    other = original.crop((200, 100, 456, 356))
    other.save(folder / "damaged.jpg", quality=20)
    other.rotate(45).resize((30, 30)).resize((300, 300), Image.Resampling.BICUBIC).convert("L").save(folder / "soft.png")
    (folder / "broken.png").write_bytes((folder / "original.png").read_bytes()[:3000])
    (folder / "deeper" / "none.jpg").write_bytes(b"")
    return folder


def test_everything_is_found(folder):
    found = check(folder, shipped_sets(), jobs=2)
    assert [one.path for one in found.broken] == ["broken.png", "deeper/none.jpg"] and "is empty" in found.broken[1].reason
    assert found.duplicates == (("deeper/again.bmp", "original.png"),)
    assert found.alike == (("deeper/again.bmp", "original.png", "version.jpg"),)
    by_name = {one.path: one for one in found.photographs}
    assert len(by_name) == 5 and found.overlap == ()
    assert by_name["damaged.jpg"].blockiness > BLOCKY > by_name["original.png"].blockiness
    assert by_name["soft.png"].softness > 40 > by_name["original.png"].softness
    assert [one.path for one in found.photographs if one.gray] == ["soft.png"]
    assert {one.path: one.jpeg_quality for one in found.photographs if one.jpeg_quality} == {"damaged.jpg": 20, "version.jpg": 95}
    assert (by_name["soft.png"].width, by_name["version.jpg"].height) == (300, 192)


def test_the_command_tells_it_and_ends_with_2(folder, capsys):
    assert run(["data", "check", str(folder)]) == 2
    said = capsys.readouterr()
    for line in ("5 photographs, 0.6 megapixels", "broken: 2", "the same pixels: 1", "  deeper/again.bmp = original.png",
                 "JPEG files: 2, their quality: 20 to 95", "below 85: 1", "gray: 1", "pictures of evaluation sets: 0"):  # fmt: skip
        assert line in said.out, (line, said.out)
    assert said.err.strip().endswith("2 broken")
    assert run(["data", "check", str(folder), "--json", "--jobs", "1"]) == 2
    figures = json.loads(capsys.readouterr().out)
    assert figures["count"] == 5 and set(figures["broken"]) == {"broken.png", "deeper/none.jpg"}
    assert {one["path"]: one["gray"] for one in figures["photographs"]}["soft.png"] is True


def test_duplicates_alone_are_no_failure(folder, capsys):
    (folder / "broken.png").unlink()
    (folder / "deeper" / "none.jpg").unlink()
    assert run(["data", "check", str(folder)]) == 0
    assert "versions of one photograph: 1" in capsys.readouterr().out


def test_too_many_are_not_compared(folder, monkeypatch, capsys):
    monkeypatch.setattr("dlic.data.check.MOST_COMPARED", 4)
    assert check(folder, [], jobs=1).alike is None
    run(["data", "check", str(folder)])
    assert "not looked for among more than 4" in capsys.readouterr().out


def test_nothing_to_check_is_one_sentence(tmp_path, capsys):
    with pytest.raises(DlicError, match="no photographs below"):
        check(tmp_path, [])
    assert run(["data", "check", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("dlic: ")


def test_a_folder_of_broken_files_only(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(b"?")
    assert run(["data", "check", str(tmp_path)]) == 2
    assert "0 photographs, 0.0 megapixels" in capsys.readouterr().out


def test_nothing_here_imports_torch(folder, tmp_path):
    code = (
        "import sys; from dlic.cli.main import run\n"
        "assert run(['data', 'list']) == 0\n"
        f"assert run(['data', 'check', {str(folder)!r}]) == 2\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
