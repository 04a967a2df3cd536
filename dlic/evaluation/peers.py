"""The codecs Pillow ships, as settings to sweep: what dlic is held against on any folder of images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dlic.codecs.pillow import PillowCodec
from dlic.evaluation.rate_distortion import JPEG_QUALITIES, Point, mean_point

ABOUT = "Peers: encoded by Pillow on the same images in this run."


@dataclass(frozen=True)
class Peer:
    """A format with its options but the quality, and the qualities of its curve."""

    format: str
    options: dict
    qualities: tuple[int, ...]  # dense enough around the rates a learned codec works at to interpolate between

    def at(self, quality: int) -> PillowCodec:
        """The codec at one quality."""
        return PillowCodec(self.format, {**self.options, "quality": quality})


WEBP_QUALITIES = (1, 5, 10, 20, 30, 45, 60, 75, 90)
AVIF_QUALITIES = (10, 20, 30, 40, 50, 60, 70, 80, 90)

# Pillow's default for AVIF is 4:2:0. By PSNR over RGB, 4:4:4 is level with it at speed 6, and some 5 % ahead with tune=psnr.
PEERS = {
    "JPEG 4:2:0, optimised": Peer("JPEG", {"optimize": True, "subsampling": "4:2:0"}, JPEG_QUALITIES),
    "WebP, method 6": Peer("WEBP", {"method": 6}, WEBP_QUALITIES),
    "AVIF 4:2:0, speed 6 (as Pillow ships it)": Peer("AVIF", {"speed": 6, "subsampling": "4:2:0"}, AVIF_QUALITIES),
    "AVIF 4:2:0, speed 4, tune=psnr": Peer(
        "AVIF", {"speed": 4, "subsampling": "4:2:0", "advanced": {"tune": "psnr"}}, AVIF_QUALITIES
    ),
    "AVIF 4:4:4, speed 4, tune=psnr": Peer(
        "AVIF", {"speed": 4, "subsampling": "4:4:4", "advanced": {"tune": "psnr"}}, AVIF_QUALITIES
    ),
}


def peer_curve(peer: Peer, images: Sequence[np.ndarray], qualities: Iterable[int]) -> list[Point]:
    """One point a quality, from the bytes and pixels of its files of uint8 (H, W, 3) images."""
    return [mean_point(peer.at(quality), images) for quality in qualities]
