"""The first layer of progressive pictures: the symbols of y in several streams, the most important first, so that it may be cut.

A latent whose stream is missing has the symbol 0: its value is the mean that z and the other latents predict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import Container
from dlic.container.layers import CodedPart, FirstLayerData, entry, read_entry
from dlic.container.tiles import join, tile_grid
from dlic.container.units import CodedUnit, as_picture
from dlic.entropy.byte_reader import Reader
from dlic.entropy.coder import Coder, coder_of
from dlic.entropy.division import streams_of
from dlic.entropy.parts import Part, Path, Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError
from dlic.learned.codec import LearnedCodec
from dlic.pixels.rectangles import Rectangle
from dlic.runtime.network import TableRows

# --- units and their streams --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class DividedRows:
    """The rows of a model whose part y is in several streams."""

    rows_of: TableRows
    streams: int

    def path(self, size: tuple[int, int], level: int) -> Path:
        path = self.rows_of.path(size, level)
        try:
            part = next(path)
            while True:
                part = path.send((yield replace(part, streams=self.streams if part.name == "y" else 1)))
        except StopIteration:
            return

    def hyper_rows(self, size: tuple[int, int], level: int) -> NDArray[Any]:
        return self.rows_of.hyper_rows(size, level)

    def rows(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[Any]:
        return self.rows_of.rows(z_symbols, size, level)

    def steps(self, size: tuple[int, int]) -> NDArray[np.float32] | None:
        return self.rows_of.steps(size)


class PartedStreams:
    """The stream of a unit is its parts one behind the other, each as it stands in a file; the last ones may be missing."""

    def write(self, symbols: Symbols, coder: Coder, tables: FrequencyTables) -> tuple[bytes, int]:
        parts, crc, y = list[CodedPart](), 0, symbols["y"]
        for number, places in enumerate(_places(y.part, tables)):
            encoder, own = coder.encoder(tables), y.symbols.ravel()[places]
            if number == 0:
                for coded in symbols.parts[:-1]:
                    encoder.push(coded.symbols, coded.part)
                    crc = CodedPart.crc_after(crc, coded.symbols)
            encoder.push(own, _at(y.part, places))
            crc = CodedPart.crc_after(crc, own)
            parts.append(CodedPart(encoder.finish(), crc))
        return b"".join(map(entry, parts)), crc

    def reader(self, unit: CodedUnit, tables: FrequencyTables) -> "PartReader":
        return PartReader(parts_of(unit), unit.coder, tables)

    def check(self, symbols: Symbols, unit: CodedUnit) -> None:
        """Every part has its own checksum."""


def parts_of(unit: CodedUnit) -> list[CodedPart]:
    """The parts of a unit."""
    reader, parts = Reader(unit.stream), list[CodedPart]()
    while reader.position < len(unit.stream):
        parts.append(read_entry(reader))
    return parts


class PartReader:
    """Reads the symbols of a unit from its parts, as far as they are there."""

    def __init__(self, parts: Sequence[CodedPart], coder: int, tables: FrequencyTables):
        """Raises CorruptFileError for bytes that no encoder wrote."""
        self._parts, self._coder, self._tables = parts, coder_of(coder), tables
        self._decoder, self._crc = self._coder.decoder(parts[0].stream, tables), 0

    def pull(self, part: Part) -> NDArray[Any]:
        """The symbols of a part of the model; those of y are 0 where they are missing. Raises CorruptFileError."""
        if part.name != "y":
            return self._counted(self._decoder.pull(part))
        symbols = np.zeros(part.rows.size, np.int32)
        for number, places in enumerate(_places(part, self._tables)[: len(self._parts)]):
            try:
                symbols[places] = self._pulled(number, _at(part, places))
            except CorruptFileError as error:
                raise CorruptFileError(f"part {number + 1} of the first layer is damaged or of another picture") from error
        return symbols.reshape(part.shape)

    def _pulled(self, number: int, part: Part) -> NDArray[Any]:
        coded = self._parts[number]
        decoder = self._coder.decoder(coded.stream, self._tables) if number else self._decoder
        symbols = self._counted(decoder.pull(part))
        decoder.finish()
        if self._crc != coded.crc:
            raise CorruptFileError("its symbols do not match their checksum")
        return symbols

    def finish(self) -> None:
        """All parts are read."""

    def _counted(self, symbols: NDArray[Any]) -> NDArray[Any]:
        self._crc = CodedPart.crc_after(self._crc, symbols)
        return symbols


def _places(part: Part, tables: FrequencyTables) -> list[NDArray[np.int64]]:
    """The places of the symbols of each stream."""
    numbers = streams_of(part, tables)
    return [np.flatnonzero(numbers == number) for number in range(part.streams)]


def _at(part: Part, places: NDArray[np.int64]) -> Part:
    """The symbols of a part at some places, as a part of their own."""
    return Part(part.name, part.rows.ravel()[places], None if part.steps is None else part.steps.ravel()[places])


# --- pictures -----------------------------------------------------------------------------------------------------------


def in_parts(codec: LearnedCodec, count: int) -> LearnedCodec:
    """The codec of first layers of `count` parts."""
    deployed = codec.unit.deployed
    unit = replace(codec.unit, deployed=replace(deployed, rows=DividedRows(deployed.rows, count)), streams=PartedStreams())
    return replace(codec, unit=unit)


def first_layer_of(units: Sequence[CodedUnit], count: int, side: int | None) -> FirstLayerData:
    """The first layer of a picture from its encoded units; `side`: of tiles, if there are any."""
    parts = [parts_of(unit) for unit in units]
    return FirstLayerData(
        count=count,
        finer=tuple(unit.finer for unit in units),
        parts=tuple(of_unit[number] for number in range(count) for of_unit in parts),
        level=units[0].level,
        side=side,
    )


def as_plain(picture: Container, layer: FirstLayerData) -> Container:
    """The first layer as a picture of its own, for a codec `in_parts`."""
    chunks = picture.chunks

    def unit(index: int, place: Rectangle) -> CodedUnit:
        parts = layer.of_tile(index)
        return CodedUnit(
            width=place.width,
            height=place.height,
            level=layer.level,
            coder=picture.coder,
            model=picture.model,
            symbols_crc=parts[-1].crc,
            stream=b"".join(map(entry, parts)),
            finer=layer.finer[index],
        )

    if layer.side is None:
        return as_picture(unit(0, Rectangle(0, 0, picture.width, picture.height)), chunks)
    grid = tile_grid(picture.width, picture.height, layer.side)
    return replace(join(grid, [unit(index, place) for index, place in enumerate(grid.tiles)]), chunks=chunks)
