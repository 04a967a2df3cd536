"""Pictures at matched sizes are the best that fit, and are kept."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import CorruptFileError, DlicError
from dlic.evaluation.series import Series
from dlic.metrics.registry import psnr
from dlic.peers.pillow import jpeg
from dlic.report.matched_size import Matched, at_size
from dlic.report.pictures import FOLDER, Shown, by_original, make_pictures, read_pictures
from tests.evaluation.sample_run import ALL, HOSTILE, sample_images, write_run

IMAGE = np.zeros((2, 3, 3), np.uint8)


@dataclass(frozen=True)
class Sized:
    """A codec whose files are as long as it is told."""

    size: int
    written: list[int]

    def compress(self, image: np.ndarray) -> bytes:
        self.written.append(self.size)
        return bytes(self.size)

    def decompress(self, data: bytes) -> np.ndarray:
        return IMAGE


def sized(sizes: list[int], between: bool = True, falling: bool = False) -> tuple[Series, list[int]]:
    """Sizes by quality from 10 on (as a quantiser's step, `falling`: from that many down), and a list of what is written."""
    written: list[int] = []
    names = [10.0 + place for place in range(len(sizes))][:: -1 if falling else 1]
    given = dict(zip(names, sizes, strict=True))
    qualities = (names[0], names[-1]) if between else tuple(names)
    return Series("x", "X", lambda quality: Sized(given[quality], written), qualities, "x", between=between), written


rising = st.lists(st.integers(1, 10**6), min_size=1, max_size=100, unique=True).map(sorted)
limits = st.integers(1, 1_100_000)


@given(rising, limits, st.booleans(), st.booleans())
def test_the_best_that_fits(sizes, limit, between, falling):
    series, written = sized(sizes, between, falling)
    found = at_size(series, IMAGE, limit)
    expected = max((size for size in sizes if size <= limit), default=sizes[0])
    assert (len(found.data), found.fits) == (expected, expected <= limit)
    assert len(series.at(found.quality).compress(IMAGE)) == expected
    assert len(written) - 1 <= 2 * len(sizes).bit_length() + 1  # no search of every quality


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), limits.map(lambda n: n % 1000 + 1), st.sets(st.integers(0, 59)))
def test_sizes_that_do_not_rise(sizes, limit, known):
    series, _ = sized(sizes)
    found = at_size(series, IMAGE, limit, {10.0 + place: sizes[place] for place in known if place < len(sizes)})
    assert found.fits == (len(found.data) <= limit)
    if found.fits:
        after = int(found.quality) - 10 + 1
        assert after == len(sizes) or sizes[after] > limit
    else:
        assert sizes[0] > limit


@given(rising, limits, st.sets(st.integers(0, 99)))
def test_known_sizes_save_work_and_change_nothing(sizes, limit, known):
    plain, series = sized(sizes)[0], sized(sizes)
    told = {10.0 + place: sizes[place] for place in known if place < len(sizes)}
    found, expected = at_size(series[0], IMAGE, limit, told), at_size(plain, IMAGE, limit)
    assert replace(found, encode_ms=0) == replace(expected, encode_ms=0)
    if len(told) == len(sizes):
        assert len(series[1]) == 1  # the file itself


def test_what_was_known_wrongly_is_not_believed():
    series, _ = sized([100, 200, 300])
    assert len(at_size(series, IMAGE, 150, {11.0: 120}).data) == 100


def test_one_rate():
    series = Series("x", "X", lambda quality: Sized(50, []), (None,), "x")
    assert at_size(series, IMAGE, 60) == Matched(None, bytes(50), pytest.approx(0, abs=1000), True)
    assert not at_size(series, IMAGE, 40).fits


def test_whole_qualities_only_between_whole_ends():
    written: list[int] = []
    series = Series("x", "X", lambda quality: Sized(int(quality * 100), written), (0.5, 1.5), "x")
    assert at_size(series, IMAGE, 120).quality == 0.5


def test_real_files(photograph):
    crop = np.ascontiguousarray(photograph[200:296, 300:428])
    series = Series("jpeg", "JPEG", lambda quality: jpeg(int(quality)), (5, 50, 95), "jpeg", ".jpg")
    limit = len(jpeg(50).compress(crop)) + 100
    found, given_ones = at_size(series, crop, limit), at_size(replace(series, between=False), crop, limit)
    assert found.fits and found.quality > 50 and len(jpeg(int(found.quality) + 1).compress(crop)) > limit
    assert given_ones.quality == 50


