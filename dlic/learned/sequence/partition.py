"""Frames → groups: cuts, still stretches, and how far apart the frames are that others are predicted from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.coarse import SIDE, block_costs, smaller
from dlic.classical.motion.planes import luma
from dlic.errors import DlicError
from dlic.pixels.frames import Frame, SequenceFormat

Extra = tuple[bytes, bytes]  # name and data of a chunk that is written where it comes

SCALE, REACH = 8, 3  # of the small copies that are compared, and the search in them: 24 pixels
CUT = 0.9  # changes of a frame that begins a scene
LONG = 32  # frames of a group in which something changes
STILL = 0.01  # mean changes of a group that may be longer
LONG_PIXELS = 1 << 26  # of all frames of a longer group: 200 MB, which an encoder holds
FLOOR = 2.0  # grey levels that count as detail everywhere, so that noise on flat areas is no change
DISTANCES = (
    (0.12, 16),
    (0.7, 8),
    (np.inf, 4),
)  # of P frames, by the mean change: 4 took 4 to 5 % more than 8 at changes of 0.3 to 0.5


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameGroup:
    """The frames of one group."""

    frames: list[Frame]
    distance: int  # between P frames
    extras: list[Extra]  # chunks that come before it


def change(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """How much of a small frame is not in the one before: 0 nothing, 1 as much as flat blocks would leave."""
    costs = block_costs(after, before, REACH)[0].min(axis=0)
    height, width = after.shape
    blocks = after.reshape(height // SIDE, SIDE, width // SIDE, SIDE).astype(np.float32)
    detail = np.abs(blocks - blocks.mean(axis=(1, 3), keepdims=True)).sum(axis=(1, 3)) + FLOOR * SIDE**2
    return float(costs.sum() / detail.sum())


class Partition:
    """Cuts a stream of frames into groups; holds one group and two frames."""

    def __init__(self, form: SequenceFormat, max_gop: int, long_pixels: int = LONG_PIXELS):
        self._form, self._max_gop, self._long_pixels = form, max_gop, long_pixels
        self._frames: list[Frame] = []
        self._extras: list[Extra] = []
        self._changes: list[float] = []
        self._small: NDArray[np.uint8] | None = None

    def groups(self, items: Iterable[Frame | Extra]) -> Iterator[FrameGroup]:
        """The groups of frames and other chunks. Raises DlicError for frames that do not fit the sequence or their times."""
        for item in _timed(self._checked(items)):
            if isinstance(item, tuple):
                self._extras.append(item)
                continue
            small = smaller(luma(item.pixels), SCALE)
            difference = None if self._small is None else change(self._small, small)
            self._small = small
            if self._frames and (self._is_long_enough or (difference is not None and difference > CUT)):
                yield self._group()
                difference = None
            self._frames.append(item)
            self._changes += [] if difference is None else [difference]
        if self._frames or self._extras:
            yield self._group()

    @property
    def _mean_change(self) -> float:
        return float(np.mean(self._changes)) if self._changes else 0.0

    @property
    def _is_long_enough(self) -> bool:
        count = len(self._frames)
        too_large = (count + 1) * self._form.width * self._form.height > self._long_pixels
        return count >= self._max_gop or (count >= LONG and (too_large or self._mean_change > STILL))

    def _group(self) -> FrameGroup:
        distance = next(distance for most, distance in DISTANCES if self._mean_change < most)
        group = FrameGroup(frames=self._frames, distance=distance, extras=self._extras)
        self._frames, self._extras, self._changes = [], [], []
        return group

    def _checked(self, items: Iterable[Frame | Extra]) -> Iterator[Frame | Extra]:
        shape = self._form.height, self._form.width, 4 if self._form.alpha else 3
        for item in items:
            if isinstance(item, Frame) and (item.pixels.shape != shape or item.pixels.dtype != np.uint8):
                raise DlicError(
                    f"a frame at {item.pts} ticks is {item.pixels.dtype} {item.pixels.shape} in a sequence of uint8 {shape}; "
                    "all frames of a sequence have one size"
                )
            yield item


def _timed(items: Iterable[Frame | Extra]) -> Iterator[Frame | Extra]:
    """Frames that last until the next begins; equal ones become one."""
    last: Frame | None = None
    for item in items:
        if not isinstance(item, Frame):
            yield item
            continue
        if last is not None:
            if item.pts <= last.pts:
                raise DlicError(f"a frame at {item.pts} ticks follows one at {last.pts}; times must rise")
            if _equal(last.pixels, item.pixels):
                last = replace(last, duration=item.pts - last.pts + item.duration)
                continue
            yield replace(last, duration=item.pts - last.pts)
        last = item
    if last is not None:
        if last.duration < 1:
            raise DlicError(f"the last frame lasts {last.duration} ticks; it must last 1 at least")
        yield last


def _equal(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return bool((first[0] == second[0]).all()) and np.array_equal(first, second)
