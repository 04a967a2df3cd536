"""The public functions: arrays ⇄ bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlic.checkpoints import local as checkpoints
from dlic.container.format import append
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError
from dlic.formats import metadata_chunks, thumbnails
from dlic.formats.channels import as_gray, is_gray, separate, unite
from dlic.formats.recognition import LEARNED, ZOO, Description, classical, describe
from dlic.images.files import MAX_PIXELS, ImageFile, upright
from dlic.images.metadata import Metadata
from dlic.images.metadata import upright as upright_metadata
from dlic.peers.compressai.zoo import ALL_IN_THE_NAME, FORM, is_zoo_name, open_codec
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress, no_progress
from dlic.runtime.timing import timed

if TYPE_CHECKING:
    from dlic.learned.codec import LearnedCodec
    from dlic.learned.rate_control import Achieved, Judge, Target
    from dlic.peers.compressai.codec import CompressAICodec


DEFAULT_QUALITY = 60


def compress(
    image: np.ndarray,
    quality: int | None = None,
    effort: int = 0,
    target_size: int | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    target_ms_ssim: float | None = None,
    *,
    model: str | None = None,
    weights: str | Path | None = None,
    alpha_quality: int = 100,
    icc_profile: bytes = b"",
    exif: bytes = b"",
    xmp: bytes = b"",
    dpi: tuple[float, float] | None = None,
    text: Mapping[str, str] | None = None,
    thumbnail: int = 0,
    max_memory: int | None = None,
) -> bytes:
    """uint8 pixels of any size from 1×1 → the bytes of a .dlic file, from which `decompress` gives back pixels of the same kind.

    Args:
        image: (height, width) gray, (height, width, 2) gray and alpha, (height, width, 3) RGB or (height, width, 4) RGBA, with
            upright pixels. Colours where alpha is 0 are not kept: what comes back there is a smooth continuation of the rest.
        quality: 1 (small) … 100 (best); 60 when no target is given either.
        effort: 0 (fast) … 9: smaller files for more encoding time; decoding takes as long as ever.
        target_size: largest file in bytes, all of it counted.
        target_bpp: most bits per pixel.
        target_psnr: least PSNR in dB, of the colours.
        target_ms_ssim: least MS-SSIM, below 1; of fewer than five scales where a side is below 161 pixels.
        model: name of a checkpoint on this machine; the shipped default when neither is given. A name like
            compressai:mbt2018-mean:4 or compressai:mbt2018-mean@weights.pth takes a model of CompressAI, at the one rate it has.
        weights: folder of a checkpoint instead of a name.
        alpha_quality: 100 is exact; below, alpha is coded like a picture, with a quality like JPEG's, where that is smaller.
        icc_profile, exif, xmp, dpi, text: stored as they are, for `read`; dpi are pixels per inch across and down.
        thumbnail: pixels a side, at most, of a preview that viewers show without the network; 0 for none.
        max_memory: about the most bytes this process may take: fewer tiles of a big picture are in work at once.

    Raises:
        DlicError: `image` is no such array, the target cannot be met, no file could hold the metadata, or memory is not enough.
        UnknownCheckpointError: the checkpoint is missing or damaged.
    """
    separated = separate(image, alpha_quality)
    metadata = Metadata(icc_profile, exif, xmp, dpi, text or {})
    chunks = (*separated.chunks, *metadata_chunks.write(metadata), *thumbnails.write(image, thumbnail))
    if is_zoo_name(model):
        if any(
            wish is not None for wish in (quality, effort or None, target_size, target_bpp, target_psnr, target_ms_ssim, weights)
        ):
            raise DlicError(f"quality, effort, targets and weights do not go with model {model}: {ALL_IN_THE_NAME}")
        return append(open_codec(model).compress(separated.colours), chunks)
    from dlic.learned.codec import load_codec

    rate = rate_of(quality, target_size, target_bpp, target_psnr, target_ms_ssim)
    codec = load_codec(choose(model, weights)).with_chunks(chunks).within(max_memory)
    return encode_colours(codec, separated.colours, rate, effort).encoded.data


def rate_of(
    quality: int | None = None,
    size: int | None = None,
    bpp: float | None = None,
    psnr: float | None = None,
    ms_ssim: float | None = None,
) -> "int | Target":
    """The one wish that was given: a quality, or a target. Raises DlicError for several."""
    from dlic.learned.codec import check_quality
    from dlic.learned.rate_control import Target

    targets = {"size": size, "bpp": bpp, "psnr": psnr, "ms-ssim": ms_ssim}
    given = [Target(measure, value) for measure, value in targets.items() if value is not None]
    if len(given) + (quality is not None) > 1:
        raise DlicError("give one of quality, target size, bpp, PSNR and MS-SSIM, not several")
    return given[0] if given else check_quality(DEFAULT_QUALITY if quality is None else quality)


def encode_colours(
    codec: "LearnedCodec", colours: np.ndarray, rate: "int | Target", effort: int = 0, progress: Progress = no_progress
) -> "Achieved":
    """RGB at a quality, or so that it meets a target; `progress` is told the share of an effort's work that is done.

    Chunks that the codec adds to its files count as part of them, and what they say is gray is judged as it will be shown.
    """
    from dlic.learned.rate_control import encode_at_quality, encode_to

    if isinstance(rate, int):
        return encode_at_quality(codec, colours, rate, effort, progress)
    judge = None if rate.is_ceiling else judge_of(rate.measure)
    return encode_to(codec, colours, rate, effort, progress, _judge_gray(judge) if judge and is_gray(codec.chunks) else judge)


def _judge_gray(judge: "Judge") -> "Judge":
    def judged(original: np.ndarray, shown: np.ndarray) -> float | None:
        return judge(original, np.repeat(as_gray(shown)[..., None], 3, axis=2))

    return judged


def judge_of(measure: str) -> "Judge":
    """What measures the quality that a target names: psnr or ms-ssim."""
    from dlic.metrics.registry import ms_ssim, psnr

    return {"psnr": psnr, "ms-ssim": ms_ssim}[measure]


def decompress(
    data: bytes,
    *,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    model: str | None = None,
    crop: tuple[int, int, int, int] | None = None,
    max_memory: int | None = None,
) -> np.ndarray:
    """The bytes of a .dlic or JPEG file → pixels of the kind that went in.

    They are uint8: (height, width) gray, (height, width, 2) gray and alpha, (height, width, 3) RGB or (height, width, 4) RGBA; or
    uint16 where a lossless file was made of that.

    Args:
        data: the whole file.
        weights: folder of the checkpoint it was made with, where dlic would not find it.
        max_pixels: larger pictures are refused before anything is allocated.
        model: name of the checkpoint it was made with; files of CompressAI's models need it, as `compress` was given it.
        crop: x, y, width and height of the part that is wanted; of a big learned picture only the tiles that it needs are decoded.
        max_memory: about the most bytes this process may take for a learned picture.

    Raises:
        CorruptFileError: `data` is truncated, damaged, or neither.
        UnknownCheckpointError: the checkpoint it was made with is not on this machine.
        DlicError: `crop` is no part of the picture, or memory is not enough.
    """
    return read(data, weights=weights, max_pixels=max_pixels, model=model, crop=crop, max_memory=max_memory).pixels


def read(
    data: bytes,
    *,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    model: str | None = None,
    crop: tuple[int, int, int, int] | None = None,
    max_memory: int | None = None,
) -> ImageFile:
    """`decompress`, with the file's metadata: `.pixels`, `.metadata.icc_profile`, `.exif`, `.xmp`, `.dpi` and `.text`."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise CorruptFileError(f"a .dlic file is bytes, not {type(data).__name__}")
    reading = Reading(weights, max_pixels, model, crop, max_memory)
    return read_described(bytes(data), describe(bytes(data)), reading, {})