def test_pictures_are_kept_with_their_files(tmp_path, photograph):
    run = write_run(tmp_path, photograph)
    shown, images = read_pictures(tmp_path), sample_images(photograph)
    assert {entry.key[:2] for entry in shown} == {(name, series.name) for name in images for series in ALL}
    for entry in shown:
        assert entry.target in (round(rate * entry.width * entry.height / 8) for rate in (0.4, 0.8))
        series = next(series for series in ALL if series.name == entry.codec)
        data = (tmp_path / FOLDER / entry.file).read_bytes()
        pixels, original = (np.array(Image.open(tmp_path / FOLDER / file)) for file in (entry.pixels, entry.original))
        assert len(data) == entry.bytes and (series.at(entry.quality).decompress(data) == pixels).all()
        assert (original == images[entry.image]).all() and entry.psnr == psnr(original, pixels)
        assert entry.fits == (entry.bytes <= entry.target)
    assert run.rows


def test_only_what_is_missing_is_made(tmp_path, photograph):
    images = dict([*sample_images(photograph).items()][:1])
    written: list[float] = []

    def at(quality):
        written.append(quality)
        return jpeg(int(quality))

    series = Series("jpeg", "JPEG", at, (5, 95), "first", ".jpg")
    shown = make_pictures(tmp_path, None, images, [series], (0.5, 1.0))
    written.clear()
    assert make_pictures(tmp_path, None, images, [series], (0.5, 1.0)) == shown and not written
    (tmp_path / FOLDER / shown[0].file).unlink()
    again = make_pictures(tmp_path, None, images, [series], (0.5, 1.0))
    assert [entry.bytes for entry in again] == [entry.bytes for entry in shown] and written
    written.clear()
    assert make_pictures(tmp_path, None, images, [replace(series, identity="second")], (0.5, 1.0)) and written
    changed = {name: 255 - image for name, image in images.items()}
    other = make_pictures(tmp_path, None, changed, [series], (0.5,))
    assert (np.array(Image.open(tmp_path / FOLDER / other[0].original)) == changed["first.png"]).all()


def test_pictures_by_their_original(tmp_path, photograph):
    run, images = write_run(tmp_path, photograph), sample_images(photograph)
    pictures = by_original(tmp_path, run)
    assert pictures.keys() == images.keys()
    for name, ((first, original), *shown) in pictures.items():
        assert first == "original" and np.array_equal(original, images[name]) and len(shown) == 2 * len(ALL)
        small, large = (pixels for caption, pixels in shown if caption.startswith("JPEG 4:2:0, "))
        assert psnr(original, small) < psnr(original, large)


def test_any_name_is_a_file(tmp_path, photograph):
    crop = np.ascontiguousarray(photograph[:32, :32])
    names = [HOSTILE, "../../up.png", "a/b.png", "é" * 120 + ".png", ".png", "CON.png"]
    series = replace(ALL[1], name="compressai:bmshj2018/../x")
    make_pictures(tmp_path, None, dict.fromkeys(names, crop), [series], (1.0,))
    shown = read_pictures(tmp_path)
    assert [entry.image for entry in shown] == names and len({entry.file for entry in shown}) == len(names)
    inside = (tmp_path / FOLDER).resolve()
    assert all(inside in (inside / entry.file).resolve().parents for entry in shown)
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


def test_rates_that_are_none(tmp_path, photograph):
    for rate in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(DlicError, match="above 0"):
            make_pictures(tmp_path, None, {}, ALL, (rate,))


def test_a_damaged_list(tmp_path):
    assert read_pictures(tmp_path) == []
    (tmp_path / FOLDER).mkdir()
    for text in ("{", "[1]", '[{"image": "x"}]', "{}x"):
        (tmp_path / FOLDER / "pictures.json").write_text(text)
        with pytest.raises(CorruptFileError, match="damaged"):
            read_pictures(tmp_path)
    fields = dict.fromkeys(Shown.__dataclass_fields__, 1)
    (tmp_path / FOLDER / "pictures.json").write_text(json.dumps([fields]))
    assert len(read_pictures(tmp_path)) == 1
