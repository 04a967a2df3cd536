"""Frames of a sequence: as parsed, as decoded, and as encoded."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.search import SearchReference
from dlic.classical.motion.temporal import FrameMotion
from dlic.entropy.parts import Symbols
from dlic.learned.sequence.key_packet import KeyPacket
from dlic.learned.sequence.packet import InterPacket

KEY = FrameMotion()  # of key frames


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """A frame as a decoder has it, to which others refer."""

    pixels: NDArray[np.uint8]  # (H, W, 3)
    motion: FrameMotion = KEY
    alpha: NDArray[np.uint8] | None = None  # (H, W)

    @property
    def shown(self) -> NDArray[np.uint8]:
        """(H, W, 3), or with alpha (H, W, 4); not shared with later frames."""
        return self.pixels.copy() if self.alpha is None else np.dstack([self.pixels, self.alpha])

    @cached_property
    def for_search(self) -> SearchReference:
        """What an encoder's search needs of it."""
        return SearchReference(self.pixels)


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedFrame:
    """A packet with what it decodes to."""

    data: bytes
    symbols_crc: int
    level: int
    decoded: DecodedFrame


@dataclass(frozen=True, eq=False, kw_only=True)
class ParsedFrame:
    """The symbols of a frame: all that is known of it without its references."""

    level: int
    size: tuple[int, int]  # height and width
    motion: FrameMotion = KEY
    alpha: bytes | None = None
    key: KeyPacket | None = None
    inter: InterPacket | None = None
    symbols: list[Symbols] = field(default_factory=list)
