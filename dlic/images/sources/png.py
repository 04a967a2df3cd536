"""Chunks of PNG files (W3C PNG, third edition; PNG-EXT 1.5): colours, texts, IPTC, and all that may be copied."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from dlic.images import photoshop
from dlic.images.bit_depth import to_sixteen_bits_exactly
from dlic.images.colours import icc
from dlic.images.colours.code_points import PRIMARIES, SRGB_CURVE, CodePoints, Primaries, power_with_toe
from dlic.images.metadata import Metadata, Part, aspect, is_keyword
from dlic.images.sources.found import Found, behind

SIGNATURE_SIZE = 8
MAX_TEXT = 1 << 24  # bytes of an inflated text
PALETTE, HAS_COLOUR = 3, 2  # colour type; its bit
# Chunks that hold the picture, or say how the file holds it: pixels, animation, Apple's places in IDAT, traces of GIF.
OF_PIXELS = {"IHDR", "IDAT", "IEND", "tRNS", "acTL", "fcTL", "fdAT", "iDOT", "gIFg", "gIFx", "eXIf"}  # Pillow reads eXIf
COPIED = {"tIME", "sBIT", "bKGD", "sPLT", "oFFs", "pCAL", "sCAL", "sTER", "mDCV", "cLLI", "sRGB", "gAMA", "cHRM"}
NAMED = {"caBX": "C2PA manifest", "hIST": "histogram of the palette"}
PROFILES = {
    "iptc": "iptc",
    "8bim": "iptc",
    "icc": "icc_profile",
    "icm": "icc_profile",
    "xmp": "xmp",
    "exif": "exif",
    "APP1": "exif",
}
RAW = "Raw profile type "  # beginning of the keywords of ImageMagick's texts that are none
XMP, EXIF, IN_JPEG = "XML:com.adobe.xmp", b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
NEAR = 0.02  # relative difference from sRGB's gamma that counts as rounding
NEAR_COLOUR = 0.004  # of a chromaticity


@dataclass
class _Reader:
    """Takes chunk after chunk."""

    colour_type: int = 0
    depth: int = 8
    palette: bytes = b""
    profile: bytes = b""
    code_points: CodePoints | None = None
    gamma: float = 0.0
    chromaticities: tuple[float, ...] = ()
    is_srgb: bool = False
    texts: dict[str, list[str]] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)  # metadata in ImageMagick's texts
    xmp: bytes = b""
    parts: list[Part] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, name: str, data: bytes) -> None:
        if name == "IHDR" and len(data) == 13:
            self.depth, self.colour_type = data[8], data[9]
        elif name == "PLTE":
            self.palette = data
            self.left_out += [] if self.colour_type == PALETTE else ["suggested palette"]
        elif name in ("tEXt", "zTXt", "iTXt"):
            self.take_text(name, data)
        elif name == "pHYs":
            self.parts += aspect(*struct.unpack(">II", data[:8])) if len(data) == 9 and data[8] == 0 else ()
        elif name not in OF_PIXELS:
            self.take_colours(name, data)
            self.take_part(name, data)

    def take_colours(self, name: str, data: bytes) -> None:
        """Chunks that say what the samples mean."""
        if name == "cICP" and len(data) == 4:
            self.code_points = CodePoints(*data)
        elif name == "iCCP":
            self.profile = _inflated(data.partition(b"\0")[2][1:])
            self.left_out += [] if self.profile else ["ICC profile that is damaged"]
        elif name == "sRGB":
            self.is_srgb = True
        elif name == "gAMA" and len(data) == 4:
            self.gamma = int.from_bytes(data, "big") / 100_000
        elif name == "cHRM" and len(data) == 32:
            self.chromaticities = tuple(number / 100_000 for number in struct.unpack(">8I", data))

    def take_part(self, name: str, data: bytes) -> None:
        """Chunks that are copied, or left out."""
        if name in ("cICP", "iCCP"):
            return
        if name == "bKGD":
            data = self.background(data)
        is_name = name.isascii() and name.isalpha()
        if name in COPIED or (
            is_name and name not in NAMED and name[0].islower() and name[3].islower()
        ):  # a name for: safe to copy
            self.parts.append(Part("PNG", name, data))
        else:
            self.left_out.append(NAMED.get(name, f"PNG {name}"))

    def background(self, data: bytes) -> bytes:
        """bKGD of any colour type as samples of 16 bits, one or three."""
        if self.colour_type == PALETTE:
            samples = list(self.palette[3 * data[0] : 3 * data[0] + 3]) if data else []
            depth = 8
        else:
            samples = list(struct.unpack(f">{len(data) // 2}H", data[: len(data) // 2 * 2]))
            depth = self.depth
        return b"".join(to_sixteen_bits_exactly(sample, depth).to_bytes(2, "big") for sample in samples)

    def take_text(self, name: str, data: bytes) -> None:
        keyword, text, language = _text(name, data)
        if keyword == XMP:
            self.xmp = self.xmp or text.encode()
        elif keyword.startswith(RAW) and keyword[len(RAW) :] in PROFILES:
            self.take_raw(PROFILES[keyword[len(RAW) :]], text)
        elif is_keyword(keyword):
            self.texts.setdefault(keyword, []).append(text)
            self.left_out += ["language of a text"] if language else []
        else:
            self.left_out.append("text without a keyword")

    def take_raw(self, what: str, text: str) -> None:
        try:
            data = bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError:
            self.left_out += [] if what == "exif" else [f"{what} in a text that is damaged"]  # Pillow reads that EXIF
            return
        if data.startswith(IN_JPEG):
            what, data = "xmp", data.removeprefix(IN_JPEG)
        self.raw.setdefault(what, photoshop.of_iptc(data) if what == "iptc" else data)

    def found(self) -> Found:
        profile = self.profile or self.raw.get("icc_profile", b"")
        if not profile and not self.code_points and not self.is_srgb:
            profile = self.made_profile()
        if self.gamma > 100:
            self.left_out.append("gamma out of range")
        metadata = Metadata(
            icc_profile=profile,
            exif=self.raw.get("exif", b""),
            xmp=self.xmp or self.raw.get("xmp", b""),
            text={keyword: "\n".join(texts) for keyword, texts in self.texts.items()},
            code_points=self.code_points,
            iptc=photoshop.without_previews(self.raw.get("iptc", b"")),
            parts=tuple(self.parts),
        )
        return Found(metadata, tuple(dict.fromkeys(self.left_out)))

    def made_profile(self) -> bytes:
        """The profile that gAMA and cHRM describe; empty where they describe sRGB, or nothing possible."""
        gray = not self.colour_type & HAS_COLOUR
        primaries = _primaries(self.chromaticities)
        if self.chromaticities and primaries is None and not gray:
            self.left_out.append("chromaticities out of range")
        own_gamma = bool(0 < self.gamma <= 100) and abs(self.gamma * 2.2 - 1) > NEAR
        if not own_gamma and (gray or primaries is None or _is_near(primaries, PRIMARIES[1])):
            return b""
        colours = primaries or PRIMARIES[1]
        return icc.of_gamma(1 / self.gamma, colours, gray) if own_gamma else icc.of_curve(power_with_toe(SRGB_CURVE), colours, gray)


def scan(data: bytes) -> Found:
    """Statements of a PNG file, as far as the data go."""
    reader, end = _Reader(), len(data)
    for name, content, chunk_end in chunks(data):
        end = chunk_end
        reader.take(name, content)
    found = reader.found()
    return Found(found.metadata, (*found.left_out, *behind(data, end)))


def chunks(data: bytes) -> Iterator[tuple[str, bytes, int]]:
    """Name, content and end of every chunk that is whole, to IEND."""
    position = SIGNATURE_SIZE
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name, end = data[position + 4 : position + 8].decode("latin-1"), position + 12 + length
        if end > len(data):
            return
        yield name, data[position + 8 : end - 4], end
        if name == "IEND":
            return
        position = end


def _text(name: str, data: bytes) -> tuple[str, str, bool]:
    """Keyword, text, and whether the text states a language or a translation of its keyword."""
    word, _, rest = data.partition(b"\0")
    keyword = word.decode("latin-1")
    if name == "tEXt":
        return keyword, rest.decode("latin-1"), False
    if name == "zTXt":
        return keyword, _inflated(rest[1:]).decode("latin-1"), False
    language, _, more = rest[2:].partition(b"\0")
    translation, _, text = more.partition(b"\0")
    text = _inflated(text) if rest[:1] == b"\1" else text
    return keyword, text.decode("utf-8", "replace"), bool(language or translation)


def _inflated(data: bytes) -> bytes:
    """Empty where the data are damaged or too long."""
    inflate = zlib.decompressobj()
    try:
        inflated = inflate.decompress(data, MAX_TEXT)
    except zlib.error:
        return b""
    return inflated if inflate.eof else b""


def _primaries(numbers: tuple[float, ...]) -> Primaries | None:
    """cHRM's white, red, green and blue; None where no colours could be made of them."""
    if len(numbers) != 8 or any(number > 1 for number in numbers):
        return None
    white, red, green, blue = ((numbers[i], numbers[i + 1]) for i in (0, 2, 4, 6))
    area = (green[0] - red[0]) * (blue[1] - red[1]) - (blue[0] - red[0]) * (green[1] - red[1])
    return Primaries(white, red, green, blue) if white[1] > 0 and abs(area) > 1e-4 else None


def _is_near(primaries: Primaries, others: Primaries) -> bool:
    pairs = zip(vars(primaries).values(), vars(others).values(), strict=True)
    return all(abs(a - b) < NEAR_COLOUR for own, other in pairs for a, b in zip(own, other, strict=True))
