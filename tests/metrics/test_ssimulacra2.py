"""SSIMULACRA 2 against what the reference says of the same images."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlic.metrics.ssimulacra2 import ssimulacra2


def flat(side: int, level: int = 128) -> np.ndarray:
    return np.full((side, side, 3), level, np.uint8)


def ramp(side: int) -> np.ndarray:
    return np.repeat(np.tile(np.arange(side) * 255 // (side - 1), (side, 1))[..., None], 3, axis=2).astype(np.uint8)


def noise(side: int, state: int = 42) -> np.ndarray:
    """Bits 33 to 40 of Knuth's linear congruential generator."""
    samples = []
    for _ in range(3 * side * side):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        samples.append(state >> 33 & 255)
    return np.array(samples, np.uint8).reshape(side, side, 3)


@pytest.mark.parametrize(
    ("original", "shown", "score", "tolerance"),
    [
        (noise(64), flat(64), -47.33572558, 0.01),
        (ramp(64), flat(64), -64.56872148, 0.01),
        # on flats the reference's float32 leaves rounding errors where nothing varies
        (flat(32), flat(32, 148), 93.7982322, 1),
        (flat(64), flat(64, 148), 56.05855584, 0.2),
        (flat(128), flat(128, 138), 77.84296299, 0.2),
        (flat(128), flat(128, 148), 54.27883917, 0.2),
        (flat(128), flat(128, 178), -9.82383315, 0.2),
        (flat(256), flat(256, 148), 59.77892918, 0.2),
        (flat(256), flat(256, 178), -0.39085784, 0.2),
    ],
)
def test_scores_are_those_of_libjxl(original, shown, score, tolerance):
    """Its tools/ssimulacra2, as the tests of the ssimulacra2 crate (imazen) quote it for these images."""
    assert ssimulacra2(original, shown) == pytest.approx(score, abs=tolerance)


def as_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)  # libjpeg-turbo, 4:2:0
    return np.array(Image.open(file))


def test_a_photograph_scores_as_its_authors_say_of_jpeg_qualities(photograph):
    """The README of SSIMULACRA 2: libjpeg-turbo at 4:2:0 has 10 at quality 14, 30 at 20, 50 at 35 and 70 at 70, on average."""
    scores = [ssimulacra2(photograph, as_jpeg(photograph, quality)) for quality in (14, 20, 35, 70)]
    assert scores == pytest.approx([10, 30, 50, 70], abs=8)


@given(st.integers(0, 2**32), st.integers(8, 70), st.integers(8, 70))
@settings(max_examples=30)
def test_every_size_from_8_has_a_score_and_only_equal_images_have_100(seed, height, width):
    x, y = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    assert ssimulacra2(x, x) == 100
    assert ssimulacra2(x, y) < 100
    assert ssimulacra2(x[:7], y[:7]) is ssimulacra2(x[:, :7], y[:, :7]) is None
