"""Exact samples of the images that Pillow reads without loss: gray or RGB, with or without alpha, 8 or 16 bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.errors import UnreadableImageError
from dlic.images.pillow.depth import ppm_peak, tiff_bits, tiff_refusal
from dlic.images.pillow.opening import decoding
from dlic.images.pillow.orientation import turned
from dlic.images.pillow.sixteen_bits import is_16_bit_colour, sixteen_bit_colour
from dlic.images.transparency import with_alpha

# Formats whose bits a sample Pillow reports; in others it silently drops bits beyond 8.
KNOWN_DEPTH = {"PNG", "TIFF", "PPM", "BMP", "DIB", "GIF", "TGA", "QOI", "WEBP", "JPEG", "MPO", "PCX", "ICO"}
EIGHT_BITS = {"L", "LA", "RGB", "RGBA"}
EXACT_MODES = EIGHT_BITS | {"1", "P", "PA", "I", "I;16", "I;16B", "I;16L", "I;16N"}  # modes that `exact_samples` reads without loss


def refuse_inexact(image: Image.Image, name: str) -> None:
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
    elif kind := tiff_refusal(image):
        reason = f"{kind} samples have no place in a lossless file"
    elif (tiff_bits(image) or 8) > 8:
        reason = f"its samples have {tiff_bits(image)} bits, of which 16 bits or Pillow would drop some"
    if reason:
        raise inexact(name, reason)


def inexact(name: str, reason: str) -> UnreadableImageError:
    return UnreadableImageError(f"{name} cannot be read exactly: {reason}; convert it to PNG first")


def samples(image: Image.Image, name: str) -> NDArray[Any]:
    """uint8 or uint16 (H, W) or (H, W, 2 … 4) of an image that has not been loaded, orientation applied.

    Raises UnreadableImageError for numbers beyond 16 bits, and where Pillow cannot load it.
    """
    return sixteen_bit_colour(image, name) if is_16_bit_colour(image) else exact_samples(image, name)


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
