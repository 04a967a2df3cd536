"""The public functions: arrays ⇄ bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlic import checkpoints
from dlic.codecs.compressai_zoo import ALL_IN_THE_NAME, FORM, is_zoo_name, open_codec
from dlic.codecs.recognition import LEARNED, ZOO, Description, classical, describe
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError
from dlic.images.files import MAX_PIXELS, upright
from dlic.progress import Progress, no_progress
from dlic.timing import timed

if TYPE_CHECKING:
    from dlic.codecs.compressai_codec import CompressAICodec
    from dlic.codecs.learned import LearnedCodec
    from dlic.codecs.rate_control import Achieved, Judge, Target


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
) -> bytes:
    """uint8 RGB pixels (height, width, 3), any size from 1×1 → the bytes of a .dlic file.

    Args:
        image: the pixels.
        quality: 1 (small) … 100 (best); 60 when no target is given either.
        effort: 0 (fast) … 9: smaller files for more encoding time; decoding takes as long as ever.
        target_size: largest file in bytes.
        target_bpp: most bits per pixel.
        target_psnr: least PSNR in dB.
        target_ms_ssim: least MS-SSIM, below 1; of fewer than five scales where a side is below 161 pixels.
        model: name of a checkpoint on this machine; the shipped default when neither is given. A name like
            compressai:mbt2018-mean:4 or compressai:mbt2018-mean@weights.pth takes a model of CompressAI, at the one rate it has.
        weights: folder of a checkpoint instead of a name.

    Raises:
        DlicError: `image` is no such array, or the target cannot be met.
        UnknownCheckpointError: the checkpoint is missing or damaged.
    """
    if is_zoo_name(model):
        if any(
            wish is not None for wish in (quality, effort or None, target_size, target_bpp, target_psnr, target_ms_ssim, weights)
        ):
            raise DlicError(f"quality, effort, targets and weights do not go with model {model}: {ALL_IN_THE_NAME}")
        return open_codec(model).compress(image)
    from dlic.codecs.learned import load_codec

    rate = rate_of(quality, target_size, target_bpp, target_psnr, target_ms_ssim)
    return encode(load_codec(choose(model, weights)), image, rate, effort).encoded.data


def rate_of(
    quality: int | None = None,
    size: int | None = None,
    bpp: float | None = None,
    psnr: float | None = None,
    ms_ssim: float | None = None,
) -> "int | Target":
    """The one wish that was given: a quality, or a target. Raises DlicError for several."""
    from dlic.codecs.learned import check_quality
    from dlic.codecs.rate_control import Target

    targets = {"size": size, "bpp": bpp, "psnr": psnr, "ms-ssim": ms_ssim}
    given = [Target(measure, value) for measure, value in targets.items() if value is not None]
    if len(given) + (quality is not None) > 1:
        raise DlicError("give one of quality, target size, bpp, PSNR and MS-SSIM, not several")
    return given[0] if given else check_quality(DEFAULT_QUALITY if quality is None else quality)


def encode(
    codec: "LearnedCodec", image: np.ndarray, rate: "int | Target", effort: int = 0, progress: Progress = no_progress
) -> "Achieved":
    """`image` at a quality, or so that it meets a target; `progress` is told the share of an effort's work that is done."""
    from dlic.codecs.rate_control import encode_at_quality, encode_to

    if isinstance(rate, int):
        return encode_at_quality(codec, image, rate, effort, progress)
    return encode_to(codec, image, rate, effort, progress, None if rate.is_ceiling else judge_of(rate.measure))


def judge_of(measure: str) -> "Judge":
    """What measures the quality that a target names: psnr or ms-ssim."""
    from dlic.evaluation.metrics import ms_ssim, psnr

    return {"psnr": psnr, "ms-ssim": ms_ssim}[measure]


def decompress(
    data: bytes, *, weights: str | Path | None = None, max_pixels: int = MAX_PIXELS, model: str | None = None
) -> np.ndarray:
    """The bytes of a .dlic or JPEG file → pixels.

    They are uint8 (height, width, 3) RGB; (height, width) where a classical codec was given gray; and whatever samples, uint8 or
    uint16 and up to four channels, a lossless file was made of.

    Args:
        data: the whole file.
        weights: folder of the checkpoint it was made with, where dlic would not find it.
        max_pixels: larger pictures are refused before anything is allocated.
        model: name of the checkpoint it was made with; files of CompressAI's models need it, as `compress` was given it.

    Raises:
        CorruptFileError: `data` is truncated, damaged, or neither.
        UnknownCheckpointError: the checkpoint it was made with is not on this machine.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise CorruptFileError(f"a .dlic file is bytes, not {type(data).__name__}")
    return decode(bytes(data), describe(bytes(data)), weights, max_pixels, {}, model)


def decode(
    data: bytes,
    described: Description,
    weights: str | Path | None,
    max_pixels: int,
    seconds: dict[str, float],
    model: str | None = None,
) -> np.ndarray:
    """`decompress` of a file that has been recognised, which adds what its stages take to `seconds`."""
    described.check_size(max_pixels)  # before anything is allocated for it
    if described.codec not in (LEARNED, ZOO):
        with timed(seconds, "decode"):
            image = classical(described.codec, max_pixels).decompress(data)
            return upright(image, described.metadata["EXIF"]) if "EXIF" in described.metadata else image
    with timed(seconds, "load model"):
        codec = _codec_of(described, model, weights)
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
    from dlic.codecs.learned import load_codec  # torch is loaded only for what will be decoded

    return load_codec(folder)


def choose(model: str | None, weights: str | Path | None) -> Path:
    """The checkpoint folder that a name, a path, or neither stands for."""
    if weights is not None:
        return checkpoints.as_folder(weights)
    return checkpoints.find(model or checkpoints.default_name())
