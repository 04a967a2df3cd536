"""Checks a file of any kind from end to end: chunks, symbols, pixels, the hash of its source, and its likeness to an original."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.errors import VerificationError
from dlic.formats import source_hash, thumbnails
from dlic.formats.kind import Description
from dlic.formats.reading import Reading
from dlic.formats.registry import describe


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The content of an intact file and its distance from the original; None where that is unknown."""

    codec: str
    width: int
    height: int
    source_sha256: str | None = None  # as stored
    is_source: bool | None = None  # whether the stored hash is that of the original, or of a lossless file's own pixels
    equal: bool | None = None  # whether the pixels are those of the original
    psnr: float | None = None  # dB; None for equal pixels
    ssimulacra2: float | None = None

    @property
    def said(self) -> str:
        """', equal to the original', or how near, and what the stored hash says."""
        parts = [] if self.equal is None else ["equal to the original" if self.equal else f"PSNR {self.psnr:.2f} dB"]
        if self.ssimulacra2 is not None and not self.equal:
            parts.append(f"SSIMULACRA 2 {self.ssimulacra2:.1f}")
        if self.is_source:
            parts.append("of the source whose hash it stores")
        elif self.source_sha256:
            parts.append(f"source {self.source_sha256[:16]}…")
        return "".join(f", {part}" for part in parts)


def check(data: bytes, reading: Reading, original: Path | None = None) -> Checked:
    """Checks a file, and compares it with an image file. Raises CorruptFileError and UnknownCheckpointError for files that do not
    decode, VerificationError for a picture that is not that of the original or of the stored hash.
    """
    described = describe(data)
    described.kind.details(described)
    chunks = described.container.chunks if described.container else ()
    if (preview := thumbnails.read(chunks)) is not None:
        thumbnails.pixels_of(preview)
    described.kind.verify(described, reading)
    pixels = described.kind.read(described, reading).picture.pixels
    stored = source_hash.read(chunks)
    source = None if original is None else described.kind.load(str(original), reading.max_pixels, False).pixels
    return Checked(
        codec=described.kind.name,
        width=described.width,
        height=described.height,
        source_sha256=stored.hex() if stored else None,
        is_source=_is_source(described, stored, pixels if described.kind.exact else source),
        **({} if source is None or original is None else _compared(described, pixels, source, original)),
    )


def _is_source(described: Description, stored: bytes | None, pixels: NDArray[Any] | None) -> bool | None:
    """Whether pixels have the stored hash. Raises VerificationError where those of a lossless file do not."""
    if stored is None or pixels is None:
        return None
    same = source_hash.digest(pixels) == stored
    if described.kind.exact and not same:
        raise VerificationError("the pixels are not those of the source: their SHA-256 is not the stored one")
    return same


def _compared(described: Description, pixels: NDArray[Any], source: NDArray[Any], original: Path) -> dict[str, Any]:
    from dlic.metrics.distances import psnr
    from dlic.metrics.ssimulacra2 import ssimulacra2

    if pixels.shape != source.shape:
        ours, theirs = (" × ".join(map(str, array.shape[1::-1])) for array in (pixels, source))
        kind = "" if ours != theirs else f", of {_channels(source)} instead of {_channels(pixels)} channels"
        raise VerificationError(f"it is another picture than {original}: {ours} pixels, not {theirs}{kind}")
    if pixels.dtype == source.dtype and np.array_equal(pixels, source):
        return {"equal": True}
    if described.kind.exact:
        raise VerificationError(f"it is lossless, but its pixels are not those of {original}")
    score = ssimulacra2(source, pixels) if pixels.shape[2:] == (3,) else None
    return {"equal": False, "psnr": psnr(source, pixels), "ssimulacra2": score}


def _channels(pixels: NDArray[Any]) -> int:
    return 1 if pixels.ndim == 2 else int(pixels.shape[2])
