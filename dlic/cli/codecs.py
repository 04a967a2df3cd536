"""What `dlic compress --codec` offers: for each codec what it reads, which options it takes, and how it encodes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlic.container.format import Chunks, append
from dlic.errors import DlicError
from dlic.formats import metadata_chunks, thumbnails
from dlic.images.files import EVERYTHING, ImageFile, not_held, read_image
from dlic.images.metadata import held
from dlic.images.samples import read_samples
from dlic.peers.compressai.zoo import ALL_IN_THE_NAME, is_zoo_name, open_codec
from dlic.progress import Progress
from dlic.runtime.timing import timed

if TYPE_CHECKING:
    from dlic.formats.channels import Separated

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
    max_memory: int | None = None  # bytes
    subsampling: str | None = None
    progressive: bool | None = None
    trellis: bool | None = None
    alpha_quality: int | None = None
    thumbnail: int | None = None  # pixels a side, 0 for none; where it was not given, a file has one if it is cheap
    keep_smaller: bool | None = None

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
    as_jpeg: bool = False  # whether the data are a JPEG file in place of a .dlic one
    notes: tuple[str, ...] = ()  # sentences


Encode = Callable[[ImageFile, dict[str, float], Progress], Outcome]  # seconds by stage are added to the dictionary


@dataclass(frozen=True)
class Choice:
    """One codec on the command line."""

    ending: str  # of its files
    takes: frozenset[str]  # fields of Wishes
    read: Callable[[str | bytes, int, bool], ImageFile]  # file or bytes, limit of pixels, whether to refuse losses on the way
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


def _read_everything(source: str | bytes, max_pixels: int, strict: bool) -> ImageFile:
    return read_image(source, max_pixels, EVERYTHING, strict)


# --- learned ------------------------------------------------------------------------------------------------------------


def _learned(wishes: Wishes) -> Encode:
    from dlic.api import choose as choose_checkpoint
    from dlic.api import encode_colours, rate_of

    if wishes.keep_smaller and wishes.target_ms_ssim is not None:
        raise DlicError("--keep-smaller compares at the same PSNR, which --target-ms-ssim does not fix; give one of them")
    rate = rate_of(wishes.quality, wishes.target_size, wishes.target_bpp, wishes.target_psnr, wishes.target_ms_ssim)

    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        with timed(seconds, "load model"):
            from dlic.container.format import read
            from dlic.learned.codec import load_codec

            codec = load_codec(choose_checkpoint(wishes.model, wishes.weights))
            codec = codec.within(wishes.max_memory, math.prod(picture.pixels.shape[:2]))  # which is what it will verify
        with timed(seconds, "image"):
            separated = _separated(picture, wishes)
        codec = codec.with_chunks(separated.chunks)
        achieved = encode_colours(codec, separated.colours, rate, wishes.effort or 0, progress)
        encoded = achieved.encoded
        seconds.update(encoded.seconds)
        scales = _scales(picture.pixels) if "ms-ssim" in achieved.figures else {}
        reached = "".join(f", {name} {value:.4f}" for name, value in achieved.figures.items())
        reached += "".join(f" of {count} scales" for count in scales.values() if count < 5)
        return Outcome(
            append(encoded.data, _cheap_thumbnail(picture, wishes, encoded.data)),
            lambda written: codec.crcs(read(written)) == encoded.crcs,
            {"level": encoded.level, "estimated_bits": encoded.estimated_bits, **achieved.figures, **scales},
            f", estimated {encoded.estimated_bits / 8:,.0f} bytes{reached}, level {encoded.level}",
        )

    return run


def _separated(picture: ImageFile, wishes: Wishes, takes_gray: bool = False) -> "Separated":
    """A picture for a codec of colours, and all that a file holds beside them."""
    from dlic.formats.channels import EXACT, separate

    quality = EXACT if wishes.alpha_quality is None else wishes.alpha_quality
    separated = separate(picture.pixels, quality, takes_gray)
    return replace(separated, chunks=(*separated.chunks, *_beside(picture, wishes)))


def _beside(picture: ImageFile, wishes: Wishes) -> Chunks:
    """Metadata, and the thumbnail that was asked for."""
    return (*metadata_chunks.write(picture.metadata), *thumbnails.write(picture.pixels, wishes.thumbnail or 0))


def _cheap_thumbnail(picture: ImageFile, wishes: Wishes, file: bytes) -> Chunks:
    """One that nobody asked for or against, where nobody counts the bytes."""
    if wishes.thumbnail is not None or wishes.target_size is not None or wishes.target_bpp is not None:
        return ()
    return thumbnails.if_cheap(picture.pixels, len(file))


def _scales(pixels: np.ndarray) -> dict[str, int]:
    """How many scales of MS-SSIM were measured, of which small pictures have fewer than five."""
    from dlic.metrics.registry import ms_ssim_scales

    return {"ms_ssim_scales": ms_ssim_scales(*pixels.shape[:2])}


def _zoo(wishes: Wishes) -> Encode:
    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        with timed(seconds, "load model"):
            codec = open_codec(wishes.model)
        with timed(seconds, "encode"):
            separated = _separated(picture, wishes)
            data = codec.compress(separated.colours)
        return Outcome(
            append(data, (*separated.chunks, *_cheap_thumbnail(picture, wishes, data))),
            lambda written: codec.decompress(written).shape == separated.colours.shape,  # a checksum has compared the symbols
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
    from dlic.classical.jpeg.codec import JpegCodec, read_jpeg

    settings = JpegCodec(**wishes.given)

    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        codec = replace(settings, metadata=picture.metadata)
        with timed(seconds, "encode"):
            quantised = codec.quantised(picture.pixels)
            data = codec.write(quantised)
        return Outcome(data, lambda written: np.array_equal(read_jpeg(written, codec.max_pixels).levels, quantised.levels))

    return run


def _read_for_jpeg(source: str | bytes, max_pixels: int, strict: bool) -> ImageFile:
    """Without metadata that is too long for a segment."""
    picture = read_image(source, max_pixels, EVERYTHING - {"alpha"}, strict)
    notes = not_held(picture.pixels, ".jpg", picture.metadata)
    return ImageFile(picture.pixels, (*picture.notes, *notes), held(picture.metadata, "JPEG", picture.pixels[0, 0].size))


def _wavelet(wishes: Wishes) -> Encode:
    from dlic.classical.wavelet.codec import WaveletCodec

    if wishes.quality is not None and wishes.target_size is not None:
        raise DlicError("give one of quality and target size, not both")
    if wishes.target_size is not None:
        codec = WaveletCodec(BEST_QUALITY, wishes.target_size)  # the size alone says where the stream ends
    else:
        codec = WaveletCodec() if wishes.quality is None else WaveletCodec(wishes.quality)

    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        with timed(seconds, "encode"):
            separated = _separated(picture, wishes, takes_gray=True)
            with_chunks = replace(codec, chunks=separated.chunks)
            data = with_chunks.compress(separated.colours)
        return Outcome(data, lambda written: with_chunks.decompress(written).shape == separated.colours.shape)

    return run


def _lossless(wishes: Wishes) -> Encode:
    from dlic.classical.lossless.codec import LosslessCodec

    def run(picture: ImageFile, seconds: dict[str, float], progress: Progress) -> Outcome:
        with timed(seconds, "encode"):
            codec = LosslessCodec(chunks=_beside(picture, wishes))
            data = codec.compress(picture.pixels)
        return Outcome(data, lambda written: np.array_equal(codec.decompress(written), picture.pixels))

    return run


TARGETS = ["target_size", "target_bpp", "target_psnr", "target_ms_ssim"]
IN_CHUNKS = ["alpha_quality", "thumbnail"]
ZOO = Choice(".dlic", frozenset(["model", *IN_CHUNKS]), _read_everything, _zoo)
CODECS = {
    "learned": Choice(
        ".dlic",
        frozenset(["quality", *TARGETS, "effort", "model", "weights", "max_memory", *IN_CHUNKS, "keep_smaller"]),
        _read_everything,
        _learned,
    ),
    "jpeg": Choice(
        ".jpg",
        frozenset(["quality", "subsampling", "progressive", "trellis"]),
        _read_for_jpeg,
        _jpeg,
    ),
    "wavelet": Choice(".dlic", frozenset(["quality", "target_size", *IN_CHUNKS, "keep_smaller"]), _read_everything, _wavelet),
    "lossless": Choice(".dlic", frozenset(["thumbnail"]), read_samples, _lossless),
}
