"""Points and curves of rate against distortion, measured from real bytes and real pixels."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlic.codecs.base import Codec
from dlic.codecs.pillow import jpeg
from dlic.evaluation.metrics import psnr

JPEG_QUALITIES = (5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 95)  # about 0.2 to 3 bpp on photographs


@dataclass(frozen=True)
class Point:
    """What a codec needs and gives on a set of images."""

    bpp: float  # bits per pixel, mean over the images
    psnr: float  # dB, mean over the images


def mean_point(codec: Codec, images: Sequence[np.ndarray]) -> Point:
    """Where `codec` stands on uint8 (H, W, 3) images: bits of what it writes, PSNR of what it reads back."""
    if not images:
        raise ValueError("there are no images to measure")
    streams = [codec.compress(image) for image in images]
    bpp = [8 * len(data) / (image.shape[0] * image.shape[1]) for image, data in zip(images, streams, strict=True)]
    quality = [psnr(image, codec.decompress(data)) for image, data in zip(images, streams, strict=True)]
    return Point(float(np.mean(bpp)), float(np.mean(quality)))


def jpeg_curve(images: Sequence[np.ndarray], qualities: Sequence[int] = JPEG_QUALITIES) -> list[Point]:
    """One point a quality of JPEG 4:2:0 with optimised Huffman tables, the line to beat."""
    return [mean_point(jpeg(quality), images) for quality in qualities]


def bits_saved(curve: Sequence[Point], point: Point) -> float:
    """Share of bits `point` saves against `curve` at equal PSNR; negative where it needs more.

    log(bpp) is interpolated linearly over PSNR between neighbouring points, after sorting.
    Raises ValueError where the PSNR lies outside the curve.
    """
    cheapest = {p.psnr: p.bpp for p in sorted(curve, key=lambda p: p.bpp, reverse=True)}  # one bpp for each PSNR
    known = sorted(cheapest)
    if not known or not known[0] <= point.psnr <= known[-1]:
        reach = f"{known[0]:.2f} to {known[-1]:.2f} dB" if known else "nothing"
        raise ValueError(f"{point.psnr:.2f} dB is outside the curve, which covers {reach}")
    above = max(1, bisect_left(known, point.psnr))
    near = known[above - 1 : above + 1]
    log_bpp = np.interp(point.psnr, near, [math.log(cheapest[psnr]) for psnr in near])
    return 1 - point.bpp / math.exp(log_bpp)