@dataclass(frozen=True)
class Reading:
    """How a file is to be decoded: the arguments of `decompress`."""

    weights: str | Path | None = None
    max_pixels: int = MAX_PIXELS
    model: str | None = None
    crop: tuple[int, ...] | None = None
    max_memory: int | None = None  # bytes

    def part_of(self, width: int, height: int) -> Rectangle | None:
        """What is wanted of a picture; None is all of it. Raises DlicError where the crop does not lie inside."""
        return None if self.crop is None else Rectangle.asked_for(self.crop, width, height)

    def cropped(self, image: np.ndarray) -> np.ndarray:
        """What is wanted of a whole picture (H, W, …). Raises DlicError where the crop does not lie inside."""
        part = self.part_of(image.shape[1], image.shape[0])
        return image if part is None else image[part.slices]


def read_described(
    data: bytes,
    described: Description,
    reading: Reading,
    seconds: dict[str, float],
    progress: Progress = no_progress,
    damaged: bool = False,
) -> ImageFile:
    """`read` of a file that has been recognised, which adds what its stages take to `seconds`.

    Of a `damaged` picture in tiles as much as can be decoded; its container may be that of a file's beginning.
    """
    if described.tiled and not is_zoo_name(reading.model):
        return _read_tiles(described, reading, seconds, progress, damaged)
    described.check_size(reading.max_pixels)  # before anything is allocated for it
    if described.codec == "jpeg":  # whose pixels may lie on their side
        with timed(seconds, "decode"):
            pixels = upright(classical("jpeg", reading.max_pixels).decompress(data), described.metadata)
            return ImageFile(reading.cropped(pixels), metadata=upright_metadata(described.metadata))
    reading.part_of(described.width, described.height)  # refused before the work
    if described.codec not in (LEARNED, ZOO):
        with timed(seconds, "decode"):
            pixels = classical(described.codec, reading.max_pixels).decompress(data)
    else:
        pixels = _decode_by_weights(described, reading, seconds)
    if described.container.chunks and described.codec != "lossless":  # which has gray and alpha of its own
        with timed(seconds, "channels"):
            pixels = unite(pixels, described.container.chunks)
    return ImageFile(reading.cropped(pixels), metadata=described.metadata)


