"""Metadata from Pillow's images, and into the files that Pillow writes."""

from typing import TYPE_CHECKING, Any

from PIL import Image

from dlic.images import exif as exif_bytes
from dlic.images.metadata import LABELS, PNG_XMP, SIDEWAYS, XMP_ORIENTATION, Metadata, is_dpi, is_keyword, orientation, upright
from dlic.images.pillow.tiff import is_tiff

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

    from dlic.images.sources.found import Found

PNG_EXIF = "Raw profile type exif"  # keyword of a text that is none
RAW_PROFILES = "Raw profile type "
IMAGE_WIDTH, IMAGE_LENGTH, X_RESOLUTION = 256, 257, 282  # tags of TIFF
SUB_DIRECTORIES = (0x8769, 0x8825)  # EXIF's own, GPS
# Tags of a TIFF file's directory that describe the picture. The others describe how the file holds it.
DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298, *range(0x9C9B, 0x9CA0))

# Metadata that each format holds, by Pillow's name for it; of JPEG and TIFF `fits` of their modules decides.
HELD = {
    "PNG": frozenset(LABELS),
    "WEBP": frozenset(["icc_profile", "exif", "xmp"]),
    "AVIF": frozenset(["icc_profile", "exif", "xmp"]),
    "HEIF": frozenset(["icc_profile", "exif", "xmp"]),
    "JXL": frozenset(["exif", "xmp"]),  # its plugin writes no profile
    "BMP": frozenset(["dpi"]),
}
HOLD_PROFILE = {"PNG", "JPEG", "TIFF", "WEBP", "AVIF", "HEIF"}
AS_COLOUR = {("WEBP", 1), ("WEBP", 2), ("AVIF", 2)}  # kinds and channels of gray that Pillow writes as RGB


def take(image: Image.Image, found: "Found") -> None:
    """Puts a file's statements where Pillow's readers look for them, before the image is loaded."""
    for name in ("icc_profile", "exif", "xmp"):
        if value := getattr(found.metadata, name):
            image.info[name] = value
    if image.format in ("JPEG", "MPO") and not found.metadata.icc_profile:
        image.info.pop("icc_profile", None)  # one that lacks pieces


def metadata_of(image: Image.Image, found: "Found | None" = None) -> Metadata:
    """Metadata of a loaded image file, for pixels that have been turned upright; with what `found` has more."""
    own = found.metadata if found else Metadata()
    own_tags = found is not None and is_tiff(image)
    texts = {word: str(text) for word, text in getattr(image, "text", {}).items() if _is_text(word)}
    xmp = own.xmp if own_tags else _xmp_of(image)
    return upright(
        Metadata(
            icc_profile=_bytes(image.info.get("icc_profile")),
            exif=own.exif if own_tags else _exif_of(image),
            xmp=XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if own_tags else xmp,
            dpi=own.dpi if own_tags else _dpi_of(image),
            text=texts | dict(own.text),
            code_points=own.code_points,
            iptc=own.iptc,
            parts=own.parts,
        )
    )


def loses_exif(image: Image.Image) -> bool:
    """Whether a loaded image file has EXIF that `metadata_of` cannot read."""
    return PNG_EXIF in image.info and not _exif_of(image)


def orientation_of(image: Image.Image) -> int | None:
    """EXIF orientation of the pixels of a loaded image, 1 … 8; None where the file states none."""
    if is_tiff(image):
        return None  # Pillow has turned them
    return orientation(_exif_of(image), _xmp_of(image))


def held(metadata: Metadata, kind: str, channels: int) -> Metadata:
    """The metadata that a file of a format (Pillow's name) can hold, for pixels of 1 … 4 channels."""
    if kind == "JPEG":
        from dlic.images import jpeg

        return jpeg.fits(metadata)
    if kind == "TIFF":
        from dlic.images.tiff import writing as tiff

        return tiff.fits(metadata)
    names = set(HELD.get(kind, ()))
    if kind == "AVIF" and metadata.exif and not _is_understood(exif_bytes.without_orientation(metadata.exif)):
        names -= {"exif"}  # Pillow reads it
    return metadata.only(names)


def is_written_gray(kind: str, channels: int) -> bool:
    """Whether pixels of 1 … 4 channels become a gray picture in a file of a format (Pillow's name)."""
    return channels <= 2 and (kind, channels) not in AS_COLOUR


def save_options(metadata: Metadata, kind: str) -> dict[str, Any]:
    """Arguments of Pillow's `save` for metadata from `held`; empty for formats whose metadata dlic writes itself."""
    if kind in ("PNG", "JPEG", "TIFF"):
        return {}
    options = {name: getattr(metadata, name) for name in metadata.given if name in HELD.get(kind, ())}
    if "exif" in options:
        is_avif = kind == "AVIF"  # Pillow rewrites EXIF that has an orientation
        options["exif"] = exif_bytes.without_orientation(metadata.exif) if is_avif else exif_bytes.PREFIX + metadata.exif
    return options


def _is_text(keyword: Any) -> bool:
    """Whether a text of PNG is a text, and not metadata that is stored as one."""
    return is_keyword(keyword) and keyword != PNG_XMP and not keyword.startswith(RAW_PROFILES)


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
    """The descriptive tags of a TIFF image that Pillow has opened; empty where there are none, or Pillow cannot write them."""
    try:
        tags = _descriptive(image.getexif())
        return exif_bytes.bare(tags.tobytes()) if len(tags) else b""
    except Exception:  # Pillow raises nearly everything on values it did not expect
        return b""


def _is_understood(exif: bytes) -> bool:
    """Whether Pillow can read it."""
    try:
        Image.Exif().load(exif)
        return exif[:4] in exif_bytes.ORDERS
    except Exception:  # as in `_of_tiff`
        return False
