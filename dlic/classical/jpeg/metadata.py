"""Resolution, EXIF, XMP and ICC profiles ⇄ the APP0, APP1 and APP2 segments that carry them."""

from collections.abc import Iterable, Iterator

from dlic.classical.jpeg.segments import APP0, APP1, APP2, Segment
from dlic.errors import DlicError
from dlic.images.exif import PREFIX as EXIF
from dlic.images.metadata import LABELS, Metadata

JFIF = b"JFIF\0"
VERSION, NO_UNIT, PER_INCH, PER_CENTIMETRE = b"\1\1", 0, 1, 2
XMP = b"http://ns.adobe.com/xap/1.0/\0"
ICC = b"ICC_PROFILE\0"
LARGEST = 65533  # bytes of a segment
PART = LARGEST - len(ICC) - 2


def segments_of(metadata: Metadata) -> Iterator[Segment]:
    """The segments that begin a JFIF file: one with the resolution, then EXIF, XMP, and a profile in as many parts as it needs.

    Raises DlicError above the limits: 64 KB of EXIF, 64 KB of XMP, 255 parts of a profile. Texts have no segment.
    """
    yield Segment(APP0, JFIF + VERSION + _density(metadata.dpi) + bytes(2))  # no thumbnail
    for name, prefix in (("exif", EXIF), ("xmp", XMP)):
        if data := getattr(metadata, name):
            _check_fits(LABELS[name], len(data), LARGEST - len(prefix))
            yield Segment(APP1, prefix + data)
    profile = metadata.icc_profile
    _check_fits(LABELS["icc_profile"], len(profile), 255 * PART)
    count = -(-len(profile) // PART)
    for i in range(count):
        yield Segment(APP2, ICC + bytes([i + 1, count]) + profile[i * PART : (i + 1) * PART])


def read(segments: Iterable[Segment]) -> Metadata:
    """Inverse of `segments_of`, each part empty where it is missing; a profile lacking pieces is dropped."""
    exif, xmp, dpi, parts, count = b"", b"", None, {}, 0
    for segment in segments:
        marker, payload = segment.marker, segment.payload
        if marker == APP0 and payload.startswith(JFIF):
            dpi = dpi or _dpi(payload)
        elif marker == APP1 and payload.startswith(EXIF):
            exif = exif or payload.removeprefix(EXIF)
        elif marker == APP1 and payload.startswith(XMP):
            xmp = xmp or payload.removeprefix(XMP)
        elif marker == APP2 and payload.startswith(ICC) and len(payload) > len(ICC) + 2:
            number, count = payload[len(ICC) : len(ICC) + 2]
            parts[number] = payload[len(ICC) + 2 :]
    whole = sorted(parts) == list(range(1, count + 1))
    return Metadata(b"".join(parts[number] for number in sorted(parts)) if whole else b"", exif, xmp, dpi)


def _density(dpi: tuple[float, float] | None) -> bytes:
    """Unit and both densities; square pixels of no stated size where there is none, or none that 16 bits hold."""
    across, down = (round(value) for value in dpi or (0, 0))
    if 0 < across < 1 << 16 and 0 < down < 1 << 16:
        return bytes([PER_INCH]) + across.to_bytes(2, "big") + down.to_bytes(2, "big")
    return bytes([NO_UNIT, 0, 1, 0, 1])


def _dpi(payload: bytes) -> tuple[float, float] | None:
    """Inverse of `_density`, of a whole segment."""
    unit, density = payload[7:8], payload[8:12]
    across, down = (int.from_bytes(part, "big") for part in (density[:2], density[2:]))
    if unit not in (bytes([PER_INCH]), bytes([PER_CENTIMETRE])) or not across or not down:
        return None
    factor = 1.0 if unit == bytes([PER_INCH]) else 2.54
    return across * factor, down * factor


def _check_fits(name: str, size: int, most: int) -> None:
    if size > most:
        raise DlicError(f"an {name} of {size:,} bytes does not fit into a JPEG; {most:,} do")
