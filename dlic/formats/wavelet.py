"""Wavelet pictures: .dlic files of which every prefix can be shown."""

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from dlic.container.format import WAVELET, Container, read_beginning
from dlic.errors import DlicError
from dlic.formats.container_kind import COLOURS, WholeKind, container_of, head_of
from dlic.formats.kind import Description, Details
from dlic.formats.reading import Reading, ReadResult
from dlic.formats.writing import Encode, Outcome, Wishes, separated
from dlic.images.files import ImageFile
from dlic.progress import Progress, no_progress
from dlic.runtime.timing import timed

BEST_QUALITY = 100


class Wavelet(WholeKind):
    """Bit planes of CDF 9/7 coefficients; the stream holds gray itself, and chunks hold transparency."""

    name = "wavelet"
    numbers = (WAVELET,)
    takes = frozenset(["quality", "target_size", "alpha_quality", "thumbnail", "source_hash", "keep_smaller"])

    def channels(self, container: Container) -> int:
        channels = super().channels(container)
        return channels - 2 if channels >= 3 and self._head(container)["components"] == 1 else channels

    def _head(self, container: Container) -> dict[str, int]:
        from dlic.classical.wavelet.codec import STREAM

        return head_of(container, STREAM)

    def details(self, described: Description) -> Details:
        figures, colours = self._head(container_of(described)), COLOURS[described.channels]
        return Details({"colours": colours, **figures}, f"wavelet, {colours}, {figures['planes']} bit planes")

    def decode(self, described: Description, reading: Reading) -> tuple[NDArray[Any], dict[str, float]]:
        from dlic.classical.wavelet.codec import WaveletCodec

        seconds: dict[str, float] = {}
        with timed(seconds, "decode"):
            return WaveletCodec(max_pixels=reading.max_pixels).decompress(described.data), seconds

    def read_partial(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        from dlic.classical.wavelet.codec import WaveletCodec

        container, share = read_beginning(described.data)
        described.check_size(reading.max_pixels)
        seconds: dict[str, float] = {}
        with timed(seconds, "decode"):
            pixels = WaveletCodec(max_pixels=reading.max_pixels).decompress_prefix(described.data)
        pixels = self.united(pixels, container, seconds)
        note = f"{share:.0%} of the picture's data is there"
        return ReadResult(ImageFile(reading.shown(pixels), (note,), described.metadata), seconds)

    def prepare(self, wishes: Wishes) -> Encode:
        from dlic.classical.wavelet.codec import WaveletCodec

        if wishes.quality is not None and wishes.target_size is not None:
            raise DlicError("give one of quality and target size, not both")
        if wishes.target_size is not None:
            codec = WaveletCodec(BEST_QUALITY, wishes.target_size)  # the size alone says where the stream ends
        else:
            codec = WaveletCodec() if wishes.quality is None else WaveletCodec(wishes.quality)

        def encode(picture: ImageFile, progress: Progress) -> Outcome:
            seconds: dict[str, float] = {}
            with timed(seconds, "encode"):
                parts = separated(picture, wishes, takes_gray=True)
                with_chunks = replace(codec, chunks=parts.chunks)
                data = with_chunks.compress(parts.colours)
            return Outcome(data, lambda written: with_chunks.decompress(written).shape == parts.colours.shape, seconds)

        return encode
