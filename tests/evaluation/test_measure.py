"""A row counts the bytes of a file and compares what comes back from it."""

import math

import numpy as np
import pytest

from dlic.errors import DlicError
from dlic.evaluation.measure import measure
from dlic.evaluation.series import Series
from dlic.metrics.registry import available


class Halves:
    """Stores the upper half and repeats it."""

    def __init__(self, quality: float | None):
        self.lost = int(quality or 0)

    def compress(self, image: np.ndarray) -> bytes:
        self.shape = image.shape
        return image[: image.shape[0] // 2].tobytes()

    def decompress(self, data: bytes) -> np.ndarray:
        half = np.frombuffer(data, np.uint8).reshape(-1, *self.shape[1:])
        return np.concatenate([half, half])[self.lost :]


HALVES = Series("halves", "Halves", Halves, (None,), "1", estimated_bits=lambda data: 7 * len(data))


def test_a_row_counts_the_bytes_of_a_file():
    image = np.zeros((8, 8, 3), np.uint8)
    image[4:] = 10
    row = measure(HALVES, None, "a.png", image, available(["psnr"]))
    assert (row.codec, row.quality, row.image, row.bytes, row.bpp) == ("halves", None, "a.png", 96, 12.0)
    assert row.metrics == {"psnr": pytest.approx(-10 * math.log10(50 / 255**2))} and row.estimated_bits == 672
    assert row.encode_ms >= 0 and row.decode_ms >= 0


def test_another_size_is_no_reconstruction():
    with pytest.raises(DlicError, match=r"Halves made \(7, 8, 3\) of a\.png"):
        measure(HALVES, 1, "a.png", np.zeros((8, 8, 3), np.uint8), available(["psnr"]))
