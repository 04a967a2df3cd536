"""Headers of BMP files, versions 4 and 5: embedded profiles, primaries and gamma."""

import struct

from dlic.images.colours import icc
from dlic.images.colours.code_points import Primaries
from dlic.images.metadata import Metadata
from dlic.images.sources.found import Found

HEADER_AT, VERSION_4, VERSION_5 = 14, 108, 124
CALIBRATED, LINKED, EMBEDDED = 0, int.from_bytes(b"LINK", "big"), int.from_bytes(b"MBED", "big")


def scan(data: bytes) -> Found:
    """Colours that a BMP file states; Pillow reads none of them."""
    header = data[HEADER_AT:]
    size = int.from_bytes(header[:4], "little")
    if size < VERSION_4 or len(header) < VERSION_4:
        return Found()
    space = int.from_bytes(header[56:60], "little")
    if space == CALIBRATED:
        return _calibrated(header)
    if size >= VERSION_5 and space in (LINKED, EMBEDDED):
        offset, length = struct.unpack("<II", header[112:120])
        profile = header[offset : offset + length]
        if space == EMBEDDED and len(profile) == length and length:
            return Found(Metadata(icc_profile=profile))
        return Found(left_out=("linked profile" if space == LINKED else "ICC profile that is damaged",))
    return Found()


def _calibrated(header: bytes) -> Found:
    """XYZ of the three colours and their gammas; zeros, which most writers leave there, state nothing."""
    numbers = struct.unpack("<9i", header[60:96])
    gammas = [gamma / 65536 for gamma in struct.unpack("<3I", header[96:108])]
    colours = [tuple(number / 2**30 for number in numbers[i : i + 3]) for i in (0, 3, 6)]
    sums = [sum(colour) for colour in (*colours, tuple(map(sum, zip(*colours, strict=True))))]
    if not any(numbers) or not any(gammas):
        return Found(left_out=("gamma or primaries without the other",) if any(numbers) or any(gammas) else ())
    if min(sums) <= 0 or min(gammas) <= 0 or max(gammas) > 10 or max(gammas) - min(gammas) > 0.01:
        return Found(left_out=("primaries and gammas of the colours",))
    red, green, blue = ((colour[0] / total, colour[1] / total) for colour, total in zip(colours, sums, strict=False))
    white = tuple(sum(colour[i] for colour in colours) / sums[3] for i in (0, 1))
    return Found(Metadata(icc_profile=icc.of_gamma(gammas[0], Primaries((white[0], white[1]), red, green, blue), gray=False)))
