"""The learned codec: images ⇄ .dlic files of one checkpoint. A small image is one unit; a big one is cut into tiles."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlic.checkpoints.graphs import read_graphs
from dlic.checkpoints.manifest import Manifest, read_manifest
from dlic.checkpoints.weights import read_weights, versions, weights_file
from dlic.container.format import LEARNED, TILED, Chunks, Container, check_kind, read
from dlic.container.tiles import split
from dlic.container.units import CodedUnit, as_picture, unit_of
from dlic.entropy.coder import coder_of, estimated_bits
from dlic.entropy.parts import Symbols
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.images.files import MAX_PIXELS
from dlic.learned.exact.layer import layer_of, paste
from dlic.learned.guarded_rounding import GuardedRounding
from dlic.learned.picture import AnalysedPicture, Encoded
from dlic.learned.picture_codec import PictureCodec
from dlic.learned.tiles.codec import TileCodec
from dlic.learned.tiles.decoder import FurtherLayer
from dlic.learned.tiles.plan import DECODING, ENCODING, Tiling, one_unit
from dlic.learned.tiles.seams import Seams
from dlic.learned.unit import UnitCodec
from dlic.pixels.arrays import Decoded, check_pixels, check_size
from dlic.pixels.rectangles import Rectangle
from dlic.pixels.reduction import averaged
from dlic.progress import Progress, no_progress
from dlic.runtime import threads
from dlic.runtime.choice import TORCH, chosen_runtime, is_loaded
from dlic.runtime.early_exit import early_exit_of
from dlic.runtime.network import DeployedModel
from dlic.runtime.timing import timed
from dlic.storage.versions import Version

MAX_EFFORT, TILING = 9, Tiling()


@dataclass(frozen=True, eq=False)
class LearnedCodec(PictureCodec[AnalysedPicture]):
    """One checkpoint at work on images and files of any size.

    image ─┬─ small ─ UnitCodec ─┬─ container ─ file
           └─ big ── TileCodec ──┘
    """

    unit: UnitCodec
    tiling: Tiling = TILING
    max_pixels: int = MAX_PIXELS  # larger files are refused, and larger parts of files in tiles
    chunks: Chunks = ()  # of new files

    @property
    def name(self) -> str:
        """The checkpoint's."""
        return self.unit.name

    @property
    def fingerprint(self) -> bytes:
        """The checkpoint's."""
        return self.unit.fingerprint

    @property
    def levels(self) -> int:
        """Rates of the model."""
        return self.unit.levels

    @cached_property
    def tiles(self) -> TileCodec:
        """The codec of big pictures."""
        return TileCodec(self.unit, self.tiling)

    def with_chunks(self, chunks: Chunks) -> "LearnedCodec":
        """The same codec; it adds these chunks to its files."""
        return replace(self, chunks=chunks) if chunks else self

    def with_coder(self, number: int) -> "LearnedCodec":
        """The same codec; it writes files with another entropy coder."""
        return replace(self, unit=replace(self.unit, coder=number))

    def within(self, max_memory: int | None, max_pixels: int = MAX_PIXELS) -> "LearnedCodec":
        """The same codec with an approximate memory limit (bytes) and a limit of pixels a file."""
        codec = self if max_pixels == self.max_pixels else replace(self, max_pixels=max_pixels)
        return codec if max_memory is None else replace(codec, tiling=replace(codec.tiling, max_memory=max_memory))

    def decompress(self, data: bytes) -> NDArray[np.uint8]:
        """Bytes of a .dlic file → uint8 (H, W, 3)."""
        return self.decode(read(data)).image

    # --- encoding ---------------------------------------------------------------------------------------------------

    def analyse(self, image: NDArray[np.uint8], keep: bool = False) -> AnalysedPicture:
        """Runs g_a once; the result can be encoded at any level. Tiles of a big image are analysed when they are encoded; with
        `keep` their latents then stay in memory, as far as the memory limit allows.
        """
        height, width = check_pixels(image).shape[:2]
        if self.tiling.cuts(height, width):
            return self.tiles.analyse(image, keep)
        self.tiling.check_memory(one_unit(height, width, ENCODING, self.unit.process))
        return AnalysedPicture(image, kept={0: self.unit.analyse(image, Rectangle(0, 0, width, height))})

    def encode_at(self, analysed: AnalysedPicture, level: int, effort: int = 0, progress: Progress = no_progress) -> Encoded:
        """Encodes an analysed image at one level. `effort` 0 rounds; 1 … 9 search for better symbols. `progress` gets the share of
        the work that is done, 0 … 1: of the effort, or of the tiles. Raises DlicError for other efforts, and where the model cannot
        refine.
        """
        self.check_effort(effort)
        if analysed.grid:
            encoded = self.tiles.encode(analysed, level, effort, progress)
            return replace(encoded, container=replace(encoded.container, chunks=self.chunks))
        unit = self.unit.encode(analysed.unit(self.unit, 0), level, effort, progress)
        return Encoded(
            container=as_picture(unit.unit, self.chunks),
            crcs=(unit.unit.symbols_crc,),
            estimate=lambda: unit.estimated_bits,
            seconds=unit.seconds,
            y_hat=unit.y_hat,
        )

    def check_effort(self, effort: int) -> None:
        """Raises DlicError for efforts that there are not, and where the model cannot refine."""
        if not 0 <= effort <= MAX_EFFORT:
            raise DlicError(f"effort goes from 0 to {MAX_EFFORT}, not {effort}")
        if effort > 0 and not self.unit.deployed.encoder.refinable:
            raise DlicError(f"{self.name} has no effort above 0")

    def picture(self, encoded: Encoded) -> NDArray[np.uint8]:
        """The pixels (H, W, 3) that a decoder will give. The stream is parsed only if the picture is in tiles."""
        container = encoded.container
        if encoded.y_hat is None:
            decoded = self.tiles.decode(container, None, no_progress)  # no limit of pixels: this process wrote the file
        else:
            decoded = Decoded(self._cropped(encoded.y_hat, container, container.level), {})
        return self._with_exact_blocks(decoded, container, None).image

    # --- decoding ---------------------------------------------------------------------------------------------------

    def decode(
        self,
        container: Container,
        crop: Rectangle | None = None,
        progress: Progress = no_progress,
        further: FurtherLayer | None = None,
        reduction: int = 1,
    ) -> Decoded:
        """The picture, or a part of it, from a container of this checkpoint, with a further layer if there is one. In a picture in
        tiles only the tiles of the part are decoded; `progress` gets the share of them that is done, 0 … 1. With a `reduction`,
        pixels are averages of boxes that begin at the corner of the part (`pixels.reduction`). Raises CorruptFileError for more
        than `max_pixels` pixels, before the reduction.
        """
        self._check_size(container, crop)
        if crop is None and layer_of(container) is None:
            return self._decode(container, None, progress, further, reduction)
        decoded = self._with_exact_blocks(self._decode(container, crop, progress, further), container, crop)
        return replace(decoded, image=averaged(decoded.image, reduction))

    def decode_guarded(self, container: Container, rounding: GuardedRounding) -> NDArray[np.uint8]:
        """The picture (H, W, 3) as the frame of a sequence, whose pixels are the same on every machine."""
        self._check_size(container)
        if container.kind == TILED:
            decoded = self.tiles.decode(container, None, no_progress, rounding=rounding)
        else:
            y_hat, whole = (
                self.unit.decode(unit_of(container), threads.side()).y_hat,
                Rectangle(0, 0, container.width, container.height),
            )
            decoded = Decoded(self.unit.synthesise_guarded(y_hat, container.level, whole.slices, rounding, whole), {})
        return self._with_exact_blocks(decoded, container, None).image

    def _decode(
        self,
        container: Container,
        crop: Rectangle | None,
        progress: Progress,
        further: FurtherLayer | None = None,
        reduction: int = 1,
    ) -> Decoded:
        if container.kind == TILED:
            return self.tiles.decode(container, crop, progress, further=further, reduction=reduction)
        unit = unit_of(container)
        self.tiling.check_memory(one_unit(container.height, container.width, DECODING, self.unit.process))
        decoded = self.unit.decode(unit, threads.side())
        seconds, y_hat, level = dict(decoded.seconds), decoded.y_hat, container.level
        if further is not None:
            whole = Rectangle(0, 0, container.width, container.height)
            with timed(seconds, "refinement"):
                y_hat, level = further.y_hat(0, decoded, Seams(whole, whole, self.unit.stride)), further.level
        with timed(seconds, "transform"):
            image = self._cropped(y_hat, container, level, reduction)
        return Decoded(np.ascontiguousarray(image[crop.slices]) if crop else image, seconds)

    def recover(
        self, container: Container, crop: Rectangle | None = None, progress: Progress = no_progress, reduction: int = 1
    ) -> Decoded:
        """The readable tiles of a damaged picture in tiles. The header and the table of tiles must be intact."""
        self._check_size(container, crop)
        check_kind(container, TILED, codec=f"{self.name} in tiles")
        decoded = self._with_exact_blocks(self.tiles.decode(container, crop, progress, damaged=True), container, crop)
        return replace(decoded, image=averaged(decoded.image, reduction))

    def _with_exact_blocks(self, decoded: Decoded, container: Container, crop: Rectangle | None) -> Decoded:
        """The picture with its exact layer, if it has one, pasted over it."""
        if layer := layer_of(container):
            with timed(decoded.seconds, "exact blocks"):
                paste(layer, decoded.image, crop or Rectangle(0, 0, container.width, container.height))
        return decoded

    def symbols(self, container: Container) -> Symbols:
        """The symbols of a picture that is one unit, checked against their checksum. Runs no transform."""
        self._check_size(container)
        check_kind(container, LEARNED, codec=f"{self.name} in one unit")
        return self.unit.parse(unit_of(container))

    def units(self, container: Container) -> list[CodedUnit]:
        """The units of a picture: its tiles, or itself."""
        self._check_size(container)
        return split(container)[1] if container.kind == TILED else [unit_of(container)]

    def crcs(self, container: Container) -> tuple[int, ...]:
        """Parses and checks the symbols of every unit; returns their CRC-32."""
        self._check_size(container)
        return self.tiles.crcs(container) if container.kind == TILED else (self.symbols(container).crc,)

    def estimated_bits(self, data: bytes) -> float:
        """Ideal bits of the symbols of a .dlic file by the tables, to compare with its bytes."""
        units = self.units(read(data))
        return sum(estimated_bits(self.unit.parse(unit), coder_of(unit.coder), self.unit.tables) for unit in units)

    def _check_size(self, container: Container, crop: Rectangle | None = None) -> None:
        """Raises CorruptFileError for a part of more pixels than `max_pixels`, before anything is allocated for them."""
        check_kind(container, LEARNED, TILED, codec=self.name)
        decoded = crop if crop and container.kind == TILED else container
        check_size(decoded.width, decoded.height, self.max_pixels)

    def _cropped(self, y_hat: NDArray[np.float32], container: Container, level: int, reduction: int = 1) -> NDArray[np.uint8]:
        whole = Rectangle(0, 0, container.width, container.height)
        return np.ascontiguousarray(self.unit.synthesise_part(y_hat, level, whole.slices, reduction))


