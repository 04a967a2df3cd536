"""The learned codec: pixels ⇄ latent ⇄ symbols ⇄ stream ⇄ .dlic, around any network that speaks the `Network` protocol."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from dlic import checkpoints
from dlic.codecs.base import check_pixels
from dlic.container.format import Container, read, write
from dlic.entropy import rans
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError
from dlic.timing import timed

MAX_EFFORT = 9
Progress = Callable[[float], None]  # told the share of the work that is done, rising to 1


def no_progress(share: float) -> None:
    """Nobody is watching."""


class Network(Protocol):
    """A trained model as the codec sees it: arrays in, arrays out, whatever runs it.

    Latents and everything of their shape are laid out as the network likes; `size` is their height and width. Rows, and the symbols
    z they depend on, come from whole numbers only, so that every machine parses a file the same way.
    """

    stride: int  # image sizes it takes are multiples of this
    levels: int  # rates it has
    refinable: bool  # whether `refine` can be called
    step_price: float | None  # bits that a squared error of one step of y is worth; None: y is rounded to the nearest

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
        z_symbols: np.ndarray,
        rows: np.ndarray,
        level: int,
        tables: FrequencyTables,
        effort: int,
        progress: Progress,
    ) -> np.ndarray:
        """A y for an image uint8 (H, W, 3), not padded, that costs less in bits + λ · distortion the higher the effort 1 … 9."""

    def reconstruct(
        self, z_symbols: np.ndarray, size: tuple[int, int], level: int, quantise: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """y_hat as `synthesise` takes it. `quantise(means, which)` gives y quantised around these means, used where `which` is."""

    def synthesise(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        """y_hat → uint8 (H, W, 3)."""


@dataclass(frozen=True)
class Analysed:
    """An image after the part of encoding that all levels share."""

    pixels: np.ndarray  # uint8 (H, W, 3), padded to multiples of the stride
    latent: np.ndarray
    height: int  # of the image itself
    width: int
    seconds: dict[str, float]  # by stage

    @property
    def image(self) -> np.ndarray:
        """uint8 (H, W, 3) without the padding."""
        return self.pixels[: self.height, : self.width]

    def size(self, stride: int) -> tuple[int, int]:
        """Height and width of the latent."""
        return -(-self.height // stride), -(-self.width // stride)


@dataclass(frozen=True)
class Encoded:
    """A compressed image with what is worth reporting about it."""

    data: bytes
    level: int
    symbols: np.ndarray  # int32 (N,), those of z before those of y
    rows: np.ndarray  # (N,) the table row of each
    tables: FrequencyTables
    y_hat: np.ndarray  # what a decoder will synthesise from
    seconds: dict[str, float]  # by stage

    @cached_property
    def estimated_bits(self) -> float:
        """What the symbols cost by the tables, to hold against the bytes written."""
        return self.tables.bits(self.symbols, self.rows)


@dataclass(frozen=True)
class Decoded:
    """A decompressed image."""

    image: np.ndarray  # uint8 (H, W, 3)
    seconds: dict[str, float]


@dataclass(frozen=True)
class LearnedCodec:
    """One checkpoint at work."""

    name: str
    fingerprint: bytes
    network: Network
    tables: FrequencyTables

    @property
    def levels(self) -> int:
        """Rates it has."""
        return self.network.levels

    @cached_property
    def _zero_bins(self) -> np.ndarray | None:
        price = self.network.step_price
        return None if price is None else self.tables.zero_bins(price)

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

    def encode(self, image: np.ndarray, level: int = 0, effort: int = 0, progress: Progress = no_progress) -> Encoded:
        """`compress`, with symbols and times."""
        return self.encode_at(self.analyse(image), level, effort, progress)

    def analyse(self, image: np.ndarray) -> Analysed:
        """The transform of an image, from which it can be encoded at any level."""
        seconds: dict[str, float] = {}
        height, width = check_pixels(image).shape[:2]
        with timed(seconds, "transform"):
            pixels = _padded(image, self.network.stride)
            latent = self.network.analyse(pixels)
        return Analysed(pixels, latent, height, width, seconds)

    def encode_at(self, analysed: Analysed, level: int, effort: int = 0, progress: Progress = no_progress) -> Encoded:
        """An analysed image as a file of one level.

        `effort` 1 … 9 refines y for this image before it is rounded; `progress` is told the share of that work that is done.
        Raises DlicError for other efforts, and where the network cannot refine.
        """
        self._check_effort(effort)
        seconds, size = dict(analysed.seconds), analysed.size(self.network.stride)
        with timed(seconds, "parameters"):
            y = self.network.at_level(analysed.latent, level)
            z_rows = self.network.hyper_rows(size, level)
            z_symbols = self.tables.clip(self.network.hyper(y, level), z_rows)
            rows = self.network.rows(z_symbols, size, level)
        if effort > 0:
            with timed(seconds, "refine"):
                y = self.network.refine(analysed.image, y, z_symbols, rows, level, self.tables, effort, progress)
        with timed(seconds, "parameters"):
            symbols = np.zeros(rows.shape, np.int32)
            low, high = self.tables.bounds(rows)

            def quantise(means: np.ndarray, which: np.ndarray) -> np.ndarray:
                distance = y - means
                rounded = np.clip(np.rint(distance), low, high)
                if self._zero_bins is not None:
                    rounded *= np.abs(distance) >= self._zero_bins[rows]
                np.copyto(symbols, rounded, where=which, casting="unsafe")  # whole numbers
                return rounded + means

            y_hat = self.network.reconstruct(z_symbols, size, level, quantise)
        with timed(seconds, "entropy"):
            stream = rans.encode([(z_symbols.ravel(), z_rows.ravel()), (symbols.ravel(), rows.ravel())], self.tables)
            all_symbols, all_rows = _joined(z_symbols, symbols), _joined(z_rows, rows)
            crc = _crc(all_symbols)
        data = write(Container(analysed.width, analysed.height, level, self.fingerprint[:8], crc, stream))
        return Encoded(data, level, all_symbols, all_rows, self.tables, y_hat, seconds)

    def _check_effort(self, effort: int) -> None:
        if not 0 <= effort <= MAX_EFFORT:
            raise DlicError(f"effort goes from 0 to {MAX_EFFORT}, not {effort}")
        if effort > 0 and not self.network.refinable:
            raise DlicError(f"{self.name} has no effort above 0")

    def picture(self, encoded: Encoded, analysed: Analysed) -> np.ndarray:
        """What a decoder will show: uint8 (H, W, 3), without decoding."""
        return self._cropped(encoded.y_hat, encoded.level, analysed.height, analysed.width)

    # --- decoding ---------------------------------------------------------------------------------------------------

    def decode(self, container: Container) -> Decoded:
        """The picture in a container that was made with this checkpoint."""
        seconds: dict[str, float] = {}
        size, z_symbols, symbols = self._parse(container, seconds)
        values = symbols.astype(np.float32)

        def quantise(means: np.ndarray, which: np.ndarray) -> np.ndarray:
            return values + means

        with timed(seconds, "parameters"):
            y_hat = self.network.reconstruct(z_symbols, size, container.level, quantise)
        with timed(seconds, "transform"):
            image = self._cropped(y_hat, container.level, container.height, container.width)
        return Decoded(image, seconds)

    def symbols(self, container: Container) -> np.ndarray:
        """All symbols of a container in coding order, checked against their checksum; no transform is run."""
        _, z_symbols, symbols = self._parse(container, {})
        return _joined(z_symbols, symbols)

    def _parse(self, container: Container, seconds: dict[str, float]) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
        """Size of the latent, symbols of z, symbols of y."""
        if container.model != self.fingerprint[:8]:
            raise UnknownCheckpointError(f"made with checkpoint {container.model.hex()[:8]}…, not with {self.name}")
        if container.level >= self.levels:
            raise CorruptFileError(f"level {container.level} is beyond the {self.levels} of {self.name}")
        stride, level = self.network.stride, container.level
        size = -(-container.height // stride), -(-container.width // stride)
        with timed(seconds, "entropy"):
            decoder = rans.Decoder(container.stream, self.tables)
            z_rows = self.network.hyper_rows(size, level)
            z_symbols = decoder.pull(z_rows.ravel()).reshape(z_rows.shape)
        with timed(seconds, "parameters"):
            rows = self.network.rows(z_symbols, size, level)
        with timed(seconds, "entropy"):
            symbols = decoder.pull(rows.ravel()).reshape(rows.shape)
            decoder.finish()
            if _crc(_joined(z_symbols, symbols)) != container.symbols_crc:
                raise CorruptFileError("the coded picture does not give the symbols it was made from")
        return size, z_symbols, symbols

    def _cropped(self, y_hat: np.ndarray, level: int, height: int, width: int) -> np.ndarray:
        return np.ascontiguousarray(self.network.synthesise(y_hat, level)[:height, :width])


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
    if not 1 <= quality <= 100:
        raise DlicError(f"quality goes from 1 to 100, not {quality}")
    return round((quality - 1) / 99 * (levels - 1))


@lru_cache(maxsize=4)
def load_codec(folder: str | Path) -> LearnedCodec:
    """The codec of a checkpoint folder, loaded once. Raises UnknownCheckpointError."""
    from dlic.models import deploy

    manifest = checkpoints.read_manifest(folder)
    try:
        network = deploy(manifest.model, manifest.config, checkpoints.read_weights(folder))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnknownCheckpointError(f"{folder} does not hold a model this dlic can run: {error}") from error
    return LearnedCodec(manifest.name, manifest.fingerprint, network, manifest.tables)


def _padded(image: np.ndarray, stride: int) -> np.ndarray:
    """Replicated at the bottom and right to multiples of `stride`."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, -height % stride), (0, -width % stride), (0, 0)), mode="edge")


def _joined(of_z: np.ndarray, of_y: np.ndarray) -> np.ndarray:
    return np.concatenate([of_z.ravel(), of_y.ravel()])


def _crc(symbols: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(symbols, dtype="<i4"))
