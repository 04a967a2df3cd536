"""The learned codec with an exact layer: blocks that cost less exactly are stored next to the network's picture."""

import math
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.container.exact_layer import write
from dlic.container.format import EXACT, EXACT_BLOCKS, Chunks, Container, read
from dlic.learned.codec import LearnedCodec
from dlic.learned.exact import whole
from dlic.learned.exact.canvas import Canvas
from dlic.learned.exact.choice import Chooser, Exact, searches_of
from dlic.learned.exact.distortion import VISUAL, Original
from dlic.learned.exact.layer import hidden, layer_of, verify
from dlic.learned.exact.price import Price, share_of
from dlic.learned.picture import AnalysedPicture, Encoded
from dlic.learned.picture_codec import PictureCodec
from dlic.learned.progressive.codec import ProgressiveCodec
from dlic.pixels.arrays import check_pixels
from dlic.progress import Progress, no_progress

MEASURED = 9_000_000  # pixels of a picture up to which choices are compared by files; estimates choose in larger ones
MEASURING = 150  # bytes of memory a pixel that SSIMULACRA 2 takes
SAVED = 0.2  # share of a quickly coded layer that thorough coding saves at most, of 30 layers; 0.06 in the mean
KEPT = 3  # analyses for other levels


@dataclass(frozen=True, eq=False)
class AnalysedLayers:
    """An image for encoding at several levels: its exact blocks at each, and the network's analysis of the rest."""

    chooser: Chooser
    keep: bool  # latents of a big picture
    analysed: dict[bytes, AnalysedPicture] = field(default_factory=dict)  # by exact pixels

    @property
    def image(self) -> NDArray[np.uint8]:
        return self.chooser.image

    @cached_property
    def original(self) -> Original:
        """The image, to compare others with."""
        return Original(self.image)

    @property
    def height(self) -> int:
        return self.image.shape[0]

    @property
    def width(self) -> int:
        return self.image.shape[1]

    def rest(self, network: LearnedCodec | ProgressiveCodec, exact: Exact | None) -> AnalysedPicture:
        """The analysis of the picture without its exact blocks."""
        clear = None if exact is None else exact.clear
        key = b"" if exact is None else exact.layer.mask.tobytes() + (b"" if clear is None else np.packbits(clear).tobytes())
        if key not in self.analysed:
            while len(self.analysed) >= KEPT:
                self.analysed.pop(next(iter(self.analysed)))
            image = self.image if exact is None else hidden(self.image, exact.layer.mask, clear)
            self.analysed[key] = network.analyse(image, self.keep)
        return self.analysed[key]


