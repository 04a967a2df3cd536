"""Image files ⇄ arrays: any file as 8-bit RGB, and any array as a file."""

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dlic.errors import DlicError, UnreadableImageError
from dlic.files import read_whole, written_whole
from dlic.images import png

EXTENSIONS = frozenset([".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".ppm", ".pgm", ".gif", ".jp2", ".tga"])
MAX_PIXELS = 178_956_970  # where Pillow itself refuses by default: a gigabyte of memory while decoding
HOLD_ALPHA = {"PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "TGA", "ICO"}
HOLD_16_BIT_GRAY = {"PNG", "TIFF", "PPM"}
HOLD_16_BIT_COLOUR = {"PNG"}  # written here: Pillow has no such pixels
PLAIN_MODES = {"RGB", "L", "1", "P"}  # hold nothing that 8-bit RGB loses
GRAY_MODES = {"L", "LA", "La", "1", "F"}  # and all that begin with I
METADATA = {"icc_profile": "ICC profile", "exif": "EXIF", "xmp": "XMP"}  # what Pillow calls it, what people do


@dataclass(frozen=True)
class ImageFile:
    """What was read: pixels, and what of the file they do not carry."""

    pixels: np.ndarray  # uint8 (H, W, 3) unless asked for otherwise, orientation applied
    notes: tuple[str, ...]  # one clause for each thing left behind, such as "transparency is dropped"
    metadata: dict[str, bytes] = field(default_factory=dict)  # by key of METADATA, of those asked for


def read_image(source: str | Path | bytes, max_pixels: int = MAX_PIXELS, keep: Collection[str] = ()) -> ImageFile:
    """Read any image Pillow knows as 8-bit RGB, from a path or its bytes.

    `keep` says what else the caller has a place for: "gray" leaves gray images (H, W); "icc_profile" and "exif" go into `metadata`.
    Raises UnreadableImageError for what is missing, no image, broken, truncated or above `max_pixels`.
    """
    with opened(source, max_pixels) as image:
        notes = [*_lost_samples(image), *left_behind(image, keep)]
        image.load()
        upright = ImageOps.exif_transpose(image)
        pixels = np.array(_to_eight_bits(upright, "gray" in keep))
        return ImageFile(pixels, tuple(notes), _metadata(upright, pixels.ndim, keep))


@contextmanager
def opened(source: str | Path | bytes, max_pixels: int) -> Iterator[Image.Image]:
    """An image file with its header read, from a path or its bytes, and every way that reading on can fail as one sentence.

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
        yield image


def upright(pixels: np.ndarray, exif: bytes) -> np.ndarray:
    """uint8 (H, W) or (H, W, 3) turned as the orientation in EXIF bytes says, if they say one."""
    image = Image.fromarray(pixels)
    image.info["exif"] = exif
    try:
        return np.array(ImageOps.exif_transpose(image))
    except Exception:  # Pillow raises nearly everything on broken EXIF, which is no reason to show nothing
        return pixels


def write_image(path: Path, pixels: np.ndarray, overwrite: bool = False) -> int:
    """Write what `image_bytes` takes in the format of the path's ending; returns the bytes written."""
    data = image_bytes(pixels, path.suffix)
    with written_whole(path, overwrite) as file:
        file.write(data)
    return len(data)


def image_bytes(pixels: np.ndarray, suffix: str = ".png") -> bytes:
    """The bytes of an image file holding `pixels` in the format a suffix names.

    uint8 or uint16, of shape (H, W), (H, W, 2) gray and alpha, (H, W, 3) or (H, W, 4) RGB and alpha. Raises DlicError for a format
    that has no place for the alpha or the 16 bits.
    """
    kind = Image.registered_extensions().get(suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise DlicError(f"cannot write {suffix or 'a file without ending'}: use .png, .jpg, .webp, .tif or .bmp")
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels in (2, 4) and kind not in HOLD_ALPHA:
        raise DlicError(f"{suffix} has no place for the picture's transparency: use .png, .webp or .tif")
    if pixels.dtype == np.uint16:
        if kind not in (HOLD_16_BIT_GRAY if channels == 1 else HOLD_16_BIT_COLOUR):
            raise DlicError(f"{suffix} has no place for the picture's 16-bit samples: use .png")
        if channels > 1:
            return png.write(pixels)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def _to_eight_bits(image: Image.Image, keep_gray: bool) -> Image.Image:
    gray = image.mode in GRAY_MODES or image.mode.startswith("I")
    if image.mode.startswith("I") or image.mode == "F":  # Pillow's own conversion clips 16 bits at 255
        samples = np.asarray(image).astype(np.float64)
        peak = 65535.0 if image.mode.startswith("I") else max(1.0, float(samples.max()))
        image = Image.fromarray(np.clip(np.rint(samples * (255 / peak)), 0, 255).astype(np.uint8))
    return image.convert("L" if gray and keep_gray else "RGB")


def _lost_samples(image: Image.Image) -> Iterator[str]:
    """What 8 bits of RGB or gray will not hold of this file's samples."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        yield "transparency is dropped"
    elif image.mode.startswith("I") or image.mode == "F":
        yield "16-bit samples become 8-bit"
    elif image.mode not in PLAIN_MODES:
        yield f"{image.mode} colours are converted to RGB"


def left_behind(image: Image.Image, keep: Collection[str] = ()) -> Iterator[str]:
    """What no array of samples holds of this file, but for the metadata to `keep`."""
    if getattr(image, "n_frames", 1) > 1:
        yield f"only the first of {image.n_frames} frames is kept"
    lost = [label for key, label in METADATA.items() if image.info.get(key) and not (key in keep and _fits(key, image))]
    if lost:
        yield f"{', '.join(lost)} not kept"


def _metadata(image: Image.Image, dimensions: int, keep: Collection[str]) -> dict[str, bytes]:
    return {key: image.info[key] for key in METADATA if key in keep and image.info.get(key) and _fits(key, image)}


def _fits(key: str, image: Image.Image) -> bool:
    """Whether metadata still holds of the pixels as they are read: the profile of CMYK says nothing of RGB."""
    space = image.info[key][16:20] if key == "icc_profile" else b""
    return space in (b"", b"GRAY" if image.mode in GRAY_MODES else b"RGB ")


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Pillow's many ways of failing, as one."""
    previous, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # our own limit is checked instead
    try:
        yield
    except DlicError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImageError(f"{name} is not an image that Pillow can read") from error
    except MemoryError as error:
        raise UnreadableImageError(f"{name} does not fit into memory") from error
    except Exception as error:  # Pillow's plugins raise nearly everything on broken files
        raise UnreadableImageError(f"{name} is broken: {str(error) or type(error).__name__}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = previous
