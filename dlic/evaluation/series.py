"""A codec with its qualities: one curve of an evaluation."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dlic.pixels.arrays import Codec


@dataclass(frozen=True)
class Series:
    """One codec, with everything for measuring it."""

    name: str  # as --codecs takes it: "avif-psnr", "light-1", "compressai:bmshj2018-hyperprior"
    label: str  # as tables and figures call it: "AVIF 4:2:0, speed 4, tune=psnr"
    at: Callable[[float | None], Codec]  # the codec at one of its qualities, or at any between them where `between`
    qualities: tuple[float | None, ...]  # of its curve, by rising rate; (None,) where it has one rate
    identity: str  # everything its files depend on: a fingerprint, or options and versions
    ending: str = ".bin"  # of its files
    note: str = ""  # note for readers of the comparison
    checkpoint: Path | None = None  # folder of a learned codec
    effort: int = 0  # of a learned codec
    between: bool = True  # whether every whole quality between the first and the last is one too
    estimated_bits: Callable[[bytes], float] | None = None  # estimated bits of a learned codec's file, by its tables
