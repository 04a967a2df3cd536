"""Notes of `dlic compress` on gain maps, which are left out together with the XMP that claims them."""

from collections.abc import Collection
from dataclasses import replace

from dlic.images import gain_map
from dlic.images.files import ImageFile, not_kept, refuse_if
from dlic.images.metadata import Metadata


def stripped(picture: ImageFile, names: Collection[str], strict: bool, source: str) -> ImageFile:
    """A picture without metadata of some names. Raises UnreadableImageError if `strict` and a gain map goes that is not named."""
    left = picture.metadata.without(names)
    is_lost = gain_map.data_of(picture.metadata) and not gain_map.data_of(left) and "parts" not in names
    notes = not_kept(["gain map, of which only XMP says what it is,"]) if is_lost else []
    refuse_if(strict, notes, source)
    return replace(picture, notes=(*picture.notes, *notes), metadata=left)


def kept(metadata: Metadata, file: bytes) -> tuple[str, ...]:
    """A note on the gain map that a new file holds, if it does; none for JPEG files, which show it."""
    is_hidden = gain_map.data_of(metadata) and not file.startswith(gain_map.BEGIN)
    return ("the gain map is kept, and only .jpg files made of this one will hold it",) if is_hidden else ()
