"""Rounding of pixels that is the same on every machine, for frames to which others refer.

A network computes in floating point, so its values differ a little between machines, and a value next to a rounding boundary may
come out on either side of it. An encoder knows the values. For each unit of so many pixels it chooses an offset that moves all of
them away from the boundaries by more than machines differ; decoders add it before they round.

    differences (H, W, 3), unrounded ─ + steps / STEPS of the unit ─ floor ─ + prediction or 128 ─ clip ─ pixels
"""

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
            of_part[...] = chosen(differences, self._guard)
            if units is not None:
                of_part[~units] = 0
        return rounded(differences, of_part, self._guard.side, prediction)


def rounded(
    differences: NDArray[np.float32], steps: NDArray[np.int16], side: int, prediction: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    """Differences (H, W, 3), with offsets of `steps` (h, w) for units of `side` × `side` pixels, → pixels."""
    height, width = differences.shape[:2]
    if steps.any():
        offsets = (steps / np.float32(STEPS)).astype(np.float32).repeat(side, axis=0).repeat(side, axis=1)
        differences = differences + offsets[:height, :width, None]
    whole = np.floor(differences)
    whole += GREY if prediction is None else prediction
    return np.clip(whole, 0, 255, out=whole).astype(np.uint8)


def chosen(differences: NDArray[np.float32], guard: Guard) -> NDArray[np.int16]:
    """Steps (h, w) of the first offset for each unit that keeps its values away from boundaries; of that which keeps them away
    farthest where none keeps the margin.
    """
    height, width = differences.shape[:2]
    rows, columns = guard.units(height, width)
    unit_of = np.add.outer(np.arange(height) // guard.side * columns, np.arange(width) // guard.side)[..., None]
    to_boundary = (np.rint(differences) - differences) * np.float32(STEPS)  # steps that would move each value onto one
    nearest = np.rint(to_boundary)
    apart = np.abs(to_boundary - nearest)  # of a value moved by the nearest whole number of steps, in steps
    hits = (unit_of * STEPS + nearest.astype(np.int64) % STEPS)[apart <= guard.margin * STEPS]
    forbidden = np.bincount(hits, minlength=rows * columns * STEPS).reshape(rows * columns, STEPS)[:, TRIED % STEPS] > 0
    steps = TRIED[forbidden.argmin(axis=1)]
    for unit in np.flatnonzero(forbidden.all(axis=1)):
        steps[unit] = _farthest(nearest[unit_of[..., 0] == unit], apart[unit_of[..., 0] == unit])
    return np.asarray(steps.reshape(rows, columns), np.int16)


def _farthest(nearest: NDArray[np.float32], apart: NDArray[np.float32]) -> int:
    """The steps of the offset that keeps the values of a unit as far from boundaries as possible."""
    distance = np.full(STEPS, 0.5)
    np.minimum.at(distance, nearest.astype(np.int64).ravel() % STEPS, apart.ravel())
    return int(TRIED[distance[TRIED % STEPS].argmax()])
