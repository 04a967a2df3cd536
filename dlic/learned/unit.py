"""One unit, a whole picture or a tile of one: pixels ⇄ latent ⇄ symbols ⇄ stream ⇄ container, around any model."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from dlic.container.format import Chunks, Container, write
from dlic.container.units import CodedUnit, as_picture
from dlic.entropy.coder import DEFAULT, coder_of, encode, estimated_bits
from dlic.entropy.parts import CodedPart, Symbols, walk
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError, UnknownCheckpointError
from dlic.learned.path import path_of
from dlic.learned.rounding import Rounding
from dlic.learned.tiles.seams import Seams
from dlic.pixels.arrays import padded
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress, no_progress
from dlic.runtime.network import DeployedModel, RefinementGoal
from dlic.runtime.tile_context import Surroundings
from dlic.runtime.timing import timed


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

    unit: CodedUnit
    chunks: Chunks
    symbols: Symbols
    tables: FrequencyTables
    y_hat: np.ndarray  # what a decoder will synthesise from
    seconds: dict[str, float]  # by stage

    @property
    def container(self) -> Container:
        """The picture's."""
        return as_picture(self.unit, self.chunks)

    @cached_property
    def data(self) -> bytes:
        """The file."""
        return write(self.container)

    @property
    def level(self) -> int:
        return self.unit.level

    @property
    def crcs(self) -> tuple[int, ...]:
        """CRC-32 of the symbols of each unit: of this one."""
        return (self.symbols.crc,)

    @cached_property
    def estimated_bits(self) -> float:
        """What the symbols cost by the tables, to hold against the bytes of the file."""
        return estimated_bits(self.symbols, coder_of(self.unit.coder), self.tables)


