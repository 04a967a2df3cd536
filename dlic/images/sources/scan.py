"""Chooses the reader of a file's statements by its format."""

from collections.abc import Callable

from dlic.images.sources import bmp, gif, heif, jpeg, jpeg_2000, jpeg_xl, plain, png, webp
from dlic.images.sources.found import Found
from dlic.images.tiff import tags

SCANNERS: dict[str, Callable[[bytes], Found]] = {
    "PNG": png.scan,
    "JPEG": jpeg.scan,
    "MPO": jpeg.scan,
    "TIFF": tags.scan,
    "GIF": gif.scan,
    "WEBP": webp.scan,
    "AVIF": heif.scan,
    "HEIF": heif.scan,
    "JXL": jpeg_xl.scan,
    "JPEG2000": jpeg_2000.scan,
    "BMP": bmp.scan,
    "DIB": bmp.scan,
    "PPM": plain.scan_pnm,
    "TGA": plain.scan_tga,
    "QOI": plain.scan_qoi,
}
NOTHING_ELSE = {"DLIC", "PCX", "MSP", "SUN", "SGI", "XBM", "XPM", "ICO", "CUR"}  # Pillow reports all that they say


def scan(data: bytes, image_format: str | None) -> Found:
    """Statements of a file of a format (Pillow's name). Damage in them is a name among those left out, never an error."""
    scanner = SCANNERS.get(image_format or "")
    if scanner is None:
        return Found(left_out=() if image_format in NOTHING_ELSE else (f"metadata of {image_format} files",))
    try:
        return jpeg.without_claims(scanner(data))
    except Exception:  # of a file that lies about lengths; its picture is read all the same
        return Found(left_out=("metadata that are damaged",))
