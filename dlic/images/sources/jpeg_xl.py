"""Boxes of JPEG XL files that their plugin does not read."""

from dlic.images.sources.boxes import boxes
from dlic.images.sources.found import Found

SILENT = {"JXL ", "ftyp", "jxlc", "jxlp", "jxll", "jxli", "jbrd", "Exif", "xml "}
NAMES = {"jumb": "C2PA manifest", "jhgm": "gain map", "brob": "compressed metadata"}
STREAM = b"\xff\x0a"


def scan(data: bytes) -> Found:
    """Names of other boxes; a bare stream has none."""
    names = [] if data.startswith(STREAM) else [box.name for box in boxes(data) if box.name not in SILENT]
    return Found(left_out=tuple(dict.fromkeys(NAMES.get(name, f"box {name}") for name in names)))
