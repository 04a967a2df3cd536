"""One unit (a whole picture or a tile): pixels ⇄ latent ⇄ symbols ⇄ stream, with any model."""

import time
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dlic.container.units import CodedUnit
from dlic.entropy.coder import PARITY, PLAIN, Coder, coder_of, estimated_bits
from dlic.entropy.parts import CodedPart, Part, Symbols, walk
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError, UnknownCheckpointError
from dlic.learned.guarded_rounding import GuardedRounding
from dlic.learned.rounding import Plain, Rounding
from dlic.learned.streams import Streams, WholeStreams
from dlic.learned.tiles.seams import Seams
from dlic.pixels.arrays import padded
from dlic.pixels.rectangles import Rectangle
from dlic.pixels.reduction import averaged, box_means, rounded
from dlic.progress import Progress, no_progress
from dlic.runtime.early_exit import HIGHEST_LEVEL, REDUCTION, EarlyExit
from dlic.runtime.network import DeployedModel, ExitsEarly, InterNetwork, RefinementGoal, Unrounded
from dlic.runtime.tile_context import Surroundings
from dlic.runtime.timing import timed


@dataclass(frozen=True, eq=False)
class AnalysedUnit:
    """A unit after g_a, the part of encoding that all levels share."""

    image: NDArray[np.uint8]  # (H, W, 3)
    latent: NDArray[np.float32]  # (h, w, M), of the image padded to multiples of the stride
    seconds: dict[str, float]  # by stage

    @property
    def height(self) -> int:
        return self.image.shape[0]

    @property
    def width(self) -> int:
        return self.image.shape[1]


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedUnit:
    """A coded unit, with its symbols and the times of its stages."""

    unit: CodedUnit
    symbols: Symbols
    tables: FrequencyTables
    y_hat: NDArray[np.float32]  # (h, w, M): the input of a decoder's synthesis
    seconds: dict[str, float]  # by stage

    @cached_property
    def estimated_bits(self) -> float:
        """Ideal bits of the symbols by the frequency tables; compare them with the bytes of the stream."""
        return estimated_bits(self.symbols, coder_of(self.unit.coder), self.tables)


@dataclass(frozen=True, eq=False)
class DecodedUnit:
    """The decoded latent of a unit."""

    y_hat: NDArray[np.float32]  # (h, w, M)
    symbols: Symbols
    seconds: dict[str, float]  # by stage


