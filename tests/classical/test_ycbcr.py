"""The colour conversion is JFIF's and comes back."""

import io

import numpy as np
from PIL import Image

from dlic.classical.ycbcr import to_rgb, to_ycbcr

EVERY = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3), axis=-1).reshape(52 * 52, 52, 3).astype(np.uint8)


def test_it_is_the_standards_matrix():
    r, g, b = EVERY.astype(float).transpose(2, 0, 1)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    expected = np.stack([y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402])
    assert np.abs(to_ycbcr(EVERY) - expected.clip(0, 255)).max() < 0.51


def test_colours_come_back_within_two_levels():
    assert np.abs(to_rgb(to_ycbcr(EVERY)).astype(int) - EVERY).max() <= 2


def test_greys_come_back_exactly():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    planes = to_ycbcr(grey)
    assert (planes[0] == grey[..., 0]).all() and (planes[1:] == 128).all()
    assert (to_rgb(planes) == grey).all()


def test_libjpeg_converts_to_the_same_integers():
    """At quality 100 a flat block's DC is exact: what Pillow shows of a file is what its planes say."""
    for colour in EVERY.reshape(-1, 3)[::8000]:
        file = io.BytesIO()
        flat = np.broadcast_to(colour, (8, 8, 3))
        Image.fromarray(np.ascontiguousarray(flat)).save(file, "JPEG", quality=100, subsampling=0)
        assert (np.array(Image.open(file)) == to_rgb(to_ycbcr(flat))).all()
