"""Image files → their own samples: gray or RGB, with or without alpha, in 8 or 16 bits, and never fewer than the file has."""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from dlic.errors import UnreadableImageError
from dlic.images.files import MAX_PIXELS, ImageFile, left_behind, opened

# Formats of which Pillow says how many bits a sample has; what others hold beyond 8 bits it drops without a word.
KNOWN_DEPTH = {"PNG", "TIFF", "PPM", "BMP", "DIB", "GIF", "TGA", "QOI", "WEBP", "JPEG", "MPO", "PCX", "ICO"}
EIGHT_BITS = {"L", "LA", "RGB", "RGBA"}
BITS_PER_SAMPLE, EXTRA_SAMPLES, PREMULTIPLIED = 258, 338, 1  # tags of TIFF, and a value of the second
OTHER_BYTE = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}  # ends of Pillow's raw modes


def read_samples(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> ImageFile:
    """Read an image file as it is: uint8 or uint16 of shape (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), orientation applied.

    Palettes become the colours they stand for, samples of 1, 2 and 4 bits are scaled to 8, a transparent colour becomes alpha.
    Raises UnreadableImageError as `read_image` does, and for samples that cannot be had exactly.
    """
    with opened(source, max_pixels) as image:
        name = "the input" if isinstance(source, bytes) else str(source)
        _refuse_inexact(image, name)
        notes = tuple(left_behind(image))
        if _is_16_bit_colour(image):
            return ImageFile(_sixteen_bit_colour(image), notes)
        if image.mode == "P" or image.mode == "PA":
            notes = ("the palette becomes the colours it stands for", *notes)
        image.load()
        return ImageFile(_plain(ImageOps.exif_transpose(image), name), notes)


def _refuse_inexact(image: Image.Image, name: str) -> None:
    """Raises UnreadableImageError where Pillow would give other samples than the file has."""
    reason = None
    if image.format not in KNOWN_DEPTH:
        reason = f"Pillow does not tell how many bits the samples of {image.format} files have"
    elif image.mode not in EIGHT_BITS | {"1", "P", "PA", "I", "I;16", "I;16B", "I;16L", "I;16N"}:
        reason = f"{image.mode} samples have no place in a lossless file"
    elif image.format == "PPM" and image.tile[0].codec_name.startswith("ppm") and image.tile[0].args[-1] not in (1, 255, 65535):
        reason = "its samples would be scaled"
    elif image.format == "PPM" and image.mode == "RGB" and image.tile[0].args[-1] == 65535:
        reason = "Pillow reads 16-bit colour of PPM files as 8 bits"
    elif image.format == "TIFF" and not _tiff_depth_is_kept(image):
        reason = "Pillow drops bits of such a TIFF file"
    elif image.format == "TIFF" and PREMULTIPLIED in image.tag_v2.get(EXTRA_SAMPLES, ()):
        reason = "its colours are multiplied by their transparency"
    if reason:
        raise UnreadableImageError(f"{name} cannot be read exactly: {reason}; convert it to PNG first")


def _tiff_depth_is_kept(image: Image.Image) -> bool:
    depth = max(image.tag_v2.get(BITS_PER_SAMPLE, (1,)))
    return depth <= 8 or image.mode.startswith("I") or (depth == 16 and _is_16_bit_colour(image))


def _plain(image: Image.Image, name: str) -> np.ndarray:
    """Samples of an image that Pillow holds as they are."""
    if image.mode.startswith("I"):
        return _sixteen_bit_gray(np.asarray(image), image.info.get("transparency"), name)
    if image.mode in ("P", "PA"):
        return np.array(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    gray = image.mode in ("1", "L")
    if "transparency" in image.info:
        return np.array(image.convert("LA" if gray else "RGBA"))
    return np.array(image.convert("L") if gray else image)


def _sixteen_bit_gray(samples: np.ndarray, transparent: int | None, name: str) -> np.ndarray:
    if samples.min() < 0 or samples.max() > 65535:
        raise UnreadableImageError(f"{name} cannot be read exactly: its samples go beyond 16 bits")
    samples = samples.astype(np.uint16)
    return samples if transparent is None else _with_alpha(samples[..., None], transparent)


def _with_alpha(samples: np.ndarray, transparent: int | tuple[int, ...]) -> np.ndarray:
    """uint16 (H, W, C) → (H, W, C + 1): opaque but where the colour is the transparent one."""
    alpha = np.where((samples == np.array(transparent)).all(axis=2), 0, 65535).astype(np.uint16)
    return np.dstack([samples, alpha])


# --- 16-bit colour ------------------------------------------------------------------------------------------------------
# Pillow's pixels have 8 bits a channel. It reads two bytes and keeps the higher one; told that the file has the other byte
# order, it keeps the lower one.


def _is_16_bit_colour(image: Image.Image) -> bool:
    return image.mode in ("RGB", "RGBA") and any(";16" in _raw_mode(tile) for tile in image.tile)


def _sixteen_bit_colour(image: Image.Image) -> np.ndarray:
    """uint16 (H, W, 2, 3 or 4) of an image that has not been loaded."""
    low = Image.open(io.BytesIO(image.fp.getvalue()))
    gray_alpha = _raw_mode(image.tile[0]) == "LA;16B"
    low.tile = [_with_raw_mode(tile, "RGBA" if gray_alpha else _other(_raw_mode(tile))) for tile in low.tile]
    transparent = image.info.get("transparency")
    first, second = (np.asarray(_upright(part)) for part in (image, low))
    if gray_alpha:  # its four bytes were read as four channels
        return second.copy().view(">u2").astype(np.uint16)
    samples = first.astype(np.uint16) << 8 | second
    return samples if transparent is None else _with_alpha(samples, transparent)


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    return ImageOps.exif_transpose(image)


def _raw_mode(tile: tuple) -> str:
    return tile[3] if isinstance(tile[3], str) else tile[3][0]


def _other(raw_mode: str) -> str:
    return raw_mode[:-4] + OTHER_BYTE[raw_mode[-4:]]


def _with_raw_mode(tile: tuple, raw_mode: str) -> tuple:
    return tile._replace(args=raw_mode if isinstance(tile.args, str) else (raw_mode, *tile.args[1:]))
