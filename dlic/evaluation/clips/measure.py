"""One file of a clip: its size, its times, and its frames against the source's."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlic.evaluation.clips.codecs import ClipCodec, Shown
from dlic.evaluation.clips.source import SourceClip, check_frames
from dlic.images.video.yuv import Planes
from dlic.metrics.registry import ms_ssim, psnr, ssimulacra2

SAMPLED = 5  # every so many frames are measured by the slow metrics: odd, so that all layers of a hierarchy have their share
METRICS = ("psnr", "psnr_yuv", "ms_ssim", "ssimulacra2", "vmaf")
LOSSLESS = 100.0  # dB of equal planes


@dataclass(frozen=True, kw_only=True)
class ClipRow:
    """Measurements of one file."""

    codec: str
    quality: int
    clip: str
    bytes: int
    bpp: float  # per pixel of all frames
    encode_ms: float  # a frame, of processor time
    decode_ms: float
    metrics: dict[str, float | None]  # by name; means over the frames
    psnr_of_frames: list[float]

    @property
    def key(self) -> tuple[str, int, str]:
        return self.codec, self.quality, self.clip


def measure(codec: ClipCodec, quality: int, source: SourceClip, with_vmaf: bool = False) -> ClipRow:
    """Codes a clip and measures the decoded frames. Slow metrics are means over every fifth frame."""
    begun = time.process_time_ns() + _children()
    data = codec.compress(source, quality)
    coded = time.process_time_ns() + _children()
    shown = codec.decompress(source, data)
    done = time.process_time_ns() + _children()
    check_frames(source, shown.pixels, codec.label)
    of_frames = [psnr(before, after) for before, after in zip(source.pixels, shown.pixels, strict=True)]
    count = len(source.pixels)
    height, width = source.pixels[0].shape[:2]
    return ClipRow(
        codec=codec.name,
        quality=quality,
        clip=source.name,
        bytes=len(data),
        bpp=8 * len(data) / (height * width * count),
        encode_ms=(coded - begun) / 1e6 / count,
        decode_ms=(done - coded) / 1e6 / count,
        metrics={"psnr": float(np.mean(of_frames)), **_others(source, shown, with_vmaf)},
        psnr_of_frames=of_frames,
    )


def _others(source: SourceClip, shown: Shown, with_vmaf: bool) -> dict[str, float | None]:
    sampled = [(source.pixels[number], shown.pixels[number]) for number in range(0, len(source.pixels), SAMPLED)]
    values: dict[str, float | None] = {
        "psnr_yuv": float(np.mean([psnr_yuv(*pair) for pair in zip(source.planes, shown.planes, strict=True)])),
        "ms_ssim": _mean([ms_ssim(*pair) for pair in sampled]),
        "ssimulacra2": _mean([ssimulacra2(*pair) for pair in sampled]),
        "vmaf": None,
    }
    if with_vmaf:
        from dlic.peers.video.ffmpeg_program import vmaf

        values["vmaf"] = vmaf(source.planes, shown.planes, source.rate)
    return values


def psnr_yuv(original: Planes, shown: Planes) -> float:
    """PSNR of 4:2:0 planes with weights 6:1:1, in dB."""
    pairs = ((original.y, shown.y), (original.cb, shown.cb), (original.cr, shown.cr))
    y, cb, cr = (_psnr(*pair) for pair in pairs)
    return (6 * y + cb + cr) / 8


def _psnr(original: np.ndarray, shown: np.ndarray) -> float:
    error = float(np.mean((original.astype(np.float32) - shown) ** 2))
    return LOSSLESS if error == 0 else min(LOSSLESS, 10 * math.log10(255**2 / error))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _children() -> int:
    """Processor time of programs that were called, in nanoseconds."""
    import os

    used = os.times()
    return int(1e9 * (used.children_user + used.children_system))