@dataclass(frozen=True)
class UnitCodec:
    """One checkpoint at work on what is coded in one piece, of any size."""

    name: str
    fingerprint: bytes
    deployed: DeployedModel
    tables: FrequencyTables
    distortion: str = "mse"  # what it was trained against: mse or ms-ssim
    coder: int = DEFAULT  # number of the entropy coder of new files; those read say it themselves
    chunks: Chunks = ()  # of new files

    @property
    def levels(self) -> int:
        """Rates it has."""
        return self.deployed.decoder.levels

    @cached_property
    def rounding(self) -> Rounding:
        """How it encodes without an effort."""
        return Rounding(self.deployed, self.tables, coder_of(self.coder).even)

    # --- encoding ---------------------------------------------------------------------------------------------------

    def analyse_part(self, image: np.ndarray, part: Rectangle) -> Analysed:
        """A part of an image whose corners lie on multiples of the stride, or on the border: its latent as the whole image's."""
        seconds: dict[str, float] = {}
        stride, whole = self.deployed.decoder.stride, Rectangle(0, 0, image.shape[1], image.shape[0])
        with timed(seconds, "transform"):
            seen = part.grown(self.deployed.decoder.halo * stride, whole)
            latent = self.deployed.encoder.analyse(padded(image[seen.slices], stride))
            inner = part.in_steps(stride).within(seen.in_steps(stride))
        return Analysed(image[part.slices], np.ascontiguousarray(latent[inner]), seconds)

    def surroundings(self, image: np.ndarray, part: Rectangle, level: int) -> Surroundings:
        """What is around a tile of an image: coded plainly, and in one piece with it, which is near to what it will be."""
        whole, stride = Rectangle(0, 0, image.shape[1], image.shape[0]), self.deployed.decoder.stride
        coded, seen = part.grown(self.deployed.decoder.unit, whole), part.grown(self.deployed.decoder.halo * stride, whole)
        analysed = self.analyse_part(image, coded)
        place, beside = part.in_steps(stride), seen.in_steps(stride)
        y_hat = self.rounding.plain(analysed.latent, level).y_hat[beside.within(coded.in_steps(stride))]
        return Surroundings(image[seen.slices], y_hat, replace(place, x=place.x - beside.x, y=place.y - beside.y))

    def encode_unit(
        self,
        analysed: Analysed,
        level: int,
        effort: int = 0,
        progress: Progress = no_progress,
        around: Surroundings | None = None,
        seams: Seams | None = None,
    ) -> Encoded:
        """An analysed unit at one level.

        An effort looks for better symbols than rounding gives, those of a tile for what it is amid its surroundings. At its
        `seams` a tile may have finer steps.
        """
        seconds = dict(analysed.seconds)
        with timed(seconds, "parameters"):
            plain = self.rounding.plain(analysed.latent, level, seams)
            symbols, y_hat, scale = plain.symbols, plain.y_hat, plain.scale
        if effort > 0:
            with timed(seconds, "refine"):

                def rounded(z: np.ndarray) -> Symbols:
                    return self.rounding.rounded(plain.y, z, level, scale)[0]

                goal = RefinementGoal(
                    image=analysed.image, level=level, tables=self.tables, distortion=self.distortion,
                    around=replace(around, scale=scale) if around else None,
                )  # fmt: skip
                symbols = self.deployed.encoder.refine(goal, plain.y, symbols, rounded, effort, progress)
                context = self.deployed.decoder.context(symbols.z, self._size(analysed), level)
                y_hat = self.deployed.decoder.reconstruct(context, self.rounding.in_steps(symbols, scale))
        with timed(seconds, "entropy"):
            stream = encode(symbols, coder_of(self.coder), self.tables)
            crc = symbols.crc
        unit = CodedUnit(
            width=analysed.width,
            height=analysed.height,
            level=level,
            coder=self.coder,
            model=self.fingerprint[:8],
            symbols_crc=crc,
            stream=stream,
            finer=plain.finer,
        )
        return Encoded(unit, self.chunks, symbols, self.tables, y_hat, seconds)

    # --- decoding ---------------------------------------------------------------------------------------------------

    def latent(
        self, unit: CodedUnit, seconds: dict[str, float], beside: Executor | None = None, scale: np.ndarray | None = None
    ) -> np.ndarray:
        """y_hat of one unit; what the parsing of y does not need is computed `beside` it, where there is such a thread.

        The steps of latents are so many times finer as `scale` (h, w) says.
        """
        size, level = self._size(unit), unit.level
        parts: list[CodedPart] = []
        with timed(seconds, "entropy"):
            for coded in self._pulled(unit):
                parts.append(coded)
                if coded.part.name == "z":  # the rest of the walk goes on beside it
                    of_z = partial(self.deployed.decoder.context, coded.symbols, size, level)
                    context = beside.submit(of_z).result if beside else of_z
        with timed(seconds, "parameters"):
            return self.deployed.decoder.reconstruct(context(), self.rounding.in_steps(Symbols(tuple(parts)), scale))

    def parse(self, unit: CodedUnit) -> Symbols:
        """The symbols of one unit, checked against its checksum; no transform is run."""
        return Symbols(tuple(self._pulled(unit)))

    def _pulled(self, unit: CodedUnit) -> Iterator[CodedPart]:
        """The walk of a decoder. Raises CorruptFileError at its end unless the symbols are those of the checksum."""
        if unit.model != self.fingerprint[:8]:
            raise UnknownCheckpointError(f"made with checkpoint {unit.model.hex()[:8]}…, not with {self.name}")
        if unit.level >= self.levels:
            raise CorruptFileError(f"level {unit.level} is beyond the {self.levels} of {self.name}")
        decoder = coder_of(unit.coder).decoder(unit.stream, self.tables)
        parts: list[CodedPart] = []
        for coded in walk(path_of(self.deployed.rows, self._size(unit), unit.level), decoder.pull):
            parts.append(coded)
            yield coded
        decoder.finish()
        if Symbols(tuple(parts)).crc != unit.symbols_crc:
            raise CorruptFileError("the coded picture does not give the symbols it was made from")

    # --- places -----------------------------------------------------------------------------------------------------

    def _size(self, picture: Analysed | CodedUnit) -> tuple[int, int]:
        """Height and width of its latent y."""
        return -(-picture.height // self.deployed.decoder.stride), -(-picture.width // self.deployed.decoder.stride)
