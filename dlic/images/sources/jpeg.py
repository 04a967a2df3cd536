"""Segments of JPEG files, and pictures, gain maps and videos behind the picture that is read."""

import struct
from dataclasses import replace

from dlic.images import gain_map, jpeg, multi_picture, xmp
from dlic.images.metadata import Metadata, Part
from dlic.images.sources.found import Found, behind

GAIN_MAPS = (b"hdr-gain-map/1.0/", b"HDRGainMap", b"urn:iso:std:iso:ts:21496:-1")
NUMBER_OF_PICTURES = 0xB001  # tag of the directory of a Multi-Picture Format


def scan(data: bytes) -> Found:
    """Statements of a JPEG file, as far as the data go. XMP loses those on pictures that are left behind."""
    statements, end, pictures, editions = jpeg.Statements(), len(data), 1, list[bytes]()
    for marker, payload, segment_end in jpeg.segments(data):
        end = segment_end
        statements.take(marker, payload)
        if marker == jpeg.APP2 and payload.startswith(jpeg.PICTURES):
            pictures = max(pictures, _pictures(payload.removeprefix(jpeg.PICTURES)))
        if marker == jpeg.APP2 and payload.startswith(jpeg.GAIN_MAP):
            editions.append(payload)
    metadata, left_out = statements.metadata()
    behind_picture = multi_picture.picture_behind(data, end) if pictures <= 2 else None
    if behind_picture and (with_map := _with_gain_map(metadata, behind_picture[0], editions)):
        left_out = [name for name in left_out if name != jpeg.LEFT_OUT[jpeg.APP2, jpeg.GAIN_MAP]]
        return Found(with_map, tuple(dict.fromkeys([*left_out, *_behind(data, behind_picture[1], 1)])))
    left_out += _behind(data, end, pictures)
    return without_claims(Found(metadata, tuple(left_out)))


def _with_gain_map(metadata: Metadata, behind_picture: bytes, editions: list[bytes]) -> Metadata | None:
    """The metadata with the picture behind as a gain map; None where it is none, or does not fit the pixels as they will be."""
    is_claimed = bool(editions) or any(name in metadata.xmp or name in behind_picture for name in GAIN_MAPS)
    packet = xmp.of_gain_map(metadata.xmp, len(behind_picture))
    fits = metadata.orientation in (None, 1) and len(behind_picture) <= gain_map.MAX_SIZE
    if not is_claimed or not fits or packet is None or set(editions) - {multi_picture.edition_of(behind_picture)}:
        return None
    return replace(metadata, xmp=packet, parts=(*metadata.parts, Part(*gain_map.NAME, behind_picture)))


def without_claims(found: Found) -> Found:
    """Takes statements on further pictures out of XMP; they are left out by the name of what they speak of."""
    packet = found.metadata.xmp
    if not xmp.claims_more(packet) or gain_map.data_of(found.metadata):
        return Found(found.metadata, tuple(dict.fromkeys(found.left_out)))
    left_out = [*found.left_out, "gain map" if any(name in packet for name in GAIN_MAPS) else "pictures or videos named by XMP"]
    cleaned = xmp.without_claims(packet)
    left_out += [] if cleaned else ["XMP that is damaged"]
    return Found(Metadata(**{**vars(found.metadata), "xmp": cleaned}), tuple(dict.fromkeys(left_out)))


def _behind(data: bytes, end: int, pictures: int) -> list[str]:
    """Names of what stands behind the end of the first picture."""
    rest = data[end:]
    if not rest.strip(b"\0"):
        return []
    if any(name in rest for name in GAIN_MAPS):
        return ["gain map", *([f"{pictures - 2} further pictures"] if pictures > 2 else [])]
    if pictures > 1:
        return [f"{pictures - 1} further pictures" if pictures > 2 else "a further picture"]
    if rest[4:8] == b"ftyp" or b"ftypmp4" in rest[:256] or b"MotionPhoto_Data" in rest:
        return ["video behind the picture"]
    return ["a further picture"] if rest.lstrip(b"\0").startswith(b"\xff\xd8\xff") else list(behind(data, end))


def _pictures(directory: bytes) -> int:
    """The number of pictures that a Multi-Picture Format counts."""
    from dlic.images.tiff.directory import first_directory

    try:
        found = first_directory(directory)
        return found.number(NUMBER_OF_PICTURES, 1) if found else 1
    except struct.error:
        return 1
