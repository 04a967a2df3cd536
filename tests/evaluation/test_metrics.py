"""Distances between images of known difference."""

import math

import numpy as np
import pytest

from dlic.errors import DlicError
from dlic.evaluation.measure import means, measure
from dlic.evaluation.metrics import ms_ssim, psnr


def test_psnr_of_known_errors():
    black = np.zeros((4, 5, 3), np.uint8)
    assert psnr(black, np.full_like(black, 255)) == psnr(np.full_like(black, 255), black) == 0
    assert psnr(black, black + np.uint8(10)) == pytest.approx(20 * math.log10(25.5))
    assert psnr(black, black) == 100


def test_ms_ssim_falls_with_damage_and_needs_room(photograph):
    noise = np.random.default_rng(0).normal(0, 1, photograph.shape)
    slight, strong = (np.clip(photograph + k * noise, 0, 255).astype(np.uint8) for k in (5, 40))
    assert ms_ssim(photograph, photograph) == pytest.approx(1)
    assert ms_ssim(photograph, photograph) > ms_ssim(photograph, slight) > ms_ssim(photograph, strong) > 0
    assert ms_ssim(photograph[:160], photograph[:160]) is None


def test_images_of_different_shapes_are_refused():
    for metric in (psnr, ms_ssim):
        with pytest.raises(DlicError, match="shapes"):
            metric(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))


class Halves:
    """Stores the upper half and repeats it."""

    def compress(self, image: np.ndarray) -> bytes:
        self.shape = image.shape
        return image[: image.shape[0] // 2].tobytes()

    def decompress(self, data: bytes) -> np.ndarray:
        half = np.frombuffer(data, np.uint8).reshape(-1, *self.shape[1:])
        return np.concatenate([half, half])


def test_measuring_counts_the_bytes_of_a_file():
    image = np.zeros((8, 8, 3), np.uint8)
    image[4:] = 10
    row = measure(Halves(), image)
    assert (row.bytes, row.bpp, row.ms_ssim) == (96, 12.0, None)
    assert row.psnr == pytest.approx(-10 * math.log10(50 / 255**2))
    assert means([row, row]).bpp == 12.0 and means([row]).ms_ssim is None
    assert row.encode_ms >= 0 and row.decode_ms >= 0