def load_codec(folder: str | Path, runtime: str | None = None) -> LearnedCodec:
    """The codec of a checkpoint folder; it is loaded again only when the folder's files change.

    Args:
        folder: of the checkpoint.
        runtime: "onnx" or "torch"; None: PyTorch if the process has loaded it already, else ONNX Runtime.

    Raises UnknownCheckpointError, and DlicError where the runtime is not installed or the checkpoint has no graphs for it.
    """
    return _loaded(Path(folder), versions(folder), runtime, is_loaded(TORCH))


@lru_cache(maxsize=4)
def _loaded(folder: Path, _versions: tuple[Version, Version], runtime: str | None, _torch_is_loaded: bool) -> LearnedCodec:
    return read_codec(folder, runtime)


def read_codec(folder: str | Path, runtime: str | None = None) -> LearnedCodec:
    """`load_codec`, from the files in any case."""
    manifest = read_manifest(folder)
    chosen = chosen_runtime(runtime, bool(manifest.graphs), manifest.name)
    try:
        deployed = _deployed(folder, manifest, chosen)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnknownCheckpointError(f"{folder} does not hold a model this dlic can run: {error}") from error
    unit = UnitCodec(
        name=manifest.name,
        fingerprint=manifest.fingerprint,
        deployed=deployed,
        tables=manifest.tables,
        distortion=manifest.training.distortion,
        early_exit=early_exit_of(manifest.fingerprint),
    )
    return LearnedCodec(unit, Tiling(process=deployed.process))


def _deployed(folder: str | Path, manifest: Manifest, runtime: str) -> DeployedModel:
    if runtime == TORCH:
        from dlic.runtime.torch import deploy

        return deploy(manifest.model, manifest.config, read_weights(folder, manifest))
    from dlic.runtime.onnx import deploy as deploy_graphs

    return deploy_graphs(manifest.model, manifest.config, weights_file(folder, manifest), read_graphs(folder, manifest))
