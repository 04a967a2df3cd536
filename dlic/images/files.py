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
from dlic.images.kinds import GRAY_MODES, PROFILED_MODES, conversions, eight_bit_pixels, refuse_deep
from dlic.images.metadata import LABELS, Metadata, fitting, labels
from dlic.images.pillow.metadata import held, loses_exif, metadata_of, save_options
from dlic.images.pillow.opening import decoding, memory_for, open_image
from dlic.images.pillow.orientation import transposed
from dlic.images.pillow.plugins import PLUGIN_ENDINGS, format_of
from dlic.pixels.rectangles import Rectangle
from dlic.storage.files import read_whole, written_whole

EXTENSIONS = frozenset(
    [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".ppm", ".pgm", ".gif", ".jp2", ".tga", *PLUGIN_ENDINGS]
)
PNG_LEVEL = 2  # of zlib: a fifth of the time of Pillow's 6, and a tenth more bytes of photographs
MAX_PIXELS = 178_956_970  # where Pillow itself refuses by default: a gigabyte of memory while decoding
HOLD_ALPHA = {"PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "TGA", "ICO", "HEIF", "JXL"}
HOLD_16_BIT_GRAY = {"PNG", "TIFF", "PPM"}
HOLD_16_BIT_COLOUR = {"PNG"}  # written here: Pillow has no such pixels
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
    name = name_of(source)
    with memory_for(name):
        image = opened(source, max_pixels)
        refuse_deep(image, name)
        notes = [*frames_left(image, name), *conversions(image, keep)]
        refuse_if(strict, notes, name)
        pixels = eight_bit_pixels(image, keep, name)
        metadata, lost = read_metadata(image, pixels, keep)
        return ImageFile(pixels, (*notes, *lost), metadata)


def opened(source: str | Path | bytes, max_pixels: int) -> PillowFile:
    """An image file with its header read, from a path or its bytes; its pixels are not loaded.

    Raises UnreadableImageError for a file that is missing, no image, broken, or above `max_pixels`.
    """
    name = name_of(source)
    data = source if isinstance(source, bytes) else read_whole(source, UnreadableImageError)
    if not data:
        raise UnreadableImageError(f"{name} is empty")
    with decoding(name):
        image = open_image(data)
    width, height = image.size
    if width * height > max_pixels:
        raise UnreadableImageError(
            f"{name} has {width} × {height} = {width * height:,} pixels, above the limit of {max_pixels:,}; --max-pixels raises it"
        )
    return image


def size_of(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height of an image file as they are stored, from its header. Raises UnreadableImageError as `read_image`."""
    return opened(source, max_pixels).size


def name_of(source: str | Path | bytes) -> str:
    """The name of an image in messages."""
    return "the input" if isinstance(source, bytes) else str(source)


def frames_left(image: Image.Image, name: str) -> list[str]:
    """A note on the frames or pages after the first, if any."""
    with decoding(name):  # some plugins read the whole file to count
        frames = getattr(image, "n_frames", 1)
    return [f"only the first of {frames} frames is kept"] if frames > 1 else []


def refuse_if(strict: bool, notes: Collection[str], name: str) -> None:
    """Raises UnreadableImageError with the notes if `strict`."""
    if strict and notes:
        raise UnreadableImageError(f"{name} is refused by --strict: {', '.join(notes)}")


def read_metadata(image: Image.Image, pixels: NDArray[Any], keep: Collection[str]) -> tuple[Metadata, list[str]]:
    """The metadata of a loaded image, and a note on metadata that is not kept."""
    metadata = metadata_of(image).without(["icc_profile"] if image.mode in PROFILED_MODES else [])  # used up by the conversion
    gray = (image.mode in GRAY_MODES and pixels.ndim == 2) or pixels.shape[2:] == (2,)
    selected = fitting(metadata.only(keep), b"GRAY" if gray else b"RGB ")
    lost = set(metadata.given) - set(selected.given) | ({"exif"} if loses_exif(image) else set())
    return selected, [f"{labels(lost)} not kept"] if lost else []


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
    without alpha or 16 bits, if the pixels have them.
    """
    kind = check_writable(suffix)
    channels = _channels(pixels)
    if channels in (2, 4) and kind not in HOLD_ALPHA:
        raise DlicError(f"{suffix} has no place for the picture's transparency: use .png, .webp or .tif")
    if pixels.dtype == np.uint16 and kind not in (HOLD_16_BIT_GRAY if channels == 1 else HOLD_16_BIT_COLOUR):
        raise DlicError(f"{suffix} has no place for the picture's 16-bit samples: use .png")
    metadata = held(metadata or Metadata(), kind, channels)
    if pixels.dtype == np.uint16 and channels > 1:
        return png.with_metadata(png.write(pixels), metadata)
    buffer = io.BytesIO()
    fast = {"compress_level": PNG_LEVEL} if kind == "PNG" else {}
    Image.fromarray(pixels).save(buffer, format=kind, **save_options(metadata, kind), **fast)
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
    """A note on metadata that `image_bytes` does not write."""
    kind = format_of(suffix)[0] or ""
    lost = set(metadata.given) - set(held(metadata, kind, _channels(pixels)).given)
    return [f"{labels(lost)} not kept: {suffix} has no place for it"] if lost else []
