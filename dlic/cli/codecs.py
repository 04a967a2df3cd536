"""What `dlic compress --codec` offers: for each codec what it reads, which options it takes, and how it encodes."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dlic.codecs.base import Codec
from dlic.codecs.compressai_zoo import ALL_IN_THE_NAME, is_zoo_name, open_codec
from dlic.errors import DlicError
from dlic.images.files import ImageFile, read_image
from dlic.images.samples import read_samples
from dlic.progress import Progress
from dlic.timing import timed

BEST_QUALITY = 100


@dataclass(frozen=True)
class Wishes:
    """The options that belong to some codecs only; None where they were not given."""

    quality: int | None = None
    target_size: int | None = None  # bytes
    target_bpp: float | None = None
    target_psnr: float | None = None
    target_ms_ssim: float | None = None
    effort: int | None = None
    model: str | None = None
    weights: Path | None = None
    entropy: Literal["rans", "huffman"] | None = None
    subsampling: str | None = None
    progressive: bool | None = None
    trellis: bool | None = None

    @property
    def given(self) -> dict[str, Any]:
        """Those that were, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Outcome:
    """A file to write, and what is worth telling about it."""

    data: bytes
    matches: Callable[[bytes], bool]  # whether bytes read back hold what was encoded; CorruptFileError where they hold nothing
    figures: dict[str, float] = field(default_factory=dict)  # for --json
    said: str = ""  # for the line, beginning with ", "
    notes: tuple[str, ...] = ()  # sentences


Encode = Callable[[ImageFile, dict[str, float], Progress], Outcome]  # seconds by stage are added to the dictionary


@dataclass(frozen=True)
class Choice:
    """One codec on the command line."""

    ending: str  # of its files
    takes: frozenset[str]  # fields of Wishes
    read: Callable[[str | bytes, int], ImageFile]  # file or bytes, limit of pixels
    prepare: Callable[[Wishes], Encode]  # raises DlicError for wishes that cannot be granted


def choose(name: str, wishes: Wishes) -> Choice:
    """The codec of a name. Raises DlicError for names nobody has and for wishes that are not this codec's."""
    if name not in CODECS:
        raise DlicError(f"there is no codec {name!r}; --codec is one of {', '.join(CODECS)}")
    choice = CODECS[name]
    if choice is CODECS["learned"] and is_zoo_name(wishes.model):
        return _choose_zoo(wishes)
    for wish in wishes.given:
        if wish not in choice.takes:
            raise DlicError(f"{option(wish)} does not go with --codec {name}; {_takes(choice)}")
    return choice


def _choose_zoo(wishes: Wishes) -> Choice:
    for wish in wishes.given:
        if wish not in ZOO.takes:
            raise DlicError(f"{option(wish)} does not go with --model {wishes.model}: {ALL_IN_THE_NAME}")
    return ZOO


def option(wish: str) -> str:
    """'target_size' → '--target-size'"""
    return "--" + wish.replace("_", "-")


def _takes(choice: Choice) -> str:
    options = [option(field.name) for field in fields(Wishes) if field.name in choice.takes]
    return f"it takes {', '.join(options)}" if options else "it takes no such option"


# --- learned ------------------------------------------------------------------------------------------------------------


def _learned(wishes: Wishes) -> Encode:
    from dlic.api import choose as choose_checkpoint
    from dlic.api import encode, rate_of

    rate = rate_of(wishes.quality, wishes.target_size, wishes.target_bpp, wishes.target_psnr, wishes.target_ms_ssim)

    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        with timed(seconds, "load model"):
            from dlic.codecs.learned import load_codec
            from dlic.container.format import read

            codec = load_codec(choose_checkpoint(wishes.model, wishes.weights))
            codec = replace(codec, entropy=wishes.entropy) if wishes.entropy else codec
        achieved = encode(codec, picture.pixels, rate, wishes.effort or 0, progress)
        encoded = achieved.encoded
        seconds.update(encoded.seconds)
        scales = _scales(picture.pixels) if "ms-ssim" in achieved.figures else {}
        reached = "".join(f", {name} {value:.4f}" for name, value in achieved.figures.items())
        reached += "".join(f" of {count} scales" for count in scales.values() if count < 5)
        return Outcome(
            encoded.data,
            lambda written: bool((codec.symbols(read(written)).values == encoded.symbols.values).all()),
            {"level": encoded.level, "estimated_bits": encoded.estimated_bits, **achieved.figures, **scales},
            f", estimated {encoded.estimated_bits / 8:,.0f} bytes{reached}, level {encoded.level}",
        )

    return run


