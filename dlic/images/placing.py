"""Pixels and metadata for a format: what it has a place for, and colours converted to sRGB where it has none for their profile."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from dlic.images import gain_map, png
from dlic.images.colours import icc
from dlic.images.colours.srgb import can_convert, to_srgb
from dlic.images.metadata import Metadata, Part, difference
from dlic.images.pillow.metadata import HOLD_PROFILE, held, is_written_gray

HOLD_ALPHA = {"PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "TGA", "ICO", "HEIF", "JXL"}
HOLD_16_BIT_GRAY = {"PNG", "TIFF", "PPM"}
HOLD_16_BIT_COLOUR = {"PNG", "TIFF"}  # written here: Pillow has no such pixels


@dataclass(frozen=True, eq=False)
class Placed:
    """Metadata that a format holds, and the profile out of which the pixels are converted to sRGB for it."""

    metadata: Metadata
    profile: bytes = b""  # empty: the pixels stay
    clips: bool = False  # whether a profile stands for high dynamic range

    def converted(self, pixels: NDArray[Any]) -> NDArray[Any]:
        return to_srgb(pixels, self.profile) if self.profile else pixels


def placed(pixels: NDArray[Any], kind: str, metadata: Metadata) -> Placed:
    """The place of metadata in a format (Pillow's name), for pixels (H, W) or (H, W, 2 … 4)."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    profile, clips = _profile(metadata, channels <= 2)
    kept = held(metadata, kind, channels)
    if kind == "PNG":
        kept = _fitting_png(kept, channels, 8 * pixels.dtype.itemsize)
    kept = gain_map.agreeing(metadata, kept)
    space = b"GRAY" if is_written_gray(kind, channels) else b"RGB "
    if kind in HOLD_PROFILE and icc.space_of(profile) in (b"", space):
        return Placed(Metadata(**{**vars(kept), "icc_profile": profile}), clips=clips and kind != "PNG")
    kept = kept.without(["icc_profile"])
    return Placed(kept, profile, clips) if profile and can_convert(pixels, profile) else Placed(kept)


def placing_notes(pixels: NDArray[Any], kind: str, metadata: Metadata, suffix: str) -> list[str]:
    """Notes on the metadata that `placed` leaves out, and on colours that it converts."""
    place = placed(pixels, kind, metadata)
    reached = place.metadata
    if place.profile or reached.icc_profile or (metadata.code_points and metadata.code_points.is_srgb):  # the colours are kept
        colours = {name: getattr(metadata, name) for name in ("icc_profile", "code_points")}
        reached = Metadata(**{**vars(reached), **colours})
    lost = difference(metadata, reached)
    notes = [f"{', '.join(lost)} not kept: {suffix} has no place for it"] if lost else []
    if place.profile:
        notes.append(f"colours are converted to sRGB: {suffix} has no place for their profile")
    if place.clips:
        notes.append(f"light above diffuse white is clipped: {suffix} has no place for {metadata.code_points}")
    return notes


def _profile(metadata: Metadata, gray: bool) -> tuple[bytes, bool]:
    """The ICC profile of pixels, made of their code points if they have no other; and whether it clips what these say."""
    points = metadata.code_points
    if metadata.icc_profile or points is None or points.is_srgb or not points.has_profile:
        return metadata.icc_profile, False
    return icc.of_code_points(points, gray), points.is_high_dynamic_range


def _fitting_png(metadata: Metadata, channels: int, bits: int) -> Metadata:
    """The metadata without chunks of other formats, and of other kinds of pixels."""
    parts = tuple(part for part in metadata.parts if part.format == "PNG" and _fits_png(part, channels, bits))
    return Metadata(**{**vars(metadata), "parts": parts})


def _fits_png(part: Part, channels: int, bits: int) -> bool:
    if part.name == "sBIT":
        return len(part.data) == channels and max(part.data) <= bits
    return part.name != "bKGD" or bool(png.background(part.data, channels, bits))
