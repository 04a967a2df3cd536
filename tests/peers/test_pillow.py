"""The peers, and JPEG at a given size."""

import pytest

from dlic.metrics.registry import psnr
from dlic.peers.pillow import PillowCodec, jpeg, jpeg_at_size


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_peers_give_back_the_picture(format, photograph):
    codec = PillowCodec(format, {"quality": 90})
    assert psnr(photograph[:64, :64], codec.decompress(codec.compress(photograph[:64, :64]))) > 30


@pytest.mark.parametrize("size", [5_000, 12_345, 60_000])
def test_jpeg_at_size_is_the_best_that_fits(size, photograph):
    quality, data = jpeg_at_size(photograph, size)
    assert len(data) <= size < len(jpeg(quality + 1).compress(photograph))
    assert data == jpeg(quality).compress(photograph)


def test_a_size_no_jpeg_reaches_gives_the_smallest(photograph):
    assert jpeg_at_size(photograph, 10)[0] == 1
