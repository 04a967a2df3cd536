"""The few rectangles that cover the set places of a mask."""

import numpy as np
from numpy.typing import NDArray

from dlic.pixels.rectangles import Rectangle


def covering(mask: NDArray[np.bool_], worth: int) -> list[Rectangle]:
    """Disjoint rectangles that hold all places that are set in a mask (h, w). Two stand for one where that saves `worth` places."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return []
    box = Rectangle.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    parts = _divided(box, rows, columns, worth)
    if len(parts) == 1:
        return parts
    return [
        Rectangle(part.x + inner.x, part.y + inner.y, inner.width, inner.height)
        for part in parts
        for inner in covering(mask[part.slices], worth)
    ]


def _divided(box: Rectangle, rows: NDArray[np.int64], columns: NDArray[np.int64], worth: int) -> list[Rectangle]:
    """A box in two at its widest gap, or as it is."""
    down, y = _widest_gap(rows)
    right, x = _widest_gap(columns)
    if max(down * box.width, right * box.height) < worth:
        return [box]
    if down * box.width >= right * box.height:
        return [Rectangle.between(box.x, box.y, box.right, y), Rectangle.between(box.x, y + down, box.right, box.bottom)]
    return [Rectangle.between(box.x, box.y, x, box.bottom), Rectangle.between(x + right, box.y, box.right, box.bottom)]


def _widest_gap(places: NDArray[np.int64]) -> tuple[int, int]:
    """Length and first place of the longest run of missing numbers between sorted ones; of equals the first."""
    gaps = np.diff(places) - 1
    if not gaps.size:
        return 0, 0
    widest = int(gaps.argmax())
    return int(gaps[widest]), int(places[widest]) + 1
