"""Image files → their exact samples: gray or RGB, with or without alpha, 8 or 16 bits."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.errors import UnreadableImageError
from dlic.images.files import EVERYTHING, MAX_PIXELS, ImageFile, frames_left, name_of, opened, read_metadata, refuse_if
from dlic.images.pillow.depth import ppm_peak, tiff_bits
from dlic.images.pillow.opening import decoding, memory_for
from dlic.images.pillow.orientation import turned
from dlic.images.pillow.sixteen_bits import is_16_bit_colour, sixteen_bit_colour
from dlic.images.pillow.tiff import is_tiff
from dlic.images.transparency import with_alpha

# Formats whose bits a sample Pillow reports; in others it silently drops bits beyond 8.
KNOWN_DEPTH = {"PNG", "TIFF", "PPM", "BMP", "DIB", "GIF", "TGA", "QOI", "WEBP", "JPEG", "MPO", "PCX", "ICO"}
EIGHT_BITS = {"L", "LA", "RGB", "RGBA"}
EXACT_MODES = EIGHT_BITS | {"1", "P", "PA", "I", "I;16", "I;16B", "I;16L", "I;16N"}  # modes that `exact_samples` reads without loss
EXTRA_SAMPLES, PREMULTIPLIED = 338, 1  # a tag of TIFF, and one of its values


def read_samples(source: str | Path | bytes, max_pixels: int = MAX_PIXELS, strict: bool = False) -> ImageFile:
    """Reads the exact samples of an image file: uint8 or uint16 of shape (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), orientation
    applied.

    Palettes become the colours they stand for, samples of 1, 2 and 4 bits are scaled to 8, a transparent colour becomes alpha.
    Raises UnreadableImageError as `read_image` does, and for samples that cannot be had exactly.
    """
    name = name_of(source)
    with memory_for(name):
        image = opened(source, max_pixels)
        _refuse_inexact(image, name)
        notes = frames_left(image, name)
        refuse_if(strict, notes, name)
        if image.mode in ("P", "PA"):
            notes = ["the palette becomes the colours it stands for", *notes]
        pixels = sixteen_bit_colour(image, name) if is_16_bit_colour(image) else exact_samples(image, name)
        metadata, lost = read_metadata(image, pixels, EVERYTHING)
        return ImageFile(pixels, (*notes, *lost), metadata)


def _refuse_inexact(image: Image.Image, name: str) -> None:
    """Raises UnreadableImageError where Pillow would give other samples than the file has."""
    reason = None
    if image.format not in KNOWN_DEPTH:
        reason = f"Pillow does not tell how many bits the samples of {image.format} files have"
    elif image.mode not in EXACT_MODES:
        reason = f"{image.mode} samples have no place in a lossless file"
    elif ppm_peak(image) not in (None, 1, 255, 65535):
        reason = "its samples would be scaled"
    elif ppm_peak(image) == 65535 and image.mode == "RGB":
        reason = "Pillow reads 16-bit colour of PPM files as 8 bits"
    elif not _tiff_depth_is_kept(image):
        reason = "Pillow drops bits of such a TIFF file"
    elif is_tiff(image) and PREMULTIPLIED in image.tag_v2.get(EXTRA_SAMPLES, ()):
        reason = "its colours are multiplied by their transparency"
    if reason:
        raise UnreadableImageError(f"{name} cannot be read exactly: {reason}; convert it to PNG first")


def _tiff_depth_is_kept(image: Image.Image) -> bool:
    depth = tiff_bits(image) or 8
    return depth <= 8 or image.mode.startswith("I") or (depth == 16 and is_16_bit_colour(image))


def exact_samples(image: Image.Image, name: str) -> NDArray[Any]:
    """Samples of an image that Pillow holds as they are, in one of EXACT_MODES, orientation applied.

    Raises UnreadableImageError for numbers beyond 16 bits.
    """
    image = turned(image, name)
    if image.mode.startswith("I"):
        return _sixteen_bit_gray(np.asarray(image), image.info.get("transparency"), name)
    mode = _exact_mode(image)
    if image.mode != mode:
        with decoding(name):  # broken palettes and transparent colours
            image = image.convert(mode)
    return np.array(image)


def _exact_mode(image: Image.Image) -> str:
    """The mode of 8-bit samples that holds all of an image."""
    if image.mode in ("P", "PA"):
        return "RGBA" if image.has_transparency_data else "RGB"
    if "transparency" in image.info:
        return "LA" if image.mode in ("1", "L") else "RGBA"
    return "L" if image.mode == "1" else image.mode


def _sixteen_bit_gray(samples: NDArray[Any], transparent: int | None, name: str) -> NDArray[Any]:
    if samples.min() < 0 or samples.max() > 65535:
        raise UnreadableImageError(f"{name} cannot be read exactly: its samples go beyond 16 bits")
    samples = samples.astype(np.uint16)
    return samples if transparent is None else with_alpha(samples[..., None], transparent)
