"""What a file will decode to is known from its header."""

import numpy as np
import pytest

import dlic
from dlic.classical.jpeg.codec import JpegCodec
from dlic.classical.lossless.codec import LosslessCodec
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.formats.registry import describe
from tests.golden.rewrite import TINY


@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 2), (9, 12, 3), (9, 12, 4)])
@pytest.mark.parametrize("codec", ["learned", "lossless", "deep lossless", "wavelet", "jpeg"])
def test_channels_and_depth_are_those_of_the_pixels(codec, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if codec in ("wavelet", "jpeg") and shape[2:] in ((2,), (4,)):
        pixels = pixels[..., 0] if shape[2] == 2 else pixels[..., :3]
    encode = {
        "learned": lambda: dlic.compress(pixels, weights=TINY),
        "lossless": lambda: LosslessCodec().compress(pixels),
        "deep lossless": lambda: LosslessCodec().compress(pixels.astype(np.uint16) * 257),
        "wavelet": lambda: WaveletCodec().compress(pixels),
        "jpeg": lambda: JpegCodec().compress(pixels),
    }
    data = encode[codec]()
    described, shown = describe(data), dlic.decompress(data, weights=None if codec != "learned" else TINY)
    assert (described.height, described.width) == shown.shape[:2]
    assert described.channels == (1 if shown.ndim == 2 else shown.shape[2]) and described.depth == 8 * shown.dtype.itemsize
