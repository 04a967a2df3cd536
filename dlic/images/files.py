"""Image files ⇄ uint8 RGB arrays, through Pillow."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dlic.errors import DlicError, UnreadableImageError
from dlic.files import read_whole, written_whole

EXTENSIONS = frozenset([".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".ppm", ".pgm", ".gif", ".jp2", ".tga"])
MAX_PIXELS = 178_956_970  # where Pillow itself refuses by default: a gigabyte of memory while decoding
PLAIN_MODES = {"RGB", "L", "1", "P"}  # hold nothing that 8-bit RGB loses


@dataclass(frozen=True)
class ImageFile:
    """What was read: pixels, and what of the file they do not carry."""

    pixels: np.ndarray  # uint8 (H, W, 3), orientation applied
    notes: tuple[str, ...]  # one clause for each thing left behind, such as "transparency is dropped"


def read_image(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> ImageFile:
    """Read any image Pillow knows, from a path or its bytes.

    Raises UnreadableImageError for what is missing, no image, broken, truncated or above `max_pixels`.
    """
    name = "the input" if isinstance(source, bytes) else str(source)
    with _one_sentence(name):
        data = source if isinstance(source, bytes) else read_whole(source, UnreadableImageError)
        if not data:
            raise UnreadableImageError(f"{name} is empty")
        image = Image.open(io.BytesIO(data))
        width, height = image.size
        if width * height > max_pixels:
            raise UnreadableImageError(
                f"{name} has {width} × {height} = {width * height:,} pixels, above the limit of {max_pixels:,}; "
                "--max-pixels raises it"
            )
        notes = tuple(_left_behind(image))
        image.load()
        upright = ImageOps.exif_transpose(image)
        return ImageFile(np.array(_to_rgb(upright)), notes)


def write_image(path: Path, pixels: np.ndarray, overwrite: bool = False) -> int:
    """Write uint8 (H, W, 3) in the format of the path's ending; returns the bytes written."""
    data = image_bytes(pixels, path.suffix)
    with written_whole(path, overwrite) as file:
        file.write(data)
    return len(data)


def image_bytes(pixels: np.ndarray, suffix: str = ".png") -> bytes:
    """The bytes of an image file holding `pixels`, uint8 (H, W, 3), in the format a suffix names."""
    kind = Image.registered_extensions().get(suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise DlicError(f"cannot write {suffix or 'a file without ending'}: use .png, .jpg, .webp, .tif or .bmp")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # Pillow's own conversion clips 16 bits at 255
        grey = np.asarray(image).astype(np.float64)
        peak = 65535.0 if image.mode.startswith("I") else max(1.0, float(grey.max()))
        image = Image.fromarray(np.clip(np.rint(grey * (255 / peak)), 0, 255).astype(np.uint8))
    return image.convert("RGB")


def _left_behind(image: Image.Image) -> Iterator[str]:
    """What a plain 8-bit RGB array will not hold of this file."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        yield "transparency is dropped"
    elif image.mode.startswith("I") or image.mode == "F":
        yield "16-bit samples become 8-bit"
    elif image.mode not in PLAIN_MODES:
        yield f"{image.mode} colours are converted to RGB"
    if getattr(image, "n_frames", 1) > 1:
        yield f"only the first of {image.n_frames} frames is kept"
    carried = [label for key, label in (("icc_profile", "ICC profile"), ("exif", "EXIF"), ("xmp", "XMP")) if image.info.get(key)]
    if carried:
        yield f"{', '.join(carried)} not kept"


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Pillow's many ways of failing, as one."""
    previous, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # our own limit is checked instead
    try:
        yield
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImageError(f"{name} is not an image that Pillow can read") from error
    except MemoryError as error:
        raise UnreadableImageError(f"{name} does not fit into memory") from error
    except Exception as error:  # Pillow's plugins raise nearly everything on broken files
        raise UnreadableImageError(f"{name} is broken: {str(error) or type(error).__name__}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = previous
