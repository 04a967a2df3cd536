"""Reads a progressive picture while its bytes arrive."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dlic.container.progressive_reader import BeginningReader
from dlic.formats.progressive import Progressive
from dlic.formats.reading import Reading
from dlic.images.files import MAX_PIXELS, ImageFile
from dlic.pixels.reduction import reduction_of
from dlic.runtime.threads import limited

if TYPE_CHECKING:
    from dlic.learned.codec import LearnedCodec


class ProgressiveReader:
    """Takes the bytes of a progressive file piece by piece, and shows the picture of those that have come.

    Examples:
        >>> import numpy as np
        >>> from dlic import compress
        >>> data = compress(np.full((64, 96, 3), 200, np.uint8), progressive=True)
        >>> reader = ProgressiveReader()
        >>> reader.feed(data[:20])
        >>> reader.picture() is None
        True
        >>> reader.feed(data[20:])
        >>> reader.picture().pixels.shape
        (64, 96, 3)
    """

    def __init__(
        self,
        *,
        weights: str | Path | None = None,
        max_pixels: int = MAX_PIXELS,
        model: str | None = None,
        max_memory: int | None = None,
        threads: int | None = None,
        runtime: str | None = None,
        codec: "LearnedCodec | None" = None,
    ) -> None:
        """Arguments as of `dlic.read`; `codec`: a loaded checkpoint."""
        self._reading = Reading(
            weights=weights,
            max_pixels=max_pixels,
            model=model,
            max_memory=max_memory,
            threads=threads,
            runtime=runtime,
            codec=codec,
        )
        self._reader, self._received = BeginningReader(), 0
        self._shown: tuple[tuple[int, int], ImageFile] | None = None  # the last picture, after its streams and its reduction

    @property
    def received(self) -> int:
        """Bytes so far."""
        return self._received

    @property
    def streams(self) -> int:
        """Streams of both layers that have arrived; 0 before every tile has one, which is the first to show."""
        arrived = self._reader.arrived
        return 0 if arrived is None or arrived.layers is None else arrived.layers.streams

    def feed(self, data: bytes) -> None:
        """Adds the next bytes. Raises CorruptFileError where they are damaged, or no progressive file."""
        self._reader.feed(data)
        self._received += len(data)

    def picture(self, scale: float | Fraction = 1) -> ImageFile | None:
        """The picture of the bytes so far, whose `notes` say what is missing; None before every tile has its first part.

        Args:
            scale: as of `dlic.read`. At 1/4 and 1/8 the picture is that of the first layer.

        Raises CorruptFileError for damage, UnknownCheckpointError where its checkpoint is not on this machine, DlicError for other
        scales. Nothing is decoded again before more of the picture has arrived.
        """
        reduction, arrived = reduction_of(scale), self._reader.arrived
        if arrived is None or arrived.layers is None:
            return None
        key = arrived.layers.at(reduction).streams, reduction
        if self._shown is None or self._shown[0] != key:
            kind, reading = Progressive(), replace(self._reading, reduction=reduction)
            described = kind.describe_container(b"", arrived.container)
            described.check_size(reading.max_pixels)
            with limited(reading.threads):
                self._shown = key, kind.show(described, arrived.container, arrived.layers, reading).picture
        return self._shown[1]
