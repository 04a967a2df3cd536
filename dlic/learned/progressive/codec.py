"""The codec of progressive pictures: a first layer some levels lower, and a second one that brings its latents to the level."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import PROGRESSIVE as KIND
from dlic.container.format import Chunks, Container, check_kind, read
from dlic.container.layers import CodedPart, FirstLayerData, SecondLayerData, entry
from dlic.container.progressive import Layers, assembled, layers_of
from dlic.container.units import CodedUnit
from dlic.entropy.coder import coder_of, estimated_bits
from dlic.errors import CorruptFileError, DlicError
from dlic.learned.codec import LearnedCodec
from dlic.learned.picture import AnalysedPicture, Encoded
from dlic.learned.picture_codec import PictureCodec
from dlic.learned.progressive.decoding import Further, first_of
from dlic.learned.progressive.encoding import Effort, EncodedLayers, LayerEncoder
from dlic.learned.progressive.first_layer import as_plain, first_layer_of, in_parts, parts_of
from dlic.learned.progressive.part_counts import PartCounts, sensible_counts
from dlic.learned.progressive.refinement import FirstLayer, Refined, SecondLayer
from dlic.learned.progressive.tables import GAP, check_id, tables_of
from dlic.learned.tiles.encoder import encoded_tiles
from dlic.learned.tiles.plan import by_stage
from dlic.learned.tiles.seams import Seams
from dlic.learned.unit import AnalysedUnit, EncodedUnit
from dlic.pixels.arrays import Decoded
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress, no_progress


@dataclass(frozen=True, eq=False)
class ProgressiveCodec(PictureCodec[AnalysedPicture]):
    """One checkpoint at work on progressive pictures.

    image ─ g_a ─ latent ─┬─ LearnedCodec at level − 20 ─ first layer ─┬─ file
                          └─ what that leaves ─ SecondLayer ─ parts ───┘
    """

    network: LearnedCodec
    parts: PartCounts | None = None  # of new files; None: by their size

    @property
    def name(self) -> str:
        """The checkpoint's."""
        return self.network.name

    @property
    def fingerprint(self) -> bytes:
        """The checkpoint's."""
        return self.network.fingerprint

    @property
    def levels(self) -> int:
        """Rates of the model."""
        return self.network.levels

    @property
    def chunks(self) -> Chunks:
        """Of new files, without their layers."""
        return self.network.chunks

    @cached_property
    def second(self) -> SecondLayer:
        """The codec of second layers. Raises DlicError for models whose latents are not the same at all levels."""
        unit = self.network.unit
        gains, price = unit.deployed.gains, unit.deployed.encoder.step_price
        if gains is None or price is None:
            raise DlicError(f"{self.name} has one rate; progressive files need a checkpoint of many rates, as light-1")
        return SecondLayer(
            data=tables_of(self.fingerprint[:8], gains.gain.shape[1]),
            gains=gains,
            rows=unit.deployed.rows,
            coder=unit.entropy_coder,
            price=price,
        )

    def decompress(self, data: bytes) -> NDArray[np.uint8]:
        """Bytes of a .dlic file → uint8 (H, W, 3)."""
        return self.decode(read(data)).image

    # --- encoding ---------------------------------------------------------------------------------------------------

    def analyse(self, image: NDArray[np.uint8], keep: bool = False) -> AnalysedPicture:
        """`LearnedCodec.analyse`."""
        return self.network.analyse(image, keep)

    def encode_at(self, analysed: AnalysedPicture, level: int, effort: int = 0, progress: Progress = no_progress) -> Encoded:
        """`LearnedCodec.encode_at` in two layers. Levels below GAP have the first one only. An effort refines both layers, each at
        its λ.
        """
        self.network.check_effort(effort)
        second, start = self.second if level >= GAP else None, time.perf_counter()
        first_level = level - GAP if second else level
        pixels = max(place.width * place.height for place in analysed.units)
        counts = self.parts or sensible_counts(pixels, first_level, level)
        codec = in_parts(self.network, counts.first).unit

        def layers(index: int, unit: AnalysedUnit, seams: Seams, coded: EncodedUnit, progress: Progress) -> EncodedLayers:
            if second is None:
                return EncodedLayers(unit=coded.unit, parts=(), finer=0, bits=coded.estimated_bits, seconds=coded.seconds)
            in_tiles = effort > 0 and analysed.grid is not None
            around = codec.surroundings(analysed.image, analysed.units[index], level) if in_tiles else None
            encoder = LayerEncoder(second=second, codec=codec, level=level, count=counts.second)
            return encoder.encode(unit, seams, coded, Effort(effort, _half(progress, 0.5), around))

        of_first = (lambda told: _half(told, 0.0)) if second else (lambda told: told)

        if analysed.grid is None:
            unit, whole = analysed.unit(codec, 0), Rectangle(0, 0, analysed.width, analysed.height)
            coded = codec.encode(unit, first_level, effort, of_first(progress))
            units = [layers(0, unit, Seams(whole, whole, codec.stride), coded, progress)]
            seconds = units[0].seconds
        else:
            units = encoded_tiles(codec, self.network.tiling, analysed, first_level, effort, progress, layers, of_first)
            seconds = by_stage([unit.seconds for unit in units], time.perf_counter() - start)
        bits, side = sum(unit.bits for unit in units), analysed.grid.side if analysed.grid else None
        first = first_layer_of([unit.unit for unit in units], counts.first, side)
        return Encoded(
            container=assembled(
                self._header(analysed, level), Layers(first, _data(second, units, counts.second) if second else None)
            ),
            crcs=_crcs([unit.unit.symbols_crc for unit in units], [unit.parts for unit in units]),
            estimate=lambda: bits,
            seconds=seconds,
        )

    def _header(self, analysed: AnalysedPicture, level: int) -> Container:
        """A picture without its layers."""
        return Container(
            kind=KIND,
            coder=self.network.unit.entropy_coder.number,
            width=analysed.width,
            height=analysed.height,
            level=level,
            model=self.fingerprint[:8],
            symbols_crc=0,
            stream=b"",
            chunks=self.chunks,
        )

    def picture(self, encoded: Encoded) -> NDArray[np.uint8]:
        """The pixels (H, W, 3) that a decoder will give."""
        return self.decode(encoded.container).image

    # --- decoding ---------------------------------------------------------------------------------------------------

    def decode(
        self,
        container: Container,
        crop: Rectangle | None = None,
        progress: Progress = no_progress,
        layers: Layers | None = None,
        tolerant: bool = False,
        reduction: int = 1,
    ) -> Decoded:
        """The picture, or a part of it, from a container of this checkpoint. `layers`: of a file that has not come as a whole, as
        far as they are there; if `tolerant`, parts behind a damaged one are left out. Of layers
        `Layers.at` a reduction only those are decoded. Raises as `LearnedCodec.decode`.
        """
        check_kind(container, KIND, codec=f"{self.name} in layers")
        layers = (layers or layers_of(container)).at(reduction)
        if tolerant:
            layers = self._intact(container, layers)
        first, further = layers.first, self._further(container, layers)
        return self._codec(first).decode(as_plain(container, first), crop, progress, further, reduction)

    def _codec(self, first: FirstLayerData) -> LearnedCodec:
        return in_parts(self.network, first.count)

    def _intact(self, container: Container, layers: Layers) -> Layers:
        """The layers up to their first damaged stream. Raises CorruptFileError where that is in the first part of a tile."""
        tiles, whole, first = len(layers.first.finer), layers.streams, layers.first
        for index, unit in enumerate(self._codec(first).units(as_plain(container, first))):
            parts = self._intact_parts(unit, first.count)
            whole = min(whole, parts * tiles + index) if parts < first.count else whole
        layers = layers.beginning(whole)
        if (further := self._further(container, layers, tolerant=True)) is not None:
            for index, layer in enumerate(self._first_layers(container, first)):
                whole = min(whole, (first.count + further.parsed(index, layer).parts) * tiles + index)
        if whole < tiles:
            raise CorruptFileError("the first layer is damaged in its first part; nothing of it can be shown")
        return layers.beginning(whole)

    def _intact_parts(self, unit: CodedUnit, count: int) -> int:
        """Parts of the first layer of a unit before a damaged one."""
        codec, parts = in_parts(self.network, count).unit, parts_of(unit)
        for number in range(len(parts), 0, -1):
            try:
                codec.parse(replace(unit, stream=b"".join(map(entry, parts[:number]))))
                return number
            except CorruptFileError:
                continue
        return 0

    def _first_layers(self, container: Container, first: FirstLayerData) -> Iterator[FirstLayer]:
        """The first layer of every unit, without y_hat."""
        codec = self._codec(first)
        for unit in codec.units(as_plain(container, first)):
            yield first_of(unit, codec.unit.parse(unit), np.empty(0, np.float32))

    def parsed(self, container: Container) -> list[tuple[FirstLayer, Refined | None]]:
        """Parses the symbols of every unit, checked against their checksums. Runs no transform: the first layers have no y_hat."""
        check_kind(container, KIND, codec=f"{self.name} in layers")
        layers = layers_of(container)
        further, firsts = self._further(container, layers), enumerate(self._first_layers(container, layers.first))
        return [(first, None if further is None else further.parsed(index, first)) for index, first in firsts]

    def crcs(self, container: Container) -> tuple[int, ...]:
        """Parses and checks the symbols of every unit in both layers; returns their CRC-32."""
        second, firsts = layers_of(container).second, [first.crc for first, _ in self.parsed(container)]
        return _crcs(firsts, [second.of_tile(index) if second else () for index in range(len(firsts))])

    def estimated_bits(self, data: bytes) -> float:
        """Ideal bits of the symbols of a .dlic file by the tables, to compare with its bytes."""
        container = read(data)
        coder, tables = coder_of(container.coder), self.network.unit.tables
        layers = self.parsed(container)
        firsts = sum(estimated_bits(first.symbols, coder, tables) for first, _ in layers)
        return firsts + sum(self.second.bits(refined) for _, refined in layers if refined is not None)

    def _further(self, container: Container, layers: Layers, tolerant: bool = False) -> Further | None:
        if layers.second is None:
            return None
        second = replace(self.second, coder=coder_of(container.coder))
        check_id(second.data, layers.second.tables)
        return Further(second=second, first=layers.first, data=layers.second, full_level=container.level, tolerant=tolerant)


def _half(progress: Progress, start: float) -> Progress:
    """Reports the progress of one of two layers."""
    return lambda share: progress(start + share / 2)


def _data(second: SecondLayer, units: Sequence[EncodedLayers], count: int) -> SecondLayerData:
    """The second layers of all units: each part of all of them before the next."""
    parts = tuple(unit.parts[number] for number in range(count) for unit in units)
    return SecondLayerData(tables=second.data.id, count=count, finer=tuple(unit.finer for unit in units), parts=parts)


def _crcs(firsts: Sequence[int], parts: Sequence[Sequence[CodedPart]]) -> tuple[int, ...]:
    """Of the first layers, and of the refinements of each unit up to its last part."""
    return (*firsts, *(of_unit[-1].crc for of_unit in parts if of_unit))
