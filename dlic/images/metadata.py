"""What an image file says beside its pixels: profile, EXIF, XMP, resolution and texts, from Pillow's images and back."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from dlic.errors import DlicError
from dlic.images import exif as exif_bytes

LABELS = {"icc_profile": "ICC profile", "exif": "EXIF", "xmp": "XMP", "dpi": "resolution", "text": "text"}  # what people call it
MAX_DPI = 4_000_000.0
MAX_KEYWORD = 79  # bytes of Latin-1, as in PNG
PNG_XMP, PNG_EXIF = "XML:com.adobe.xmp", "Raw profile type exif"  # keywords of texts that are none
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))([1-8])')
IMAGE_WIDTH, IMAGE_LENGTH, X_RESOLUTION = 256, 257, 282  # tags of TIFF
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

    @property
    def orientation(self) -> int | None:
        """How the stored pixels are to be turned, 1 … 8: the word of EXIF, or else of XMP; None where neither says it."""
        return orientation(self.exif, self.xmp)

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


def orientation(exif: bytes, xmp: bytes) -> int | None:
    """1 … 8 as EXIF (bare) states it, or else XMP; None where neither does. The one place where it is read."""
    stated = exif_bytes.orientation(exif)
    in_xmp = XMP_ORIENTATION.search(xmp)
    return int(in_xmp[2]) if stated is None and in_xmp else stated


def upright(metadata: Metadata) -> Metadata:
    """The metadata of pixels that have been turned by its `orientation`: what it stated is 1, and EXIF has no thumbnail."""
    return replace(metadata, exif=exif_bytes.upright(metadata.exif), xmp=XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp))


def metadata_of(image: Image.Image) -> Metadata:
    """What a loaded image file says, as of pixels that are turned the way it wants."""
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
    if isinstance(image, TiffImageFile):
        has_some = any(tag in image.tag_v2 for tag in (*DESCRIPTIVE, *SUB_DIRECTORIES))
    else:
        has_some = PNG_EXIF in image.info
    return has_some and not _exif_of(image)


def orientation_of(image: Image.Image) -> int | None:
    """How the pixels of a loaded image are to be turned, 1 … 8; None where nothing says it."""
    if isinstance(image, TiffImageFile):
        return None  # Pillow has turned them
    return orientation(_exif_of(image), _xmp_of(image))


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
    """Bare EXIF; of a TIFF file the tags that speak of the picture."""
    if isinstance(image, TiffImageFile):
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
    """Across and down of the turned pixels, unless it is Pillow that says so and not the file."""
    dpi = image.info.get("dpi")
    if not dpi or (isinstance(image, TiffImageFile) and X_RESOLUTION not in image.tag_v2):
        return None
    if image.format in ("JPEG", "MPO") and not image.info.get("jfif_unit"):  # made up of EXIF, where it stays
        return None
    across, down = (float(value) for value in dpi)
    if not is_dpi((across, down)):
        return None
    return (down, across) if _is_sideways(image) else (across, down)


def _is_sideways(image: Image.Image) -> bool:
    """Whether the stored pixels lie on their side. Of a TIFF file, whose tag Pillow removes, the sizes tell, but for squares."""
    if isinstance(image, TiffImageFile):
        stored = image.tag_v2.get(IMAGE_WIDTH), image.tag_v2.get(IMAGE_LENGTH)
        return image.size != stored and image.size == stored[::-1]
    return orientation_of(image) in SIDEWAYS


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


def _of_tiff(image: TiffImageFile) -> bytes:
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
