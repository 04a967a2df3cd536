"""Bits per sample as files state them. Pillow silently drops bits of AVIF and JPEG 2000 files."""

import re

from PIL import Image
from PIL.ImageFile import ImageFile

from dlic.images.pillow.opening import beginning_of
from dlic.images.pillow.tiff import is_tiff

BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, PLANAR, SAMPLE_FORMAT, SUBSAMPLING = 258, 259, 262, 284, 339, 530  # tags of TIFF
YCBCR, LAB = 6, 8  # photometric interpretations
AV1 = re.compile(rb"av1C\x81.(.)", re.DOTALL)  # how an AVIF file says its coding: bits 6 and 5 of the third byte are more depth
HEADER = 1 << 16  # bytes in which they are found, where no large profile stands in front


def tiff_bits(image: Image.Image) -> int | None:
    """Bits of the deepest sample of a TIFF file; None for all else."""
    return max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))) if is_tiff(image) else None


def tiff_refusal(image: Image.Image) -> str:
    """The kind of samples of a TIFF file that Pillow converts silently; empty for all others."""
    if not is_tiff(image):
        return ""
    tags = image.tag_v2
    if set(tags.get(SAMPLE_FORMAT, (1,))) & {2}:
        return "signed"
    uncompressed = tags.get(COMPRESSION, 1) == 1
    if uncompressed and tags.get(PHOTOMETRIC) == YCBCR and tuple(tags.get(SUBSAMPLING, (2, 2))) != (1, 1):
        return "uncompressed, subsampled YCbCr"
    if tags.get(PLANAR, 1) == 2 and ((tiff_bits(image) or 1) > 8 or (uncompressed and tags.get(PHOTOMETRIC) in (YCBCR, LAB))):
        return f"planar {tiff_bits(image)}-bit"
    return ""


def ppm_peak(image: Image.Image) -> int | None:
    """The sample that is white in a PPM file that has not been loaded; None for all else."""
    if image.format != "PPM" or not isinstance(image, ImageFile) or not image.tile:
        return None
    tile = image.tile[0]
    return int(tile.args[-1]) if tile.codec_name.startswith("ppm") and isinstance(tile.args, tuple) else None


def hidden_depth(image: Image.Image) -> int:
    """Bits of a sample, of an AVIF or JPEG 2000 file that has not been loaded; 8 for all else."""
    if image.format == "HEIF":
        return int(image.info.get("bit_depth", 8))
    if not isinstance(image, ImageFile) or not image.tile:
        return 8
    read = {"AVIF": _of_avif, "JPEG2000": _of_jpeg_2000}.get(image.format or "")
    return read(beginning_of(image, HEADER + len(image.info.get("icc_profile") or b""))) if read else 8


def _of_avif(header: bytes) -> int:
    """The deepest of the pictures in the file; transparency is one."""
    deep = [match[1][0] >> 5 & 3 for match in AV1.finditer(header.partition(b"mdat")[0])]
    return {0: 8, 2: 10, 3: 12}.get(max(deep, default=0), 8)


def _of_jpeg_2000(header: bytes) -> int:
    """The deepest of its components."""
    begin = header.find(b"\xff\x4f\xff\x51")  # the codestream, and the sizes of its pictures
    components = int.from_bytes(header[begin + 40 : begin + 42], "big") if begin >= 0 else 0
    return max((1 + (depth & 0x7F) for depth in header[begin + 42 : begin + 42 + 3 * components : 3]), default=8)
