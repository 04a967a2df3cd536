"""Chunks of WebP files that Pillow does not know."""

from dlic.images.sources.found import Found, behind

KNOWN = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "}
NAMES = {b"C2PA": "C2PA manifest"}


def scan(data: bytes) -> Found:
    """Names of other chunks; Pillow reads profile, EXIF and XMP."""
    left_out, position = [], 12
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while position + 8 <= end:
        name, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        if name not in KNOWN:
            left_out.append(NAMES.get(name, f"WebP {name.decode('latin-1').strip()}"))
        position += 8 + length + length % 2
    return Found(left_out=(*dict.fromkeys(left_out), *behind(data, end + end % 2)))
