"""Metadata of a picture: colours, EXIF, XMP, IPTC, resolution, texts, and parts that only one format knows."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from typing import Any

from dlic.errors import DlicError
from dlic.images import exif as exif_bytes
from dlic.images import gain_map
from dlic.images.colours.code_points import CodePoints

LABELS = {  # names in messages
    "icc_profile": "ICC profile", "exif": "EXIF", "xmp": "XMP", "dpi": "resolution", "text": "text",
    "code_points": "colours by code points", "iptc": "IPTC", "parts": "parts of one format",
}  # fmt: skip
MAX_DPI = 4_000_000.0
MAX_KEYWORD = 79  # bytes of Latin-1, as in PNG
OF_COLOURS = {"sRGB", "gAMA", "cHRM", "mDCV", "cLLI"}
IMPLIED = {"sRGB", "gAMA", "cHRM"}  # chunks that repeat a profile, or its absence
PNG_XMP = "XML:com.adobe.xmp"  # keyword of a text that holds XMP
COMMENT = "Comment"  # keyword of the one text that other formats have a place for
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
ASPECT = ("PNG", "pHYs")  # the part that states the shape of a pixel: two numbers of 4 bytes across and down, and 0
PART_NAMES = {"PNG": re.compile("[a-z][A-Za-z]{3}"), "JPEG": re.compile(f"APP([0-9]|1[0-5])|{gain_map.NAME[1]}")}
OF_PICTURES = {
    "tRNS",
    "acTL",
    "fcTL",
    "fdAT",
    "cICP",
    "iCCP",
    "eXIf",
    "iTXt",
    "zTXt",
    "tEXt",
}  # chunks that have fields, or are pixels
XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))([1-8])')


@dataclass(frozen=True)
class Part:
    """A chunk of PNG, or a segment or the gain map of JPEG: it means the same in every file of its format, and nothing in others.

    Raises DlicError for a name that no such part has, and for parts that would change the picture.
    """

    format: str  # Pillow's name
    name: str
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        of_format = PART_NAMES.get(self.format)
        is_map = (self.format, self.name) == gain_map.NAME
        codes_picture = self.name in OF_PICTURES or (self.name in ("APP0", "APP14") and self.data.startswith((b"JFIF", b"Adobe")))
        if of_format is None or not of_format.fullmatch(self.name) or codes_picture or not isinstance(self.data, bytes):
            raise DlicError(f"{self.format[:20]} has no part {self.name[:20]!r} that could be copied")
        if is_map and not gain_map.is_file(self.data):
            raise DlicError(f"a gain map is a whole JPEG file of at most {gain_map.MAX_SIZE:,} bytes, unlike this one")


@dataclass(frozen=True)
class Metadata:
    """Metadata that is stored with the pixels. Raises DlicError for values that no file can hold."""

    icc_profile: bytes = b""
    exif: bytes = b""  # a TIFF structure; "Exif" in front of it is taken away
    xmp: bytes = b""  # an XMP packet, UTF-8
    dpi: tuple[float, float] | None = None  # pixels per inch, across and down
    text: Mapping[str, str] = field(default_factory=dict)  # PNG's texts by keyword
    code_points: CodePoints | None = None  # what the numbers of the pixels mean, before the ICC profile
    iptc: bytes = b""  # Photoshop's image resources (8BIM), which hold IPTC
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        for name in ("icc_profile", "exif", "xmp", "iptc"):
            if not isinstance(getattr(self, name), bytes):
                raise DlicError(f"{LABELS[name]} data are bytes, not {type(getattr(self, name)).__name__}")
        object.__setattr__(self, "exif", exif_bytes.bare(self.exif))
        if self.dpi is not None:
            if not is_dpi(self.dpi):
                raise DlicError(f"a resolution is two numbers of pixels per inch up to {MAX_DPI:,.0f}, not {self.dpi!r}")
            object.__setattr__(self, "dpi", (float(self.dpi[0]), float(self.dpi[1])))
        if sum((part.format, part.name) == gain_map.NAME for part in self.parts) > 1:
            raise DlicError("a picture has one gain map at most")
        for keyword, value in self.text.items():
            if not isinstance(value, str) or not is_keyword(keyword):
                raise DlicError(f"a text has a keyword of 1 … {MAX_KEYWORD} characters of Latin-1, unlike {str(keyword)[:100]!r}")

    @property
    def given(self) -> list[str]:
        """Names of the fields that are not empty."""
        return [field.name for field in fields(self) if getattr(self, field.name)]

    @property
    def orientation(self) -> int | None:
        """Orientation of the stored pixels, 1 … 8, as EXIF states it, or else XMP; None where neither does."""
        return orientation(self.exif, self.xmp)

    def only(self, names: Collection[str]) -> "Metadata":
        """The metadata with these fields alone. A gain map and the XMP that claims it go together."""
        return gain_map.agreeing(self, Metadata(**{name: getattr(self, name) for name in self.given if name in names}))

    def without(self, names: Collection[str]) -> "Metadata":
        """The metadata without these fields; without `code_points` chunks that state colours go too."""
        parts = tuple(part for part in self.parts if "code_points" not in names or part.name not in OF_COLOURS)
        return replace(self, parts=parts).only(set(LABELS) - set(names))


def is_keyword(keyword: Any) -> bool:
    """Whether a PNG text may have this name."""
    printable = isinstance(keyword, str) and all("\0" < character <= "\xff" for character in keyword)
    return printable and 1 <= len(keyword) <= MAX_KEYWORD


def is_dpi(dpi: Any) -> bool:
    """Whether this is a resolution across and down."""
    numbers = isinstance(dpi, Sequence) and all(isinstance(value, Real) and not isinstance(value, bool) for value in dpi)
    return numbers and len(dpi) == 2 and all(0 < value <= MAX_DPI for value in dpi)


def orientation(exif: bytes, xmp: bytes) -> int | None:
    """1 … 8 as EXIF (bare) states it, or else XMP; None where neither does. The one place where it is read."""
    stated = exif_bytes.orientation(exif)
    in_xmp = XMP_ORIENTATION.search(xmp)
    return int(in_xmp[2]) if stated is None and in_xmp else stated


def upright(metadata: Metadata) -> Metadata:
    """The metadata after the pixels were turned by its `orientation`: the stated orientation becomes 1, EXIF loses its thumbnail,
    the shape of a pixel turns, and a gain map of the stored pixels is left out.
    """
    metadata = metadata if metadata.orientation in (None, 1) else gain_map.without(metadata)
    sideways = metadata.orientation in SIDEWAYS
    parts = tuple(_turned(part) if sideways else part for part in metadata.parts)
    return replace(metadata, exif=exif_bytes.upright(metadata.exif), xmp=XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp), parts=parts)


def _turned(part: Part) -> Part:
    is_aspect = (part.format, part.name) == ASPECT
    return replace(part, data=part.data[4:8] + part.data[:4] + part.data[8:]) if is_aspect else part


def aspect(across: int, down: int) -> tuple[Part, ...]:
    """The part that states pixels which are not square, by their numbers across and down on the same length; none for squares."""
    fits = 0 < across < 1 << 32 and 0 < down < 1 << 32 and across != down
    return (Part(*ASPECT, across.to_bytes(4, "big") + down.to_bytes(4, "big") + b"\0"),) if fits else ()


def fitting(metadata: Metadata, space: bytes) -> Metadata:
    """The metadata without a profile of another colour space; `space` is b"RGB " or b"GRAY", as ICC writes it."""
    of = metadata.icc_profile[16:20]
    return metadata if of in (b"", space) else metadata.without(["icc_profile"])


def difference(before: Metadata, after: Metadata) -> list[str]:
    """Names, for messages, of what `after` lacks. Parts that repeat what other fields or formats say are not missed."""
    claimed = before if gain_map.data_of(after) else gain_map.without(before)  # XMP loses claims on what is gone
    names = [name for name in before.given if name != "parts" and getattr(claimed, name) != getattr(after, name)]
    parts = [part for part in before.parts if part not in after.parts and part.name not in IMPLIED]
    return [LABELS[name] for name in LABELS if name in names] + list(dict.fromkeys(f"{part.format} {part.name}" for part in parts))
