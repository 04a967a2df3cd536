"""What an image file says beside its pixels: profile, EXIF, XMP, resolution and texts, from Pillow's images and back."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from PIL import Image

from dlic.errors import DlicError
from dlic.images import exif as exif_bytes

LABELS = {"icc_profile": "ICC profile", "exif": "EXIF", "xmp": "XMP", "dpi": "resolution", "text": "text"}  # what people call it
MAX_DPI = 4_000_000.0
MAX_KEYWORD = 79  # bytes of Latin-1, as in PNG
PNG_XMP, PNG_EXIF = "XML:com.adobe.xmp", "Raw profile type exif"  # keywords of texts that are none
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))[0-9]')
X_RESOLUTION = 282
SUB_DIRECTORIES = (0x8769, 0x8825)  # EXIF's own, GPS
# Tags of a TIFF file's directory that speak of the picture; the others describe how the file holds it.
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


@dataclass(frozen=True)
class Metadata:
    """What goes with pixels unchanged. Raises DlicError for what no file could hold."""

    icc_profile: bytes = b""
    exif: bytes = b""  # a TIFF structure; "Exif" in front of it is taken away
    xmp: bytes = b""  # an XMP packet, UTF-8
    dpi: tuple[float, float] | None = None  # pixels per inch, across and down
    text: Mapping[str, str] = field(default_factory=dict)  # PNG's texts by keyword

    def __post_init__(self) -> None:
        for name in ("icc_profile", "exif", "xmp"):
            if not isinstance(getattr(self, name), bytes):
                raise DlicError(f"{LABELS[name]} data are bytes, not {type(getattr(self, name)).__name__}")
        object.__setattr__(self, "exif", exif_bytes.bare(self.exif))
        if self.dpi is not None and not is_dpi(self.dpi):
            raise DlicError(f"a resolution is two numbers of pixels per inch up to {MAX_DPI:,.0f}, not {self.dpi!r}")
        for keyword, value in self.text.items():
            if not isinstance(value, str) or not is_keyword(keyword):
                raise DlicError(f"a text has a keyword of 1 … {MAX_KEYWORD} characters of Latin-1, unlike {str(keyword)[:100]!r}")

    @property
    def given(self) -> list[str]:
        """The names of what there is."""
        return [one.name for one in fields(self) if getattr(self, one.name)]

    def only(self, names: Collection[str]) -> "Metadata":
        """What there is of these."""
        return Metadata(**{name: getattr(self, name) for name in self.given if name in names})

    def without(self, names: Collection[str]) -> "Metadata":
        """The rest."""
        return self.only(set(LABELS) - set(names))


def labels(names: Collection[str]) -> str:
    """What people call these, in one order: 'ICC profile, EXIF'"""
    return ", ".join(label for name, label in LABELS.items() if name in names)


def is_keyword(keyword: Any) -> bool:
    """Whether a PNG text may have this name."""
    printable = isinstance(keyword, str) and all("\0" < character <= "\xff" for character in keyword)
    return printable and 1 <= len(keyword) <= MAX_KEYWORD


def is_dpi(dpi: Any) -> bool:
    """Whether this is a resolution across and down."""
    numbers = isinstance(dpi, tuple) and all(isinstance(value, int | float) for value in dpi)
    return numbers and len(dpi) == 2 and all(0 < value <= MAX_DPI for value in dpi)


def upright(metadata: Metadata) -> Metadata:
    """The metadata of pixels that have been turned as it said: the orientation it states is 1, and EXIF has no thumbnail."""
    return replace(metadata, exif=exif_bytes.upright(metadata.exif), xmp=XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp))


def metadata_of(image: Image.Image) -> Metadata:
    """What a loaded image file says, as of pixels that are turned the way it wants."""
    found = {
        "icc_profile": _bytes(image.info.get("icc_profile")),
        "exif": _exif_of(image),
        "xmp": _bytes(image.info.get("xmp")),
        "dpi": _dpi_of(image),
        "text": {
            keyword: str(value)
            for keyword, value in getattr(image, "text", {}).items()
            if keyword not in (PNG_XMP, PNG_EXIF) and is_keyword(keyword)
        },
    }
    return upright(Metadata(**found))


def fitting(metadata: Metadata, space: bytes) -> Metadata:
    """Without a profile that says nothing of the pixels, which are b"RGB " or b"GRAY" as ICC writes it."""
    of = metadata.icc_profile[16:20]
    return metadata if of in (b"", space) else metadata.without(["icc_profile"])


def held(metadata: Metadata, kind: str, channels: int) -> Metadata:
    """What a file of a kind (Pillow's name) can hold of it, for pixels of 1 … 4 channels."""
    names = set(HELD.get(kind, ()))
    if kind == "JPEG":
        names -= {name for name, most in MAX_IN_JPEG.items() if len(getattr(metadata, name)) > most}
        names -= set() if all(0.5 < value < 65535 for value in metadata.dpi or ()) else {"dpi"}
    if kind in ("AVIF", "TIFF") and metadata.exif and not _is_understood(metadata.exif):
        names -= {"exif"}  # which Pillow writes anew there
    gray = channels <= 2 and (kind, channels) not in AS_COLOUR
    return fitting(metadata.only(names), b"GRAY" if gray else b"RGB ")


def save_options(metadata: Metadata, kind: str) -> dict:
    """Arguments of Pillow's `save` for what `held` gave; empty for PNG."""
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
    if image.format == "TIFF":
        return _tobytes(_descriptive(_tags_of(image)))
    if "exif" not in image.info and PNG_EXIF in image.info:
        return _tobytes(_tags_of(image))
    return exif_bytes.bare(_bytes(image.info.get("exif")))


def _dpi_of(image: Image.Image) -> tuple[float, float] | None:
    """Across and down of the turned pixels, unless it is Pillow that says so and not the file."""
    tags = image.tag_v2 if image.format == "TIFF" else _tags_of(image)
    dpi = image.info.get("dpi")
    if not dpi or (image.format == "TIFF" and X_RESOLUTION not in tags):
        return None
    if image.format in ("JPEG", "MPO") and not image.info.get("jfif_unit"):  # made up of EXIF, where it stays
        return None
    across, down = (float(value) for value in dpi)
    if not is_dpi((across, down)):
        return None
    return (down, across) if tags.get(exif_bytes.ORIENTATION) in SIDEWAYS else (across, down)


def _tags_of(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except Exception:  # as in `_tobytes`
        return Image.Exif()


def _bytes(value: bytes | str | tuple | None) -> bytes:
    """Pillow gives metadata as bytes, as text, and as nothing at all."""
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray) else b""


def _descriptive(tags: Image.Exif) -> Image.Exif:
    """Those tags that speak of the picture."""
    kept = Image.Exif()
    for tag in DESCRIPTIVE:
        if tag in tags:
            kept[tag] = tags[tag]
    for tag in SUB_DIRECTORIES:
        if values := tags.get_ifd(tag):
            kept.get_ifd(tag).update(values)
            kept[tag] = kept.get_ifd(tag)
    return kept


def _tobytes(tags: Image.Exif) -> bytes:
    try:
        return exif_bytes.bare(tags.tobytes()) if len(tags) else b""
    except Exception:  # Pillow raises nearly everything on values it did not expect
        return b""


def _is_understood(exif: bytes) -> bool:
    """Whether Pillow can read and write it."""
    tags = Image.Exif()
    try:
        tags.load(exif)
        return bool(_tobytes(tags) and _tobytes(_descriptive(tags)))
    except Exception:  # as in `_tobytes`
        return False


def _tiff_tags(metadata: Metadata) -> Image.Exif:
    tags = Image.Exif()
    tags.load(metadata.exif)
    tags = _descriptive(tags)
    if metadata.xmp:
        tags[700] = metadata.xmp
    return tags
