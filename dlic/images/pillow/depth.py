"""Bits of a sample that Pillow drops without a word: of AVIF and JPEG 2000 files, from their headers."""

import re

from PIL import Image

AV1 = re.compile(rb"av1C\x81.(.)", re.DOTALL)  # how an AVIF file says its coding: bits 6 and 5 of the third byte are more depth
HEADER = 1 << 16  # bytes in which they are found, where no large profile stands in front


def hidden_depth(image: Image.Image) -> int:
    """Bits of a sample, of an AVIF or JPEG 2000 file that has not been loaded; 8 for all else."""
    read = {"AVIF": _of_avif, "JPEG2000": _of_jpeg_2000}.get(image.format)
    return read(_beginning(image)) if read and getattr(image, "tile", ()) else 8


def _beginning(image: Image.Image) -> bytes:
    position = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read(HEADER + len(image.info.get("icc_profile") or b""))
    image.fp.seek(position)
    return data


def _of_avif(header: bytes) -> int:
    """The deepest of the pictures in the file; transparency is one."""
    deep = [found[1][0] >> 5 & 3 for found in AV1.finditer(header.partition(b"mdat")[0])]
    return {0: 8, 2: 10, 3: 12}.get(max(deep, default=0), 8)


def _of_jpeg_2000(header: bytes) -> int:
    """The deepest of its components."""
    begin = header.find(b"\xff\x4f\xff\x51")  # the codestream, and what its pictures are
    components = int.from_bytes(header[begin + 40 : begin + 42], "big") if begin >= 0 else 0
    return max((1 + (one & 0x7F) for one in header[begin + 42 : begin + 42 + 3 * components : 3]), default=8)
