"""What becomes of each kind of metadata in each format that dlic writes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dlic.images.colours import icc
from dlic.images.colours.code_points import PRIMARIES, CodePoints
from dlic.images.files import EVERYTHING, image_bytes, not_held, read_image
from dlic.images.metadata import Metadata, Part, aspect
from tests.images.sources.statements import BLOCKS, COMMENT, EXIF, P3, PICTURE, PROFILE, XMP, encoded, has, markdown
from tests.images.sources.statements import GAIN_MAP as CLAIM

COLOUR, GRAY = np.full((8, 8, 3), (60, 190, 80), np.uint8), np.full((8, 8), 90, np.uint8)
GRAY_PROFILE = icc.of_gamma(1.0, PRIMARIES[1], gray=True)
SUFFIXES = (".png", ".jpg", ".tif", ".webp", ".avif", ".bmp", ".gif", ".jp2", ".ppm")
SHAPE = aspect(2, 1)
GAIN_MAP = (Part("JPEG", "gain map", encoded(PICTURE, "JPEG")),)


@dataclass(frozen=True)
class Written:
    """Metadata of one kind, and how to see that a file has them."""

    kind: str
    metadata: Metadata
    kept: Callable[[Metadata], bool]
    is_gray: bool = False

    @property
    def pixels(self) -> np.ndarray:  # type: ignore[type-arg]
        return GRAY if self.is_gray else COLOUR


WRITTEN = (
    Written("ICC profile", Metadata(PROFILE), has("icc_profile", PROFILE)),
    Written("ICC profile of gray", Metadata(GRAY_PROFILE), has("icc_profile", GRAY_PROFILE), is_gray=True),
    Written("code points (CICP)", Metadata(code_points=P3), lambda m: m.code_points == P3 or m.icc_profile == PROFILE),
    Written("code points of PQ", Metadata(code_points=CodePoints(9, 16)), has("code_points", CodePoints(9, 16))),
    Written("EXIF", Metadata(exif=EXIF), lambda m: b"a description" in m.exif and b"maker's note" in m.exif),
    Written("XMP", Metadata(xmp=XMP), has("xmp", XMP)),
    Written("IPTC", Metadata(iptc=BLOCKS), has("iptc", BLOCKS)),
    Written("comment", Metadata(text={"Comment": COMMENT}), lambda m: m.text.get("Comment") == COMMENT),
    Written("other texts", Metadata(text={"Title": "a title"}), has("text", {"Title": "a title"})),
    Written("resolution", Metadata(dpi=(300.0, 150.0)), lambda m: m.dpi is not None and abs(m.dpi[1] - 150) < 0.1),
    Written("shape of a pixel", Metadata(parts=SHAPE), has("parts", SHAPE)),
    Written("gain map", Metadata(xmp=CLAIM, parts=GAIN_MAP), lambda m: m.parts == GAIN_MAP and m.xmp == CLAIM),
    Written("chunks of PNG", Metadata(parts=(Part("PNG", "tIME", bytes(7)),)), has("parts", (Part("PNG", "tIME", bytes(7)),))),
)


def outcome(written: Written, suffix: str) -> str:
    """'kept', 'converted', 'said' or 'lost'."""
    notes = ", ".join(not_held(written.pixels, suffix, written.metadata))
    found = read_image(image_bytes(written.pixels, suffix, written.metadata), keep=EVERYTHING).metadata
    if "not kept" in notes:
        return "said"
    if "converted" in notes or "clipped" in notes:
        return "converted"
    return "kept" if written.kept(found) else "lost"


def table() -> str:
    """Kinds × endings, as docs/metadata.md has it."""
    rows = [[written.kind, *(outcome(written, suffix) for suffix in SUFFIXES)] for written in WRITTEN]
    return markdown(["", *SUFFIXES], rows)
