"""The built-in codecs of evaluations, by name: Pillow's, JPEG XL if installed, and dlic's classical ones.

jpeg  jpeg444  webp  jpeg2000  jxl             what people have
avif  avif444                                  AVIF as shipped: with the tune that this libavif chooses by itself
avif-psnr  avif444-psnr                        AVIF with tune=psnr
dlic-jpeg  dlic-jpeg-trellis  wavelet          dlic's classical codecs
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dlic.classical.jpeg.codec import JpegCodec
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.evaluation.provenance import version_of
from dlic.evaluation.rate_distortion import JPEG_QUALITIES
from dlic.peers import avif, jpeg_xl
from dlic.peers.pillow import PillowCodec, jpeg2000
from dlic.pixels.arrays import Codec

WEBP_QUALITIES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
AVIF_QUALITIES = (10, 20, 30, 40, 50, 60, 70, 80, 90)
JXL_QUALITIES = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
JPEG2000_QUALITIES = (15, 25, 35, 45, 55, 65, 75, 85, 95)
WAVELET_QUALITIES = (20, 30, 40, 50, 60, 70, 80, 90)


def _always() -> bool:
    return True


def _by_pillow() -> str:
    return f"pillow {version_of('pillow')}"


def _by_dlic() -> str:
    return f"dlic {version_of('dlic')}"


@dataclass(frozen=True)
class KnownCodec:
    """A codec under its name."""

    title: str | Callable[[], str]  # a function if it depends on installed programs
    at: Callable[[int], Codec]  # by quality
    qualities: tuple[int, ...]
    ending: str
    note: str = ""
    made_by: Callable[[], str] = _by_pillow  # the program whose version its files depend on, with that version
    is_available: Callable[[], bool] = _always
    how: str = ""  # a sentence that names the package to install

    @property
    def label(self) -> str:
        """The name in tables and figures."""
        return self.title if isinstance(self.title, str) else self.title()


def _pillow(format: str, **options: object) -> Callable[[int], PillowCodec]:
    return lambda quality: PillowCodec(format, {**options, "quality": quality})


def _jpeg2000(quality: int) -> PillowCodec:
    """At 0.05 · 2^(quality / 16) bits per pixel: 0.05 to 3.8."""
    return jpeg2000(24 / (0.05 * 2 ** (quality / 16)))


def _avif(subsampling: str, tune: str = "") -> KnownCodec:
    return KnownCodec(
        title=partial(avif.label, subsampling, tune),
        at=lambda quality: avif.avif(quality, subsampling, tune),
        qualities=AVIF_QUALITIES,
        ending=".avif",
    )


def _ours(label: str, at: Callable[[int], Codec], qualities: tuple[int, ...], ending: str) -> KnownCodec:
    return KnownCodec(title=label, at=at, qualities=qualities, ending=ending, made_by=_by_dlic)


KNOWN = {
    "jpeg": KnownCodec("JPEG 4:2:0, optimised", _pillow("JPEG", optimize=True, subsampling="4:2:0"), JPEG_QUALITIES, ".jpg"),
    "jpeg444": KnownCodec("JPEG 4:4:4, optimised", _pillow("JPEG", optimize=True, subsampling="4:4:4"), JPEG_QUALITIES, ".jpg"),
    "webp": KnownCodec("WebP, method 6", _pillow("WEBP", method=6), WEBP_QUALITIES, ".webp"),
    "avif": _avif("4:2:0"),
    "avif444": _avif("4:4:4"),
    "avif-psnr": _avif("4:2:0", "psnr"),
    "avif444-psnr": _avif("4:4:4", "psnr"),
    "jpeg2000": KnownCodec("JPEG 2000 (OpenJPEG, 9/7)", _jpeg2000, JPEG2000_QUALITIES, ".jp2"),
    "jxl": KnownCodec(
        title=f"JPEG XL, effort {jpeg_xl.EFFORT}",
        at=jpeg_xl.jpeg_xl,
        qualities=JXL_QUALITIES,
        ending=".jxl",
        note="perceptually tuned",
        made_by=jpeg_xl.made_by,
        is_available=jpeg_xl.is_available,
        how=jpeg_xl.HOW,
    ),
    "dlic-jpeg": _ours("dlic JPEG 4:2:0", JpegCodec, JPEG_QUALITIES, ".jpg"),
    "dlic-jpeg-trellis": _ours("dlic JPEG 4:2:0, trellis", lambda q: JpegCodec(q, trellis=True), JPEG_QUALITIES, ".jpg"),
    "wavelet": _ours("dlic wavelet", WaveletCodec, WAVELET_QUALITIES, ".dlic"),
}
AS_SHIPPED = "avif"  # default anchor of a report
PEERS = ("avif", "avif-psnr", "avif444-psnr", "jxl", "webp", "jpeg")  # default peers of a checkpoint; jxl if installed
COMPARED = ("avif", "avif-psnr", "jxl", "webp", "jpeg", "jpeg2000", "wavelet")  # default codecs of `dlic compare`, likewise


def present(names: tuple[str, ...]) -> list[str]:
    """Those of `KNOWN` that can be used on this machine."""
    return [name for name in names if KNOWN[name].is_available()]
