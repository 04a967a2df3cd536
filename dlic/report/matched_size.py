"""The file of a codec nearest to a size, found with few encodings."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dlic.evaluation.series import Series
from dlic.runtime.timing import timed

GROWTH = 0.034  # of log(bytes) from one quality to the next: about what JPEG, WebP, AVIF and JPEG 2000 have in their middle


@dataclass(frozen=True)
class Matched:
    """The file of a codec that comes nearest to a size."""

    quality: float | None
    data: bytes
    encode_ms: float
    fits: bool  # False where even the smallest file is too large


def at_size(series: Series, image: np.ndarray, size: int, known: Mapping[float | None, int] | None = None) -> Matched:
    """The best quality of a codec whose file of `image`, uint8 (H, W, 3), has at most `size` bytes; else its smallest file.

    `known` are bytes at some qualities, which narrow the search. Where sizes do not rise with quality, the next file is too large.
    """
    choices = _choices(series)
    sizes = {place: known[quality] for place, quality in enumerate(choices) if known and quality in known}
    files: dict[int, Matched] = {}

    def file_at(place: int) -> Matched:
        if place not in files:
            files[place] = _file(series, choices[place], image, size)
            sizes[place] = len(files[place].data)
        return files[place]

    def size_at(place: int) -> int:
        return sizes[place] if place in sizes else len(file_at(place).data)

    best = _last_within(size_at, sizes, len(choices), size)
    if best is None:
        return file_at(min(sizes, key=sizes.__getitem__))
    matched = file_at(best)
    return matched if matched.fits else at_size(series, image, size)  # the known sizes were of another file


def _file(series: Series, quality: float | None, image: np.ndarray, size: int) -> Matched:
    """One try."""
    codec = series.at(quality)
    seconds: dict[str, float] = {}
    with timed(seconds, "encode"):
        data = codec.compress(image)
    return Matched(quality, data, 1000 * seconds["encode"], len(data) <= size)


def _choices(series: Series) -> Sequence[float | None]:
    """Its qualities by rising rate, with those between them."""
    first, last = series.qualities[0], series.qualities[-1]
    if not series.between or first is None or last is None or first % 1 or last % 1:
        return series.qualities
    return range(int(first), int(last) + 1) if first <= last else range(int(first), int(last) - 1, -1)


def _last_within(size_at: Callable[[int], int], sizes: Mapping[int, int], count: int, limit: int) -> int | None:
    """A place whose size is within the limit while the next one's, if there is one, is not; None where the first is too large.

    `sizes` are those known so far, to which `size_at` adds. Each guess is where the size would be right if it grew evenly; after
    one that left more than half of the interval, the middle is next.
    """
    low = max((place for place, size in sizes.items() if size <= limit), default=-1)
    high = min((place for place, size in sizes.items() if size > limit and place > low), default=count)
    lopsided = False
    while high - low > 1:
        before = high - low
        middle = (low + high) // 2 if lopsided else min(max(_guess(sizes, low, high, limit), low + 1), high - 1)
        low, high = (middle, high) if size_at(middle) <= limit else (low, middle)
        lopsided = high - low > before / 2 and low in sizes and high in sizes
    return low if low >= 0 else None


def _guess(sizes: Mapping[int, int], low: int, high: int, limit: int) -> int:
    """Interpolated index of a size between the ends of an interval; with one end known, an index a little beyond it."""
    ends = [place for place in (low, high) if place in sizes]
    if not ends:
        return (low + high) // 2
    missing = math.log(limit / max(sizes[ends[0]], 1))
    if len(ends) == 1:
        return ends[0] + round(missing / GROWTH) + (1 if missing > 0 else -1)
    return low + round((high - low) * missing / math.log(max(sizes[high], 1) / max(sizes[low], 1)))
