"""Rate control: encoding to a target size or quality by bisection over the rate levels of one analysed image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import Chunks
from dlic.errors import DlicError
from dlic.learned.picture import Encoded
from dlic.learned.picture_codec import level_of
from dlic.progress import Progress, no_progress

Measure = Literal["size", "bpp", "psnr", "ms-ssim"]
Judge = Callable[[NDArray[Any], NDArray[Any]], float | None]  # original, picture → quality; None where it cannot be measured
UNITS = {"size": "bytes", "bpp": "bpp", "psnr": "dB", "ms-ssim": "MS-SSIM"}


class Analysed(Protocol):
    """An image after the part of encoding that all levels share."""

    @property
    def image(self) -> NDArray[Any]: ...

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...


A = TypeVar("A", bound=Analysed)


class RatedCodec(Protocol[A]):
    """A codec whose rate goes by levels: `LearnedCodec`, `LayeredCodec`."""

    @property
    def name(self) -> str: ...

    @property
    def levels(self) -> int: ...

    @property
    def chunks(self) -> Chunks: ...

    def encode(self, image: NDArray[np.uint8], level: int, effort: int, progress: Progress) -> Encoded: ...

    def analyse(self, image: NDArray[np.uint8], keep: bool) -> A: ...

    def encode_at(self, analysed: A, level: int, effort: int, progress: Progress) -> Encoded: ...

    def picture(self, encoded: Encoded) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class Target:
    """A maximum of bytes or bits per pixel, or a minimum of PSNR or MS-SSIM."""

    measure: Measure
    value: float  # bytes, bits per pixel, dB, or 0 … 1

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and self.value > 0) or (self.measure == "ms-ssim" and self.value > 1):
            raise DlicError(f"a target of {self.value:g} {UNITS[self.measure]} is out of range for any file")

    @property
    def is_ceiling(self) -> bool:
        """Whether the target is a maximum (a rate); a quality is a minimum."""
        return self.measure in ("size", "bpp")

    def met_by(self, achieved: "Achieved") -> bool:
        value = achieved.figures[self.measure]
        return value <= self.value if self.is_ceiling else value >= self.value


@dataclass(frozen=True)
class Achieved:
    """A file, with its value by the target's measure."""

    encoded: Encoded
    figures: dict[str, float]  # measure → value; empty without a target


def encode_at_quality(
    codec: RatedCodec[A], image: NDArray[Any], quality: int, effort: int = 0, progress: Progress = no_progress
) -> Achieved:
    """uint8 (H, W, 3) at a quality 1 … 100."""
    return Achieved(codec.encode(image, level_of(quality, codec.levels), effort, progress), {})


def encode_to(
    codec: RatedCodec[A],
    image: NDArray[Any],
    target: Target,
    effort: int = 0,
    progress: Progress = no_progress,
    judge: Judge | None = None,
) -> Achieved:
    """The best file within a rate target, or the smallest file that reaches a quality target. g_a runs once. With an effort, plain
    encoding finds the level; the level then moves as long as refined files meet the target.

    Args:
        image: uint8 (H, W, 3).
        judge: measures the quality of a picture against the original, for targets of quality.

    Raises DlicError where no level meets the target; the message names the nearest value.
    """
    analysed = codec.analyse(image, keep=True)

    def attempt(level: int, effort: int = 0) -> Achieved:
        encoded = codec.encode_at(analysed, level, effort, progress)
        return Achieved(encoded, {target.measure: _measured(codec, encoded, analysed, target, judge)})

    best = _bisected(codec, attempt, target)
    return best if effort == 0 else _refined(codec, attempt, target, effort, best)


def _bisected(codec: RatedCodec[A], attempt: Callable[[int], Achieved], target: Target) -> Achieved:
    """The highest level within a maximum, or the lowest level that reaches a quality."""
    levels = range(codec.levels) if target.is_ceiling else range(codec.levels - 1, -1, -1)  # begins with the easiest
    best = attempt(levels[0])
    if not target.met_by(best):
        kind = "smallest" if target.is_ceiling else "best"
        has = f"{best.figures[target.measure]:.6g} {UNITS[target.measure]}"
        raise DlicError(f"the {kind} file that {codec.name} can make of this picture has {has}, not {target.value:.6g}")
    meets, fails = 0, len(levels)
    while fails - meets > 1:
        middle = (meets + fails) // 2
        tried = attempt(levels[middle])
        if target.met_by(tried):
            meets, best = middle, tried
        else:
            fails = middle
    return best


def _refined(
    codec: RatedCodec[A], attempt: Callable[[int, int], Achieved], target: Target, effort: int, plain: Achieved
) -> Achieved:
    """Refines at levels from the plain one upwards; returns the last file within a maximum, or the first that reaches a quality.
    Refinement saves bits and may lose a little quality, so a higher level is often the right one.
    """
    best = plain
    for level in range(plain.encoded.level, codec.levels):
        tried = attempt(level, effort)
        met = target.met_by(tried)
        if met:
            best = tried
        if met != target.is_ceiling:
            break
    return best


def _measured(codec: RatedCodec[A], encoded: Encoded, analysed: A, target: Target, judge: Judge | None) -> float:
    if target.measure == "size":
        return len(encoded.data)
    if target.measure == "bpp":
        return 8 * len(encoded.data) / (analysed.height * analysed.width)
    assert judge is not None, target
    quality = judge(analysed.image, codec.picture(encoded))
    if quality is None:
        raise DlicError("MS-SSIM needs a picture of at least 11 × 11 pixels; a target of PSNR works at any size")
    return quality
