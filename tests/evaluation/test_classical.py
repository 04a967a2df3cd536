"""The comparison of the classical codecs runs from end to end and prints what it measured."""

import re

import numpy as np
import pytest

from dlic.evaluation import classical
from dlic.peers.pillow import PillowCodec


@pytest.fixture(scope="module")
def images(photograph) -> list[np.ndarray]:
    return [photograph[100:180, 200:296], photograph[300:364, 100:164]]


def test_a_codec_is_measured_by_its_bytes_and_the_pixels_that_come_back(images):
    png = classical.coded(PillowCodec("PNG"), images)
    assert png.bytes == sum(len(PillowCodec("PNG").compress(image)) for image in images)
    assert png.psnr == 100 and png.pixels == 80 * 96 + 64 * 64 and png.point.bpp == 8 * png.bytes / png.pixels
    jpeg = PillowCodec("JPEG", {"quality": 50})
    assert classical.coded(jpeg, images).psnr == classical.coded(jpeg, images, shown_by=classical.LIBJPEG).psnr < 40


def test_jpeg_is_held_against_libjpeg(images, monkeypatch):
    monkeypatch.setattr(classical, "QUALITIES", (75,))
    rows = list(classical.jpeg_lines(images))[2:]
    assert [row.split()[1] for row in rows] == ["standard", "optimised", "progressive"]
    for row in rows:
        size, decibels = re.findall(r"[+-][\d.]+", row)
        assert abs(float(size)) < 2 and abs(float(decibels)) < 0.1
    assert all("100.0000% of the samples" in row or "99.9" in row for row in list(classical.decoder_lines(images))[1:])


def test_trellis_saves_bits(images):
    assert float(re.search(r"BD-rate ([+-][\d.]+)%", list(classical.trellis_lines(images))[-1])[1]) < 0


def test_lossless_codecs_are_exact_and_ours_beats_png(images):
    rows = list(classical.lossless_lines(images))
    assert not any("not exact" in row for row in rows)
    assert float(re.search(r"([+-][\d.]+)%", next(row for row in rows if "wavefront" in row))[1]) < 0


def test_wavelet_curves_are_compared(images):
    rows = list(classical.wavelet_lines(images))
    assert sum(row.startswith("quality") for row in rows) == len(classical.WAVELET_QUALITIES)
    assert sum(row.startswith("BD-rate against") for row in rows) == 2
