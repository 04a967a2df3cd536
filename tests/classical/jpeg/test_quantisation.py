"""Steps scale as libjpeg's do, levels are the nearest, the zigzag comes back."""

import io

import numpy as np
import pytest
from PIL import Image

from dlic.classical.jpeg.quantisation import CHROMA, LUMA, UNZIGZAG, ZIGZAG, dequantise, quantise, scaled, unzigzag, zigzag
from dlic.errors import DlicError


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 75, 95, 100])
def test_tables_are_those_pillow_writes(quality):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    tables = Image.open(file).quantization
    assert scaled(LUMA, quality).tolist() == list(tables[0]) and scaled(CHROMA, quality).tolist() == list(tables[1])


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_other_qualities_are_refused(quality):
    with pytest.raises(DlicError, match="1 … 100"):
        scaled(LUMA, quality)


def test_the_nearest_level_halves_away_from_zero():
    coefficients = np.array([[7.9, 8.0, -8.0, -24.0, 23.9, 0.0] + [0.0] * 58])
    levels = quantise(coefficients, np.full(64, 16))
    assert levels[0, :6].tolist() == [0, 1, -1, -2, 1, 0]
    assert dequantise(levels, np.full(64, 16))[0, :6].tolist() == [0, 16, -16, -32, 16, 0]


def test_the_zigzag_goes_along_the_diagonals_and_comes_back():
    assert ZIGZAG[:10].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24] and ZIGZAG[-3:].tolist() == [55, 62, 63]
    assert sorted(UNZIGZAG) == list(range(64))
    levels = np.random.default_rng(0).integers(-9, 9, (5, 64))
    assert (unzigzag(zigzag(levels)) == levels).all()
