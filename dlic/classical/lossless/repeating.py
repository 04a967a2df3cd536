"""Pixels that repeat, as those of screens do ⇄ bytes: WebP lossless (`webp`), or a palette and LZMA (`palette`)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless import palette, webp

BEATEN = 0.8  # size of a palette's stream, of WebP's, below which no longer search makes WebP the smaller one

Samples = NDArray[np.uint8]


def smallest(pixels: Samples, searches: Iterable[webp.Search], known: bytes | None = None) -> bytes:
    """The smallest stream of uint8 (H, W, 3), or (H, W, 4) with the colours under alpha 0 kept. `searches` of WebP lead from quick
    to thorough; they end where a palette is far smaller. `known`: a stream of WebP that is there already.
    """
    few, best = palette.encode(pixels), known
    for search in searches:
        if few is not None and best is not None and len(few) < BEATEN * len(best):
            break
        stream = webp.encode(pixels, search)
        best = stream if best is None else min(best, stream, key=len)
    return min((stream for stream in (few, best) if stream is not None), key=len)


def has_alpha(stream: bytes) -> bool:
    """Whether a stream says that some of its pixels may be transparent."""
    return palette.has_alpha(stream) if palette.is_one(stream) else webp.has_alpha(stream)


def decode(stream: bytes, height: int, width: int, channels: int = 3) -> Samples:
    """Inverse of `smallest`: uint8 (H, W, channels). Raises CorruptFileError; sizes are checked before memory is allocated."""
    return (palette if palette.is_one(stream) else webp).decode(stream, height, width, channels)


def name_of(stream: bytes) -> str:
    """How the pixels of a stream are coded, for people."""
    return "a palette" if palette.is_one(stream) else "WebP lossless"
