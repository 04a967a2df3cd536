"""JPEG files that end too early are read as browsers show them, with a note, and refused if strict."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlic.cli.main import run
from dlic.errors import UnreadableImageError
from dlic.images.files import read_image
from dlic.images.samples import read_samples
from tests.images.test_files import encoded

READERS = pytest.mark.parametrize("read", [read_image, read_samples])


def jpeg(photograph: np.ndarray, **options: object) -> bytes:
    return encoded(Image.fromarray(photograph[:160, :96]), "JPEG", quality=90, **options)


@READERS
def test_a_missing_end_marker_loses_nothing(read, photograph):
    data = jpeg(photograph)
    picture = read(data[:-2])
    assert (picture.pixels == read(data).pixels).all() and picture.notes == ("the JPEG file lacks its end marker",)
    assert (read(data[:-1]).pixels == read(data).pixels).all()
    with pytest.raises(UnreadableImageError, match="--strict: the JPEG file lacks"):
        read(data[:-2], strict=True)


@READERS
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_missing_rows_are_counted(read, subsampling, photograph):
    data = jpeg(photograph, subsampling=subsampling)
    whole, seen = read(data).pixels, set()
    for share in (0.98, 0.92, 0.87, 0.8):
        picture = read(data[: int(len(data) * share)])
        (note,) = picture.notes
        missing = int(note.removeprefix("the JPEG file is truncated: its last ").removesuffix(" rows are missing"))
        assert picture.pixels.shape == whole.shape and 0 < missing <= 80
        assert (picture.pixels[: len(whole) - missing] == whole[: len(whole) - missing]).all()
        assert (picture.pixels[-1] != whole[-1]).any()
        seen.add(missing)
    assert len(seen) >= 3


@READERS
def test_more_than_half_is_refused(read, photograph):
    data = jpeg(photograph)
    for length in (len(data) * 2 // 5, 700, 400):
        with pytest.raises(UnreadableImageError, match=r"truncated|broken"):
            read(data[:length])


def test_a_progressive_file_becomes_coarser(photograph):
    data = jpeg(photograph, progressive=True)
    picture = read_image(data[: len(data) * 4 // 5])
    assert picture.notes[0].startswith("the JPEG file is truncated in its scan")
    assert 0 < np.abs(picture.pixels.astype(int) - read_image(data).pixels).mean() < 6


def test_decompress_shows_the_part_that_is_there(photograph, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = jpeg(photograph)
    Path("cut.jpg").write_bytes(data[: len(data) * 9 // 10])
    assert run(["decompress", "cut.jpg", "-o", "a.png"]) == 2
    assert run(["decompress", "cut.jpg", "-o", "a.png", "--partial", "--crop", "0,0,96,40"]) == 0
    assert "its last" in capsys.readouterr().err
    assert (np.asarray(Image.open("a.png")) == read_image(data).pixels[:40]).all()
    assert run(["decompress", "cut.jpg", "-o", "b.png", "--partial", "--strict"]) == 2 and not Path("b.png").exists()


def test_the_limit_of_pixels_comes_first(photograph):
    with pytest.raises(UnreadableImageError, match="--max-pixels"):
        read_image(jpeg(photograph)[:-2], max_pixels=1000)
