"""Frames of a sequence: pixels with a time."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

UNSPECIFIED = 2  # ITU-T H.273: not said


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """One frame of a sequence; times are in ticks of the sequence's time base."""

    pixels: NDArray[np.uint8]  # (H, W, 3) RGB or (H, W, 4) RGBA
    pts: int  # when it is shown; the first frame's is 0 or more
    duration: int  # how long, at least 1


@dataclass(frozen=True, kw_only=True)
class VideoColour:
    """Colour of the source that an output restores, as code points of ITU-T H.273; frames themselves are RGB."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED  # 0: the source is RGB
    full_range: bool = False
    siting: int = 0  # of chroma: 0 unspecified, then as AVChromaLocation: 1 left, 2 centre, 3 top left, …
    subsampling: int = 0  # of the source: 0 unspecified, 420, 422, 444
    depth: int = 8  # bits of a sample of the source


@dataclass(frozen=True, kw_only=True)
class SequenceFormat:
    """Facts about a sequence that hold for all its frames."""

    width: int
    height: int
    time_base: Fraction = Fraction(1, 1000)  # seconds of one tick
    alpha: bool = False  # frames are (H, W, 4), alpha is exact
    loops: int = 1  # times an animation plays; 0: for ever
    colour: VideoColour = field(default_factory=VideoColour)
