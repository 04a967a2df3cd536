"""The codec of progressive pictures: a first layer some levels lower, and a second one that brings its latents to the level."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import PROGRESSIVE as KIND
from dlic.container.format import Chunks, Container, check_kind, read
from dlic.container.progressive import CodedPart, SecondLayerData, assembled, fine_of, read_base
from dlic.container.tiles import join
from dlic.container.units import as_picture
from dlic.entropy.coder import coder_of, estimated_bits
from dlic.errors import DlicError
from dlic.learned.codec import LearnedCodec
from dlic.learned.picture import AnalysedPicture, Encoded
from dlic.learned.picture_codec import PictureCodec
from dlic.learned.progressive.decoding import Further, first_of
from dlic.learned.progressive.encoding import Effort, EncodedLayers, LayerEncoder
from dlic.learned.progressive.layout import sensible_count
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
    parts: int | None = None  # of the second layer of new files; None: by their size

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
        its λ; in tiles the first one alone, as the second has no surroundings.
        """
        self.network.check_effort(effort)
        second, start = self.second if level >= GAP else None, time.perf_counter()
        count = self.parts or sensible_count(max(place.width * place.height for place in analysed.units), level)
        codec, first_level = self.network.unit, level - GAP if second else level

        def layers(index: int, unit: AnalysedUnit, seams: Seams, coded: EncodedUnit) -> EncodedLayers:
            if second is None:
                return EncodedLayers(unit=coded.unit, parts=(), finer=0, bits=coded.estimated_bits, seconds=coded.seconds)
            alone = effort if analysed.grid is None else 0
            encoder = LayerEncoder(second=second, codec=codec, level=level, count=count)
            return encoder.encode(unit, seams, coded, Effort(alone, _half(progress, 0.5)))

        if analysed.grid is None:
            unit, whole = analysed.unit(codec, 0), Rectangle(0, 0, analysed.width, analysed.height)
            coded = codec.encode(unit, first_level, effort, _half(progress, 0.0) if second else progress)
            units = [layers(0, unit, Seams(whole, whole, codec.stride), coded)]
            first, seconds = as_picture(units[0].unit), units[0].seconds
        else:
            units = encoded_tiles(codec, self.network.tiling, analysed, first_level, effort, progress, layers)
            first = join(analysed.grid, [unit.unit for unit in units])
            seconds = by_stage([unit.seconds for unit in units], time.perf_counter() - start)
        bits = sum(unit.bits for unit in units)
        return Encoded(
            container=assembled(replace(first, chunks=self.chunks), level, _data(second, units, count) if second else None),
            crcs=_crcs([unit.unit.symbols_crc for unit in units], [unit.parts for unit in units]),
            estimate=lambda: bits,
            seconds=seconds,
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
        layer: SecondLayerData | None = None,
        tolerant: bool = False,
    ) -> Decoded:
        """The picture, or a part of it, from a container of this checkpoint. `layer`: the beginning of a second layer that the
        container does not have yet; if `tolerant`, its parts behind a damaged one are left out. Raises as `LearnedCodec.decode`.
        """
        check_kind(container, KIND, codec=f"{self.name} in layers")
        first, fine = read_base(container), layer or fine_of(container)
        if tolerant and fine is not None:
            fine = self._intact(first, fine, container.level)
        return self.network.decode(first, crop, progress, self._further(first, fine, container.level))

    def _intact(self, first: Container, fine: SecondLayerData, level: int) -> SecondLayerData:
        """A second layer up to its first damaged stream."""
        further, tiles = self._further(first, fine, level, tolerant=True), len(fine.finer)
        assert further is not None, "there is a second layer"
        units, whole = self.network.units(first), len(fine.parts)
        for index, unit in enumerate(units):
            layer = first_of(unit, self.network.unit.parse(unit), np.empty(0, np.float32))
            whole = min(whole, further.parsed(index, layer).parts * tiles + index)
        return replace(fine, parts=fine.parts[:whole])

    def parsed(self, container: Container) -> list[tuple[FirstLayer, Refined | None]]:
        """Parses the symbols of every unit, checked against their checksums. Runs no transform: the first layers have no y_hat."""
        check_kind(container, KIND, codec=f"{self.name} in layers")
        first, fine = read_base(container), fine_of(container)
        further, units = self._further(first, fine, container.level), list[tuple[FirstLayer, Refined | None]]()
        for index, unit in enumerate(self.network.units(first)):
            layer = first_of(unit, self.network.unit.parse(unit), np.empty(0, np.float32))
            units.append((layer, None if further is None else further.parsed(index, layer)))
        return units

    def crcs(self, container: Container) -> tuple[int, ...]:
        """Parses and checks the symbols of every unit in both layers; returns their CRC-32."""
        fine, firsts = fine_of(container), [first.crc for first, _ in self.parsed(container)]
        return _crcs(firsts, [fine.of_tile(index) if fine else () for index in range(len(firsts))])

    def estimated_bits(self, data: bytes) -> float:
        """Ideal bits of the symbols of a .dlic file by the tables, to compare with its bytes."""
        container = read(data)
        coder, tables = coder_of(container.coder), self.network.unit.tables
        layers = self.parsed(container)
        firsts = sum(estimated_bits(first.symbols, coder, tables) for first, _ in layers)
        return firsts + sum(self.second.bits(refined) for _, refined in layers if refined is not None)

    def _further(self, first: Container, fine: SecondLayerData | None, level: int, tolerant: bool = False) -> Further | None:
        if fine is None:
            return None
        second = replace(self.second, coder=coder_of(first.coder))
        check_id(second.data, fine.tables)
        return Further(second=second, data=fine, first_level=first.level, full_level=level, tolerant=tolerant)


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
