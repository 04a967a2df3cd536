"""Every codec that can be measured, by name: those Pillow ships, dlic's own, checkpoints, and commands of other programs.

jpeg  jpeg444  webp  avif  avif444  avif-psnr  avif444-psnr  jpeg2000  jxl      what people have (Pillow)
dlic-jpeg  dlic-jpeg-trellis  wavelet                                           dlic's classical codecs
light-1, any other checkpoint, any folder that holds one                        learned
compressai:ARCH[:METRIC][:QUALITY][@FILE or FOLDER]                             CompressAI's; all qualities where none is named
a section of the file of --external                                             any program
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dlic.checkpoints import local as checkpoints
from dlic.classical.jpeg.codec import JpegCodec
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.evaluation.compressai_series import compressai_series
from dlic.evaluation.provenance import version_of
from dlic.evaluation.rate_distortion import JPEG_QUALITIES
from dlic.evaluation.series import Series
from dlic.peers.compressai.zoo import is_zoo_name
from dlic.peers.pillow import PillowCodec, jpeg2000
from dlic.pixels.arrays import Codec

if TYPE_CHECKING:
    from dlic.learned.codec import LearnedCodec

LEARNED_QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # the whole range, about a third of a rate octave apart
WEBP_QUALITIES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
AVIF_QUALITIES = (10, 20, 30, 40, 50, 60, 70, 80, 90)
JXL_QUALITIES = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
JPEG2000_QUALITIES = (15, 25, 35, 45, 55, 65, 75, 85, 95)
WAVELET_QUALITIES = (20, 30, 40, 50, 60, 70, 80, 90)
JPEG_XL_PLUGIN = "pillow_jxl"


@dataclass(frozen=True)
class Settings:
    """What a learned codec is asked for beside its quality, and what else can be named."""

    effort: int = 0
    external: Mapping[str, Series] = field(default_factory=dict)  # by name


@dataclass(frozen=True)
class Known:
    """A codec that is always there under its name."""

    label: str
    at: Callable[[float | None], Codec]
    qualities: tuple[int, ...]
    ending: str
    note: str = ""
    needs: str = ""  # a module that must be installed
    package: str = "pillow"  # whose version its files depend on


def _pillow(format: str, **options) -> Callable[[float | None], PillowCodec]:
    return lambda quality: PillowCodec(format, {**options, "quality": _whole(quality)})


def _jpeg2000(quality: float | None) -> PillowCodec:
    """At 0.05 · 2^(quality / 16) bits per pixel: 0.05 to 3.8."""
    return jpeg2000(24 / (0.05 * 2 ** (_whole(quality) / 16)))


def _jxl(quality: float | None) -> PillowCodec:
    import pillow_jxl  # noqa: F401  registers its format with Pillow

    return PillowCodec("JXL", {"effort": 7, "quality": _whole(quality)})


def _whole(quality: float | None) -> int:
    assert quality is not None
    return int(quality)


PSNR = {"speed": 4, "advanced": {"tune": "psnr"}}

# Pillow's default for AVIF is 4:2:0. By PSNR over RGB, 4:4:4 is level with it at speed 6, and some 5 % ahead with tune=psnr.
KNOWN = {
    "jpeg": Known("JPEG 4:2:0, optimised", _pillow("JPEG", optimize=True, subsampling="4:2:0"), JPEG_QUALITIES, ".jpg"),
    "jpeg444": Known("JPEG 4:4:4, optimised", _pillow("JPEG", optimize=True, subsampling="4:4:4"), JPEG_QUALITIES, ".jpg"),
    "webp": Known("WebP, method 6", _pillow("WEBP", method=6), WEBP_QUALITIES, ".webp"),
    "avif": Known(
        "AVIF 4:2:0, speed 6 (as Pillow ships it)", _pillow("AVIF", speed=6, subsampling="4:2:0"), AVIF_QUALITIES, ".avif"
    ),
    "avif444": Known("AVIF 4:4:4, speed 6", _pillow("AVIF", speed=6, subsampling="4:4:4"), AVIF_QUALITIES, ".avif"),
    "avif-psnr": Known("AVIF 4:2:0, speed 4, tune=psnr", _pillow("AVIF", subsampling="4:2:0", **PSNR), AVIF_QUALITIES, ".avif"),
    "avif444-psnr": Known("AVIF 4:4:4, speed 4, tune=psnr", _pillow("AVIF", subsampling="4:4:4", **PSNR), AVIF_QUALITIES, ".avif"),
    "jpeg2000": Known("JPEG 2000 (OpenJPEG, 9/7)", _jpeg2000, JPEG2000_QUALITIES, ".jp2"),
    "jxl": Known(
        "JPEG XL, effort 7", _jxl, JXL_QUALITIES, ".jxl", "perceptually tuned", JPEG_XL_PLUGIN, package="pillow-jxl-plugin"
    ),
    "dlic-jpeg": Known("dlic JPEG 4:2:0", lambda quality: JpegCodec(_whole(quality)), JPEG_QUALITIES, ".jpg", package="dlic"),
    "dlic-jpeg-trellis": Known(
        "dlic JPEG 4:2:0, trellis", lambda q: JpegCodec(_whole(q), trellis=True), JPEG_QUALITIES, ".jpg", package="dlic"
    ),
    "wavelet": Known("dlic wavelet", lambda quality: WaveletCodec(_whole(quality)), WAVELET_QUALITIES, ".dlic", package="dlic"),
}
PEERS = ("jpeg", "webp", "avif", "avif-psnr", "avif444-psnr")  # what a checkpoint is held against unasked
COMPARED = ("jpeg", "webp", "avif", "avif444-psnr", "jpeg2000", "jxl", "wavelet")  # what shows one picture; jxl where it is there


def open_series(name: str, settings: Settings | None = None) -> Series:
    """The codec of a name.

    Raises DlicError for names nobody has, and with what to install for codecs that are not on this machine;
    UnknownCheckpointError for folders that hold no checkpoint.
    """
    settings = settings or Settings()
    if name in settings.external:
        return settings.external[name]
    if name in KNOWN:
        return _known(name, KNOWN[name])
    if is_zoo_name(name):
        return compressai_series(name)
    return learned_series(checkpoint_folder(name, settings), settings.effort)


def is_available(name: str) -> bool:
    """Whether a codec of `KNOWN` can be used on this machine."""
    return not KNOWN[name].needs or find_spec(KNOWN[name].needs) is not None


def checkpoint_folder(name: str, settings: Settings) -> Path:
    """Where the checkpoint of a name is; a path stands for itself. Raises DlicError for what is neither."""
    if Path(name).is_dir():
        return checkpoints.as_folder(Path(name))
    try:
        return checkpoints.find(name)
    except UnknownCheckpointError as error:
        known = ", ".join([*KNOWN, *settings.external])
        raise DlicError(f"there is no codec and no checkpoint {name!r} here; codecs are {known}") from error


def learned_series(folder: Path, effort: int = 0) -> Series:
    """A checkpoint over its qualities, each file with an effort 0 … 9."""
    from dlic.learned.codec import load_codec

    codec = load_codec(folder)
    return Series(
        f"{codec.name}-e{effort}" if effort else codec.name,  # so that a run can hold several efforts
        f"{codec.name}, effort {effort}" if effort else codec.name,
        partial(_learned_at, codec, effort),
        LEARNED_QUALITIES if codec.levels > 1 else (None,),
        codec.fingerprint.hex(),
        ".dlic",
        checkpoint=folder,
        effort=effort,
        between=codec.levels > 1,
        estimated_bits=codec.estimated_bits,
    )


def _learned_at(codec: "LearnedCodec", effort: int, quality: float | None) -> Codec:
    return codec.at(1 if quality is None else int(quality), effort)


def _known(name: str, known: Known) -> Series:
    if not is_available(name):
        raise DlicError(f"{known.label} needs a package: pip install {known.package}")
    made_by = f"{known.label} by {known.package} {version_of(known.package)}"
    return Series(name, known.label, known.at, known.qualities, made_by, known.ending, known.note)
