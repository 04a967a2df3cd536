"""Image files ⇄ arrays with their metadata: any file as 8-bit pixels, and any array as a file."""

import io
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile as PillowFile

from dlic.errors import DlicError, UnreadableImageError
from dlic.images import png
from dlic.images.metadata import LABELS, Metadata
from dlic.images.pillow.metadata import save_options
from dlic.images.pillow.opening import memory_for
from dlic.images.pillow.orientation import transposed
from dlic.images.pillow.plugins import PLUGIN_ENDINGS, format_of
from dlic.images.placing import HOLD_16_BIT_COLOUR, HOLD_16_BIT_GRAY, HOLD_ALPHA, placed, placing_notes
from dlic.pixels.rectangles import Rectangle
from dlic.storage.files import written_whole

EXTENSIONS = frozenset(
    [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".ppm", ".pgm", ".gif", ".jp2", ".tga", *PLUGIN_ENDINGS]
)
PNG_LEVEL = 2  # of zlib: a fifth of the time of Pillow's 6, and a tenth more bytes of photographs
MAX_PIXELS = 178_956_970  # where Pillow itself refuses by default: a gigabyte of memory while decoding
EVERYTHING = frozenset(["gray", "alpha", *LABELS])  # that a .dlic file can hold in addition to RGB


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image that has been read: pixels, metadata, and notes on losses."""

    pixels: NDArray[Any]  # uint8 (H, W, 3) unless asked for otherwise, orientation applied
    notes: tuple[str, ...] = ()  # one clause for each change or loss: "transparency is dropped"
    metadata: Metadata = field(default_factory=Metadata)  # the parts named by `keep`
    lost: tuple[Rectangle, ...] = ()  # parts of the picture that a damaged file does not show


def read_image(
    source: str | Path | bytes, max_pixels: int = MAX_PIXELS, keep: Collection[str] = (), strict: bool = False
) -> ImageFile:
    """Read any image Pillow knows as 8-bit RGB, from a path or its bytes.

    Palettes become their colours, black and white becomes gray, CMYK becomes sRGB through its profile, 16 bits are rounded to 8.

    `keep` names the further parts of EVERYTHING that the caller takes: "gray" leaves gray images (H, W); with "alpha" those with
    transparency have one channel more, (H, W, 2) or (H, W, 4); the others go into `metadata`.
    Raises UnreadableImageError for a file that is missing, no image, broken, truncated, above `max_pixels` or deeper than 16 bits,
    and if `strict` for every loss.
    """
    from dlic.images.source_file import name_of, source_file  # writing does without the readers of files

    name = name_of(source)
    with memory_for(name):
        file = source_file(source, max_pixels)
        notes = list(file.notes(keep))
        refuse_if(strict, notes, name)
        pixels = file.eight_bits(keep)
        metadata, lost, not_asked_for = file.metadata(pixels, keep)
        refuse_if(strict, not_kept(lost), name)
        return ImageFile(pixels, (*notes, *not_kept([*not_asked_for, *lost])), metadata)


def opened(source: str | Path | bytes, max_pixels: int) -> PillowFile:
    """An image file with its header read by Pillow, from a path or its bytes; its pixels are not loaded.

    Raises UnreadableImageError for a file that is missing, no image, broken, or above `max_pixels`.
    """
    from dlic.images.source_file import bytes_of, name_of, opened_bytes

    return opened_bytes(bytes_of(source), name_of(source), max_pixels)


def size_of(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height of an image file as they are stored, from its header. Raises UnreadableImageError as `read_image`."""
    from dlic.images.source_file import source_file

    return source_file(source, max_pixels).size


def not_kept(names: Collection[str]) -> list[str]:
    """A note on metadata that is not kept: 'ICC profile, EXIF not kept'"""
    return [f"{', '.join(names)} not kept"] if names else []


def refuse_if(strict: bool, notes: Collection[str], name: str) -> None:
    """Raises UnreadableImageError with the notes if `strict`."""
    if strict and notes:
        raise UnreadableImageError(f"{name} is refused by --strict: {', '.join(notes)}")


def upright(pixels: NDArray[np.uint8], metadata: Metadata) -> NDArray[np.uint8]:
    """uint8 (H, W) or (H, W, 3) turned as the orientation in EXIF or XMP says, if they say one."""
    return np.array(transposed(Image.fromarray(pixels), metadata.orientation))


def write_image(path: Path, pixels: NDArray[Any], overwrite: bool = False) -> int:
    """Writes an image file in the format of the path's ending, with the arguments of `image_bytes`; returns the bytes written."""
    data = image_bytes(pixels, path.suffix)
    with written_whole(path, overwrite) as file:
        file.write(data)
    return len(data)


def image_bytes(pixels: NDArray[Any], suffix: str = ".png", metadata: Metadata | None = None) -> bytes:
    """`pixels` as the bytes of an image file, in the format of a suffix, with the metadata that the format can hold.

    uint8 or uint16, of shape (H, W), (H, W, 2) gray and alpha, (H, W, 3) or (H, W, 4) RGB and alpha. Raises DlicError for a format
    without alpha or 16 bits, if the pixels have them. Where it has no place for the ICC profile, the colours become sRGB.
    """
    kind = check_writable(suffix)
    channels = _channels(pixels)
    if channels in (2, 4) and kind not in HOLD_ALPHA:
        raise DlicError(f"{suffix} has no place for the picture's transparency: use .png, .webp or .tif")
    if pixels.dtype == np.uint16 and kind not in (HOLD_16_BIT_GRAY if channels == 1 else HOLD_16_BIT_COLOUR):
        raise DlicError(f"{suffix} has no place for the picture's 16-bit samples: use .png")
    place = placed(pixels, kind, metadata or Metadata())
    pixels, metadata = place.converted(pixels), place.metadata
    if kind == "TIFF":
        from dlic.images.tiff import writing as tiff

        return tiff.write(pixels, metadata)
    if pixels.dtype == np.uint16 and channels > 1:
        return png.with_metadata(png.write(pixels), metadata)
    buffer = io.BytesIO()
    fast = {"compress_level": PNG_LEVEL} if kind == "PNG" else {}
    Image.fromarray(pixels).save(buffer, format=kind, **save_options(metadata, kind), **fast)
    if kind == "JPEG":
        from dlic.images import multi_picture

        return multi_picture.with_metadata(buffer.getvalue(), metadata)
    return png.with_metadata(buffer.getvalue(), metadata) if kind == "PNG" else buffer.getvalue()


def check_writable(suffix: str) -> str:
    """Pillow's name of the format that is written for an ending. Raises DlicError where there is none."""
    kind, hint = format_of(suffix)
    if kind is None:
        raise DlicError(f"cannot write {suffix or 'a file without ending'}: {hint}")
    return kind


def _channels(pixels: NDArray[Any]) -> int:
    return 1 if pixels.ndim == 2 else pixels.shape[2]


def holds_alpha(suffix: str) -> bool:
    """Whether files with this ending have a place for transparency."""
    return format_of(suffix)[0] in HOLD_ALPHA


def not_held(pixels: NDArray[Any], suffix: str, metadata: Metadata) -> list[str]:
    """Notes on metadata that `image_bytes` does not write, and on colours that it converts instead."""
    return placing_notes(pixels, format_of(suffix)[0] or "", metadata, suffix)
