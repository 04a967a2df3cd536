"""A learned codec over its rates: every image at every quality, from files."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dlic.codecs.learned import LearnedCodec
from dlic.errors import DlicError
from dlic.evaluation.measure import Means, Measured, means, measure_file
from dlic.evaluation.rate_distortion import Point

QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # the whole range, about a third of a rate octave apart


@dataclass(frozen=True)
class Rate:
    """A checkpoint at one rate on a set of images."""

    quality: int | None  # None where the checkpoint has only one rate
    images: dict[str, Measured]  # by file name
    gap: float  # share by which files exceed what the integer tables say of their symbols

    @property
    def mean(self) -> Means:
        return means(self.images.values())

    @property
    def point(self) -> Point:
        return Point(self.mean.bpp, self.mean.psnr)


def measure_rate(
    codec: LearnedCodec, images: Iterable[tuple[str, np.ndarray]], quality: int | None = None, effort: int = 0
) -> Rate:
    """Measure named uint8 (H, W, 3) images at one quality, or at the only rate there is."""
    coder = codec.at(quality or 1, effort)
    rows, written, estimated = {}, 0, 0.0
    for name, image in images:
        rows[name], data = measure_file(coder, image)
        written, estimated = written + 8 * len(data), estimated + codec.estimated_bits(data)
    return Rate(quality, rows, written / estimated - 1)


def warm_up(codec: LearnedCodec, image: np.ndarray) -> None:
    """Code one image first, so that what happens once does not count as the first picture's time."""
    codec.decompress(codec.compress(image))


def parse_qualities(text: str) -> tuple[int, ...]:
    """'10,50,90' → its numbers in rising order, each once. DlicError for anything but whole numbers of 1 to 100."""
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise DlicError(
            f"--qualities takes whole numbers of 1 to 100 with commas between, such as 10,50,90, not {text!r}"
        ) from error
    for number in (numbers[0], numbers[-1]):
        if not 1 <= number <= 100:
            raise DlicError(f"--qualities are from 1 to 100, not {number}")
    return tuple(numbers)
