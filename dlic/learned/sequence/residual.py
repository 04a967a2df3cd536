"""What a prediction leaves of a frame ⇄ one stream: areas of coded superblocks through the inter network."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.coder import PARITY, PLAIN, Coder, coder_of
from dlic.entropy.parts import CodedPart, Symbols, walk
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError
from dlic.learned.guarded_rounding import INTER, GuardedRounding
from dlic.learned.rounding import Rounding
from dlic.learned.sequence.areas import areas, of_pixels, pixels_of
from dlic.learned.sequence.masked_rows import MaskedRows, positions, with_silent_row
from dlic.pixels.arrays import padded
from dlic.pixels.rectangles import Rectangle
from dlic.runtime.network import DeployedModel, InterNetwork, Unrounded


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedResidual:
    """A coded residual."""

    stream: bytes
    crc: int  # of its symbols
    symbols: list[Symbols]  # of every area
    bits: NDArray[np.float64]  # ideal bits of each superblock (h, w)
    latents: Mapping[Rectangle, NDArray[np.float32]]  # of every area, by its place in pixels, before their level


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
        known: Mapping[Rectangle, NDArray[np.float32]] | None = None,
    ) -> CodedResidual:
        """Codes x (H, W, 3), predicted by p, in the superblocks of `coded` (h, w); elsewhere x_hat is p. `known` are latents of x
        and p in larger areas, which need no analysis.
        """
        bits, symbols, crc = np.zeros(coded.shape), list[Symbols](), 0
        latents = dict[Rectangle, NDArray[np.float32]]()
        encoder = self.coder.encoder(self.all_tables)
        for area, place in _places(coded, x.shape[0], x.shape[1]):
            model = self._model(p, place, coded[area.slices])
            rounding = Rounding(model, self.all_tables, self.coder.even)
            latent = self._cropped(place, known or {})
            latents[place] = model.encoder.analyse(padded(x[place.slices], model.decoder.stride)) if latent is None else latent
            symbols.append(rounding.plain(latents[place], level).symbols)
            for part in symbols[-1].parts:
                encoder.push(part.symbols, part.part)
                bits[area.slices] += self._bits(part, area)
            crc = _crc(symbols[-1], crc)
        return CodedResidual(stream=encoder.finish(), crc=crc, symbols=symbols, bits=bits, latents=latents)

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
        x_hat, rounding = p.copy(), rounding or GuardedRounding(INTER, (p.shape[0], p.shape[1]))
        for (area, place), of_area in zip(_places(coded, p.shape[0], p.shape[1]), symbols, strict=True):
            decoder = self._model(p, place, coded[area.slices]).decoder
            context = decoder.context(of_area.z, self._size(place), level)
            y_hat = decoder.reconstruct(context, of_area.y)
            differences = cast(Unrounded, decoder).differences(y_hat, level)[: place.height, : place.width]
            pixels = rounding.pixels(differences, place, p[place.slices], coded[area.slices])
            _paste(x_hat, pixels, place, coded[area.slices])
        return x_hat

    def _model(self, p: NDArray[np.uint8], place: Rectangle, coded: NDArray[np.bool_]) -> DeployedModel:
        model = self.network.given(padded(p[place.slices], self.model.decoder.stride))
        return replace(model, rows=self._rows(model, coded))

    def _rows(self, model: DeployedModel, coded: NDArray[np.bool_]) -> MaskedRows:
        return MaskedRows(model.rows, coded, len(self.tables))

    def _cropped(self, place: Rectangle, latents: Mapping[Rectangle, NDArray[np.float32]]) -> NDArray[np.float32] | None:
        """The latents of a place from those of a larger one, if there is one."""
        for larger, latent in latents.items():
            if place.overlap(larger) == place:
                stride, (height, width) = self.model.decoder.stride, self._size(place)
                top, left = (place.y - larger.y) // stride, (place.x - larger.x) // stride
                return latent[top : top + height, left : left + width]
        return None

    def _size(self, place: Rectangle) -> tuple[int, int]:
        """Height and width of y."""
        stride = self.model.decoder.stride
        return -(-place.height // stride), -(-place.width // stride)

    def _bits(self, part: CodedPart, area: Rectangle) -> NDArray[np.float64]:
        """Ideal bits of a part in each superblock of its area: (h, w)."""
        costs = self.coder.costs(part.symbols, part.part, self.all_tables).sum(axis=2)
        times = positions(costs.shape, (area.height, area.width))
        whole = np.zeros((times * area.height, times * area.width))
        whole[: costs.shape[0], : costs.shape[1]] = costs
        return np.asarray(whole.reshape(area.height, times, area.width, times).sum(axis=(1, 3)))


def _places(coded: NDArray[np.bool_], height: int, width: int) -> Iterator[tuple[Rectangle, Rectangle]]:
    """Every area, in superblocks and in pixels."""
    for area in areas(coded):
        yield area, pixels_of(area, height, width)


def _paste(x_hat: NDArray[np.uint8], pixels: NDArray[np.uint8], place: Rectangle, coded: NDArray[np.bool_]) -> None:
    """Writes the coded superblocks of an area into a frame."""
    target = x_hat[place.slices]
    if coded.all():
        target[...] = pixels
    else:
        np.copyto(target, pixels, where=of_pixels(coded, place.height, place.width)[..., None])


def _crc(symbols: Symbols, crc: int) -> int:
    """CRC-32 of the symbols of areas, one after the other."""
    for coded in symbols.parts:
        crc = zlib.crc32(np.ascontiguousarray(coded.symbols, dtype="<i4").data, crc)
    return crc
