"""dlic's classical codecs next to common ones, on the same images in the same run: bytes, PSNR, BD-rates, times."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import process_time

import numpy as np

from dlic.classical.jpeg.codec import JpegCodec
from dlic.classical.lossless.codec import LosslessCodec
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.evaluation.comparison import compare
from dlic.evaluation.rate_distortion import RATES, Point, bd_rate
from dlic.metrics.registry import psnr
from dlic.peers import jpeg_xl
from dlic.peers.pillow import PillowCodec, jpeg2000
from dlic.pixels.arrays import Codec
from dlic.runtime.timing import timed

QUALITIES = (50, 75, 90)
TRELLIS_QUALITIES = (30, 50, 75, 90)  # a BD-rate takes four
WAVELET_QUALITIES = (20, 35, 50, 65, 80, 92)
JPEG2000_RATIOS = (200, 120, 80, 50, 30, 20, 12)  # 0.12 to 2 bpp of 24
LIBJPEG = PillowCodec("JPEG")
STYLES: dict[str, tuple[JpegCodec, dict[str, bool]]] = {  # name → our codec, Pillow's options
    "standard tables": (JpegCodec(optimise=False), {}),
    "optimised": (JpegCodec(), {"optimize": True}),
    "progressive": (JpegCodec(progressive=True), {"progressive": True, "optimize": True}),
}


@dataclass(frozen=True)
class Coded:
    """One codec on all images."""

    bytes: int  # of all files
    pixels: int
    psnr: float  # dB, mean
    encode_ms: float  # medians over the images, of processor time
    decode_ms: float

    @property
    def point(self) -> Point:
        return Point(8 * self.bytes / self.pixels, self.psnr)

    @property
    def times(self) -> str:
        return f"{self.encode_ms:8.1f} {self.decode_ms:8.1f}"


def coded(codec: Codec, images: Sequence[np.ndarray], shown_by: Codec | None = None) -> Coded:
    """Measures `codec` on uint8 (H, W, 3) images. `shown_by`: a different decoder for the PSNR."""
    size, quality, times = 0, [], []
    for image in images:
        seconds: dict[str, float] = {}
        with timed(seconds, "encode", process_time):  # processor time, which other work on the machine changes little
            data = codec.compress(image)
        with timed(seconds, "decode", process_time):
            decoded = codec.decompress(data)
        size += len(data)
        quality.append(psnr(image, shown_by.decompress(data) if shown_by else decoded))
        times.append(seconds)
    encode, decode = (1000 * statistics.median(t[stage] for t in times) for stage in ("encode", "decode"))
    return Coded(size, sum(image[..., 0].size for image in images), float(np.mean(quality)), encode, decode)


def lines(images: Sequence[np.ndarray]) -> Iterator[str]:
    """The whole comparison as text, each line as soon as it is measured."""
    yield f"{len(images)} images, {sum(image.nbytes for image in images):,} bytes of RGB; times: processor, ms, medians over images"
    for part in (jpeg_lines, decoder_lines, trellis_lines, lossless_lines, wavelet_lines):
        yield ""
        yield from part(images)


# --- JPEG ---------------------------------------------------------------------------------------------------------------


def jpeg_lines(images: Sequence[np.ndarray]) -> Iterator[str]:
    """Files of equal settings, all decoded by libjpeg."""
    yield "JPEG 4:2:0 beside libjpeg-turbo (Pillow)"
    yield (
        f"{'quality':16}{'':11}{'bytes':>11} {'libjpeg':>11} {'':>7}  {'PSNR':>6} {'libjpeg':>7} {'':>7}"
        f"  {'encode':>8} {'decode':>8}  {'libjpeg':>8} {'':>8}"
    )
    for quality in QUALITIES:
        for style, (ours, theirs) in STYLES.items():
            our = coded(replace(ours, quality=quality, subsampling="4:2:0"), images, LIBJPEG)
            their = coded(PillowCodec("JPEG", {"quality": quality, "subsampling": "4:2:0", **theirs}), images)
            yield (
                f"{quality:7} {style:19}{our.bytes:11,} {their.bytes:11,} {our.bytes / their.bytes - 1:+7.2%}"
                f"  {our.psnr:6.2f} {their.psnr:7.2f} {our.psnr - their.psnr:+7.3f}  {our.times}  {their.times}"
            )


def decoder_lines(images: Sequence[np.ndarray]) -> Iterator[str]:
    """Differences of this decoder's samples from libjpeg's, on files by libjpeg."""
    yield "libjpeg's files read by both decoders"
    for style, (_, options) in STYLES.items():
        for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
            writer = PillowCodec("JPEG", {"quality": 75, "subsampling": subsampling, **options})
            differences = np.zeros(256, np.int64)
            for image in images:
                data = writer.compress(image)
                difference = np.abs(JpegCodec().decompress(data).astype(np.int16) - LIBJPEG.decompress(data))
                differences += np.bincount(difference.ravel(), minlength=256)
            share = differences[:2].sum() / differences.sum()
            yield f"{style:16} {subsampling}: at most ±{np.flatnonzero(differences).max()}, {share:.4%} of the samples within ±1"


def trellis_lines(images: Sequence[np.ndarray]) -> Iterator[str]:
    """Rate-distortion optimised quantisation against rounding."""
    plain, optimised = (
        [coded(JpegCodec(quality, "4:2:0", trellis=trellis), images) for quality in TRELLIS_QUALITIES] for trellis in (False, True)
    )
    yield "JPEG with trellis quantisation beside rounding, both optimised"
    for quality, before, after in zip(TRELLIS_QUALITIES, plain, optimised, strict=True):
        yield (
            f"{quality:7} {after.bytes:11,} bytes {after.bytes / before.bytes - 1:+7.2%}"
            f"  {after.psnr:6.2f} dB {after.psnr - before.psnr:+6.2f}  {after.times}"
        )
    saved = bd_rate([row.point for row in plain], [row.point for row in optimised])
    yield f"BD-rate {saved:+.1%} over all the PSNR both reach"


# --- lossless -----------------------------------------------------------------------------------------------------------


def lossless_lines(images: Sequence[np.ndarray]) -> Iterator[str]:
    """Totals of exact files."""
    codecs = {
        "PNG, optimize": PillowCodec("PNG", {"optimize": True}),
        "WebP lossless, method 6": PillowCodec("WEBP", {"lossless": True, "method": 6, "quality": 100, "exact": True}),
        **({f"JPEG XL lossless, effort {jpeg_xl.EFFORT}": jpeg_xl.jpeg_xl()} if jpeg_xl.is_available() else {}),
        "dlic lossless, wavefront": LosslessCodec(),
        "dlic lossless, wavelet": LosslessCodec("wavelet"),
    }
    yield f"{'lossless':32}{'bytes':>12}{'to PNG':>10}  {'encode':>8} {'decode':>8}"
    png = None
    for name, codec in codecs.items():
        result = coded(codec, images)
        png = png or result.bytes
        exact = "" if result.psnr == 100 else f"  not exact: {result.psnr:.2f} dB"
        yield f"{name:32}{result.bytes:12,}{result.bytes / png - 1:+10.2%}  {result.times}{exact}"


# --- wavelet ------------------------------------------------------------------------------------------------------------


def wavelet_lines(images: Sequence[np.ndarray]) -> Iterator[str]:
    """Curves of both, and BD-rates against JPEG 2000 and JPEG."""
    ours = [coded(WaveletCodec(quality), images) for quality in WAVELET_QUALITIES]
    theirs = [coded(jpeg2000(ratio), images) for ratio in JPEG2000_RATIOS]
    yield f"{'wavelet':16}{'bpp':>8}  {'PSNR':>6}  {'encode':>8} {'decode':>8}"
    for name, settings, rows in (("quality", WAVELET_QUALITIES, ours), ("JPEG 2000 1 :", JPEG2000_RATIOS, theirs)):
        for setting, row in zip(settings, rows, strict=True):
            yield f"{name} {setting:<{15 - len(name)}}{row.point.bpp:8.4f}  {row.psnr:6.2f}  {row.times}"
    jpeg = [coded(PillowCodec("JPEG", {"quality": q, "optimize": True}), images) for q in (10, 25, 50, 75, 90)]
    for name, anchor in (("JPEG 2000 (OpenJPEG, 9/7)", theirs), ("JPEG 4:2:0, optimised", jpeg)):
        compared = compare([row.point for row in anchor], [row.point for row in ours])
        share = compared.problem if compared.bd_rate is None else f"{compared.bd_rate:+.1%} between {RATES[0]} and {RATES[1]} bpp"
        whole = "" if compared.whole is None else f", {compared.whole:+.1%} over all shared rates"
        yield f"BD-rate against {name}: {share}{whole}"
