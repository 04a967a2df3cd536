"""What a prediction leaves of a frame ⇄ one stream: areas of coded superblocks through the inter network."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.coder import PARITY, PLAIN, Coder, coder_of
from dlic.entropy.parts import CodedPart, Symbols, walk
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError
from dlic.learned.guarded_rounding import INTER, GuardedRounding
from dlic.learned.rounding import Rounding
from dlic.learned.sequence.areas import SUPERBLOCK, areas, pixels_of
from dlic.learned.sequence.masked_rows import MaskedRows, positions, with_silent_row
from dlic.pixels.arrays import padded
from dlic.pixels.rectangles import Rectangle
from dlic.runtime.network import DeployedModel, InterNetwork, Unrounded


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedArea:
    """An area of a frame, with what is coded of it."""

    area: Rectangle  # in superblocks
    place: Rectangle  # in pixels
    coded: NDArray[np.bool_]  # (h, w) superblocks
    level: int
    model: DeployedModel  # with the prediction and the rows of the area
    symbols: Symbols
    latent: NDArray[np.float32] | None = None  # of an encoder, before its level

    @cached_property
    def differences(self) -> NDArray[np.float32]:
        """What the network adds to the prediction, unrounded: (H, W, 3)."""
        decoder = self.model.decoder
        context = decoder.context(self.symbols.z, _size(self.place, decoder.stride), self.level)
        y_hat = decoder.reconstruct(context, self.symbols.y)
        return cast(Unrounded, decoder).differences(y_hat, self.level)[: self.place.height, : self.place.width]


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedResidual:
    """A coded residual. What an encoder may not need is computed when it is asked for."""

    codec: "ResidualCodec"
    coded: NDArray[np.bool_]  # (h, w) superblocks
    areas: list[CodedArea]

    @property
    def symbols(self) -> list[Symbols]:
        """Of every area."""
        return [area.symbols for area in self.areas]

    @cached_property
    def stream(self) -> bytes:
        """The symbols of all areas."""
        encoder = self.codec.coder.encoder(self.codec.all_tables)
        for symbols in self.symbols:
            for part in symbols.parts:
                encoder.push(part.symbols, part.part)
        return encoder.finish()

    @property
    def crc(self) -> int:
        """Of the symbols."""
        return reduce(lambda crc, symbols: _crc(symbols, crc), self.symbols, 0)

    @cached_property
    def bits(self) -> NDArray[np.float64]:
        """Ideal bits of each superblock: (h, w)."""
        bits = np.zeros(self.coded.shape)
        for one in self.areas:
            for part in one.symbols.parts:
                bits[one.area.slices] += self.codec.bits(part, one.area)
        return bits

    def x_hat(self, p: NDArray[np.uint8], rounding: GuardedRounding | None = None) -> NDArray[np.uint8]:
        """The frame (H, W, 3), given its prediction; `rounding` is that of a guarded frame."""
        return _rounded(self.areas, p, rounding)


@dataclass(frozen=True, eq=False, kw_only=True)
class ResidualCodec:
    """Codes residuals with one checkpoint.

    x, p ─ areas ─ g_a … y ─ symbols ─ one stream ─ symbols ─ y_hat ─ g_s ─ + p in coded superblocks ─ x_hat
    """

    network: InterNetwork
    model: DeployedModel  # with any prediction: its rows, stride and levels
    tables: FrequencyTables  # of the checkpoint

    @property
    def levels(self) -> int:
        """Rates of the model."""
        return self.model.decoder.levels

    @cached_property
    def coder(self) -> Coder:
        """The entropy coder of new frames."""
        return coder_of(PLAIN if self.model.encoder.step_price is None else PARITY)

    @cached_property
    def all_tables(self) -> FrequencyTables:
        """The tables with the silent row of skipped superblocks."""
        return with_silent_row(self.tables)

    def encode(
        self,
        x: NDArray[np.uint8],
        p: NDArray[np.uint8],
        level: int,
        coded: NDArray[np.bool_],
        before: CodedResidual | None = None,
    ) -> CodedResidual:
        """Codes x (H, W, 3), predicted by p, in the superblocks of `coded` (h, w); elsewhere x_hat is p. `before` is the residual
        of x and p with more superblocks, of which all is taken that still holds.
        """
        areas, known = list[CodedArea](), before.areas if before else []
        for area, place in _places(coded, x.shape[0], x.shape[1]):
            mask = coded[area.slices]
            same = next((one for one in known if one.place == place), None)
            if same is not None and np.array_equal(same.coded, mask):
                areas.append(same)
                continue
            model = self._model(p, place, mask) if same is None else replace(same.model, rows=self._rows(self.model, mask))
            latent = self._cropped(place, known)
            if latent is None:
                latent = model.encoder.analyse(padded(x[place.slices], model.decoder.stride))
            symbols = Rounding(model, self.all_tables, self.coder.even).plain(latent, level).symbols
            areas.append(CodedArea(area=area, place=place, coded=mask, level=level, model=model, symbols=symbols, latent=latent))
        return CodedResidual(codec=self, coded=coded, areas=areas)

    def parse(
        self, stream: bytes, coder: int, size: tuple[int, int], level: int, coded: NDArray[np.bool_]
    ) -> tuple[list[Symbols], int]:
        """The symbols of every area of a frame of `size` (H, W), and their CRC-32. Needs no prediction. Raises CorruptFileError."""
        if level >= self.levels:
            raise CorruptFileError(f"level {level} is beyond the {self.levels} of the checkpoint of inter frames")
        decoder, found, crc = coder_of(coder).decoder(stream, self.all_tables), list[Symbols](), 0
        for area, place in _places(coded, *size):
            rows = self._rows(self.model, coded[area.slices])
            path = rows.path(self._size(place), level)
            found.append(Symbols(tuple(walk(path, decoder.pull))))
            crc = _crc(found[-1], crc)
        decoder.finish()
        return found, crc

    def reconstruct(
        self,
        symbols: list[Symbols],
        p: NDArray[np.uint8],
        level: int,
        coded: NDArray[np.bool_],
        rounding: GuardedRounding | None = None,
    ) -> NDArray[np.uint8]:
        """x_hat of parsed symbols, given the prediction; `rounding` is that of a guarded frame."""
        areas = (
            CodedArea(
                area=area,
                place=place,
                coded=coded[area.slices],
                level=level,
                model=self._model(p, place, coded[area.slices]),
                symbols=of_area,
            )
            for (area, place), of_area in zip(_places(coded, p.shape[0], p.shape[1]), symbols, strict=True)
        )
        return _rounded(areas, p, rounding)

    def _model(self, p: NDArray[np.uint8], place: Rectangle, coded: NDArray[np.bool_]) -> DeployedModel:
        model = self.network.given(padded(p[place.slices], self.model.decoder.stride))
        return replace(model, rows=self._rows(model, coded))

    def _rows(self, model: DeployedModel, coded: NDArray[np.bool_]) -> MaskedRows:
        return MaskedRows(model.rows, coded, len(self.tables))

    def _cropped(self, place: Rectangle, areas: Sequence[CodedArea]) -> NDArray[np.float32] | None:
        """The latents of a place from those of a larger one, if there is one."""
        for larger in areas:
            if larger.latent is not None and place.overlap(larger.place) == place:
                stride, (height, width) = self.model.decoder.stride, self._size(place)
                top, left = (place.y - larger.place.y) // stride, (place.x - larger.place.x) // stride
                return larger.latent[top : top + height, left : left + width]
        return None

    def _size(self, place: Rectangle) -> tuple[int, int]:
        return _size(place, self.model.decoder.stride)

    def bits(self, part: CodedPart, area: Rectangle) -> NDArray[np.float64]:
        """Ideal bits of a part in each superblock of its area: (h, w)."""
        costs = self.coder.costs(part.symbols, part.part, self.all_tables).sum(axis=2)
        times = positions(costs.shape, (area.height, area.width))
        whole = np.zeros((times * area.height, times * area.width))
        whole[: costs.shape[0], : costs.shape[1]] = costs
        return np.asarray(whole.reshape(area.height, times, area.width, times).sum(axis=(1, 3)))


def _size(place: Rectangle, stride: int) -> tuple[int, int]:
    """Height and width of y."""
    return -(-place.height // stride), -(-place.width // stride)


def _rounded(areas: Iterable[CodedArea], p: NDArray[np.uint8], rounding: GuardedRounding | None) -> NDArray[np.uint8]:
    """x_hat of areas: the prediction outside of them, and where their superblocks are not coded."""
    x_hat, rounding = p.copy(), rounding or GuardedRounding(INTER, (p.shape[0], p.shape[1]))
    for one in areas:
        pixels = rounding.pixels(one.differences, one.place, p[one.place.slices], one.coded)
        _paste(x_hat, pixels, one.place, one.coded)
    return x_hat


def _places(coded: NDArray[np.bool_], height: int, width: int) -> Iterator[tuple[Rectangle, Rectangle]]:
    """Every area, in superblocks and in pixels."""
    for area in areas(coded):
        yield area, pixels_of(area, height, width)


def _paste(x_hat: NDArray[np.uint8], pixels: NDArray[np.uint8], place: Rectangle, coded: NDArray[np.bool_]) -> None:
    """Writes the coded superblocks of an area into a frame."""
    target = x_hat[place.slices]
    if coded.all():
        target[...] = pixels
        return
    for y, x in zip(*(SUPERBLOCK * at for at in np.nonzero(coded)), strict=True):
        inside = slice(y, y + SUPERBLOCK), slice(x, x + SUPERBLOCK)
        target[inside] = pixels[inside]


def _crc(symbols: Symbols, crc: int) -> int:
    """CRC-32 of the symbols of areas, one after the other."""
    for coded in symbols.parts:
        crc = zlib.crc32(np.ascontiguousarray(coded.symbols, dtype="<i4").data, crc)
    return crc
