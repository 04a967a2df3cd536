"""EXIF and ICC profiles ⇄ the APP1 and APP2 segments that carry them."""

from collections.abc import Iterable, Iterator

from dlic.classical.jpeg_segments import APP1, APP2, Segment
from dlic.errors import DlicError

EXIF = b"Exif\0\0"
ICC = b"ICC_PROFILE\0"
LARGEST = 65533  # bytes of a segment
PART = LARGEST - len(ICC) - 2


def segments_of(exif: bytes, icc_profile: bytes) -> Iterator[Segment]:
    """Segments for EXIF data, with or without its "Exif" in front, and a profile in as many parts as it needs.

    Raises DlicError for what does not fit: 64 KB of EXIF, 255 parts of a profile.
    """
    if exif:
        payload = exif if exif.startswith(EXIF) else EXIF + exif
        if len(payload) > LARGEST:
            raise DlicError(f"EXIF data of {len(exif):,} bytes does not fit into a JPEG; {LARGEST - len(EXIF):,} do")
        yield Segment(APP1, payload)
    count = -(-len(icc_profile) // PART)
    if count > 255:
        raise DlicError(f"an ICC profile of {len(icc_profile):,} bytes does not fit into a JPEG; {255 * PART:,} do")
    for i in range(count):
        yield Segment(APP2, ICC + bytes([i + 1, count]) + icc_profile[i * PART : (i + 1) * PART])


def read(segments: Iterable[Segment]) -> tuple[bytes, bytes]:
    """Inverse of `segments_of`: (exif, icc_profile), each empty where it is missing; a profile lacking parts is dropped."""
    exif, parts, count = b"", {}, 0
    for segment in segments:
        if segment.marker == APP1 and segment.payload.startswith(EXIF):
            exif = exif or segment.payload
        elif segment.marker == APP2 and segment.payload.startswith(ICC) and len(segment.payload) > len(ICC) + 2:
            number, count = segment.payload[len(ICC) : len(ICC) + 2]
            parts[number] = segment.payload[len(ICC) + 2 :]
    whole = sorted(parts) == list(range(1, count + 1))
    return exif, b"".join(parts[number] for number in sorted(parts)) if whole else b""