@dataclass(frozen=True, eq=False)
class LayeredCodec(PictureCodec[AnalysedLayers]):
    """One checkpoint with an exact layer.

    image ─┬─ exact blocks ────────────────── chunk ─┬─ file
           └─ smooth in their place ─ LearnedCodec ──┘
    """

    network: LearnedCodec | ProgressiveCodec
    chooser: Chooser | None = None  # of the image to encode, with its wish for content; None: a new one for each

    @property
    def name(self) -> str:
        """The checkpoint's."""
        return self.network.name

    @property
    def levels(self) -> int:
        """Rates of the model."""
        return self.network.levels

    @property
    def chunks(self) -> Chunks:
        """Of new files, without their exact blocks."""
        return self.network.chunks

    def decompress(self, data: bytes) -> NDArray[np.uint8]:
        """Bytes of a .dlic file → uint8 (H, W, 3)."""
        container = read(data)
        return whole.decode(container) if container.kind == EXACT else self.network.decode(container).image

    def analyse(self, image: NDArray[np.uint8], keep: bool = False) -> AnalysedLayers:
        """An image for `encode_at`; g_a runs when the exact blocks of a level are known."""
        return AnalysedLayers(self.chooser or self._chooser_of(image), keep)

    def of(self, image: NDArray[np.uint8]) -> "LayeredCodec":
        """The codec for one image at several levels: its colours are counted once."""
        return replace(self, chooser=self._chooser_of(image))

    def _chooser_of(self, image: NDArray[np.uint8]) -> Chooser:
        return Chooser(check_pixels(image), visual=one_layer(self.network).unit.distortion == VISUAL)

    def encode_at(self, analysed: AnalysedLayers, level: int, effort: int = 0, progress: Progress = no_progress) -> Encoded:
        """`LearnedCodec.encode_at` of a picture that may have exact blocks: a file of kind EXACT if all are."""
        price = Price.of_level(level, self.levels)
        rivals = analysed.chooser.rivals(price)
        if len(rivals) > 1 and self._may_measure(analysed.height * analysed.width):
            plain = replace(self, network=one_layer(self.network))
            best = plain._best(analysed, rivals, price, level)
            if effort == 0 and plain.network is self.network:
                return best.encoded
            rivals = [best.canvas]
        exact = analysed.chooser.stored(rivals[0], price, searches_of(effort))
        return self.encode_with(exact, analysed, level, effort, progress)

    def encode_with(
        self, exact: Exact | None, analysed: AnalysedLayers, level: int, effort: int = 0, progress: Progress = no_progress
    ) -> Encoded:
        """`encode_at` with these exact blocks."""
        return self._layered(self._rest(analysed, exact, level, effort, progress), exact, level)

    def _best(self, analysed: AnalysedLayers, rivals: list[Canvas | None], price: Price, level: int) -> "_Attempt":
        """The choice of the least bits + distortion. Only layers that may belong to it are coded thoroughly."""
        attempts = list[_Attempt]()
        for canvas in rivals:
            lowest = min((attempt.cost for attempt in attempts), default=math.inf)
            attempts.append(self._attempt(analysed, canvas, price, level, lowest))
        first, *others = sorted(attempts, key=lambda attempt: attempt.cost)
        best = self._finished(first, analysed, price, level)
        for attempt in others:
            if attempt.least < best.cost:
                best = min(best, self._finished(attempt, analysed, price, level), key=lambda attempt: attempt.cost)
        return best

    def _attempt(self, analysed: AnalysedLayers, canvas: Canvas | None, price: Price, level: int, lowest: float) -> "_Attempt":
        """A choice with its layer coded quickly. Its distortion is only a part where it cannot cost less than `lowest`."""
        exact = analysed.chooser.quickly(canvas, price)
        rest = self._rest(analysed, exact, level)
        encoded = self._layered(rest, exact, level)
        saved = 0.0 if exact is None else SAVED * 8 * sum(map(len, exact.layer.streams))
        distortion = self._distortion(analysed, encoded, lowest - (8 * len(encoded.data) - saved))
        return _Attempt(canvas, rest, encoded, distortion, saved)

    def _finished(self, attempt: "_Attempt", analysed: AnalysedLayers, price: Price, level: int) -> "_Attempt":
        """The same choice with its layer coded thoroughly."""
        exact = analysed.chooser.stored(attempt.canvas, price)
        return replace(attempt, encoded=self._layered(attempt.rest, exact, level), saved=0.0)

    def _may_measure(self, pixels: int) -> bool:
        limit = one_layer(self.network).tiling.max_memory
        return pixels <= MEASURED and (limit is None or MEASURING * pixels < limit)

    def _rest(
        self, analysed: AnalysedLayers, exact: Exact | None, level: int, effort: int = 0, progress: Progress = no_progress
    ) -> Encoded | None:
        """The network's picture; None if all blocks are exact."""
        if exact is not None and exact.whole:
            return None
        return self.network.encode_at(analysed.rest(self.network, exact), level, effort, progress)

    def _layered(self, rest: Encoded | None, exact: Exact | None, level: int) -> Encoded:
        """The file of a network's picture and exact blocks, of which there is one at least."""
        if exact is None:
            assert rest is not None, "a picture is of exact blocks, or the network's"
            return rest
        return whole.encoded(exact, level, self.network.chunks) if rest is None else _with_layer(rest, exact)

    def _distortion(self, analysed: AnalysedLayers, encoded: Encoded, limit: float) -> float:
        """Distortion of an encoded picture in bits, by the measure that the model is tuned for. Where it is found to be `limit` or
        more, only a part of it.
        """
        share, kind = share_of(encoded.level, self.levels), one_layer(self.network).unit.distortion
        return analysed.original.distortion(self.picture(encoded), share, kind, limit) if limit > 0 else 0.0

    def picture(self, encoded: Encoded) -> NDArray[np.uint8]:
        """The pixels (H, W, 3) that a decoder will give."""
        return whole.decode(encoded.container) if encoded.container.kind == EXACT else self.network.picture(encoded)

    def crcs(self, container: Container) -> tuple[int, ...]:
        """Parses and checks the symbols of every unit and the exact blocks; returns their CRC-32."""
        if container.kind == EXACT:
            return whole.WholeCodec().crcs(container)
        layer = layer_of(container)
        if layer:
            verify(layer)
        return (*self.network.crcs(container), *_crc_of_layer(container))

    def estimated_bits(self, data: bytes) -> float:
        """Ideal bits of the symbols of a .dlic file by the tables, and the bits of its exact blocks; to compare with its bytes."""
        container = read(data)
        if container.kind == EXACT:
            return 8 * len(container.stream)
        layer = sum(len(chunk) for name, chunk in container.chunks if name == EXACT_BLOCKS)
        return self.network.estimated_bits(data) + 8 * layer


@dataclass(frozen=True, eq=False)
class _Attempt:
    """A choice of exact blocks, encoded."""

    canvas: Canvas | None
    rest: Encoded | None  # the network's picture; None if there is none
    encoded: Encoded
    distortion: float  # in bits
    saved: float  # bits that thorough coding may save

    @property
    def cost(self) -> float:
        return 8 * len(self.encoded.data) + self.distortion

    @property
    def least(self) -> float:
        return self.cost - self.saved


def one_layer(network: LearnedCodec | ProgressiveCodec) -> LearnedCodec:
    """The codec that a progressive one writes its layers with; any other is its own."""
    return network.network if isinstance(network, ProgressiveCodec) else network


def _with_layer(encoded: Encoded, exact: Exact) -> Encoded:
    """An encoded picture with its exact blocks in a chunk."""
    data = write(exact.layer)
    container = replace(encoded.container, chunks=((EXACT_BLOCKS, data), *encoded.container.chunks))
    return replace(
        encoded,
        container=container,
        crcs=(*encoded.crcs, *_crc_of_layer(container)),
        estimate=lambda: encoded.estimated_bits + 8 * len(data),
        exact=exact.layer.share,
    )


def _crc_of_layer(container: Container) -> tuple[int, ...]:
    return tuple(zlib.crc32(data) for name, data in container.chunks if name == EXACT_BLOCKS)