def _scales(pixels: np.ndarray) -> dict[str, int]:
    """How many scales of MS-SSIM were measured, of which small pictures have fewer than five."""
    from dlic.evaluation.metrics import ms_ssim_scales

    return {"ms_ssim_scales": ms_ssim_scales(*pixels.shape[:2])}


def _zoo(wishes: Wishes) -> Encode:
    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        with timed(seconds, "load model"):
            codec = open_codec(wishes.model)
        with timed(seconds, "encode"):
            data = codec.compress(picture.pixels)
        return Outcome(
            data,
            lambda written: codec.decompress(written).shape == picture.pixels.shape,  # a checksum has compared the symbols by then
            {"fingerprint": codec.fingerprint.hex()},
            notes=(_notice(codec.is_autoregressive),),
        )

    return run


def _notice(slowly: bool) -> str:
    return (
        f"decodes{' slowly and' if slowly else ''} only with the same CompressAI weights; the parse depends on floating point, "
        "so that another machine may refuse the file"
    )


# --- classical ----------------------------------------------------------------------------------------------------------


def _jpeg(wishes: Wishes) -> Encode:
    from dlic.codecs.jpeg import JpegCodec, read_jpeg

    settings = JpegCodec(**wishes.given)

    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        codec = replace(settings, **picture.metadata)
        with timed(seconds, "encode"):
            quantised = codec.quantised(picture.pixels)
            data = codec.write(quantised)
        return Outcome(data, lambda written: np.array_equal(read_jpeg(written, codec.max_pixels).levels, quantised.levels))

    return run


def _wavelet(wishes: Wishes) -> Encode:
    from dlic.codecs.wavelet import WaveletCodec

    if wishes.quality is not None and wishes.target_size is not None:
        raise DlicError("give one of quality and target size, not both")
    if wishes.target_size is not None:
        codec = WaveletCodec(BEST_QUALITY, wishes.target_size)  # the size alone says where the stream ends
    else:
        codec = WaveletCodec() if wishes.quality is None else WaveletCodec(wishes.quality)
    return _classical(codec, lambda shown, pixels: shown.shape == pixels.shape)


def _lossless(wishes: Wishes) -> Encode:
    from dlic.codecs.lossless import LosslessCodec

    return _classical(LosslessCodec(), np.array_equal)


def _classical(codec: Codec, is_right: Callable[[np.ndarray, np.ndarray], bool]) -> Encode:
    """`is_right` compares what is shown with the pixels; a checksum in the file has compared the symbols by then."""

    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        with timed(seconds, "encode"):
            data = codec.compress(picture.pixels)
        return Outcome(data, lambda written: is_right(codec.decompress(written), picture.pixels))

    return run


ZOO = Choice(".dlic", frozenset(["model"]), read_image, _zoo)
CODECS = {
    "learned": Choice(
        ".dlic",
        frozenset(
            ["quality", "target_size", "target_bpp", "target_psnr", "target_ms_ssim", "effort", "model", "weights", "entropy"]
        ),
        read_image,
        _learned,
    ),
    "jpeg": Choice(
        ".jpg",
        frozenset(["quality", "subsampling", "progressive", "trellis"]),
        partial(read_image, keep=("gray", "icc_profile", "exif")),
        _jpeg,
    ),
    "wavelet": Choice(".dlic", frozenset(["quality", "target_size"]), partial(read_image, keep=("gray",)), _wavelet),
    "lossless": Choice(".dlic", frozenset(), read_samples, _lossless),
}
