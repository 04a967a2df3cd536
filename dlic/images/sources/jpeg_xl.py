"""Boxes of JPEG XL files, in which EXIF and XMP stand."""

from dlic.images.metadata import Metadata
from dlic.images.sources.boxes import boxes, first
from dlic.images.sources.found import Found

SILENT = {"JXL ", "ftyp", "jxlc", "jxlp", "jxll", "jxli", "jbrd", "Exif", "xml "}
NAMES = {"jumb": "C2PA manifest", "jhgm": "gain map", "brob": "compressed metadata"}
STREAM = b"\xff\x0a"


def scan(data: bytes) -> Found:
    """Metadata of a container, and names of other boxes; a bare stream has none. The plugin reads the colours."""
    if data.startswith(STREAM):
        return Found()
    names = [box.name for box in boxes(data) if box.name not in SILENT]
    exif = first(data, "Exif")
    metadata = Metadata(exif=exif[4 + int.from_bytes(exif[:4], "big") :], xmp=first(data, "xml "))
    return Found(metadata, tuple(dict.fromkeys(NAMES.get(name, f"box {name}") for name in names)))
