"""Lossless pictures: .dlic files of predicted or wavelet coded samples of 8 or 16 bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import LOSSLESS, Container
from dlic.formats.container_kind import COLOURS, WholeKind, container_of, head_of
from dlic.formats.kind import Description, Details
from dlic.formats.reading import Reading
from dlic.formats.writing import Encode, Outcome, Wishes, extra_chunks
from dlic.images.files import ImageFile
from dlic.progress import Progress
from dlic.runtime.timing import timed


class Lossless(WholeKind):
    """Exact samples; gray and transparency are channels of the stream."""

    name = "lossless"
    numbers = (LOSSLESS,)
    takes = frozenset(["thumbnail", "source_hash"])
    exact = True

    def channels(self, container: Container) -> int:
        return self._head(container)["channels"]

    def depth(self, container: Container) -> int:
        return self._head(container)["depth"]

    def _head(self, container: Container) -> dict[str, int]:
        from dlic.classical.lossless.codec import STREAM

        return head_of(container, STREAM)

    def details(self, described: Description) -> Details:
        colours = COLOURS.get(described.channels, "?")
        figures = {"colours": colours, **self._head(container_of(described))}
        return Details(figures, f"lossless, {colours}, {described.depth} bits a sample")

    def decode(self, described: Description, reading: Reading) -> tuple[NDArray[Any], dict[str, float]]:
        from dlic.classical.lossless.codec import LosslessCodec

        seconds: dict[str, float] = {}
        with timed(seconds, "decode"):
            return LosslessCodec(max_pixels=reading.max_pixels).decompress(described.data), seconds

    def united(self, pixels: NDArray[Any], container: Container, seconds: dict[str, float]) -> NDArray[Any]:
        return pixels

    def load(self, source: str | bytes, max_pixels: int, strict: bool) -> ImageFile:
        from dlic.images.samples import read_samples

        return read_samples(source, max_pixels, strict)

    def prepare(self, wishes: Wishes) -> Encode:
        def encode(picture: ImageFile, progress: Progress) -> Outcome:
            from dlic.classical.lossless.codec import LosslessCodec

            seconds: dict[str, float] = {}
            with timed(seconds, "encode"):
                codec = LosslessCodec(chunks=extra_chunks(picture, wishes))
                data = codec.compress(picture.pixels)
            return Outcome(data, lambda written: np.array_equal(codec.decompress(written), picture.pixels), seconds)

        return encode
