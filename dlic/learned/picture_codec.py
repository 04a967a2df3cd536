"""The interface of codecs of pictures at rate levels, and qualities 1 … 100 as levels."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dlic.errors import DlicError
from dlic.learned.picture import Encoded
from dlic.progress import Progress, no_progress

Analysed = TypeVar("Analysed")


class PictureCodec(ABC, Generic[Analysed]):
    """Files of pictures at a level or a quality, from an analysis that serves all levels."""

    @property
    @abstractmethod
    def levels(self) -> int:
        """Rates of the model."""

    @abstractmethod
    def analyse(self, image: NDArray[np.uint8], keep: bool = False) -> Analysed:
        """The work on an image (H, W, 3) that is the same at all levels."""

    @abstractmethod
    def encode_at(self, analysed: Analysed, level: int, effort: int = 0, progress: Progress = no_progress) -> Encoded:
        """Encodes an analysed image at one level."""

    @abstractmethod
    def decompress(self, data: bytes) -> NDArray[np.uint8]:
        """Bytes of a .dlic file → uint8 (H, W, 3)."""

    def at(self, quality: int, effort: int = 0) -> "AtQuality":
        """The codec at one quality 1 … 100."""
        return AtQuality(self, level_of(quality, self.levels), effort)

    def compress(self, image: NDArray[np.uint8], level: int = 0, effort: int = 0) -> bytes:
        """uint8 (H, W, 3) → the bytes of a .dlic file of a rate level."""
        return self.encode(image, level, effort).data

    def encode(self, image: NDArray[np.uint8], level: int = 0, effort: int = 0, progress: Progress = no_progress) -> Encoded:
        """`compress`, with checksums and times."""
        return self.encode_at(self.analyse(image), level, effort, progress)


@dataclass(frozen=True, eq=False)
class AtQuality:
    """A codec of pictures with fixed settings, as the evaluation compares codecs."""

    codec: PictureCodec[Any]
    level: int
    effort: int

    def compress(self, image: NDArray[np.uint8]) -> bytes:
        return self.codec.compress(image, self.level, self.effort)

    def decompress(self, data: bytes) -> NDArray[np.uint8]:
        return self.codec.decompress(data)


def level_of(quality: int, levels: int) -> int:
    """Quality 1 … 100 → rate level, linear from the lowest to the highest. Raises DlicError for other qualities."""
    return round((check_quality(quality) - 1) / 99 * (levels - 1))


def quality_of(level: int, levels: int) -> int:
    """Rate level → the quality 1 … 100 that is nearest; of neighbours that mean one level, the round one."""
    near = [quality for quality in range(1, 101) if level_of(quality, levels) == level]
    return max(near, key=lambda quality: (quality % 10 == 0, quality % 5 == 0, -quality))


def check_quality(quality: int) -> int:
    """`quality` as int if it is a whole number 1 … 100, of NumPy or not. Raises DlicError otherwise."""
    if isinstance(quality, bool) or not isinstance(quality, int | np.integer) or not 1 <= quality <= 100:
        raise DlicError(f"quality is a whole number from 1 to 100, not {quality!r}")
    return int(quality)
