"""Boxes of JPEG 2000 files: profiles, XMP, EXIF and IPTC in boxes, and comments in the codestream."""

from dlic.images import photoshop
from dlic.images.exif import bare
from dlic.images.metadata import COMMENT, Metadata
from dlic.images.sources.boxes import boxes, first
from dlic.images.sources.found import Found, behind, comments

XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
EXIF = (b"JpgTiffExif->JP2", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e"))
IPTC = (bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"), bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"))
NAMES = {
    bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"): "GeoJP2",
    bytes.fromhex("2c4c010085044040b03f85a17d3c2fce"): "GeoJP2",
}
SILENT = {"jP  ", "ftyp", "jp2h", "jp2c", "free"}
CODESTREAM = b"\xff\x4f\xff\x51"
READ_SPACES = (16, 17, 18, 12)  # sRGB, gray, sYCC, CMYK
START_OF_TILE, COMMENT_MARKER, BINARY = 0x90, 0x64, 0


def scan(data: bytes) -> Found:
    """Statements of a JPEG 2000 file or codestream."""
    if data.startswith(CODESTREAM):
        texts, left_out = _comments(data)
        return Found(_metadata(texts), tuple(left_out))
    fields: dict[str, bytes] = {}
    left_out, texts = [], list[bytes]()
    profile = b""
    for box in boxes(first(data, "jp2h")):
        if box.name == "colr" and box.content[:1] in (b"\2", b"\3"):
            profile = profile or box.content[3:]
        elif box.name == "colr" and int.from_bytes(box.content[3:7], "big") not in READ_SPACES:
            left_out.append(f"colour space {int.from_bytes(box.content[3:7], 'big')} of JPEG 2000")
    end = len(data)
    for box in boxes(data):
        end = box.end
        if box.name == "uuid":
            left_out += _take(fields, box.content[:16], box.content[16:])
        elif box.name == "jp2c":
            found, unknown = _comments(box.content)
            texts += found
            left_out += unknown
        elif box.name not in SILENT:
            left_out.append("XML box" if box.name == "xml " else f"box {box.name}")
    return Found(_metadata(texts, profile, fields), (*dict.fromkeys(left_out), *behind(data, end)))


def _metadata(texts: list[bytes], profile: bytes = b"", fields: dict[str, bytes] | None = None) -> Metadata:
    comment = comments(texts)
    return Metadata(**{"icc_profile": profile, **(fields or {}), "text": {COMMENT: comment} if comment else {}})  # type: ignore[arg-type]


def _take(fields: dict[str, bytes], uuid: bytes, content: bytes) -> list[str]:
    """Puts the content of a uuid box where it belongs; its name where it is left out."""
    if uuid == XMP:
        fields.setdefault("xmp", content)
    elif uuid in EXIF:
        fields.setdefault("exif", bare(content))
    elif uuid in IPTC:
        fields.setdefault("iptc", photoshop.without_previews(photoshop.of_iptc(content)))
    else:
        return [NAMES.get(uuid, "uuid box")]
    return []


def _comments(stream: bytes) -> tuple[list[bytes], list[str]]:
    """The comments of a codestream's main header, and names of those that are no text."""
    texts, left_out, position = [], list[str](), 2
    while position + 4 <= len(stream) and stream[position] == 0xFF and stream[position + 1] != START_OF_TILE:
        length = int.from_bytes(stream[position + 2 : position + 4], "big")
        if stream[position + 1] == COMMENT_MARKER:
            kind, content = int.from_bytes(stream[position + 4 : position + 6], "big"), stream[position + 6 : position + 2 + length]
            texts += [] if kind == BINARY else [content]
            left_out += ["binary comment"] if kind == BINARY else []
        position += 2 + length
    return texts, left_out