@dataclass(frozen=True, eq=False, kw_only=True)
class UnitCodec:
    """Codes units of any size with one checkpoint.

    image ─ analyse ─ latent ─ encode ─ CodedUnit ─ decode ─ y_hat ─ synthesise ─ image
                                                  └ parse ─ symbols
    """

    name: str
    fingerprint: bytes
    deployed: DeployedModel
    tables: FrequencyTables
    distortion: str = "mse"  # of its training
    coder: int | None = None  # entropy coder of new units, by number; None: the best for the model
    streams: Streams = field(default_factory=WholeStreams)  # how symbols are written
    early_exit: EarlyExit | None = None  # for small pictures, if the checkpoint has one

    @property
    def levels(self) -> int:
        """Rates of the model."""
        return self.deployed.decoder.levels

    @property
    def stride(self) -> int:
        """Pixels along one latent."""
        return self.deployed.decoder.stride

    @property
    def process(self) -> int:
        """Bytes of a process that has loaded the checkpoint."""
        return self.deployed.process

    @property
    def border(self) -> int:
        """Border in pixels that the transforms need around a unit."""
        return self.deployed.decoder.halo * self.stride

    def given(self, prediction: NDArray[np.uint8]) -> "UnitCodec":
        """The codec of one predicted unit (H, W, 3), for a model that has predictions (`runtime.network.InterNetwork`)."""
        model = cast(InterNetwork, self.deployed)
        return replace(self, deployed=model.given(padded(prediction, self.stride)))

    @cached_property
    def entropy_coder(self) -> Coder:
        """The entropy coder of new units: with parity if the model has a step price, which repair of groups needs."""
        best = PLAIN if self.deployed.encoder.step_price is None else PARITY
        return coder_of(best if self.coder is None else self.coder)

    @cached_property
    def rounding(self) -> Rounding:
        """Plain encoding (effort 0)."""
        return Rounding(self.deployed, self.tables, self.entropy_coder.even)

    # --- encoding ---------------------------------------------------------------------------------------------------

    def analyse(self, image: NDArray[np.uint8], part: Rectangle) -> AnalysedUnit:
        """Runs g_a on a part of an image (H, W, 3). The part's corners lie on multiples of the stride or on the border of the
        image. The latent equals that part of the whole image's latent.
        """
        seconds: dict[str, float] = {}
        whole = Rectangle(0, 0, image.shape[1], image.shape[0])
        with timed(seconds, "transform"):
            area = part.grown(self.border, whole)
            latent = self.deployed.encoder.analyse(padded(image[area.slices], self.stride))
            inner = part.in_steps(self.stride).within(area.in_steps(self.stride))
        return AnalysedUnit(image[part.slices], np.ascontiguousarray(latent[inner]), seconds)

    def surroundings(self, image: NDArray[np.uint8], part: Rectangle, level: int) -> Surroundings:
        """The pixels and y_hat around a tile, for refinement. They are coded plainly and in one piece with the tile; that is close
        to the neighbours' later y_hat.
        """
        whole = Rectangle(0, 0, image.shape[1], image.shape[0])
        coded, area = part.grown(self.deployed.decoder.unit, whole), part.grown(self.border, whole)
        analysed = self.analyse(image, coded)
        place, around = part.in_steps(self.stride), area.in_steps(self.stride)
        y_hat = self.rounding.plain(analysed.latent, level).y_hat[around.within(coded.in_steps(self.stride))]
        return Surroundings(image[area.slices], y_hat, replace(place, x=place.x - around.x, y=place.y - around.y))

    def encode(
        self,
        analysed: AnalysedUnit,
        level: int,
        effort: int = 0,
        progress: Progress = no_progress,
        around: Surroundings | None = None,
        seams: Seams | None = None,
    ) -> EncodedUnit:
        """An analysed unit at one level.

        Args:
            analysed: of `analyse`.
            level: rate level of the model.
            effort: 0 rounds; 1 … 9 search for better symbols.
            progress: gets the share of the effort's work that is done, 0 … 1.
            around: surroundings of a tile, for efforts above 0.
            seams: of a tile; steps may be finer there.
        """
        seconds = dict(analysed.seconds)
        with timed(seconds, "parameters"):
            plain = self.rounding.plain(analysed.latent, level, seams)
        symbols, y_hat = plain.symbols, plain.y_hat
        if effort > 0:
            with timed(seconds, "refine"):
                symbols = self._refined(analysed, level, effort, progress, around, plain)
                context = self.deployed.decoder.context(symbols.z, self.size(analysed), level)
                y_hat = self.deployed.decoder.reconstruct(context, self.rounding.in_steps(symbols, plain.scale))
        with timed(seconds, "entropy"):
            stream, crc = self.streams.write(symbols, self.entropy_coder, self.tables)
            unit = CodedUnit(
                width=analysed.width,
                height=analysed.height,
                level=level,
                coder=self.entropy_coder.number,
                model=self.fingerprint[:8],
                symbols_crc=crc,
                stream=stream,
                finer=plain.finer,
            )
        return EncodedUnit(unit=unit, symbols=symbols, tables=self.tables, y_hat=y_hat, seconds=seconds)

    def _refined(
        self,
        analysed: AnalysedUnit,
        level: int,
        effort: int,
        progress: Progress,
        around: Surroundings | None,
        plain: Plain,
    ) -> Symbols:
        def rounded(z: NDArray[np.int32]) -> Symbols:
            return self.rounding.rounded(plain.y, z, level, plain.scale)[0]

        goal = RefinementGoal(
            image=analysed.image,
            level=level,
            tables=self.tables,
            distortion=self.distortion,
            coder=self.entropy_coder,
            around=replace(around, scale=plain.scale) if around else None,
        )
        return self.deployed.encoder.refine(goal, plain.y, plain.symbols, rounded, effort, progress)

    # --- decoding ---------------------------------------------------------------------------------------------------

    def decode(self, unit: CodedUnit, side: Executor | None = None, scale: NDArray[np.float32] | None = None) -> DecodedUnit:
        """The latent of a unit. Raises CorruptFileError and UnknownCheckpointError.

        Args:
            unit: to read.
            side: computes the context of y while y is parsed.
            scale: how many times finer than usual the step of each latent is, (h, w).
        """
        start, seconds, parts = time.perf_counter(), {"entropy": 0.0}, list[CodedPart]()
        context = None
        for coded in self._pulled(unit, seconds):
            parts.append(coded)
            if coded.part.name == "z":
                of_z = partial(self.deployed.decoder.context, coded.symbols, self.size(unit), unit.level)
                context = side.submit(of_z).result if side else of_z
        symbols = Symbols(tuple(parts))
        y_hat = self.deployed.decoder.reconstruct(context() if context else None, self.rounding.in_steps(symbols, scale))
        seconds["parameters"] = time.perf_counter() - start - seconds["entropy"]
        return DecodedUnit(y_hat, symbols, seconds)

    def parse(self, unit: CodedUnit) -> Symbols:
        """The symbols of a unit. Runs no transform. Raises CorruptFileError and UnknownCheckpointError."""
        return Symbols(tuple(self._pulled(unit, {})))

    def _pulled(self, unit: CodedUnit, seconds: dict[str, float]) -> Iterator[CodedPart]:
        """Walks the parts as a decoder; at the end checks the symbols against their checksum."""
        if unit.model != self.fingerprint[:8]:
            raise UnknownCheckpointError(f"made with checkpoint {unit.model.hex()[:8]}…, not with {self.name}")
        if unit.level >= self.levels:
            raise CorruptFileError(f"level {unit.level} is beyond the {self.levels} of {self.name}")
        decoder, parts = self.streams.reader(unit, self.tables), list[CodedPart]()

        def pull(part: Part) -> NDArray[np.int32]:
            with timed(seconds, "entropy"):
                return decoder.pull(part)

        for coded in walk(self.deployed.rows.path(self.size(unit), unit.level), pull):
            parts.append(coded)
            yield coded
        with timed(seconds, "entropy"):
            decoder.finish()
            self.streams.check(Symbols(tuple(parts)), unit)

    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        """The pixels of a latent (h, w, M): (H, W, 3) in multiples of the stride."""
        return self.deployed.decoder.synthesise(y_hat, level)

    def synthesise_part(
        self, y_hat: NDArray[np.float32], level: int, part: tuple[slice, slice], reduction: int = 1
    ) -> NDArray[np.uint8]:
        """The pixels of a `part` of a latent's picture, reduced (`pixels.reduction`). The part begins at multiples of 8."""
        decoder, small_enough = cast(ExitsEarly, self.deployed.decoder), reduction >= REDUCTION and level <= HIGHEST_LEVEL
        if not small_enough or self.early_exit is None or not decoder.exits_early:
            return averaged(self.synthesise(y_hat, level)[part], reduction)
        small = self.early_exit.pixels(decoder.early_features(y_hat, level))
        rows, columns = (slice(side.start // REDUCTION, -(-side.stop // REDUCTION)) for side in part)
        return rounded(box_means(small[rows, columns], reduction // REDUCTION))

    def synthesise_guarded(
        self, y_hat: NDArray[np.float32], level: int, part: tuple[slice, slice], rounding: GuardedRounding, place: Rectangle
    ) -> NDArray[np.uint8]:
        """The pixels of a `part` of a latent's picture, rounded as the `place` of a guarded frame."""
        differences = cast(Unrounded, self.deployed.decoder).differences(y_hat, level)
        return rounding.pixels(differences[part], place)

    @property
    def guardable(self) -> bool:
        """Whether the model gives pixels before they are rounded."""
        return hasattr(self.deployed.decoder, "differences")

    def size(self, unit: AnalysedUnit | CodedUnit) -> tuple[int, int]:
        """Height and width of y."""
        return -(-unit.height // self.stride), -(-unit.width // self.stride)
