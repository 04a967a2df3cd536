"""The peers that Pillow has."""

import pytest

from dlic.metrics.registry import psnr
from dlic.peers.pillow import PillowCodec


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_peers_give_back_the_picture(format, photograph):
    codec = PillowCodec(format, {"quality": 90})
    assert psnr(photograph[:64, :64], codec.decompress(codec.compress(photograph[:64, :64]))) > 30
