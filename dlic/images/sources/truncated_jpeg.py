"""JPEG files that end too early: completed, so that a decoder shows them as browsers do, and the rows that they lack."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dlic.images import jpeg
from dlic.images.pillow.opening import open_image

MAGIC, END = b"\xff\xd8\xff", b"\xff\xd9"
NOISE = bytes(range(1, 200))  # coded data of another picture; without a byte that could begin a marker
PROGRESSIVE = 0xC2


@dataclass(frozen=True)
class Completed:
    """A truncated JPEG file with an end."""

    data: bytes = field(repr=False)
    missing_rows: int  # of the stored picture
    note: str


def completed(data: bytes, max_pixels: int) -> Completed | None:
    """A JPEG file that ends in its coded data, completed; None for all other files.

    Behind the cut a decoder sees gray. It sees something else if noise follows there: where both pictures differ, rows are missing.
    """
    if not data.startswith(MAGIC):
        return None
    markers = [marker for marker, _, _ in jpeg.segments(data)]
    if not markers or markers[-1] != jpeg.SOS:  # whole, or cut in front of the picture
        return None
    cut = data.rstrip(b"\xff")
    whole = cut + END
    try:
        width, height = open_image(whole).size
        if width * height > max_pixels:
            return None
        missing = _missing_rows(_decoded(whole), _decoded(cut + NOISE + END))
    except Exception:  # whatever is wrong, Pillow will say it when it reads the file
        return None
    scans = markers.count(jpeg.SOS)
    if PROGRESSIVE in markers and scans > 1:
        return Completed(whole, 0, f"the JPEG file is truncated in its scan {scans}: the picture is coarser than it was")
    if missing:
        return Completed(whole, missing, f"the JPEG file is truncated: its last {missing} rows are missing")
    return Completed(whole, 0, "the JPEG file lacks its end marker")


def _decoded(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(open_image(data))


def _missing_rows(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    different = (picture != other).reshape(len(picture), -1).any(axis=1)
    return len(picture) - int(different.argmax()) if different.any() else 0
