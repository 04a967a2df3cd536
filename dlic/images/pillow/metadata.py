"""Metadata from Pillow's images, and into the files that Pillow writes."""

from typing import TYPE_CHECKING, Any

from PIL import Image

from dlic.images import exif as exif_bytes
from dlic.images.metadata import LABELS, PNG_XMP, Metadata, fitting, is_dpi, is_keyword, orientation, upright
from dlic.images.pillow.tiff import is_tiff

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

PNG_EXIF = "Raw profile type exif"  # keyword of a text that is none
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
IMAGE_WIDTH, IMAGE_LENGTH, X_RESOLUTION = 256, 257, 282  # tags of TIFF
SUB_DIRECTORIES = (0x8769, 0x8825)  # EXIF's own, GPS
# Tags of a TIFF file's directory that describe the picture. The others describe how the file holds it.
DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298, *range(0x9C9B, 0x9CA0))

# What Pillow can put into each format, by its name for it; PNG is written in png.py.
HELD = {
    "PNG": frozenset(LABELS),
    "JPEG": frozenset(["icc_profile", "exif", "xmp", "dpi"]),
    "TIFF": frozenset(["icc_profile", "exif", "xmp", "dpi"]),
    "WEBP": frozenset(["icc_profile", "exif", "xmp"]),
    "AVIF": frozenset(["icc_profile", "exif", "xmp"]),
    "BMP": frozenset(["dpi"]),
}
AS_COLOUR = {("WEBP", 1), ("WEBP", 2), ("AVIF", 2)}  # kinds and channels of gray that Pillow writes as RGB
MAX_IN_JPEG = {"exif": 65527, "xmp": 65504, "icc_profile": 255 * 65519}  # bytes that its segments hold


def metadata_of(image: Image.Image) -> Metadata:
    """Metadata of a loaded image file, for pixels that have been turned upright."""
    texts = getattr(image, "text", {}).items()
    return upright(
        Metadata(
            icc_profile=_bytes(image.info.get("icc_profile")),
            exif=_exif_of(image),
            xmp=_xmp_of(image),
            dpi=_dpi_of(image),
            text={word: str(text) for word, text in texts if word not in (PNG_XMP, PNG_EXIF) and is_keyword(word)},
        )
    )


def loses_exif(image: Image.Image) -> bool:
    """Whether a loaded image file has EXIF that `metadata_of` cannot read."""
    has_some = any(tag in image.tag_v2 for tag in (*DESCRIPTIVE, *SUB_DIRECTORIES)) if is_tiff(image) else PNG_EXIF in image.info
    return has_some and not _exif_of(image)


def orientation_of(image: Image.Image) -> int | None:
    """EXIF orientation of the pixels of a loaded image, 1 … 8; None where the file states none."""
    if is_tiff(image):
        return None  # Pillow has turned them
    return orientation(_exif_of(image), _xmp_of(image))


def held(metadata: Metadata, kind: str, channels: int) -> Metadata:
    """The metadata that a file of a format (Pillow's name) can hold, for pixels of 1 … 4 channels."""
    names = set(HELD.get(kind, ()))
    if kind == "JPEG":
        names -= {name for name, most in MAX_IN_JPEG.items() if len(getattr(metadata, name)) > most}
        names -= set() if all(0.5 < value < 65535 for value in metadata.dpi or ()) else {"dpi"}
    if kind in ("AVIF", "TIFF") and metadata.exif and not _is_understood(metadata.exif):
        names -= {"exif"}  # which Pillow writes anew there
    gray = channels <= 2 and (kind, channels) not in AS_COLOUR
    return fitting(metadata.only(names), b"GRAY" if gray else b"RGB ")


def save_options(metadata: Metadata, kind: str) -> dict[str, Any]:
    """Arguments of Pillow's `save` for metadata from `held`; empty for PNG."""
    if kind == "PNG":
        return {}
    options = {name: getattr(metadata, name) for name in metadata.given}
    if kind == "TIFF" and {"exif", "xmp"} & set(options):
        options["exif"] = _tiff_tags(metadata)
        options.pop("xmp", None)
    elif "exif" in options and kind != "AVIF":
        options["exif"] = exif_bytes.PREFIX + metadata.exif
    return options


def _exif_of(image: Image.Image) -> bytes:
    """Bare EXIF; of a TIFF file the tags that speak of the picture."""
    if is_tiff(image):
        return _of_tiff(image)
    if "exif" not in image.info and PNG_EXIF in image.info:
        return _from_legacy_text(image.info[PNG_EXIF])
    return exif_bytes.bare(_bytes(image.info.get("exif")))


def _from_legacy_text(text: Any) -> bytes:
    """EXIF in a text of a PNG file: three lines that tell its kind and length, and hexadecimal digits."""
    try:
        return exif_bytes.bare(bytes.fromhex("".join(str(text).split("\n")[3:])))
    except ValueError:
        return b""


def _xmp_of(image: Image.Image) -> bytes:
    return _bytes(image.info.get("xmp") or image.info.get(PNG_XMP))


def _dpi_of(image: Image.Image) -> tuple[float, float] | None:
    """Across and down of the upright pixels; None where the value is Pillow's own and not the file's."""
    dpi = image.info.get("dpi")
    if not dpi or (is_tiff(image) and X_RESOLUTION not in image.tag_v2):
        return None
    if image.format in ("JPEG", "MPO") and not image.info.get("jfif_unit"):  # made up of EXIF, where it stays
        return None
    across, down = (float(value) for value in dpi)
    if not is_dpi((across, down)):
        return None
    return (down, across) if _is_sideways(image) else (across, down)


def _is_sideways(image: Image.Image) -> bool:
    """Whether the stored pixels lie on their side. Of a TIFF file, whose tag Pillow removes, the sizes tell, but for squares."""
    if is_tiff(image):
        stored = image.tag_v2.get(IMAGE_WIDTH), image.tag_v2.get(IMAGE_LENGTH)
        return image.size != stored and image.size == stored[::-1]
    return orientation_of(image) in SIDEWAYS


def _bytes(value: Any) -> bytes:
    """Metadata from Pillow, which may be bytes, text or None, as bytes."""
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray) else b""


def _descriptive(tags: Image.Exif) -> Image.Exif:
    """The tags that describe the picture, without those that describe how the file holds it."""
    selected = Image.Exif()
    for tag in DESCRIPTIVE:
        if tag in tags:
            selected[tag] = tags[tag]
    for tag in SUB_DIRECTORIES:
        if values := tags.get_ifd(tag):
            selected.get_ifd(tag).update(values)
            selected[tag] = selected.get_ifd(tag)
    return selected


def _of_tiff(image: "TiffImageFile") -> bytes:
    """The descriptive tags of a TIFF file as EXIF; empty where there are none, or Pillow cannot read and write them."""
    try:
        tags = _descriptive(image.getexif())
        return exif_bytes.bare(tags.tobytes()) if len(tags) else b""
    except Exception:  # Pillow raises nearly everything on values it did not expect
        return b""


def _is_understood(exif: bytes) -> bool:
    """Whether Pillow can read and write it."""
    tags = Image.Exif()
    try:
        tags.load(exif)
        return bool(tags.tobytes() and len(_descriptive(tags)) and _descriptive(tags).tobytes())
    except Exception:  # as in `_of_tiff`
        return False


def _tiff_tags(metadata: Metadata) -> Image.Exif:
    tags = Image.Exif()
    tags.load(metadata.exif)
    tags = _descriptive(tags)
    if metadata.xmp:
        tags[700] = metadata.xmp
    return tags
