"""The learned codec: pixels ⇄ latent ⇄ symbols ⇄ stream ⇄ .dlic, around any network that speaks the `Network` protocol."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dlic import checkpoints
from dlic.codecs import tiling
from dlic.codecs.base import Decoded, check_pixels, check_size, padded
from dlic.codecs.seams import BUSY, COARSE, Seams, finer_steps
from dlic.codecs.tiling import DECODING, ENCODING, AnalysedTiles, EncodedTiles, Tiling
from dlic.container.format import HUFFMAN, TILED, Chunks, Container, read, write
from dlic.container.tiles import UNIT, split
from dlic.entropy import huffman_tables, rans
from dlic.entropy.symbols import Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError
from dlic.images.files import MAX_PIXELS
from dlic.progress import Progress, no_progress
from dlic.rectangles import Rectangle
from dlic.surroundings import Surroundings
from dlic.timing import timed

MAX_EFFORT, TILING = 9, Tiling()
Decoder = rans.Decoder | huffman_tables.Decoder
CODERS = {"rans": (0, rans), "huffman": (HUFFMAN, huffman_tables)}  # with the flags of their files


class Network(Protocol):
    """A trained model as the codec sees it: arrays in, arrays out, whatever runs it.

    Latents and everything of their shape are laid out as the network likes; `size` is their height and width. Rows, and the symbols
    z they depend on, come from whole numbers only, so that every machine parses a file the same way.
    """

    stride: int  # image sizes it takes are multiples of this
    levels: int  # rates it has
    refinable: bool  # whether `refine` can be called
    beside: Executor  # runs what is computed while the codec does something else
    cores: int  # that it may use
    space: int  # the first of the two axes of a latent that are height and width
    halo: int  # latents around a part of a picture that its transforms are shown, so that it comes out as in the whole
    step_price: float | None  # bits that a squared error of one step of y is worth; None: y is rounded to the nearest

    def workers(self, count: int) -> AbstractContextManager[Executor]:
        """Threads that compute on one core each, for as long as a block lasts."""

    def analyse(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) → latent float32, the same for every level."""

    def at_level(self, latent: np.ndarray, level: int) -> np.ndarray:
        """The latent in quantisation steps of a level: y."""

    def hyper(self, y: np.ndarray, level: int) -> np.ndarray:
        """y → symbols of z, rounded but not yet clipped; empty where the model has none."""

    def hyper_rows(self, size: tuple[int, int], level: int) -> np.ndarray:
        """Table row of every symbol of z."""

    def rows(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        """Table row of every symbol of y."""

    def refine(
        self,
        image: np.ndarray,
        y: np.ndarray,
        plain: Symbols,
        rounded: Callable[[np.ndarray], Symbols],
        level: int,
        tables: FrequencyTables,
        effort: int,
        progress: Progress,
        around: Surroundings | None,
        distortion: str,
    ) -> Symbols:
        """Symbols for an image uint8 (H, W, 3), not padded, that cost less in bits + λ · distortion the higher the effort 1 … 9.

        `plain` are those of plain encoding, `rounded` gives them for other symbols of z. Of a tile the distortion is that of all
        the pixels that its latents change, amid what is `around` it.
        """

    def context(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> Any:
        """What z says of y beside the rows, for `quantise` and `reconstruct`."""

    def quantise(self, context: Any, quantise: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """y_hat as `synthesise` takes it, of symbols that `quantise(means, which)` chooses around these means where `which` is."""

    def reconstruct(self, context: Any, symbols: np.ndarray) -> np.ndarray:
        """The same y_hat, of symbols that are known."""

    def synthesise(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        """y_hat → uint8 (H, W, 3)."""


@dataclass(frozen=True)
class Analysed:
    """An image after the part of encoding that all levels share."""

    image: np.ndarray  # uint8 (H, W, 3)
    latent: np.ndarray  # of the image padded to multiples of the stride
    seconds: dict[str, float]  # by stage

    @property
    def height(self) -> int:
        return self.image.shape[0]

    @property
    def width(self) -> int:
        return self.image.shape[1]


@dataclass(frozen=True)
class Encoded:
    """A compressed image with what is worth reporting about it."""

    container: Container
    symbols: Symbols
    tables: FrequencyTables
    y_hat: np.ndarray  # what a decoder will synthesise from
    seconds: dict[str, float]  # by stage

    @cached_property
    def data(self) -> bytes:
        """The file."""
        return write(self.container)

    @property
    def level(self) -> int:
        return self.container.level

    @property
    def crcs(self) -> tuple[int, ...]:
        """As `LearnedCodec.crcs` of the file."""
        return (self.symbols.crc,)

    @cached_property
    def estimated_bits(self) -> float:
        """As `LearnedCodec.estimated_bits` of the file."""
        return self.tables.bits(self.symbols.values, self.symbols.rows)


@dataclass(frozen=True)
class LearnedCodec:
    """One checkpoint at work. It codes pictures as one unit each, and big ones in tiles that are such units (`codecs.tiling`)."""

    name: str
    fingerprint: bytes
    network: Network
    tables: FrequencyTables
    distortion: str = "mse"  # what it was trained against: mse or ms-ssim
    entropy: str = "rans"  # or "huffman": what codes the symbols of new files; those read say it themselves
    chunks: Chunks = ()  # of new files
    tiling: Tiling = TILING
    max_pixels: int = MAX_PIXELS  # larger files are refused, and larger parts of files in tiles

    def __post_init__(self) -> None:
        if self.entropy not in CODERS:
            raise DlicError(f"there is no entropy coder {self.entropy!r}; use {' or '.join(CODERS)}")

    @property
    def levels(self) -> int:
        """Rates it has."""
        return self.network.levels

    def with_chunks(self, chunks: Chunks) -> "LearnedCodec":
        """The same codec, whose files have these chunks."""
        return replace(self, chunks=chunks) if chunks else self

    @cached_property
    def _zero_bins(self) -> np.ndarray | None:
        price = self.network.step_price
        return None if price is None else self.tables.zero_bins(price)

    def within(self, max_memory: int | None, max_pixels: int = MAX_PIXELS) -> "LearnedCodec":
        """The codec that takes at most so many bytes, about: the whole process of them; and files of at most so many pixels."""
        codec = self if max_pixels == self.max_pixels else replace(self, max_pixels=max_pixels)
        return codec if max_memory is None else replace(codec, tiling=replace(codec.tiling, max_memory=max_memory))

    def at(self, quality: int, effort: int = 0) -> "AtQuality":
        """The codec at one quality 1 … 100."""
        return AtQuality(self, level_of(quality, self.levels), effort)

    def compress(self, image: np.ndarray, level: int = 0, effort: int = 0) -> bytes:
        """uint8 (H, W, 3) → the bytes of a .dlic file."""
        return self.encode(image, level, effort).data

    def decompress(self, data: bytes) -> np.ndarray:
        """Bytes of a .dlic file → uint8 (H, W, 3)."""
        return self.decode(read(data)).image

    # --- encoding ---------------------------------------------------------------------------------------------------

    def encode(
        self, image: np.ndarray, level: int = 0, effort: int = 0, progress: Progress = no_progress
    ) -> Encoded | EncodedTiles:
        """`compress`, with symbols and times."""
        return self.encode_at(self.analyse(image), level, effort, progress)

    def analyse(self, image: np.ndarray, keep: bool = False) -> Analysed | AnalysedTiles:
        """The transform of an image, from which it can be encoded at any level.

        That of a big one waits until its tiles are encoded; with `keep` it stays in memory then, as far as that is allowed.
        """
        height, width = check_pixels(image).shape[:2]
        if self.tiling.cuts(height, width):
            return tiling.analysed(self, image, keep)
        self.tiling.check_memory(tiling.one_unit(height, width, ENCODING))
        return self.analyse_part(image, Rectangle(0, 0, width, height))

    def analyse_part(self, image: np.ndarray, part: Rectangle) -> Analysed:
        """A part of an image whose corners lie on multiples of the stride, or on the border: its latent as the whole image's."""
        seconds: dict[str, float] = {}
        stride, whole = self.network.stride, Rectangle(0, 0, image.shape[1], image.shape[0])
        with timed(seconds, "transform"):
            seen = part.grown(self.network.halo * stride, whole)
            latent = self.network.analyse(padded(image[seen.slices], stride))
            inner = self.latents_within(part.in_steps(stride), seen.in_steps(stride))
        return Analysed(image[part.slices], np.ascontiguousarray(latent[inner]), seconds)

    def surroundings(self, image: np.ndarray, part: Rectangle, level: int) -> Surroundings:
        """What is around a tile of an image: coded plainly, and in one piece with it, which is near to what it will be."""
        whole, stride = Rectangle(0, 0, image.shape[1], image.shape[0]), self.network.stride
        coded, seen = part.grown(UNIT, whole), part.grown(self.network.halo * stride, whole)
        analysed = self.analyse_part(image, coded)
        y_hat = self._plain(analysed, level)[2][self.latents_within(seen.in_steps(stride), coded.in_steps(stride))]
        place, beside = part.in_steps(stride), seen.in_steps(stride)
        return Surroundings(image[seen.slices], y_hat, replace(place, x=place.x - beside.x, y=place.y - beside.y))

    def encode_at(
        self,
        analysed: Analysed | AnalysedTiles,
        level: int,
        effort: int = 0,
        progress: Progress = no_progress,
        around: Surroundings | None = None,
        seams: Seams | None = None,
    ) -> Encoded | EncodedTiles:
        """An analysed image as a file of one level.

        `effort` 1 … 9 looks for better symbols than rounding gives, those of a tile for what it is amid its surroundings. At its
        `seams` a tile may have finer steps. `progress` is told the share of the work of an effort, or of the tiles,
        that is done. Raises DlicError for other efforts, and where the network cannot refine.
        """
        self._check_effort(effort)
        if isinstance(analysed, AnalysedTiles):
            return tiling.encode_at(self, analysed, level, effort, progress)
        seconds = dict(analysed.seconds)
        with timed(seconds, "parameters"):
            size = self._size(analysed)
            y, symbols, y_hat, finer = self._plain(analysed, level, seams)
            scale = seams.scale(finer) if seams else None
        if effort > 0:
            with timed(seconds, "refine"):

                def rounded(z: np.ndarray) -> Symbols:
                    return self._rounded(y, z, size, level, scale)[0]

                goal = level, self.tables, effort, progress, replace(around, scale=scale) if around else None, self.distortion
                symbols = self.network.refine(analysed.image, y, symbols, rounded, *goal)
                context = self.network.context(symbols.z, size, level)
                y_hat = self.network.reconstruct(context, self._in_steps(symbols, scale))
        with timed(seconds, "entropy"):
            flags, coder = CODERS[self.entropy]
            stream = coder.encode(symbols.parts, self.tables)
            crc = symbols.crc
        head = analysed.width, analysed.height, level, self.fingerprint[:8], crc
        container = Container(*head, stream, self.chunks, flags, finer)
        return Encoded(container, symbols, self.tables, y_hat, seconds)

    def _plain(self, analysed: Analysed, level: int, seams: Seams | None = None) -> tuple[np.ndarray, Symbols, np.ndarray, int]:
        """y, the symbols and the y_hat of plain encoding, and how much finer steps are at seams."""
        size, y = self._size(analysed), self.network.at_level(analysed.latent, level)
        z = self.tables.clip(self.network.hyper(y, level), self.network.hyper_rows(size, level))
        if seams is None or not z.size or level < COARSE * self.levels:  # latents without z are as near at seams as elsewhere
            return y, *self._rounded(y, z, size, level), 0
        distances = np.zeros_like(y)
        symbols, y_hat = self._rounded(y, z, size, level, distances=distances)
        finer = self._finer(y, symbols, distances, seams)
        if finer:
            symbols, y_hat = self._rounded(y, z, size, level, seams.scale(finer))
        return y, symbols, y_hat, finer

    def _rounded(
        self,
        y: np.ndarray,
        z: np.ndarray,
        size: tuple[int, int],
        level: int,
        scale: np.ndarray | None = None,
        distances: np.ndarray | None = None,
    ) -> tuple[Symbols, np.ndarray]:
        """The symbols of plain encoding for given ones of z, and y_hat: to the nearest, or with wider zeros.

        Steps are so many times finer as `scale` (h, w) says; `distances` is filled with those of y from its means.
        """
        rows = self.network.rows(z, size, level)
        symbols, limits = np.zeros(rows.shape, np.float32), self._limits(rows)

        def quantise(means: np.ndarray, which: np.ndarray) -> np.ndarray:
            distance = y - means
            if scale is not None:
                distance *= self._of_latents(scale)
            rounded = _whole(distance, *limits)
            np.add(symbols, rounded * which, out=symbols)  # a tenth of the time of copying where `which` is
            if distances is not None:
                np.add(distances, distance * which, out=distances)
            return rounded if scale is None else rounded / self._of_latents(scale)

        y_hat = self.network.quantise(self.network.context(z, size, level), quantise)
        return Symbols(z, self.network.hyper_rows(size, level), symbols.astype(np.int32), rows), y_hat

    def _limits(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Smallest and largest symbol where `rows` are, and the width of the zeros."""
        zeros = None if self._zero_bins is None else np.take(self._zero_bins, rows, mode="clip")  # no check of each index
        return *self.tables.bounds(rows), zeros

    def _finer(self, y: np.ndarray, symbols: Symbols, distances: np.ndarray, seams: Seams) -> int:
        """How much finer the steps at seams are to be, for latents that lie so far from their means."""
        edge = (slice(None),) * self.network.space + (seams.edge,)
        far, rows = distances[edge], symbols.y_rows[edge]

        def error(scale: float) -> float:
            scaled = far * np.float32(scale)
            return float(np.square(_whole(scaled, *self._limits(rows)) - scaled).mean()) / scale**2

        channels = 0 if self.network.space else 2
        errors, texture = np.square(distances - symbols.y).mean(channels), np.minimum(np.abs(y), BUSY).mean(channels)
        aim = seams.expected(errors, texture)
        return 0 if aim is None else finer_steps(error, aim)

    def _in_steps(self, symbols: Symbols, scale: np.ndarray | None) -> np.ndarray:
        """Symbols of y in ordinary steps, of which some had steps so many times finer."""
        return symbols.y if scale is None else symbols.y / self._of_latents(scale)

    def _of_latents(self, scale: np.ndarray) -> np.ndarray:
        """(h, w) in the layout that multiplies latents."""
        return scale if self.network.space else scale[..., None]

    def _check_effort(self, effort: int) -> None:
        if not 0 <= effort <= MAX_EFFORT:
            raise DlicError(f"effort goes from 0 to {MAX_EFFORT}, not {effort}")
        if effort > 0 and not self.network.refinable:
            raise DlicError(f"{self.name} has no effort above 0")

    def picture(self, encoded: Encoded | EncodedTiles, analysed: Analysed | AnalysedTiles) -> np.ndarray:
        """What a decoder will show: uint8 (H, W, 3), without decoding unless it is big."""
        if isinstance(encoded, EncodedTiles):
            return tiling.decode(self, read(encoded.data), None, no_progress).image  # however large: it is no stranger's
        return self._cropped(encoded.y_hat, encoded.level, analysed.height, analysed.width)

    # --- decoding ---------------------------------------------------------------------------------------------------

    def decode(self, container: Container, crop: Rectangle | None = None, progress: Progress = no_progress) -> Decoded:
        """The picture, or a part of it, in a container that was made with this checkpoint.

        Of a picture in tiles only those are decoded that the part needs, and `progress` is told their share that is done.
        Raises CorruptFileError above `max_pixels`, as all that reads files.
        """
        self._check_size(container, crop)
        if container.flags & TILED:
            return tiling.decode(self, container, crop, progress)
        seconds: dict[str, float] = {}
        self.tiling.check_memory(tiling.one_unit(container.height, container.width, DECODING))
        y_hat = self.latent(container, seconds, self.network.beside)
        with timed(seconds, "transform"):
            image = self._cropped(y_hat, container.level, container.height, container.width)
        return Decoded(np.ascontiguousarray(image[crop.slices]) if crop else image, seconds)

    def recover(self, container: Container, crop: Rectangle | None = None, progress: Progress = no_progress) -> Decoded:
        """As much as can be decoded of a damaged picture in tiles, of which only the header and the table need be whole."""
        self._check_size(container, crop)
        return tiling.decode(self, container, crop, progress, damaged=True)

    def latent(
        self, container: Container, seconds: dict[str, float], beside: Executor | None = None, scale: np.ndarray | None = None
    ) -> np.ndarray:
        """y_hat of one unit; what the parsing of y does not need is computed `beside` it, where there is such a thread.

        The steps of latents are so many times finer as `scale` (h, w) says.
        """
        size, level = self._size(container), container.level
        decoder, begun = self._parse_z(container, seconds)
        of_z = partial(self.network.context, begun.z, size, level)
        context = beside.submit(of_z).result if beside else of_z
        symbols = self._parse_y(container, decoder, begun, seconds)
        with timed(seconds, "parameters"):
            return self.network.reconstruct(context(), self._in_steps(symbols, scale))

    def symbols(self, container: Container) -> Symbols:
        """What one unit holds, checked against its checksum; no transform is run."""
        self._check_size(container)
        seconds: dict[str, float] = {}
        return self._parse_y(container, *self._parse_z(container, seconds), seconds)

    def crcs(self, container: Container) -> tuple[int, ...]:
        """CRC-32 of the symbols of each unit, which are read and checked: those of all tiles, or of the picture."""
        self._check_size(container)
        return tiling.crcs(self, container) if container.flags & TILED else (self.symbols(container).crc,)

    def estimated_bits(self, data: bytes) -> float:
        """What the symbols of a .dlic file cost by the tables, to hold against its bytes."""
        container = read(data)
        self._check_size(container)
        parsed = map(self.symbols, split(container)[1] if container.flags & TILED else [container])
        return sum(self.tables.bits(symbols.values, symbols.rows) for symbols in parsed)

    def _parse_z(self, container: Container, seconds: dict[str, float]) -> tuple[Decoder, Symbols]:
        """A decoder that has read z, and the symbols as far as they are known: without y."""
        if container.model != self.fingerprint[:8]:
            raise UnknownCheckpointError(f"made with checkpoint {container.model.hex()[:8]}…, not with {self.name}")
        if container.flags not in dict(CODERS.values()):
            raise CorruptFileError(f"the header says flags {container.flags}, which no file of {self.name} has")
        if container.level >= self.levels:
            raise CorruptFileError(f"level {container.level} is beyond the {self.levels} of {self.name}")
        size, level = self._size(container), container.level
        with timed(seconds, "entropy"):
            coder = dict(CODERS.values())[container.flags & HUFFMAN]
            decoder = coder.Decoder(container.stream, self.tables)
            z_rows = self.network.hyper_rows(size, level)
            z = decoder.pull(z_rows.ravel()).reshape(z_rows.shape)
        with timed(seconds, "parameters"):
            rows = self.network.rows(z, size, level)
        return decoder, Symbols(z, z_rows, np.empty(0, np.int32), rows)

    def _parse_y(self, container: Container, decoder: Decoder, begun: Symbols, seconds: dict[str, float]) -> Symbols:
        """What `_parse_z` has begun, with y."""
        with timed(seconds, "entropy"):
            symbols = replace(begun, y=decoder.pull(begun.y_rows.ravel()).reshape(begun.y_rows.shape))
            decoder.finish()
            if symbols.crc != container.symbols_crc:
                raise CorruptFileError("the coded picture does not give the symbols it was made from")
        return symbols

    def _check_size(self, container: Container, crop: Rectangle | None = None) -> None:
        """Raises CorruptFileError where more pixels would be decoded than may be, before anything is allocated for them."""
        decoded = crop if crop and container.flags & TILED else container
        check_size(decoded.width, decoded.height, self.max_pixels)

    def _size(self, picture: Analysed | Container) -> tuple[int, int]:
        """Height and width of its latent y."""
        return -(-picture.height // self.network.stride), -(-picture.width // self.network.stride)

    def latents_within(self, inner: Rectangle, outer: Rectangle) -> tuple[slice, ...]:
        """Where a part of the picture lies in the latent of another, both in latents."""
        return (slice(None),) * self.network.space + inner.within(outer)

    def _cropped(self, y_hat: np.ndarray, level: int, height: int, width: int) -> np.ndarray:
        return np.ascontiguousarray(self.network.synthesise(y_hat, level)[:height, :width])


def _whole(distances: np.ndarray, low: np.ndarray, high: np.ndarray, zeros: np.ndarray | None) -> np.ndarray:
    """What distances from means are coded as: whole numbers, float32."""
    rounded = np.rint(distances)
    np.minimum(np.maximum(rounded, low, out=rounded), high, out=rounded)  # which np.clip takes twice as long for
    if zeros is not None:
        rounded *= np.abs(distances) >= zeros
    return rounded


@dataclass(frozen=True)
class AtQuality:
    """A learned codec with its settings fixed, as one of the codecs that are compared."""

    codec: LearnedCodec
    level: int
    effort: int

    def compress(self, image: np.ndarray) -> bytes:
        return self.codec.compress(image, self.level, self.effort)

    def decompress(self, data: bytes) -> np.ndarray:
        return self.codec.decompress(data)


def level_of(quality: int, levels: int) -> int:
    """Quality 1 … 100 → rate level, rising evenly from the lowest to the highest. Raises DlicError for others."""
    return round((check_quality(quality) - 1) / 99 * (levels - 1))


def check_quality(quality: int) -> int:
    """`quality` if it is 1 … 100; DlicError otherwise."""
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
        raise DlicError(f"quality is a whole number from 1 to 100, not {quality}")
    return quality


@lru_cache(maxsize=4)
def load_codec(folder: str | Path) -> LearnedCodec:
    """The codec of a checkpoint folder, loaded once. Raises UnknownCheckpointError."""
    from dlic.models import deploy

    manifest = checkpoints.read_manifest(folder)
    try:
        network = deploy(manifest.model, manifest.config, checkpoints.read_weights(folder))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnknownCheckpointError(f"{folder} does not hold a model this dlic can run: {error}") from error
    return LearnedCodec(manifest.name, manifest.fingerprint, network, manifest.tables, manifest.training.distortion)
