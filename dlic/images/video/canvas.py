"""The canvas of an animation: parts of frames are placed on it and disposed of."""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class Disposal(Enum):
    """Disposal of a frame's part of the canvas before the next frame."""

    KEEP = 0
    CLEAR = 1
    RESTORE = 2  # as it was before the frame


class Canvas:
    """RGBA pixels (H, W, 4), clear at first."""

    def __init__(self, width: int, height: int):
        self.pixels = np.zeros((height, width, 4), np.uint8)

    def show(self, part: Pixels, x: int, y: int, over: bool, disposal: Disposal) -> Pixels:
        """The canvas with RGBA `part` (h, w, 4) at (x, y), over what is there or in its place; what lies outside is cut off. The
        disposal is done afterwards.
        """
        place = self.pixels[y : y + part.shape[0], x : x + part.shape[1]]
        part = part[: place.shape[0], : place.shape[1]]
        before = place.copy() if disposal is Disposal.RESTORE else place
        if over:
            blend(part, place)
        else:
            place[...] = part
        shown = self.pixels.copy()
        if disposal is Disposal.CLEAR:
            place[...] = 0
        elif disposal is Disposal.RESTORE:
            place[...] = before
        return shown


def blend(source: Pixels, target: Pixels) -> None:
    """Puts RGBA over RGBA in place, neither premultiplied. Source: Porter and Duff (1984)."""
    alpha = source[..., 3]
    partly = (alpha > 0) & (alpha < 255)
    np.copyto(_words(target), _words(source), where=alpha == 255)
    if partly.any():
        target[partly] = _mixed(source[partly].astype(np.float32), target[partly].astype(np.float32))


def _mixed(source: NDArray[np.float32], target: NDArray[np.float32]) -> Pixels:
    """(N, 4) over (N, 4), alpha of the source above 0."""
    alpha = source[:, 3:]
    below = target[:, 3:] * (255 - alpha) / 255
    total = alpha + below
    colours = (source[:, :3] * alpha + target[:, :3] * below) / total
    mixed: Pixels = np.clip(np.rint(np.concatenate([colours, total], axis=1)), 0, 255).astype(np.uint8)
    return mixed


def _words(rgba: Pixels) -> NDArray[np.uint32]:
    """(H, W) of four bytes each: whole pixels are copied at once."""
    return rgba.view(np.uint32)[..., 0]


def bounds(differs: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the smallest rectangle of all true values; one pixel where there are none."""
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return 0, 1, 0, 1
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def with_opaque(pixels: Pixels) -> Pixels:
    """uint8 (H, W, 3) or (H, W, 4) as RGBA."""
    if pixels.shape[2] == 4:
        return pixels
    rgba = np.full((*pixels.shape[:2], 4), 255, np.uint8)
    rgba[..., :3] = pixels
    return rgba
