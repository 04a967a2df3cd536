"""Rounding of pixels that is the same on every machine, for frames to which others refer.

A network computes in floating point, so its values differ a little between machines, and a value next to a rounding boundary may
come out on either side of it. An encoder knows the values. For each unit of so many pixels it chooses an offset that moves all of
them away from the boundaries by more than machines differ; decoders add it before they round.

    differences (H, W, 3), unrounded ─ + steps / STEPS of the unit ─ floor ─ + prediction or 128 ─ clip ─ pixels
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.pixels.rectangles import Rectangle

STEPS = 1024  # of an offset in a level
MOST = STEPS // 2 - 1  # steps of an offset at most, up and down
GREY = 128  # what a picture without a prediction is added to
# Offsets in the order in which an encoder tries them: 0, 1, −1, 2, −2 …
TRIED = np.array([0, *(step for size in range(1, MOST + 1) for step in (size, -size))])


@dataclass(frozen=True, kw_only=True)
class Guard:
    """How a kind of frame is guarded. The largest differences that were seen between two decoders are less than `margin`; the cost
    of an offset is about 3 · 2.9 · margin bits a pixel.
    """

    side: int  # pixels along a unit
    margin: float  # levels that values keep from rounding boundaries, if an encoder finds an offset

    def units(self, height: int, width: int) -> tuple[int, int]:
        """Units down and across that cover a frame."""
        return -(-height // self.side), -(-width // self.side)


KEY = Guard(side=32, margin=4e-4)  # values around grey are large, so their last bits are worth more
INTER = Guard(side=64, margin=2e-4)


class GuardedRounding:
    """Rounds the parts of one frame. An encoder's object chooses the steps of the offsets, a decoder's has been given them."""

    def __init__(self, guard: Guard, size: tuple[int, int], steps: NDArray[np.int16] | None = None, choose: bool = False):
        """`steps` (h, w) of the units of a frame of `size` (H, W); None: 0, or they are chosen."""
        self._guard, self.chooses = guard, choose
        self.steps = np.zeros(guard.units(*size), np.int16) if steps is None else steps

    def pixels(
        self,
        differences: NDArray[np.float32],
        place: Rectangle,
        prediction: NDArray[np.uint8] | None = None,
        units: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.uint8]:
        """The pixels (H, W, 3) of a part of the frame.

        Args:
            differences: (H, W, 3) of `runtime.network.Unrounded`.
            place: of the part; it begins at multiples of units, and ends there or at the frame's border.
            prediction: of the part (H, W, 3); None: grey.
            units: (h, w) of the part whose pixels are used; None: all.
        """
        of_part = self.steps[place.in_steps(self._guard.side).slices]
        if self.chooses:
            of_part[...] = chosen(differences, self._guard, units)
        return rounded(differences, of_part, self._guard.side, prediction)


def rounded(
    differences: NDArray[np.float32], steps: NDArray[np.int16], side: int, prediction: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Differences (H, W, 3), with offsets of `steps` (h, w) for units of `side` × `side` pixels, → pixels."""
    pixels = np.empty(differences.shape, np.uint8)
    offsets = (steps / np.float32(STEPS)).astype(np.float32).repeat(3 * side, axis=1)[:, : 3 * differences.shape[1]]
    for rows, of_row in zip(_rows(differences.shape[0], side), offsets, strict=True):  # so few that they stay in a cache
        values = differences[rows].reshape(-1, of_row.size)
        whole = np.floor(values + of_row if of_row.any() else values)
        whole += GREY if prediction is None else prediction[rows].reshape(whole.shape)
        np.minimum(np.maximum(whole, 0, out=whole), 255, out=whole)
        pixels[rows] = whole.reshape(-1, *pixels.shape[1:])
    return pixels


def chosen(differences: NDArray[np.float32], guard: Guard, units: NDArray[np.bool_] | None = None) -> NDArray[np.int16]:
    """Steps (h, w) of the first offset for each unit that keeps its values away from boundaries; of that which keeps them away
    farthest where none keeps the margin. 0 outside of `units` (h, w); None: all.
    """
    steps = np.zeros(guard.units(*differences.shape[:2]), np.int16)
    column_of = (np.arange(differences.shape[1], dtype=np.int32) // guard.side).repeat(3)
    for row, rows in enumerate(_rows(differences.shape[0], guard.side)):
        which = np.ones(steps.shape[1], bool) if units is None else units[row]
        if which.any():
            steps[row] = _of_units(differences[rows].reshape(-1, column_of.size), column_of, guard.margin * STEPS)
            steps[row][~which] = 0
    return steps


def _of_units(differences: NDArray[np.float32], column_of: NDArray[np.int32], margin: float) -> NDArray[np.int64]:
    """Steps (w,) of a row of units, whose values (side, N) lie in columns of units `column_of` (N,). `margin` is in steps."""
    apart = np.rint(differences)
    apart -= differences
    apart *= np.float32(STEPS)  # steps that would move each value onto a boundary
    nearest = np.rint(apart)
    apart -= nearest  # of a value that is moved by the nearest whole number of steps, in steps
    np.abs(apart, out=apart)
    places = nearest.astype(np.int32) & STEPS - 1
    places += STEPS * column_of
    hit = np.zeros(STEPS * (1 + int(column_of[-1])), bool)
    hit[places[apart <= margin]] = True
    forbidden = hit.reshape(-1, STEPS)[:, TRIED % STEPS]
    steps: NDArray[np.int64] = TRIED[forbidden.argmin(axis=1)]
    for unit in np.flatnonzero(forbidden.all(axis=1)):
        steps[unit] = _farthest(nearest[:, column_of == unit], apart[:, column_of == unit])
    return steps


def _farthest(nearest: NDArray[np.float32], apart: NDArray[np.float32]) -> int:
    """The steps of the offset that keeps the values of a unit as far from boundaries as possible."""
    distance = np.full(STEPS, 0.5)
    np.minimum.at(distance, nearest.astype(np.int64).ravel() % STEPS, apart.ravel())
    return int(TRIED[distance[TRIED % STEPS].argmax()])


def _rows(height: int, side: int) -> Iterator[slice]:
    """The rows of pixels of each row of units."""
    return (slice(top, min(top + side, height)) for top in range(0, height, side))
