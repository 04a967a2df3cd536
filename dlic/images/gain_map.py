"""The gain map of a JPEG picture (Ultra HDR, ISO 21496-1): a second JPEG file, and XMP that claims it. Neither stays alone."""

from dataclasses import replace
from typing import TYPE_CHECKING

from dlic.images import xmp

if TYPE_CHECKING:
    from dlic.images.metadata import Metadata

NAME = ("JPEG", "gain map")  # format and name of the part
MAX_SIZE = 1 << 24  # bytes, which a chunk of a .dlic file takes
BEGIN, END = b"\xff\xd8\xff", b"\xff\xd9"


def is_file(data: bytes) -> bool:
    """Whether data may be a gain map: they begin and end as a JPEG file does, and a .dlic file holds them."""
    return data.startswith(BEGIN) and data.endswith(END) and len(data) <= MAX_SIZE


def data_of(metadata: "Metadata") -> bytes:
    """The JPEG file that is the gain map; empty where there is none."""
    return next((part.data for part in metadata.parts if (part.format, part.name) == NAME), b"")


def without(metadata: "Metadata") -> "Metadata":
    """The metadata without the gain map, and without claims on it."""
    parts = tuple(part for part in metadata.parts if (part.format, part.name) != NAME)
    return agreeing(metadata, replace(metadata, parts=parts))


def agreeing(before: "Metadata", after: "Metadata") -> "Metadata":
    """`after`, a part of `before`, made consistent: XMP loses its claims on a missing gain map, and without the XMP that claims it
    the gain map is left out.
    """
    if not data_of(before):
        return after
    if not data_of(after):
        return replace(after, xmp=xmp.without_claims(after.xmp)) if xmp.claims_more(after.xmp) else after
    if xmp.claims_more(before.xmp) and not xmp.claims_more(after.xmp):
        return replace(after, parts=tuple(part for part in after.parts if (part.format, part.name) != NAME))
    return after
