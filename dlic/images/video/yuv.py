"""RGB ⇄ the Y, Cb, Cr planes of video: matrices of ITU-R BT.601, 709 and 2020, limited and full range, any subsampling.

Source: ITU-T H.273, section 8.3. Values are rounded to the nearest; chroma is interpolated linearly (`chroma.py`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.images.video.chroma import double, halve
from dlic.pixels.frames import UNSPECIFIED, VideoColour

RGB, BT709, BT601, BT2020 = 0, 1, 6, 9  # matrices of H.273
LUMA = {  # weights of red and blue
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601 of 625 lines
    BT601: (0.299, 0.114),
    7: (0.212, 0.087),  # SMPTE 240M
    BT2020: (0.2627, 0.0593),  # non-constant luminance
}
HD_WIDTH, HD_HEIGHT = 1280, 576  # larger clips without a matrix are BT.709, others BT.601, as players take them
LEFT, CENTRE, TOP_LEFT, TOP = 1, 2, 3, 4  # positions of chroma samples, as AVChromaLocation

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Planes:
    """Y, Cb and Cr of one frame: uint8, or uint16 of `depth` bits. Cb and Cr may be of half the width and height, rounded up."""

    y: NDArray[Any]
    cb: NDArray[Any]
    cr: NDArray[Any]
    depth: int = 8


def matrix_of(colour: VideoColour, width: int, height: int) -> int:
    """The matrix of a clip, which a clip that states none gets by its size."""
    if colour.matrix in LUMA:
        return colour.matrix
    assert colour.matrix != RGB, "RGB has no planes"
    return BT709 if width >= HD_WIDTH or height > HD_HEIGHT else BT601


def to_rgb(planes: Planes, colour: VideoColour) -> NDArray[np.uint8]:
    """Planes → uint8 RGB (H, W, 3)."""
    height, width = planes.y.shape
    scale, black, chroma_scale, centre = _levels(planes.depth, colour.full_range)
    y = (planes.y.astype(np.float32) - np.float32(black)) / np.float32(scale)
    cb, cr = (
        _full(plane.astype(np.float32) - np.float32(centre), height, width, colour.siting) / np.float32(chroma_scale)
        for plane in (planes.cb, planes.cr)
    )
    red, blue = LUMA[matrix_of(colour, width, height)]
    green = 1 - red - blue
    rgb = np.empty((height, width, 3), np.uint8)
    _store(rgb[..., 0], y + np.float32(2 * (1 - red)) * cr)
    _store(rgb[..., 2], y + np.float32(2 * (1 - blue)) * cb)
    _store(rgb[..., 1], y - np.float32(2 * red * (1 - red) / green) * cr - np.float32(2 * blue * (1 - blue) / green) * cb)
    return rgb


def to_planes(rgb: NDArray[np.uint8], colour: VideoColour, subsampling: int = 420) -> Planes:
    """uint8 RGB (H, W, 3) → planes of 8 bits. Inverse of `to_rgb` but for rounding, colours that RGB does not have, and detail of
    subsampled chroma, which becomes smoother.
    """
    height, width = rgb.shape[:2]
    scale, black, chroma_scale, centre = _levels(8, colour.full_range)
    red, blue = LUMA[matrix_of(colour, width, height)]
    r, g, b = (rgb[..., channel].astype(np.float32) / np.float32(255) for channel in range(3))
    y = np.float32(red) * r + np.float32(1 - red - blue) * g + np.float32(blue) * b
    cb, cr = (b - y) / np.float32(2 * (1 - blue)), (r - y) / np.float32(2 * (1 - red))
    cb, cr = (_subsampled(plane, subsampling, colour.siting) * np.float32(chroma_scale) + np.float32(centre) for plane in (cb, cr))
    return Planes(_rounded(y * np.float32(scale) + np.float32(black)), _rounded(cb), _rounded(cr))


def _levels(depth: int, full_range: bool) -> tuple[float, float, float, float]:
    """Range and black of luma, range and centre of chroma, in code values of `depth` bits."""
    unit, centre = 1 << (depth - 8), 128 << (depth - 8)
    peak = (1 << depth) - 1
    return (peak, 0, peak, centre) if full_range else (219 * unit, 16 * unit, 224 * unit, centre)


def _full(plane: Floats, height: int, width: int, siting: int) -> Floats:
    """A chroma plane at the size of luma."""
    if plane.shape[0] < height:
        plane = double(plane, height, co_sited=siting in (TOP_LEFT, TOP))
    if plane.shape[1] < width:
        plane = double(np.ascontiguousarray(plane.T), width, co_sited=siting not in (CENTRE, TOP)).T
    return plane


def _subsampled(plane: Floats, subsampling: int, siting: int) -> Floats:
    """A chroma plane at the size of the subsampling."""
    if subsampling in (420, 422):
        plane = halve(np.ascontiguousarray(plane.T), co_sited=siting not in (CENTRE, TOP)).T
    return halve(plane, co_sited=siting in (TOP_LEFT, TOP)) if subsampling == 420 else plane


def _store(channel: NDArray[np.uint8], values: Floats) -> None:
    """Writes values of 0 … 1 as 0 … 255."""
    np.copyto(channel, _rounded(values * np.float32(255)))


def _rounded(values: Floats) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def is_planar(colour: VideoColour) -> bool:
    """Whether the source had Y, Cb, Cr planes."""
    return colour.matrix != RGB


__all__ = ["BT601", "BT709", "BT2020", "CENTRE", "LEFT", "LUMA", "RGB", "UNSPECIFIED", "Planes", "is_planar", "to_planes", "to_rgb"]
