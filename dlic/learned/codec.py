"""The learned codec: images ⇄ .dlic files of one checkpoint, as one unit each (`learned.unit`) or, big ones, in tiles."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from dlic.checkpoints.manifest import read_manifest
from dlic.checkpoints.weights import read_weights, versions
from dlic.container.format import LEARNED, TILED, Chunks, Container, check_kind, read
from dlic.container.tiles import split
from dlic.container.units import CodedUnit, unit_of
from dlic.entropy.coder import coder_of, estimated_bits
from dlic.entropy.parts import Symbols
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.images.files import MAX_PIXELS
from dlic.learned.tiles import decoder as tiles_decoder
from dlic.learned.tiles import encoder as tiles_encoder
from dlic.learned.tiles import plan as tiling
from dlic.learned.tiles.encoder import AnalysedTiles, EncodedTiles
from dlic.learned.tiles.plan import DECODING, ENCODING, Tiling
from dlic.learned.unit import Analysed, Encoded, UnitCodec
from dlic.pixels.arrays import Decoded, check_pixels, check_size
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress, no_progress
from dlic.runtime import threads
from dlic.runtime.timing import timed
from dlic.storage.versions import Version

MAX_EFFORT, TILING = 9, Tiling()


@dataclass(frozen=True)
class LearnedCodec(UnitCodec):
    """One checkpoint at work on images and files of any size."""

    tiling: Tiling = TILING
    max_pixels: int = MAX_PIXELS  # larger files are refused, and larger parts of files in tiles

    def with_chunks(self, chunks: Chunks) -> "LearnedCodec":
        """The same codec, whose files have these chunks."""
        return replace(self, chunks=chunks) if chunks else self

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
            return tiles_encoder.analysed(self, self.tiling, image, keep)
        self.tiling.check_memory(tiling.one_unit(height, width, ENCODING))
        return self.analyse_part(image, Rectangle(0, 0, width, height))

    def encode_at(
        self, analysed: Analysed | AnalysedTiles, level: int, effort: int = 0, progress: Progress = no_progress
    ) -> Encoded | EncodedTiles:
        """An analysed image as a file of one level.

        `effort` 1 … 9 looks for better symbols than rounding gives. `progress` is told the share of the work of an effort, or of
        the tiles, that is done. Raises DlicError for other efforts, and where the network cannot refine.
        """
        self._check_effort(effort)
        if isinstance(analysed, AnalysedTiles):
            return tiles_encoder.encode_at(self, self.tiling, analysed, level, effort, progress)
        return self.encode_unit(analysed, level, effort, progress)

    def _check_effort(self, effort: int) -> None:
        if not 0 <= effort <= MAX_EFFORT:
            raise DlicError(f"effort goes from 0 to {MAX_EFFORT}, not {effort}")
        if effort > 0 and not self.deployed.encoder.refinable:
            raise DlicError(f"{self.name} has no effort above 0")

    def picture(self, encoded: Encoded | EncodedTiles, analysed: Analysed | AnalysedTiles) -> np.ndarray:
        """What a decoder will show: uint8 (H, W, 3), without decoding unless it is big."""
        if isinstance(encoded, EncodedTiles):
            file = read(encoded.data)  # however large: it is no stranger's
            return tiles_decoder.decode(self, self.tiling, file, None, no_progress).image
        return self._cropped(encoded.y_hat, encoded.level, analysed.height, analysed.width)

    # --- decoding ---------------------------------------------------------------------------------------------------

    def decode(self, container: Container, crop: Rectangle | None = None, progress: Progress = no_progress) -> Decoded:
        """The picture, or a part of it, in a container that was made with this checkpoint.

        Of a picture in tiles only those are decoded that the part needs, and `progress` is told their share that is done.
        Raises CorruptFileError above `max_pixels`, as all that reads files.
        """
        self._check_size(container, crop)
        if container.kind == TILED:
            return tiles_decoder.decode(self, self.tiling, container, crop, progress)
        seconds: dict[str, float] = {}
        self.tiling.check_memory(tiling.one_unit(container.height, container.width, DECODING))
        y_hat = self.latent(unit_of(container), seconds, threads.side())
        with timed(seconds, "transform"):
            image = self._cropped(y_hat, container.level, container.height, container.width)
        return Decoded(np.ascontiguousarray(image[crop.slices]) if crop else image, seconds)

    def recover(self, container: Container, crop: Rectangle | None = None, progress: Progress = no_progress) -> Decoded:
        """As much as can be decoded of a damaged picture in tiles, of which only the header and the table need be whole."""
        self._check_size(container, crop)
        check_kind(container, TILED, codec=f"{self.name} in tiles")
        return tiles_decoder.decode(self, self.tiling, container, crop, progress, damaged=True)

    def symbols(self, container: Container) -> Symbols:
        """The symbols of a picture that is one unit, checked against its checksum; no transform is run."""
        self._check_size(container)
        check_kind(container, LEARNED, codec=f"{self.name} in one unit")
        return self.parse(unit_of(container))

    def units(self, container: Container) -> list[CodedUnit]:
        """The units of a picture: its tiles, or itself."""
        self._check_size(container)
        return split(container)[1] if container.kind == TILED else [unit_of(container)]

    def crcs(self, container: Container) -> tuple[int, ...]:
        """CRC-32 of the symbols of each unit, which are read and checked: those of all tiles, or of the picture."""
        self._check_size(container)
        return tiles_decoder.crcs(self, self.tiling, container) if container.kind == TILED else (self.symbols(container).crc,)

    def estimated_bits(self, data: bytes) -> float:
        """What the symbols of a .dlic file cost by the tables, to hold against its bytes."""
        units = self.units(read(data))
        return sum(estimated_bits(self.parse(unit), coder_of(unit.coder), self.tables) for unit in units)

    def _check_size(self, container: Container, crop: Rectangle | None = None) -> None:
        """Raises CorruptFileError where more pixels would be decoded than may be, before anything is allocated for them."""
        check_kind(container, LEARNED, TILED, codec=self.name)
        decoded = crop if crop and container.kind == TILED else container
        check_size(decoded.width, decoded.height, self.max_pixels)

    def _cropped(self, y_hat: np.ndarray, level: int, height: int, width: int) -> np.ndarray:
        return np.ascontiguousarray(self.deployed.decoder.synthesise(y_hat, level)[:height, :width])


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
    """`quality` as int if it is a whole number 1 … 100, of NumPy or not. Raises DlicError otherwise."""
    if isinstance(quality, bool) or not isinstance(quality, int | np.integer) or not 1 <= quality <= 100:
        raise DlicError(f"quality is a whole number from 1 to 100, not {quality!r}")
    return int(quality)


def load_codec(folder: str | Path) -> LearnedCodec:
    """The codec of a checkpoint folder, loaded once for each version of its files. Raises UnknownCheckpointError."""
    return _loaded(Path(folder), versions(folder))


@lru_cache(maxsize=4)
def _loaded(folder: Path, _versions: tuple[Version, Version]) -> LearnedCodec:
    return read_codec(folder)


def read_codec(folder: str | Path) -> LearnedCodec:
    """The codec of a checkpoint folder. Raises UnknownCheckpointError."""
    from dlic.runtime.torch import deploy

    manifest = read_manifest(folder)
    try:
        deployed = deploy(manifest.model, manifest.config, read_weights(folder, manifest))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnknownCheckpointError(f"{folder} does not hold a model this dlic can run: {error}") from error
    return LearnedCodec(manifest.name, manifest.fingerprint, deployed, manifest.tables, manifest.training.distortion)
