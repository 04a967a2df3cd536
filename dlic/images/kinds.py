"""Pillow's images of any mode → 8-bit gray or RGB, with or without alpha, and notes on the losses."""

import io
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.errors import UnreadableImageError
from dlic.images.bit_depth import to_eight_bits
from dlic.images.pillow.depth import hidden_depth, ppm_peak, tiff_bits, tiff_refusal
from dlic.images.pillow.opening import decoding
from dlic.images.pillow.orientation import turned
from dlic.images.pillow.pixels import pixels_of
from dlic.images.pillow.sixteen_bits import is_16_bit_colour, sixteen_bit_colour
from dlic.images.transparency import with_alpha

GRAY_MODES = {"L", "LA", "La", "1", "I", "I;16", "I;16L", "I;16B", "I;16N"}
ALPHA_MODES = {"RGBA", "LA", "PA", "La", "RGBa"}
PLAIN_MODES = {"RGB", "L", "1", "P", *ALPHA_MODES}  # hold nothing that 8 bits lose, but for transparency
PROFILED_MODES = {"CMYK", "LAB"}  # become sRGB through a profile


def refuse_deep(image: Image.Image, name: str) -> None:
    """Raises UnreadableImageError for samples beyond 16 bits, of no stated range, and for those that Pillow reads wrongly."""
    samples = tiff_refusal(image)
    if image.mode == "F" or (image.mode == "I" and _bits(image) > 16):
        samples = "floating-point" if image.mode == "F" else f"{_bits(image)}-bit"
    if samples:
        raise UnreadableImageError(f"{name} has {samples} samples, which are not read; convert it to 8 or 16 bits first")


def conversions(image: Image.Image, keep: Collection[str]) -> Iterator[str]:
    """Notes on the losses of `eight_bit_pixels`; `keep` is that of `read_image`."""
    if _has_alpha(image) and "alpha" not in keep:
        yield "transparency is dropped"
    if image.mode.startswith("I") or is_16_bit_colour(image) or (ppm_peak(image) or 0) > 255:
        yield "16-bit samples become 8-bit"
    elif (depth := hidden_depth(image)) > 8:
        yield f"{depth}-bit samples become 8-bit"
    elif image.mode == "CMYK":
        how = "through their profile" if _profile(image) else "by Pillow's formula, having no profile that can be read"
        yield f"CMYK colours are converted to sRGB {how}"
    elif image.mode not in PLAIN_MODES:
        yield f"{image.mode} colours are converted to sRGB"


def eight_bit_pixels(image: Image.Image, keep: Collection[str], name: str) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of an image that has not been loaded, orientation applied; other shapes as `keep` allows them.

    Raises UnreadableImageError where Pillow cannot load or convert it.
    """
    if is_16_bit_colour(image):
        return as_kept(to_eight_bits(sixteen_bit_colour(image, name)), keep)
    profile = _profile(image)
    upright = turned(image, name)
    if upright.mode.startswith("I"):
        return as_kept(_from_sixteen_bit_gray(upright, 2 ** _bits(image) - 1, name), keep)
    if upright.mode in PROFILED_MODES:
        with decoding(name):
            upright = _to_srgb(upright, profile)
        return np.array(upright)
    alpha = "alpha" in keep and _has_alpha(upright)
    gray = "gray" in keep and upright.mode in GRAY_MODES
    mode = ("L" if gray else "RGB") + ("A" if alpha else "")
    if upright.mode != mode:
        with decoding(name):  # broken palettes and transparent colours
            upright = upright.convert(mode)
    return pixels_of(upright)


def as_kept(pixels: NDArray[np.uint8], keep: Collection[str]) -> NDArray[np.uint8]:
    """uint8 (H, W) or (H, W, 2 … 4) → without alpha, and with three colours, unless they are kept."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    colours, alpha = np.split(pixels, [pixels.shape[2] - (pixels.shape[2] in (2, 4))], axis=2)
    if colours.shape[2] == 1 and "gray" not in keep:
        colours = np.repeat(colours, 3, axis=2)
    joined = np.dstack([colours, alpha]) if "alpha" in keep and alpha.size else colours
    return joined[..., 0] if joined.shape[2] == 1 else joined


def _from_sixteen_bit_gray(image: Image.Image, peak: int, name: str) -> NDArray[np.uint8]:
    """uint8 (H, W), or (H, W, 2) where one gray is transparent."""
    samples = np.asarray(image)
    if samples.min() < 0 or samples.max() > peak:
        raise UnreadableImageError(f"{name} has samples beyond 0 … {peak:,}; convert it to 16 bits first")
    transparent = image.info.get("transparency")
    samples = samples.astype(np.uint16)
    return to_eight_bits(samples if transparent is None else with_alpha(samples[..., None], transparent), peak)


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """CMYK or LAB through its profile, as Adobe does it: relative colorimetric with black points matched."""
    from PIL import ImageCms

    if not profile and image.mode == "CMYK":
        return image.convert("RGB")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), intent, "RGB", flags=flags)
    assert converted is not None, "it is None only for a conversion in place"
    return converted


def _profile(image: Image.Image) -> bytes:
    """The ICC profile that a CMYK image's colours can be read by; empty where there is none."""
    profile: bytes = image.info.get("icc_profile") or b""
    if image.mode != "CMYK" or profile[16:20] != b"CMYK":
        return b""
    try:
        from PIL import ImageCms

        ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return profile
    except Exception:  # an unreadable profile, or a Pillow without littlecms
        return b""


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ALPHA_MODES or "transparency" in image.info


def _bits(image: Image.Image) -> int:
    """Bits per sample of modes with more than 8. Files that state none are taken as 16 bits, and checked when they are read."""
    return tiff_bits(image) or 16
