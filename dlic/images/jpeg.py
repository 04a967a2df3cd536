"""The segments of JPEG files that hold metadata: resolution, EXIF, XMP, profiles, IPTC and comments, cut where they are long."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dlic.errors import DlicError
from dlic.images import gain_map, photoshop, xmp
from dlic.images.exif import ORDERS
from dlic.images.exif import PREFIX as EXIF
from dlic.images.metadata import ASPECT, COMMENT, LABELS, Metadata, Part, aspect
from dlic.images.sources.found import comments

SOI, EOI, SOS, COM, APP0, APP1, APP2, APP13, APP14 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xE1, 0xE2, 0xED, 0xEE
JFIF, JFXX = b"JFIF\0", b"JFXX\0"
VERSION, NO_UNIT, PER_INCH, PER_CENTIMETRE = b"\1\1", 0, 1, 2
XMP, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
ICC, PHOTOSHOP, PICTURES = b"ICC_PROFILE\0", b"Photoshop 3.0\0", b"MPF\0"
GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
# Segments about the coding of the file, or about other pictures in it: by marker and beginning, with their name.
LEFT_OUT = {
    (0xE0, b"CIFF"): "CIFF", (0xE2, b"FPXR\0"): "FlashPix data", (0xEB, b"JP"): "C2PA manifest", (0xE2, GAIN_MAP): "gain map",
    (0xE0, b"JFIF"): "JFIF that is damaged",
}  # fmt: skip
SILENT = {(APP0, JFIF), (APP0, JFXX), (APP2, PICTURES), (APP14, b"Adobe")}  # the coding, previews, and places of other pictures
LARGEST = 65533  # bytes of a segment
PART = LARGEST - len(ICC) - 2
EXTENSION_HEAD = len(EXTENSION) + 40  # a digest, the whole length, an offset
MAX_EXTENSION = 1 << 24
SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # the first marker that does not belong to coded data

Bare = tuple[int, bytes]  # marker and payload


# --- new files ----------------------------------------------------------------------------------------------------------


def segments_of(metadata: Metadata) -> Iterator[Bare]:
    """The segments that begin a JFIF file: one with the resolution, then EXIF, XMP, profile, IPTC, further ones and the comment.

    Raises DlicError above the limits: 64 KB of EXIF, 255 parts of a profile. Texts but for the comment have no segment.
    """
    yield APP0, JFIF + VERSION + _density(metadata) + bytes(2)  # no thumbnail
    if metadata.exif:
        _check_fits(LABELS["exif"], len(metadata.exif), LARGEST - len(EXIF))
        yield APP1, EXIF + metadata.exif
    yield from _xmp_segments(metadata.xmp)
    _check_fits(LABELS["icc_profile"], len(metadata.icc_profile), 255 * PART)
    profile = list(_pieces(metadata.icc_profile, PART))
    for i, piece in enumerate(profile):
        yield APP2, ICC + bytes([i + 1, len(profile)]) + piece
    for piece in _pieces(metadata.iptc, LARGEST - len(PHOTOSHOP)):
        yield APP13, PHOTOSHOP + piece
    for part in metadata.parts:
        if part.format == "JPEG" and part.name.startswith("APP"):
            yield 0xE0 + int(part.name[3:]), part.data
    for piece in _pieces(metadata.text.get(COMMENT, "").encode(), LARGEST):
        yield COM, piece


def written(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def fits(metadata: Metadata) -> Metadata:
    """The part of metadata that JPEG has a place for."""
    names = {"icc_profile", "exif", "xmp", "dpi", "iptc", "parts"}
    names -= {
        name
        for name, most in {"exif": LARGEST - len(EXIF), "icc_profile": 255 * PART}.items()
        if len(getattr(metadata, name)) > most
    }
    names -= set() if all(0.5 < value < 65535 for value in metadata.dpi or ()) else {"dpi"}
    kept = metadata.only(names)
    comment = {word: text for word, text in metadata.text.items() if word == COMMENT}
    parts = tuple(part for part in metadata.parts if _has_segment(part, metadata))
    return Metadata(**{**vars(kept), "text": comment, "parts": parts})


def _has_segment(part: Part, metadata: Metadata) -> bool:
    if (part.format, part.name) == ASPECT:  # in the segment of the resolution
        return metadata.dpi is None and max(_ratio(part)) < 1 << 16
    return part.format == "JPEG" and (part.name == gain_map.NAME[1] or len(part.data) <= LARGEST)


def _xmp_segments(packet: bytes) -> Iterator[Bare]:
    if len(packet) <= LARGEST - len(XMP):
        if packet:
            yield APP1, XMP + packet
        return
    main, extension, digest = xmp.split(packet)
    yield APP1, XMP + main
    offset = 0
    for piece in _pieces(extension, LARGEST - EXTENSION_HEAD):
        yield APP1, EXTENSION + digest + len(extension).to_bytes(4, "big") + offset.to_bytes(4, "big") + piece
        offset += len(piece)


def _pieces(data: bytes, most: int) -> Iterator[bytes]:
    return (data[i : i + most] for i in range(0, len(data), most))


def _check_fits(name: str, size: int, most: int) -> None:
    if size > most:
        raise DlicError(f"an {name} of {size:,} bytes does not fit into a JPEG; {most:,} do")


def _density(metadata: Metadata) -> bytes:
    """Unit and both densities. Where 16 bits hold no resolution: the shape of a pixel, which is square by default."""
    across, down = (round(value) for value in metadata.dpi or (0, 0))
    if 0 < across < 1 << 16 and 0 < down < 1 << 16:
        return bytes([PER_INCH]) + across.to_bytes(2, "big") + down.to_bytes(2, "big")
    shape = next((_ratio(part) for part in metadata.parts if (part.format, part.name) == ASPECT), (1, 1))
    shape = shape if max(shape) < 1 << 16 else (1, 1)
    return bytes([NO_UNIT]) + shape[0].to_bytes(2, "big") + shape[1].to_bytes(2, "big")


def _ratio(part: Part) -> tuple[int, int]:
    return int.from_bytes(part.data[:4], "big"), int.from_bytes(part.data[4:8], "big")


# --- files that are there -----------------------------------------------------------------------------------------------


@dataclass
class Statements:
    """The content of a JPEG file's segments but for the picture."""

    exif: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    shape: tuple[Part, ...] = ()
    profile: dict[int, bytes] = field(default_factory=dict)
    profile_pieces: int = 0
    extension: dict[int, bytes] = field(default_factory=dict)
    photoshop: bytes = b""
    comments: list[bytes] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, marker: int, payload: bytes) -> None:
        if marker == APP0 and payload.startswith(JFIF):
            self._take_density(payload)
        elif marker == APP1 and payload.startswith((EXIF, XMP, EXTENSION)):
            self._take_app1(payload)
        elif marker == APP2 and payload.startswith(ICC) and len(payload) > len(ICC) + 2:
            number, self.profile_pieces = payload[len(ICC) : len(ICC) + 2]
            self.profile.setdefault(number, payload[len(ICC) + 2 :])
        elif marker == APP13 and payload.startswith(PHOTOSHOP):
            self.photoshop += payload.removeprefix(PHOTOSHOP)
        elif marker == COM:
            self.comments.append(payload)
        elif 0xE0 <= marker <= 0xEF:
            self._take_other(marker, payload)

    def _take_density(self, payload: bytes) -> None:
        unit, density = payload[7:8], payload[8:12]
        across, down = (int.from_bytes(part, "big") for part in (density[:2], density[2:]))
        if unit == bytes([NO_UNIT]):
            self.shape = self.shape or aspect(across, down)
        elif unit in (bytes([PER_INCH]), bytes([PER_CENTIMETRE])) and across and down:
            factor = 1.0 if unit == bytes([PER_INCH]) else 2.54
            self.dpi = self.dpi or (across * factor, down * factor)

    def _take_app1(self, payload: bytes) -> None:
        if payload.startswith(EXTENSION):
            if payload[len(EXTENSION) : len(EXTENSION) + 32].upper() == xmp.guid_of_extension(self.xmp):
                self.extension[int.from_bytes(payload[EXTENSION_HEAD - 4 : EXTENSION_HEAD], "big")] = payload[EXTENSION_HEAD:]
            else:
                self.left_out.append("further XMP")
        elif payload.startswith(XMP):
            self.left_out += ["further XMP"] if self.xmp else []
            self.xmp = self.xmp or payload.removeprefix(XMP)
        elif not self.exif or payload[len(EXIF) : len(EXIF) + 4] not in ORDERS:  # a piece that goes on
            self.exif += payload.removeprefix(EXIF)
        else:
            self.left_out.append("further EXIF")

    def _take_other(self, marker: int, payload: bytes) -> None:
        for (of, beginning), name in LEFT_OUT.items():
            if marker == of and payload.startswith(beginning):
                self.left_out.append(name)
                return
        if not any(marker == of and payload.startswith(beginning) for of, beginning in SILENT):
            self.parts.append(Part("JPEG", f"APP{marker - 0xE0}", payload))

    def metadata(self) -> tuple[Metadata, list[str]]:
        """The metadata, and names of what is left out of them. A profile that lacks pieces is left out."""
        left_out = list(self.left_out)
        whole = sorted(self.profile) == list(range(1, self.profile_pieces + 1))
        left_out += [] if whole else ["ICC profile that lacks pieces"]
        packet = self.xmp
        if self.extension:
            pieces = b"".join(self.extension[offset] for offset in sorted(self.extension))
            whole_packet = xmp.joined(self.xmp, pieces) if len(pieces) <= MAX_EXTENSION else None
            left_out += ["extended XMP that is damaged"] if whole_packet is None else []
            packet = whole_packet or self.xmp
        comment = comments(self.comments)
        metadata = Metadata(
            icc_profile=b"".join(self.profile[number] for number in sorted(self.profile)) if whole else b"",
            exif=self.exif,
            xmp=packet,
            dpi=self.dpi,
            text={COMMENT: comment} if comment else {},
            iptc=photoshop.without_previews(self.photoshop),
            parts=(*(() if self.dpi else self.shape), *self.parts),
        )
        return metadata, left_out


def read(segments: Iterable[Bare]) -> Metadata:
    """Inverse of `segments_of`, each part empty where it is missing."""
    statements = Statements()
    for marker, payload in segments:
        statements.take(marker, payload)
    return statements.metadata()[0]


def segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, payload and end of every segment of the first picture in a file, as far as the data go; EOI is the last one."""
    position = 2
    while position + 2 <= len(data):
        if data[position] != 0xFF:  # decoders skip garbage between segments
            position += 1
            continue
        marker = data[position + 1]
        if marker in (0xFF, 0x00) or 0xD0 <= marker <= SOI:
            position += 1 if marker == 0xFF else 2
            continue
        if marker == EOI:
            yield EOI, b"", position + 2
            return
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        end = position + 2 + length
        if length < 2 or end > len(data):
            return
        yield marker, data[position + 4 : end], end
        position = end
        if marker == SOS:
            scan_end = SCAN_END.search(data, position)
            position = scan_end.start() if scan_end else len(data)
