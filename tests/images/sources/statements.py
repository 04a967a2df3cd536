"""A file for every kind of statement in every format that can make it, and what must become of it."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from dlic.images import jpeg, photoshop
from dlic.images.colours import icc
from dlic.images.colours.code_points import CodePoints
from dlic.images.files import EVERYTHING, read_image
from dlic.images.metadata import Metadata
from dlic.images.sources.scan import scan
from tests.images.test_exif import camera_exif
from tests.images.test_files import encoded
from tests.images.tiff.written import RGB, Layout, stored_samples, written

P3 = CodePoints(12, 13)
PROFILE = icc.of_code_points(P3, gray=False)
EXIF = camera_exif(1, "<")
IIM = b"\x1c\x02\x78\0\x09A caption"
COMMENT = "a comment, Grüße"
RDF = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%s</rdf:RDF></x:xmpmeta>'
)
XMP = RDF % '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="Grüße"/>'.encode()
GAIN_MAP = RDF % (
    b'<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
    b'xmlns:dc="d" dc:title="t">'
    b'<c:Directory xmlns:c="http://ns.google.com/photos/1.0/container/"><rdf:Seq/></c:Directory></rdf:Description>'
)
PICTURE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8))


@dataclass(frozen=True)
class Statement:
    """A file that makes a statement, and how to see that it was kept."""

    kind: str
    format: str
    data: bytes = field(repr=False)
    kept: Callable[[Metadata], object] | None = None  # None: it is left out, and said
    how: str = "kept"  # or "converted"
    whole: bool = True  # whether the file has a picture too, and not the statement alone


def outcome(statement: Statement) -> tuple[str, str]:
    """'kept', 'converted', 'said' or 'lost', and what is said."""
    if statement.whole:
        picture = read_image(statement.data, keep=EVERYTHING)
        metadata, said = picture.metadata, ", ".join(picture.notes)
    else:
        found = scan(statement.data, statement.format)
        metadata, said = found.metadata, ", ".join(found.left_out)
    if statement.kept and statement.kept(metadata):
        return statement.how, said
    return "said" if said else "lost", said


def expected(statement: Statement) -> str:
    return "said" if statement.kept in (None, is_clean) else statement.how


# --- files --------------------------------------------------------------------------------------------------------------


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_with(*chunks: tuple[bytes, bytes], image: Image.Image = PICTURE, behind: bytes = b"") -> bytes:
    data = encoded(image, "PNG")
    return data[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + data[33:] + behind


def jpeg_with(*segments: tuple[int, bytes], behind: bytes = b"") -> bytes:
    data = encoded(PICTURE, "JPEG")
    return data[:2] + b"".join(jpeg.written(*segment) for segment in segments) + data[2:] + behind


def tiff_with(tags: dict) -> bytes:
    layout = Layout(8, RGB, tags=tags)
    return written(layout, stored_samples(layout))


def webp_with(*chunks: tuple[bytes, bytes], behind: bytes = b"") -> bytes:
    more = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    data = encoded(PICTURE, "WEBP") + more
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:] + behind


def gif_with(*extensions: bytes, aspect: int = 0, behind: bytes = b"") -> bytes:
    data = encoded(PICTURE, "GIF")
    return data[:12] + bytes([aspect]) + data[13:-1] + b"".join(extensions) + b";" + behind


def gif_extension(label: int, *blocks: bytes) -> bytes:
    return bytes([0x21, label]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def jp2_with(*boxes: bytes, behind: bytes = b"") -> bytes:
    data = encoded(PICTURE, "JPEG2000")
    at = data.index(b"jp2c") - 4
    length = len(data) - at
    return data[:at] + b"".join(boxes) + struct.pack(">I", length) + data[at + 4 :] + behind


def bmp_version_5(space: int, colours: bytes = bytes(48), profile: bytes = b"") -> bytes:
    """A BMP file with a header of version 5; `colours` are nine coordinates and three gammas."""
    pixels = encoded(PICTURE, "BMP")[54:]
    head = struct.pack("<IiiHHIIiiII", 124, 8, 8, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + bytes(16)
    head += struct.pack("<I", space) + colours + struct.pack("<IIII", 4, 124 + len(pixels), len(profile), 0)
    return b"BM" + struct.pack("<IHHI", 138 + len(pixels) + len(profile), 0, 0, 138) + head + pixels + profile


def heif(properties: list[bytes], items: list[bytes] = (), references: bytes = b"") -> bytes:  # type: ignore[assignment]
    """The boxes of an AVIF file without its picture: item 1 is primary and has all properties."""
    associations = bytes(4) + struct.pack(">IHB", 1, 1, len(properties)) + bytes(range(1, len(properties) + 1))
    iprp = box(b"iprp", box(b"ipco", b"".join(properties)) + box(b"ipma", associations))
    infos = [struct.pack(">BBHHH4sB", 2, 0, 0, 1, 0, b"av01", 0), *items]
    iinf = box(b"iinf", bytes(4) + struct.pack(">H", len(infos)) + b"".join(box(b"infe", info) for info in infos))
    meta = box(b"pitm", struct.pack(">IH", 0, 1)) + iinf + iprp + box(b"iref", bytes(4) + references)
    return box(b"ftyp", b"avif" + bytes(4) + b"avifmif1") + box(b"meta", bytes(4) + meta)


def item(number: int, kind: bytes, more: bytes = b"\0") -> bytes:
    return struct.pack(">BBHHH4s", 2, 0, 0, number, 0, kind) + more


def nclx(primaries: int, transfer: int) -> bytes:
    return box(b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, 1, 0x80))


def avif_with_nclx(primaries: int, transfer: int) -> bytes:
    data = bytearray(encoded(PICTURE, "AVIF", quality=90))
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">HH", primaries, transfer)
    return bytes(data)


def ascii_tag(text: str) -> tuple[int, bytes]:
    return 2, text.encode() + b"\0"


def rationals(*numbers: float) -> tuple[int, bytes]:
    return 5, b"".join(struct.pack("<II", round(number * 10000), 10000) for number in numbers)


P3_COLOURS = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
XYZ_OF_P3 = [round(number * 2**30) for number in (0.4866, 0.2290, 0.0, 0.2657, 0.6917, 0.0451, 0.1982, 0.0793, 1.0439)]
JPEG_PICTURE = encoded(PICTURE, "JPEG")
BLOCKS = photoshop.of_iptc(IIM)


def has(name: str, value: object) -> Callable[[Metadata], bool]:
    return lambda metadata: getattr(metadata, name) == value


def has_profile(metadata: Metadata) -> bool:
    return metadata.icc_profile[16:20] == b"RGB "


def has_text(keyword: str, text: str) -> Callable[[Metadata], bool]:
    return lambda metadata: metadata.text.get(keyword) == text


def has_part(name: str, data: bytes) -> Callable[[Metadata], bool]:
    return lambda metadata: any(part.name == name and part.data == data for part in metadata.parts)


def has_exif(text: str) -> Callable[[Metadata], bool]:
    return lambda metadata: text.encode() in metadata.exif


def is_clean(metadata: Metadata) -> bool:
    """Never: the gain map is left out. Raises where XMP still claims one."""
    assert (
        b"hdrgm:Version" not in metadata.xmp and b"Directory" not in metadata.xmp and b'title="t"' in (metadata.xmp or b'title="t"')
    )
    return False


EXTENDED = b"".join(
    jpeg.written(0xE1, payload)
    for payload in (
        jpeg.XMP
        + (RDF % (b'<rdf:Description rdf:about="" xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="%s"/>' % (b"A" * 32))),
        jpeg.EXTENSION + b"A" * 32 + struct.pack(">II", len(XMP), 0) + XMP[:100],
        jpeg.EXTENSION + b"A" * 32 + struct.pack(">II", len(XMP), 100) + XMP[100:],
    )
)
PIECES = [(0xE2, jpeg.ICC + bytes([i + 1, 2]) + piece) for i, piece in enumerate((PROFILE[:100], PROFILE[100:]))]
SHAPE = struct.pack(">IIB", 2, 1, 0)
MPF = encoded(PICTURE, "MPO", save_all=True, append_images=[PICTURE])
ULTRA_HDR = encoded(PICTURE, "MPO", save_all=True, append_images=[PICTURE], xmp=GAIN_MAP)
DESCRIPTION, ARTIST = "Grüße", "Jörg"
HDR_LEVELS = struct.pack(">HH", 1000, 400)
MASTERING = struct.pack(">6H", 13250, 34500, 7500, 3000, 34000, 16000) + struct.pack(">HHII", 15635, 16450, 10_000_000, 50)

STATEMENTS = [
    # colours
    Statement("ICC profile", "PNG", png_with((b"iCCP", b"p\0\0" + zlib.compress(PROFILE))), has("icc_profile", PROFILE)),
    Statement("ICC profile", "JPEG", jpeg_with(*PIECES), has("icc_profile", PROFILE)),
    Statement("ICC profile", "TIFF", tiff_with({34675: (7, PROFILE)}), has("icc_profile", PROFILE)),
    Statement("ICC profile", "WebP", encoded(PICTURE, "WEBP", icc_profile=PROFILE), has("icc_profile", PROFILE)),
    Statement("ICC profile", "AVIF", encoded(PICTURE, "AVIF", icc_profile=PROFILE), has("icc_profile", PROFILE)),
    Statement(
        "ICC profile",
        "GIF",
        gif_with(gif_extension(0xFF, b"ICCRGBG1012", PROFILE[:200], PROFILE[200:400], PROFILE[400:])),
        has("icc_profile", PROFILE),
    ),
    Statement("ICC profile", "BMP", bmp_version_5(0x4D424544, profile=PROFILE), has("icc_profile", PROFILE)),
    Statement(
        "ICC profile",
        "JPEG 2000",
        (
            lambda data, colr: data.replace(box(b"colr", b"\1\0\0\0\0\0\x10"), colr).replace(
                struct.pack(">I", 45) + b"jp2h", struct.pack(">I", 45 - 15 + len(colr)) + b"jp2h"
            )
        )(jp2_with(), box(b"colr", b"\2\0\0" + PROFILE)),
        has("icc_profile", PROFILE),
    ),
    Statement("code points (CICP)", "PNG", png_with((b"cICP", bytes([9, 16, 0, 1]))), has("code_points", CodePoints(9, 16))),
    Statement("code points (CICP)", "AVIF", avif_with_nclx(12, 13), has("code_points", P3)),
    Statement(
        "code points (CICP)",
        "QOI",
        b"qoif" + struct.pack(">II", 1, 1) + b"\3\1\xfe\1\2\3" + bytes(7) + b"\1",
        has("code_points", CodePoints(1, 8)),
    ),
    Statement(
        "gamma, primaries", "PNG", png_with((b"gAMA", struct.pack(">I", 100000)), (b"cHRM", P3_COLOURS)), has_profile, "converted"
    ),
    Statement(
        "gamma, primaries",
        "TIFF",
        tiff_with({318: rationals(0.3127, 0.329), 319: rationals(0.68, 0.32, 0.265, 0.69, 0.15, 0.06)}),
        has_profile,
        "converted",
    ),
    Statement(
        "gamma, primaries", "BMP", bmp_version_5(0, struct.pack("<9i3I", *XYZ_OF_P3, *[144179] * 3)), has_profile, "converted"
    ),
    Statement("light levels", "PNG", png_with((b"cLLI", bytes(8)), (b"mDCV", MASTERING)), has_part("mDCV", MASTERING)),
    Statement(
        "light levels",
        "AVIF",
        heif([nclx(9, 16), box(b"clli", HDR_LEVELS), box(b"mdcv", MASTERING)]),
        has_part("cLLI", struct.pack(">II", 10_000_000, 4_000_000)),
        whole=False,
    ),
    Statement("gain map", "JPEG", ULTRA_HDR, has_part("gain map", ULTRA_HDR[ULTRA_HDR.rindex(b"\xff\xd8\xff") :])),
    Statement(
        "gain map",
        "AVIF",
        heif([], [item(2, b"tmap"), item(3, b"av01")], box(b"dimg", struct.pack(">4H", 2, 2, 1, 3))),
        is_clean,
        whole=False,
    ),
    # metadata
    Statement("EXIF", "PNG", png_with((b"eXIf", EXIF)), has("exif", EXIF)),
    Statement("EXIF", "JPEG", jpeg_with((0xE1, jpeg.EXIF + EXIF[:50]), (0xE1, jpeg.EXIF + EXIF[50:])), has("exif", EXIF)),
    Statement("EXIF", "TIFF", tiff_with({270: ascii_tag(DESCRIPTION), 315: ascii_tag(ARTIST)}), has_exif(ARTIST)),
    Statement("EXIF", "WebP", encoded(PICTURE, "WEBP", exif=EXIF), has("exif", EXIF)),
    Statement("EXIF", "AVIF", encoded(PICTURE, "AVIF", exif=jpeg.EXIF + EXIF), has_exif("a description")),
    Statement("EXIF", "JPEG 2000", jp2_with(box(b"uuid", b"JpgTiffExif->JP2" + EXIF)), has("exif", EXIF)),
    Statement("XMP", "PNG", png_with((b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP)), has("xmp", XMP)),
    Statement(
        "XMP",
        "JPEG",
        JPEG_PICTURE[:2] + EXTENDED + JPEG_PICTURE[2:],
        lambda m: "Grüße".encode() in m.xmp and b"HasExt" not in m.xmp,
    ),
    Statement("XMP", "TIFF", tiff_with({700: (1, XMP)}), has("xmp", XMP)),
    Statement("XMP", "WebP", encoded(PICTURE, "WEBP", xmp=XMP), has("xmp", XMP)),
    Statement("XMP", "AVIF", encoded(PICTURE, "AVIF", xmp=XMP), has("xmp", XMP)),
    Statement(
        "XMP", "GIF", gif_with(b"\x21\xff\x0bXMP DataXMP" + XMP + b"\1" + bytes(range(255, -1, -1)) + b"\0"), has("xmp", XMP)
    ),
    Statement("XMP", "JPEG 2000", jp2_with(box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP)), has("xmp", XMP)),
    Statement(
        "IPTC",
        "PNG",
        png_with((b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(photoshop.to_text(BLOCKS).encode()))),
        has("iptc", BLOCKS),
    ),
    Statement(
        "IPTC", "JPEG", jpeg_with((0xED, jpeg.PHOTOSHOP + BLOCKS[:9]), (0xED, jpeg.PHOTOSHOP + BLOCKS[9:])), has("iptc", BLOCKS)
    ),
    Statement("IPTC", "TIFF", tiff_with({33723: (7, IIM)}), has("iptc", BLOCKS)),
    Statement(
        "IPTC", "JPEG 2000", jp2_with(box(b"uuid", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + IIM)), has("iptc", BLOCKS)
    ),
    Statement(
        "comment, texts",
        "PNG",
        png_with((b"tEXt", b"Title\0one"), (b"tEXt", b"Title\0two"), (b"iTXt", b"B" + bytes(5) + COMMENT.encode())),
        lambda m: m.text == {"Title": "one\ntwo", "B": COMMENT},
    ),
    Statement("comment, texts", "JPEG", jpeg_with((0xFE, COMMENT.encode())), has_text("Comment", COMMENT)),
    Statement("comment, texts", "GIF", gif_with(gif_extension(0xFE, COMMENT.encode())), has_text("Comment", COMMENT)),
    Statement("comment, texts", "JPEG 2000", jp2_with(), lambda m: "OpenJPEG" in m.text.get("Comment", "")),
    Statement("comment, texts", "PNM", b"P6\n# " + COMMENT.encode() + b"\n1 1\n255\nabc", has_text("Comment", COMMENT)),
    Statement(
        "comment, texts",
        "TGA",
        bytes([5, 0, 2]) + bytes(9) + struct.pack("<HHBB", 1, 1, 24, 32) + b"hello" + b"abc",
        has_text("Comment", "hello"),
    ),
    Statement("resolution", "PNG", png_with((b"pHYs", struct.pack(">IIB", 11811, 5906, 1))), lambda m: round(m.dpi[0]) == 300),
    Statement("resolution", "JPEG", encoded(PICTURE, "JPEG", dpi=(300, 150)), has("dpi", (300.0, 150.0))),
    Statement("resolution", "TIFF", tiff_with({282: rationals(300), 283: rationals(150)}), has("dpi", (300.0, 150.0))),
    Statement("resolution", "BMP", encoded(PICTURE, "BMP", dpi=(300, 150)), lambda m: round(m.dpi[1]) == 150),
    Statement("shape of a pixel", "PNG", png_with((b"pHYs", SHAPE)), has_part("pHYs", SHAPE)),
    Statement(
        "shape of a pixel", "JPEG", JPEG_PICTURE.replace(b"JFIF\0\1\1\0\0\1\0\1", b"JFIF\0\1\1\0\0\2\0\1"), has_part("pHYs", SHAPE)
    ),
    Statement(
        "shape of a pixel",
        "TIFF",
        tiff_with({282: rationals(2), 283: rationals(1), 296: (3, [1])}),
        has_part("pHYs", struct.pack(">IIB", 2000, 1000, 0)),
    ),
    Statement("shape of a pixel", "AVIF", heif([box(b"pasp", struct.pack(">II", 1, 2))]), has_part("pHYs", SHAPE), whole=False),
    Statement("shape of a pixel", "GIF", gif_with(aspect=17), has_part("pHYs", struct.pack(">IIB", 64, 32, 0))),
    Statement(
        "other parts",
        "PNG",
        png_with((b"tIME", b"\x07\xea\1\2\3\4\5"), (b"sBIT", b"\5\6\5"), (b"prVt", b"private")),
        lambda m: [part.name for part in m.parts] == ["tIME", "sBIT", "prVt"],
    ),
    Statement("other parts", "JPEG", jpeg_with((0xEC, b"Ducky\0\1")), has_part("APP12", b"Ducky\0\1")),
    Statement(
        "other parts",
        "TIFF",
        tiff_with({269: ascii_tag("the document"), 33550: (12, struct.pack("<3d", 1, 2, 0)), 42113: ascii_tag("0")}),
        lambda m: b"the document" in m.exif and struct.pack("<3d", 1, 2, 0) in m.exif,
    ),
    Statement("other parts", "WebP", webp_with((b"ABCD", b"private"))),
    Statement("other parts", "AVIF", heif([]) + box(b"uuid", bytes(20)), whole=False),
    Statement("other parts", "GIF", gif_with(gif_extension(0xFF, b"PRIVATE 1.0", b"data"))),
    Statement("other parts", "JPEG 2000", jp2_with(box(b"xml ", b"<a/>"))),
    Statement("C2PA manifest", "PNG", png_with((b"caBX", b"manifest"))),
    Statement("C2PA manifest", "JPEG", jpeg_with((0xEB, b"JP\0\1c2pa"))),
    Statement("C2PA manifest", "WebP", webp_with((b"C2PA", b"manifest"))),
    Statement("C2PA manifest", "AVIF", heif([]) + box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481")), whole=False),
    Statement("further pictures", "PNG", encoded(PICTURE, "PNG", save_all=True, append_images=[PICTURE.rotate(90)])),
    Statement("further pictures", "JPEG", MPF),
    Statement("further pictures", "TIFF", encoded(PICTURE, "TIFF", save_all=True, append_images=[PICTURE])),
    Statement("further pictures", "WebP", encoded(PICTURE, "WEBP", save_all=True, append_images=[PICTURE.rotate(90)])),
    Statement("further pictures", "AVIF", heif([], [item(2, b"av01")]), whole=False),
    Statement("further pictures", "GIF", encoded(PICTURE, "GIF", save_all=True, append_images=[PICTURE.rotate(90)])),
    Statement("behind the picture", "PNG", png_with(behind=b"more")),
    Statement("behind the picture", "JPEG", jpeg_with(behind=b"more")),
    Statement("behind the picture", "WebP", webp_with(behind=b"more")),
    Statement("behind the picture", "GIF", gif_with(behind=b"more")),
]
FORMATS = ("PNG", "JPEG", "TIFF", "WebP", "AVIF", "GIF", "BMP", "JPEG 2000", "PNM", "TGA", "QOI")
KINDS = tuple(dict.fromkeys(statement.kind for statement in STATEMENTS))


def table() -> str:
    """Kinds × formats, as docs/metadata.md has it."""
    cells = {(statement.kind, statement.format): outcome(statement)[0] for statement in STATEMENTS}
    rows = [[kind, *(cells.get((kind, name), "–") for name in FORMATS)] for kind in KINDS]
    return markdown(["", *FORMATS], rows)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