def _read_tiles(
    described: Description, reading: Reading, seconds: dict[str, float], progress: Progress, damaged: bool
) -> ImageFile:
    whole = Rectangle(0, 0, described.width, described.height)
    part = reading.part_of(described.width, described.height)
    described.check_size(reading.max_pixels, part)
    with timed(seconds, "load model"):
        codec = _codec_of(described, reading.model, reading.weights).within(reading.max_memory, reading.max_pixels)
    decoded = (codec.recover if damaged else codec.decode)(described.container, part, progress)
    seconds.update(decoded.seconds)
    with timed(seconds, "channels"):
        pixels = unite(decoded.image, described.container.chunks, whole, part)
    return ImageFile(pixels, metadata=described.metadata, lost=decoded.lost)


def _decode_by_weights(described: Description, reading: Reading, seconds: dict[str, float]) -> np.ndarray:
    with timed(seconds, "load model"):
        codec = _codec_of(described, reading.model, reading.weights)
        codec = codec if is_zoo_name(reading.model) else codec.within(reading.max_memory, reading.max_pixels)
    decoded = codec.decode(described.container)
    seconds.update(decoded.seconds)
    return decoded.image


def _codec_of(described: Description, model: str | None, weights: str | Path | None) -> "LearnedCodec | CompressAICodec":
    """What decodes a file that takes weights: those named, or the checkpoint it names itself."""
    if model is not None and weights is not None:
        raise DlicError(f"give a model or weights, not both{f': {ALL_IN_THE_NAME}' if is_zoo_name(model) else ''}")
    if is_zoo_name(model):
        return open_codec(model)
    fingerprint = described.container.model
    if described.codec == ZOO:
        raise UnknownCheckpointError(
            f"made with checkpoint {fingerprint.hex()[:8]}…, a model of CompressAI; name it as it was made, --model {FORM}"
        )
    folder = choose(model, weights) if model or weights else checkpoints.find_by_fingerprint(fingerprint)
    from dlic.learned.codec import load_codec  # torch is loaded only for what will be decoded

    return load_codec(folder)


def choose(model: str | None, weights: str | Path | None) -> Path:
    """The checkpoint folder that a name, a path, or neither stands for."""
    if weights is not None:
        return checkpoints.as_folder(weights)
    return checkpoints.find(model or checkpoints.default_name())
