"""The preview chunk of a .dlic file."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlic.container.chunks import THUMBNAIL, by_name
from dlic.container.format import Chunks
from dlic.errors import CorruptFileError, DlicError, UnreadableImageError
from dlic.images.bit_depth import to_eight_bits
from dlic.images.thumbnail import MAX_SIDE, SIDE, thumbnail
from dlic.pixels.reduction import reduction_for

if TYPE_CHECKING:
    from dlic.formats.kind import Description

WORTH_PIXELS = 1_000_000  # smaller pictures show quickly enough themselves
WORTH_SHARE = 200  # least ratio of file size to preview size for a preview by default …
BROWSED_SHARE = 50  # … and in one of many files: a folder is looked through more often than it is sent

GAP = 3  # how many times larger a picture is at least before the last resizing, so that this is as good as all in one
SIDES_IN_FRONT, IN_FRONT_SHARE = (SIDE, 96, 64, 40), 50  # of a preview before the layers of a progressive file


def write(pixels: NDArray[Any], side: int = SIDE) -> Chunks:
    """A preview of at most `side` pixels, or none for 0. Raises DlicError for others."""
    if not 0 <= side <= MAX_SIDE:
        raise DlicError(f"a thumbnail has 1 to {MAX_SIDE} pixels a side, or 0 for none, not {side}")
    return ((THUMBNAIL, thumbnail(pixels, side)),) if side else ()


def if_cheap(pixels: NDArray[Any], size: int, share: int = WORTH_SHARE) -> Chunks:
    """A preview of a large picture, if the file's `size` bytes are more than `share` times its own; else none."""
    if pixels.shape[0] * pixels.shape[1] <= WORTH_PIXELS:
        return ()
    chunks = write(pixels)
    return chunks if share * len(chunks[0][1]) < size else ()


def in_front(pixels: NDArray[Any], size: int) -> Chunks:
    """The largest preview that is cheap for a progressive file of `size` bytes, which shows it first; else none."""
    for side in SIDES_IN_FRONT:
        if side < max(pixels.shape[:2]) and (chunk := thumbnail(pixels, side)) and IN_FRONT_SHARE * len(chunk) <= size:
            return ((THUMBNAIL, chunk),)
    return ()


def read(chunks: Chunks) -> bytes | None:
    """The WebP file of a preview, or None. Raises CorruptFileError for anything else in its place."""
    data = by_name(chunks).get(THUMBNAIL)
    if data is not None and (data[:4] != b"RIFF" or data[8:12] != b"WEBP"):
        raise CorruptFileError("the thumbnail in the file is no WebP image")
    return data


def pixels_of(webp: bytes) -> NDArray[np.uint8]:
    """A preview's uint8 (H, W, 3) or (H, W, 4). Raises CorruptFileError for what is damaged or larger than a preview."""
    from dlic.images.files import read_image

    try:
        return read_image(webp, MAX_SIDE**2, keep=("alpha",)).pixels
    except UnreadableImageError as error:
        raise CorruptFileError(f"the thumbnail in the file cannot be shown: {error}") from error


def small_picture(described: "Description", side: int) -> NDArray[np.uint8]:
    """uint8 of a file's preview where it has one, which takes no network, or else of the picture, reduced for a last
    resizing to `side` pixels. Raises DlicError.
    """
    from dlic.formats.reading import Reading

    stored = read(described.container.chunks) if described.container else None
    if stored is not None:
        return pixels_of(stored)
    longer = max(described.width, described.height)
    reading = Reading(reduction=reduction_for(longer, longer, (GAP * side, GAP * side)))
    pixels: NDArray[Any] = described.kind.read(described, reading).picture.pixels
    return to_eight_bits(pixels) if pixels.dtype == np.uint16 else pixels


def on_white(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """A preview as (H, W, 3), for files that have no place for transparency."""
    if pixels.shape[2] == 3:
        return pixels
    opacity = pixels[..., 3:] / 255
    blended: NDArray[np.uint8] = np.rint(255 + opacity * (pixels[..., :3] - 255.0)).astype(np.uint8)
    return blended
